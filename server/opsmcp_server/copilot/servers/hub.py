"""The MCP servers of a chat and their tools, under names that the API takes and no two share."""

import json
import logging
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types

from opsmcp_server.copilot.base.errors import Unreachable
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.servers.connection import FAULTS, Address, Elicit, Server
from opsmcp_server.copilot.servers.tools import Offered

__all__ = ["Hub", "connect"]

logger = logging.getLogger(__name__)

_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_LONGEST_SCHEMA = 32_000
_LEAVE_SECONDS = 2.0
"""For saying goodbye to servers."""


class Hub:
    """The servers of a chat, and what they offer."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """Begin without tools; `refresh` reads them."""
        self.servers = tuple(servers)
        self.tools: Mapping[str, Offered] = {}
        self._failing: set[str] = set()

    async def refresh(self) -> None:
        """Read the lists of all servers. A server that fails keeps its last list."""
        offered: dict[str, Offered] = {}
        for server in self.servers:
            for tool in await self._read(server):
                name = _fit_name(tool.name, server.label, offered)
                offered[name] = Offered(name, server, tool)
        self.tools = offered

    async def _read(self, server: Server) -> list[types.Tool]:
        try:
            tools = await server.list_tools()
        except FAULTS as error:
            # Said once, not each time that it is tried again.
            level = logging.DEBUG if server.label in self._failing else logging.WARNING
            self._failing.add(server.label)
            logger.log(level, "%s did not list its tools: %s", server.label, type(error).__name__)
            return [item.tool for item in self.tools.values() if item.server is server]
        self._failing.discard(server.label)
        return [tool for tool in tools if len(json.dumps(tool.input_schema)) <= _LONGEST_SCHEMA]

    def find(self, name: str) -> Offered | None:
        """The tool of that name, as the model or the server calls it."""
        return self.tools.get(name) or next(iter(self.named(name)), None)

    def named(self, name: str, server: Server | None = None) -> list[Offered]:
        """The tools that their servers call so: those of all servers, or of one."""
        tools = [tool for tool in self.tools.values() if tool.tool.name == name]
        return [tool for tool in tools if server in (None, tool.server)]

    @property
    def operations(self) -> list[Offered]:
        """The tools that are not opsmcp's built-in ones."""
        return [tool for tool in self.tools.values() if tool.built_in is None]

    @property
    def has_operations(self) -> bool:
        """Whether there is anything to call but opsmcp's built-in tools."""
        return any(tool.built_in is None or tool.runs_another for tool in self.tools.values())

    def instructions(self) -> str:
        """What the servers say of themselves."""
        said = (f"{one.label}: {one.instructions}" for one in self.servers if one.instructions)
        return "\n".join(said)


def _fit_name(name: str, label: str, taken: Mapping[str, Any]) -> str:
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
        words: For what is said of servers that fail.

    Raises:
        Unreachable: One of them cannot be reached.
    """
    lost: list[str] = []
    async with anyio.create_task_group() as group:
        hub = Hub([Server(address, elicit, group, words) for address in addresses])
        lost = [server.label for server in hub.servers if not await server.is_there()]
        if not lost:
            await hub.refresh()
            yield hub
        for server in hub.servers:
            server.close()
        group.cancel_scope.deadline = anyio.current_time() + _LEAVE_SECONDS
    if lost:
        raise Unreachable(words("mcp-unreachable", server=lost[0]))
