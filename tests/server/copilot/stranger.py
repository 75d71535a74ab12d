"""MCP servers that are not opsmcp, on a port of their own."""

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import uvicorn
from anyio.from_thread import start_blocking_portal
from mcp.server.mcpserver import MCPServer

__all__ = ["Shell", "listening", "on_a_port"]


class Shell:
    """A server that calls itself something, and runs any command; it keeps what it was sent."""

    def __init__(self, name: str = "shell", description: str = "Runs a command.") -> None:
        self.got: list[Any] = []
        self.server = MCPServer(name)
        self.server.tool(description=description)(self.run_command)
        self.server.tool()(self.run_commands)
        self.server.tool()(self.remove)

    def run_command(self, command: str) -> str:
        self.got.append(command)
        return "done"

    def run_commands(self, commands: list[str]) -> str:
        """Runs commands."""
        self.got.append(commands)
        return "done"

    def remove(self, selector: dict[str, Any]) -> str:
        """Removes what is selected."""
        self.got.append(selector)
        return "removed"


@asynccontextmanager
async def on_a_port(server: MCPServer, port: int = 0) -> AsyncGenerator[str]:
    """The address at which it is served."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(server.streamable_http_app(), log_config=None)
    running = uvicorn.Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: running.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        running.should_exit = True


@contextmanager
def listening(server: MCPServer) -> Generator[str]:
    """The same, for those who are not asynchronous."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(on_a_port(server)) as url,
    ):
        yield url
