"""The list of tools as it goes over the wire, built once per generation and protocol version.

Dumping and checking a thousand tool models takes the SDK a fifth of a second and blocks every other
client meanwhile. `ListingMiddleware` therefore answers `tools/list` with the page that was built
when the catalogue changed. A test holds the page against what the SDK itself would have sent.
"""

import base64
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

    def __init__(
        self,
        builtin: Sequence[types.Tool],
        finding: Sequence[types.Tool] = (),
        *,
        page_size: int = 0,
    ) -> None:
        """Begin with the built-in tools only.

        Args:
            builtin: Listed in any case.
            finding: Listed when some tools are not.
            page_size: Most tools on one page; 0 for one page.
        """
        self._builtin = tuple(builtin)
        self._finding = tuple(finding)
        self.page_size = page_size
        self._shown: tuple[tuple[str, str], ...] | None = None
        self._tools: tuple[types.Tool, ...] = self._builtin
        self._unlisted: tuple[Tool, ...] = ()
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._pages: dict[str, dict[str, Any]] = {}
        self._remember((), searching=False)

    @property
    def unlisted(self) -> tuple[Tool, ...]:
        """The tools that can be called and are not listed, because there are too many."""
        return self._unlisted

    @property
    def tools(self) -> tuple[types.Tool, ...]:
        """Every listed tool, built-in ones included."""
        return self._tools

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of a tool, listed or not; the SDK asks on each call over HTTP."""
        return self._schemas.get(name)

    def replace(self, tools: Sequence[Tool], every: Sequence[Tool] = ()) -> bool:
        """Show other tools. False when nothing that a client sees changed.

        Args:
            tools: Those to list.
            every: All that can be called, the listed ones among them.
        """
        names = {tool.name for tool in tools}
        self._unlisted = tuple(tool for tool in every if tool.name not in names)
        shown = tuple((tool.name, tool.digest) for tool in tools)
        # Whether there is anything to search for shows as well.
        shown += (("", ""),) if self._unlisted else ()
        changed = shown != self._shown
        self._shown = shown
        if changed:
            self._remember(tools, searching=bool(self._unlisted))
        known = (*self._tools, *self._unlisted)
        self._schemas = {tool.name: tool.input_schema for tool in known}
        return changed

    def _remember(self, tools: Sequence[Tool], *, searching: bool) -> None:
        own = (*self._builtin, *(self._finding if searching else ()))
        listed = [*own, *(to_mcp_tool(tool) for tool in tools)]
        self._tools = tuple(sorted(listed, key=lambda tool: tool.name))
        self._schemas = {tool.name: tool.input_schema for tool in self._tools}
        self._pages = {}

    def slice(self, cursor: str | None) -> types.ListToolsResult:
        """One page for clients that page: the tools after the one that the cursor names.

        The name is the cursor, so that a list that changes meanwhile skips and repeats nothing.

        Raises:
            ValueError: The cursor is none of ours.
        """
        after = _read_cursor(cursor) if cursor is not None else ""
        rest = [tool for tool in self._tools if tool.name > after]
        size = self.page_size or len(rest)
        page = rest[:size]
        more = _cursor(page[-1].name) if len(rest) > len(page) else None
        return types.ListToolsResult(tools=page, next_cursor=more)

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


def _cursor(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode("ascii")


def _read_cursor(cursor: str) -> str:
    return base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode()


class ListingMiddleware:
    """Answers `tools/list` from the listing; everything else goes on."""

    def __init__(
        self,
        listing: Callable[[], Listing],
        stamp: Mapping[str, Any],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        """Take the list and what goes with it.

        Args:
            listing: Gives the list for whoever sent the request that is being handled.
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
        listing = self._listing()
        if listing.page_size:
            return await call_next(ctx)
        page = listing.page(ctx.protocol_version)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return {**page, "_meta": self._stamp}
        return dict(page)


def _is_plain(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether it needs no judgement: the connection is open and no page is asked for."""
    opened = (
        ctx.protocol_version in MODERN_PROTOCOL_VERSIONS or ctx.session.client_params is not None
    )
    return opened and set(ctx.params or ()) <= {"_meta"}
