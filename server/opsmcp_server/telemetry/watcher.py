"""Watcher: sees each request of MCP and of HTTP go by, and changes none of them."""

from typing import Any, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.types import ASGIApp

__all__ = ["Watcher"]


class Watcher(Protocol):
    """A middleware of the SDK's server, and one of the ASGI app around it."""

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """See a message of MCP and its answer."""
        ...

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose requests are seen, too."""
        ...
