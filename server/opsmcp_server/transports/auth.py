"""The bearer token of `server.token`: asked for on every route but the health checks.

Uses the SDK's own parts, so that sessions are bound to whoever opened them. One token means one
principal; users and tokens of their own fit in as another verifier.
"""

import hmac

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.types import ASGIApp

from opsmcp_server.identity.access import PrincipalToken
from opsmcp_tools.model.tool import Principal

__all__ = ["TOKEN_PRINCIPAL", "guard"]

TOKEN_PRINCIPAL = Principal("token", id="token:token")
"""The principal of everybody who knows the token."""


class _OneToken:
    """Knows one token, and compares without telling by its time how much of it was right."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> PrincipalToken | None:
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return PrincipalToken(
            token="server.token",  # noqa: S106 - a name, no secret
            client_id="token",
            scopes=[],
            subject=TOKEN_PRINCIPAL.id,
            principal=TOKEN_PRINCIPAL,
        )


def guard(app: ASGIApp, token: str) -> ASGIApp:
    """`app`, for those who bring the token; everybody when it is empty."""
    if not token:
        return app
    required = AuthContextMiddleware(RequireAuthMiddleware(app, []))
    return AuthenticationMiddleware(required, backend=BearerAuthBackend(_OneToken(token)))
