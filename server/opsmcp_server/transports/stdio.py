"""MCP on stdin and stdout, for a client on the same machine. Logs go to stderr.

Threads read and write, and nobody can cancel those: so each waits for its stream and for the end at
the same time. A client that does not read, or says nothing, holds nobody up who wants to end.
"""

import fcntl
import os
import select
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter, RawIOBase, TextIOWrapper
from time import monotonic
from typing import TYPE_CHECKING

import anyio
from anyio import from_thread
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCError

from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.services import Services
from opsmcp_server.transports.exchange import Exchange
from opsmcp_server.transports.messages import CheckedLines

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["Overran", "serve_stdio"]

_STDIN, _STDOUT, _STDERR = 0, 1, 2

_MOST_UNANSWERED = 10_000
"""Most requests without an answer: what a client is owed that does not read stays in memory."""

_LAST_ANSWERS_SECONDS = 1.5
"""How long what a client asked before it closed stdin may still be answered, as in `... | opsmcp
stdio`. Clients that leave wait 2 seconds before they end what they started."""

_LAST_WRITES_SECONDS = 1.0
"""How long the client may take to read what was being written when the end came."""


class Overran(Exception):
    """The client was cut off: too many of its requests were without an answer."""

    def __init__(self, most: int) -> None:
        """`most` are allowed."""
        super().__init__(
            f"the client sent more than {most:,} requests and read no answers; it was cut off"
        )


async def serve_stdio(services: Services) -> None:
    """Serve one client until it closes stdin.

    Raises:
        Overran: The client asked on and on, and read no answers.
        ExceptionGroup: Of a `BrokenPipeError`: the client closed stdout.
    """
    server = build_server(services)
    overran = False

    def refuse(answer: JSONRPCError) -> None:
        # Called by the thread that reads the lines, also when nobody writes any more.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            from_thread.run(write_stream.send, SessionMessage(answer))

    try:
        with _own_stdin() as stdin, _own_stdout() as stdout:
            lines = anyio.wrap_file(CheckedLines(BufferedReader(stdin), refuse))
            answers = anyio.wrap_file(TextIOWrapper(BufferedWriter(stdout), encoding="utf-8"))
            async with stdio_server(lines, answers) as (read_stream, write_stream):
                exchange = Exchange(
                    read_stream,
                    write_stream,
                    _MOST_UNANSWERED,
                    last_seconds=_LAST_ANSWERS_SECONDS,
                    on_last=services.clients.sessions.close,
                )
                try:
                    await exchange.serve(server)
                finally:
                    # Also when this is cancelled: the threads that wait would stay.
                    stdin.end()
                    stdout.end_after(_LAST_WRITES_SECONDS)
                    overran = exchange.overran
    except* anyio.BrokenResourceError:
        # The SDK's reader had one more message when nobody took any.
        if not overran:
            raise
    if overran:
        raise Overran(_MOST_UNANSWERED)


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


class _Output(RawIOBase):
    """A file descriptor to write to, which need not take anything any more once the end came."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ended, self._end = os.pipe()
        self._until: float | None = None

    def writable(self) -> bool:
        return True

    def write(self, buffer: "ReadableBuffer", /) -> int:
        """Write what can be written at once, or drop it when the time is up.

        Raises:
            BrokenPipeError: Nobody can read it.
        """
        view = memoryview(buffer).cast("B")
        if not self._wait():
            return len(view)
        try:
            # So much, no more, is written without waiting. The descriptor cannot be made one that
            # never waits: others hold the same file, such as the terminal of a shell.
            return os.write(self._descriptor, view[: select.PIPE_BUF])
        except OSError as error:
            raise BrokenPipeError(error.errno, error.strerror) from error

    def _wait(self) -> bool:
        """Return when something can be written; False if that was not before the end."""
        ready: list[int] = []
        if self._until is None:
            _, ready, _ = select.select([self._ended], [self._descriptor], [])
        if not ready and self._until is not None:
            left = max(0.0, self._until - monotonic())
            _, ready, _ = select.select([], [self._descriptor] if left else [], [], left)
        return bool(ready)

    def end_after(self, seconds: float) -> None:
        """Let whoever waits to write, now or later, do so no longer than that."""
        self._until = monotonic() + seconds
        os.write(self._end, b".")


@contextmanager
def _own_stdin() -> Generator[_Input]:
    """What stdin is, for us alone: whoever else reads it, child processes too, finds its end."""
    own = _duplicate(_STDIN)
    _point_at_nothing(_STDIN, os.O_RDONLY)
    try:
        yield _Input(own)
    finally:
        os.dup2(own, _STDIN)


@contextmanager
def _own_stdout() -> Generator[_Output]:
    """What stdout is, for us alone: whatever else is written there goes to stderr."""
    own = _duplicate(_STDOUT)
    try:
        os.dup2(_STDERR, _STDOUT)
    except OSError:  # stderr is closed
        _point_at_nothing(_STDOUT, os.O_WRONLY)
    try:
        yield _Output(own)
    finally:
        os.dup2(own, _STDOUT)


def _duplicate(descriptor: int) -> int:
    """Another of the same, beyond the standard three: one of those may be closed."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STDERR + 1)


def _point_at_nothing(descriptor: int, flags: int) -> None:
    nothing = os.open(os.devnull, flags)
    os.dup2(nothing, descriptor)
    os.close(nothing)
