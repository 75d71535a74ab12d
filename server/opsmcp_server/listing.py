"""The list of tools as it goes over the wire, built once per generation and protocol version.

Dumping and checking a thousand tool models takes the SDK a fifth of a second and blocks every other
client meanwhile. `ListingMiddleware` therefore answers `tools/list` with the page that was built
when the catalogue changed. A test holds the page against what the SDK itself would have sent.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from opsmcp_server.results import to_mcp_tool
from opsmcp_tools.tool import Tool

__all__ = ["LIST_HINT", "Listing", "ListingMiddleware"]

LIST_HINT = CacheHint(ttl_ms=60_000, scope="private")
"""How long a client may keep a list; a change is announced anyway."""

_METHOD = "tools/list"


class Listing:
    """The tools that clients see at this moment, in the order of their names."""

    def __init__(self, builtin: Sequence[types.Tool]) -> None:
        """Begin with the built-in tools only."""
        self._builtin = tuple(builtin)
        self._shown: tuple[tuple[str, str], ...] | None = None
        self._tools: tuple[types.Tool, ...] = self._builtin
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._pages: dict[str, dict[str, Any]] = {}
        self._remember(())

    @property
    def tools(self) -> tuple[types.Tool, ...]:
        """Every listed tool, built-in ones included."""
        return self._tools

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of a listed tool; the SDK asks for it on each call over HTTP."""
        return self._schemas.get(name)

    def replace(self, tools: Sequence[Tool]) -> bool:
        """Show other tools. False when nothing that a client sees changed."""
        shown = tuple((tool.name, tool.digest) for tool in tools)
        if shown == self._shown:
            return False
        self._shown = shown
        self._remember(tools)
        return True

    def _remember(self, tools: Sequence[Tool]) -> None:
        listed = [*self._builtin, *(to_mcp_tool(tool) for tool in tools)]
        self._tools = tuple(sorted(listed, key=lambda tool: tool.name))
        self._schemas = {tool.name: tool.input_schema for tool in self._tools}
        self._pages = {}

    def page(self, version: str) -> dict[str, Any]:
        """The whole list as the wire of `version` has it, without the server's stamp."""
        page = self._pages.get(version)
        if page is None:
            page = self._pages[version] = self._build_page(version)
        return page

    def _build_page(self, version: str) -> dict[str, Any]:
        result = types.ListToolsResult(
            tools=list(self._tools), ttl_ms=LIST_HINT.ttl_ms, cache_scope=LIST_HINT.scope
        )
        dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return methods.serialize_server_result(_METHOD, version, dumped)


class ListingMiddleware:
    """Answers `tools/list` from the listing; everything else goes on."""

    def __init__(
        self, listing: Listing, stamp: Mapping[str, Any], ready: Callable[[], Awaitable[None]]
    ) -> None:
        """Take the list and what goes with it.

        Args:
            listing: The list, which may still change.
            stamp: The `_meta` that every answer of the newer era carries.
            ready: Returns when there is something to list; the first answer waits for it.
        """
        self._listing = listing
        self._ready = ready
        self._stamp = dict(stamp)

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Serve the page when the request is a plain one; the SDK judges all others."""
        if ctx.method != _METHOD or not _is_plain(ctx):
            return await call_next(ctx)
        await self._ready()
        page = self._listing.page(ctx.protocol_version)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return {**page, "_meta": self._stamp}
        return dict(page)


def _is_plain(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether it needs no judgement: the connection is open and no page is asked for."""
    opened = (
        ctx.protocol_version in MODERN_PROTOCOL_VERSIONS or ctx.session.client_params is not None
    )
    return opened and set(ctx.params or ()) <= {"_meta"}
