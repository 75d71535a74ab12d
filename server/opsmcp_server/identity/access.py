"""What a good token becomes: the principal whom it is of, for the request that it came with."""

from mcp.server.auth.provider import AccessToken

from opsmcp_tools.model.tool import Principal

__all__ = ["PrincipalToken"]


class PrincipalToken(AccessToken):
    """An access token that knows its principal.

    Handlers take the principal from here. The SDK binds sessions and the state of questions to
    `client_id`, to `iss` of `claims` and to `subject`. `token` is a name for logs, never the token.
    """

    principal: Principal
    auth: str = ""
    """How it is known, as the audit trail has it: `oidc:ID`, `token:ID` or `server-token`."""
