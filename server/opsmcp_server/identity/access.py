"""What a good token becomes: the principal whom it is of, for the request that it came with."""

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import Scope

from opsmcp_tools.model.tool import Principal

__all__ = ["PrincipalToken", "token_of"]


class PrincipalToken(AccessToken):
    """An access token that knows its principal.

    Handlers take the principal from here. The SDK binds sessions and the state of questions to
    `client_id`, to `iss` of `claims` and to `subject`. `token` is a name for logs, never the token.
    """

    principal: Principal
    auth: str = ""
    """How it is known, as the audit trail has it: `oidc:ID`, `token:ID` or `server-token`."""


def token_of(scope: Scope) -> PrincipalToken | None:
    """The token of a request that got in; None where it needed none."""
    user = scope.get("user")
    token = user.access_token if isinstance(user, AuthenticatedUser) else None
    return token if isinstance(token, PrincipalToken) else None
