"""MCP on stdin and stdout, for a client on the same machine. Logs go to stderr."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

import anyio
from anyio import from_thread
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCError

from opsmcp_server.handlers import build_server
from opsmcp_server.services import Services
from opsmcp_server.transports.messages import CheckedLines

__all__ = ["serve_stdio"]

_STDIN = 0


async def serve_stdio(services: Services) -> None:
    """Serve one client until it closes stdin."""
    server = build_server(services)

    def refuse(answer: JSONRPCError) -> None:
        # Called by the thread that reads the lines.
        from_thread.run(write_stream.send, SessionMessage(answer))

    with _own_stdin() as stdin:
        lines = anyio.wrap_file(CheckedLines(stdin, refuse))
        # While this is open, file descriptor 1 is stderr: nothing else writes into the protocol.
        async with stdio_server(stdin=lines) as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())


@contextmanager
def _own_stdin() -> Generator[IO[bytes]]:
    """What stdin is, for us alone: whoever else reads it, child processes too, finds its end."""
    own = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    try:
        # Not closed: a thread may still wait for a line when the server is over.
        yield os.fdopen(own, "rb", closefd=False)
    finally:
        os.dup2(own, _STDIN)
