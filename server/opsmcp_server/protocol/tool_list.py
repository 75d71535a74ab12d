"""The list of tools as it goes over the wire, built once per generation and protocol version.

Dumping and checking a thousand tool models takes the SDK a fifth of a second and blocks every other
client meanwhile. `ListingMiddleware` therefore answers `tools/list` with the page that was built
when the catalogue changed, over HTTP as bytes. A test holds it against what the SDK itself would
have sent.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from opsmcp_server.protocol.results import to_mcp_tool
from opsmcp_server.protocol.splice_json import splice_of
from opsmcp_tools.model.tool import JsonObject, Tool

__all__ = ["LIST_HINT", "Listing", "ListingMiddleware", "Shown"]

LIST_HINT = CacheHint(ttl_ms=60_000, scope="private")
"""How long a client may keep a list; a change is announced anyway."""

_UNKNOWN_HINT = replace(LIST_HINT, ttl_ms=0)
"""The same while the operations are not known yet: such a list is good for nothing later."""

_METHOD = "tools/list"


class WrittenPage(NamedTuple):
    """A list whose tools are JSON already; `frame` is all else."""

    frame: Mapping[str, Any]
    tools: bytes


@dataclass(frozen=True)
class Shown:
    """What is shown at one time. Pages are made when they are first asked for, and kept."""

    tools: tuple[types.Tool, ...]
    unlisted: tuple[Tool, ...]
    schemas: Mapping[str, Mapping[str, Any]]
    marks: tuple[tuple[str, str], ...] | None
    """What tells whether clients see the same; None before anything was replaced."""
    pages: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    written: dict[str, WrittenPage] = field(default_factory=dict[str, WrittenPage])

    @property
    def hint(self) -> CacheHint:
        """How long a client may keep it."""
        return _UNKNOWN_HINT if self.marks is None else LIST_HINT


class Listing:
    """The tools that clients see at this moment, in the order of their names."""

    def __init__(
        self,
        builtin: Sequence[types.Tool],
        finding: Sequence[types.Tool] = (),
        *,
        page_size: int = 0,
        output_schema: JsonObject | None = None,
    ) -> None:
        """Begin with the built-in tools only.

        Args:
            builtin: Listed in any case.
            finding: Listed when some tools are not.
            page_size: Most tools on one page; 0 for one page.
            output_schema: Of the results of operations, where every client gets them as data.
        """
        self._builtin = tuple(builtin)
        self._finding = tuple(finding)
        self.page_size = page_size
        self._output_schema = output_schema
        self._shown = replace(self._make((), ()), marks=None)

    @property
    def own(self) -> tuple[str, ...]:
        """The names of the tools that are no operations, listed at this moment or not."""
        return tuple(tool.name for tool in (*self._builtin, *self._finding))

    @property
    def unlisted(self) -> tuple[Tool, ...]:
        """The tools that can be called and are not listed, because there are too many."""
        return self._shown.unlisted

    @property
    def tools(self) -> tuple[types.Tool, ...]:
        """Every listed tool, built-in ones included."""
        return self._shown.tools

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of a tool, listed or not; the SDK asks on each call over HTTP."""
        return self._shown.schemas.get(name)

    def build(self, tools: Sequence[Tool], every: Sequence[Tool] = ()) -> Shown:
        """What `show` is to show. Changes nothing, so any thread may.

        What clients see of it is the very same as now when it is equal; if it is not, the pages
        that clients asked for until now are made again already.

        Args:
            tools: Those to list.
            every: All that can be called, the listed ones among them.
        """
        before, now = self._shown, self._make(tools, every)
        if now.marks == before.marks:
            return replace(now, tools=before.tools, pages=before.pages, written=before.written)
        for version in tuple(before.pages):
            _page(now, version)
        for version in tuple(before.written):
            _written(now, version)
        return now

    def show(self, shown: Shown) -> bool:
        """Show what was built. False when nothing that a client sees changed."""
        before, self._shown = self._shown, shown
        return shown.marks != before.marks

    def _make(self, tools: Sequence[Tool], every: Sequence[Tool]) -> Shown:
        names = {tool.name for tool in tools}
        unlisted = tuple(tool for tool in every if tool.name not in names)
        marks = tuple((tool.name, tool.digest) for tool in tools)
        # Whether there is anything to search for shows as well.
        marks += (("", ""),) if unlisted else ()
        own = (*self._builtin, *(self._finding if unlisted else ()))
        listed = [*own, *(to_mcp_tool(tool, self._output_schema) for tool in tools)]
        listed.sort(key=lambda tool: tool.name)
        schemas = {tool.name: tool.input_schema for tool in (*listed, *unlisted)}
        return Shown(tuple(listed), unlisted, schemas, marks)

    def slice(self, cursor: str | None) -> types.ListToolsResult:
        """One page for clients that page: the tools after the one that the cursor names.

        The name is the cursor, so that a list that changes meanwhile skips and repeats nothing.

        Raises:
            ValueError: The cursor is none of ours.
        """
        after = _read_cursor(cursor) if cursor is not None else ""
        rest = [tool for tool in self.tools if tool.name > after]
        size = self.page_size or len(rest)
        page = rest[:size]
        more = _cursor(page[-1].name) if len(rest) > len(page) else None
        hint = self._shown.hint
        return types.ListToolsResult(
            tools=page, next_cursor=more, ttl_ms=hint.ttl_ms, cache_scope=hint.scope
        )

    def page(self, version: str) -> dict[str, Any]:
        """The whole list as the wire of `version` has it, without the server's stamp."""
        return _page(self._shown, version)

    def written(self, version: str) -> WrittenPage:
        """The same for a transport that sends bytes as they are."""
        return _written(self._shown, version)


def _page(shown: Shown, version: str) -> dict[str, Any]:
    page = shown.pages.get(version)
    if page is None:
        page = shown.pages[version] = _build_page(shown, version)
    return page


def _written(shown: Shown, version: str) -> WrittenPage:
    written = shown.written.get(version)
    if written is None:
        frame = _build_page(shown, version)
        tools = json.dumps(frame.pop("tools"), separators=(",", ":")).encode()
        written = shown.written[version] = WrittenPage(frame, tools)
    return written


def _build_page(shown: Shown, version: str) -> dict[str, Any]:
    result = types.ListToolsResult(
        tools=list(shown.tools), ttl_ms=shown.hint.ttl_ms, cache_scope=shown.hint.scope
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
        page = _answer(listing, ctx)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return {**page, "_meta": self._stamp}
        return page


def _answer(listing: Listing, ctx: ServerRequestContext[Any, Any]) -> dict[str, Any]:
    splice = splice_of(ctx.request)
    if splice is None:
        return dict(listing.page(ctx.protocol_version))
    written = listing.written(ctx.protocol_version)
    return {**written.frame, "tools": splice.place(written.tools)}


def _is_plain(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether it needs no judgement: the connection is open and no page is asked for."""
    opened = (
        ctx.protocol_version in MODERN_PROTOCOL_VERSIONS or ctx.session.client_params is not None
    )
    return opened and set(ctx.params or ()) <= {"_meta"}
