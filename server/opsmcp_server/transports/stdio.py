"""MCP on stdin and stdout, for a client on the same machine. Logs go to stderr."""

import os
import select
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING

import anyio
from anyio import from_thread
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCError

from opsmcp_server.handlers import build_server
from opsmcp_server.services import Services
from opsmcp_server.transports.messages import CheckedLines

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["serve_stdio"]

_STDIN = 0


async def serve_stdio(services: Services) -> None:
    """Serve one client until it closes stdin."""
    server = build_server(services)

    def refuse(answer: JSONRPCError) -> None:
        # Called by the thread that reads the lines.
        from_thread.run(write_stream.send, SessionMessage(answer))

    with _own_stdin() as stdin:
        lines = anyio.wrap_file(CheckedLines(BufferedReader(stdin), refuse))
        # While this is open, file descriptor 1 is stderr: nothing else writes into the protocol.
        async with stdio_server(stdin=lines) as (read_stream, write_stream):
            try:
                await server.run(read_stream, write_stream, server.create_initialization_options())
            finally:
                # Also when this is cancelled: the thread that waits for a line would stay.
                stdin.end()


class _Input(RawIOBase):
    """A file descriptor to read from, whose end can also come from here."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ended, self._end = os.pipe()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        ready, _, _ = select.select([self._descriptor, self._ended], [], [])
        if self._ended in ready:
            return 0
        view = memoryview(buffer).cast("B")
        data = os.read(self._descriptor, len(view))
        view[: len(data)] = data
        return len(data)

    def end(self) -> None:
        """Let every reader, also one that waits, find the end."""
        os.write(self._end, b".")


@contextmanager
def _own_stdin() -> Generator[_Input]:
    """What stdin is, for us alone: whoever else reads it, child processes too, finds its end."""
    own = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    try:
        yield _Input(own)
    finally:
        os.dup2(own, _STDIN)
