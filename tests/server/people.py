"""Several people behind one HTTP server, each known by a token that is their name.

`anna/2` is another one with the same name. All use one client.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.types import ASGIApp

from opsmcp_server.identity.access import PrincipalToken
from opsmcp_server.identity.scopes import RUN
from opsmcp_tools.model.tool import Principal
from tests.server.harness import ERAS, AskingClient


class _ByName:
    async def verify_token(self, token: str) -> PrincipalToken | None:
        name, _, groups = token.partition("?")
        who = Principal(name.partition("/")[0], tuple(groups.split()), f"token:{name}")
        return PrincipalToken(
            token="", client_id="one-client", scopes=[RUN], subject=who.id, principal=who
        )


def known_by_name(app: ASGIApp) -> ASGIApp:
    """`app`, in which whoever brings a token is the principal of that name."""
    return AuthenticationMiddleware(
        AuthContextMiddleware(app), backend=BearerAuthBackend(_ByName())
    )


@asynccontextmanager
async def client_of(name: str, url: str, era: str, **options: Any) -> AsyncGenerator[Client]:
    """The client of one of them."""
    async with AsyncExitStack() as stack:
        headers = {"Authorization": f"Bearer {name}"}
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
        target = streamable_http_client(f"{url}/mcp", http_client=http)
        yield await stack.enter_async_context(AskingClient(target, mode=ERAS[era], **options))
