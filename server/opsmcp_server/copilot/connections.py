"""The MCP servers of a chat and their tools, under names that the API takes and no two share."""

import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from opsmcp_server.copilot.errors import Unreachable
from opsmcp_server.copilot.offered import Offered, Server
from opsmcp_server.copilot.words import Words
from opsmcp_tools.text import clean

__all__ = ["FAULTS", "Address", "Hub", "connect"]

logger = logging.getLogger(__name__)

FAULTS = (
    MCPError,
    OSError,
    TimeoutError,
    ValidationError,
    httpx2.HTTPError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)
"""What may go wrong between a client and a server."""

Elicit = Callable[[str, types.ElicitRequestParams], Awaitable[types.ElicitResult]]
"""Answers an elicitation, given the label of the server that asks."""

_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_LONGEST_SCHEMA = 32_000
_MOST_PAGES = 100
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 90.0
"""Silence that is borne; opsmcp answers within a minute and reports progress before that."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: a URL with its token, or an SDK server in this process."""

    target: Any
    label: str
    token: str = field(default="", repr=False)


class Hub:
    """The servers of a chat, and what they offer."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """Begin without tools; `refresh` reads them."""
        self.servers = tuple(servers)
        self.tools: Mapping[str, Offered] = {}
        self.definitions: Mapping[str, dict[str, Any]] = {}
        self._failing: set[str] = set()

    async def refresh(self) -> None:
        """Read the lists of all servers. A server that fails keeps its last list."""
        offered: dict[str, Offered] = {}
        for server in self.servers:
            for tool in await self._read(server):
                name = _fit_name(tool.name, server.label, offered)
                offered[name] = Offered(name, server, tool)
        self.tools = offered
        self.definitions = {name: tool.definition() for name, tool in offered.items()}

    async def _read(self, server: Server) -> list[types.Tool]:
        try:
            tools = [tool for tool in await _list(server.client) if _is_usable(tool)]
            self._failing.discard(server.label)
            return tools
        except FAULTS as error:
            # Said once, not each time that it is tried again.
            level = logging.DEBUG if server.label in self._failing else logging.WARNING
            self._failing.add(server.label)
            logger.log(level, "%s did not list its tools: %s", server.label, type(error).__name__)
            return [item.tool for item in self.tools.values() if item.server is server]

    def find(self, name: str) -> Offered | None:
        """The tool of that name, as the model or the server calls it."""
        exact = self.tools.get(name)
        if exact is not None:
            return exact
        return next((item for item in self.tools.values() if item.tool.name == name), None)

    def sibling(self, server: Server, name: str) -> Offered | None:
        """A tool of the same server, by the server's own name."""
        return next(
            (t for t in self.tools.values() if t.server is server and t.tool.name == name), None
        )

    @property
    def operations(self) -> list[Offered]:
        """The tools that are not opsmcp's built-in ones."""
        return [item for item in self.tools.values() if not item.is_built_in]

    @property
    def has_operations(self) -> bool:
        """Whether there is anything to call but opsmcp's built-in tools."""
        return any(not tool.is_built_in or tool.runs_another for tool in self.tools.values())

    def instructions(self) -> str:
        """What the servers say of themselves."""
        said = (
            f"{server.label}: {clean(server.client.instructions or '')[:2000]}"
            for server in self.servers
            if server.client.instructions
        )
        return "\n".join(said)


async def _list(client: Client) -> list[types.Tool]:
    found: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _is_usable(tool: types.Tool) -> bool:
    return len(json.dumps(tool.input_schema)) <= _LONGEST_SCHEMA


def _fit_name(name: str, label: str, taken: Mapping[str, Offered]) -> str:
    fit = _UNFIT.sub("-", name)[:_LONGEST_NAME] or "tool"
    if fit not in taken:
        return fit
    prefixed = _UNFIT.sub("-", f"{label}-{name}")[:_LONGEST_NAME]
    number = 2
    while prefixed in taken:
        prefixed = f"{prefixed[: _LONGEST_NAME - 4]}-{number}"
        number += 1
    return prefixed


@asynccontextmanager
async def connect(
    addresses: Sequence[Address], elicit: Elicit, words: Words
) -> AsyncGenerator[Hub]:
    """Connect to all servers and read their tools.

    Args:
        addresses: Where they are.
        elicit: Answers a server that asks a person; it is told the server's label.
        words: For errors.

    Raises:
        Unreachable: One of them cannot be reached.
    """
    async with AsyncExitStack() as stack:
        hub = Hub([await _open(stack, address, elicit, words) for address in addresses])
        await hub.refresh()
        yield hub


async def _open(stack: AsyncExitStack, address: Address, elicit: Elicit, words: Words) -> Server:
    failed = Unreachable(words("mcp-unreachable", server=address.label))

    async def asked(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        del context
        return await elicit(address.label, params)

    try:
        target = await _transport(stack, address)
        client = await stack.enter_async_context(Client(target, elicitation_callback=asked))
    except FAULTS as error:
        raise failed from error
    except BaseExceptionGroup as group:
        # A transport's task group wraps what went wrong in it.
        if group.split(FAULTS)[1] is not None:
            raise
        raise failed from group
    return Server(address.label, client, in_process=not isinstance(address.target, str))


async def _transport(stack: AsyncExitStack, address: Address) -> Any:
    if not isinstance(address.target, str):
        return address.target
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    http = await stack.enter_async_context(
        httpx2.AsyncClient(
            headers=headers, timeout=httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        )
    )
    return streamable_http_client(address.target, http_client=http)
