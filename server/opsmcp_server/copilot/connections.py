"""The MCP servers of a chat and their tools, under the names by which the model calls them.

Servers are strangers: names are made fit for the API, texts are cleaned and bounded, a hint that is
missing counts as the worst.
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from opsmcp_server import builtin
from opsmcp_server.copilot.errors import Unreachable
from opsmcp_server.copilot.shape import object_of
from opsmcp_server.copilot.words import Words
from opsmcp_tools.characters import clean_line
from opsmcp_tools.text import clean

__all__ = ["FAULTS", "Address", "Hub", "Offered", "Server", "connect"]

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

_OURS = "opsmcp"
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_000
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


@dataclass(frozen=True, slots=True)
class Server:
    """A connected server."""

    label: str
    client: Client
    in_process: bool

    @property
    def asks_itself(self) -> bool:
        """Whether it asks a person by elicitation where its policy wants that, as opsmcp does."""
        info = self.client.server_info
        return info is not None and info.name == _OURS


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the model may call it: `name` is unique among all servers."""

    name: str
    server: Server
    tool: types.Tool

    @property
    def reads_only(self) -> bool:
        """Whether its server says that it changes nothing."""
        hints = self.tool.annotations
        return hints is not None and hints.read_only_hint is True

    @property
    def destroys(self) -> bool:
        """Whether it can destroy something; yes unless its server denies it."""
        hints = self.tool.annotations
        return not self.reads_only and (hints is None or hints.destructive_hint is not False)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Argument to its schema."""
        return object_of(self.tool.input_schema.get("properties"))

    @property
    def title(self) -> str:
        """A name for people."""
        return clean_line(self.tool.title or self.tool.name, 80)

    @property
    def description(self) -> str:
        """What it does, on one line."""
        return clean_line(self.tool.description or "", _LONGEST_DESCRIPTION)

    def definition(self) -> dict[str, Any]:
        """The tool as the Chat Completions API has it."""
        parameters = {key: value for key, value in self.tool.input_schema.items() if key[0] != "$"}
        function: dict[str, Any] = {
            "name": self.name,
            "description": self.description or self.title,
            "parameters": {"type": "object", "properties": {}, **parameters},
        }
        return {"type": "function", "function": function}


class Hub:
    """The servers of a chat, and what they offer."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """Begin without tools; `refresh` reads them."""
        self.servers = tuple(servers)
        self.tools: Mapping[str, Offered] = {}
        self.definitions: Mapping[str, dict[str, Any]] = {}

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
            return [tool for tool in await _list(server.client) if _is_usable(tool)]
        except FAULTS as error:
            logger.warning("%s did not list its tools: %s", server.label, type(error).__name__)
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
        return [item for item in self.tools.values() if builtin.find(item.tool.name) is None]

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
    addresses: Sequence[Address], elicit: ElicitationFnT, words: Words
) -> AsyncGenerator[Hub]:
    """Connect to all servers and read their tools.

    Raises:
        Unreachable: One of them cannot be reached.
    """
    async with AsyncExitStack() as stack:
        hub = Hub([await _open(stack, address, elicit, words) for address in addresses])
        await hub.refresh()
        yield hub


async def _open(
    stack: AsyncExitStack, address: Address, elicit: ElicitationFnT, words: Words
) -> Server:
    failed = Unreachable(words("mcp-unreachable", server=address.label))
    try:
        target = await _transport(stack, address)
        client = await stack.enter_async_context(Client(target, elicitation_callback=elicit))
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
