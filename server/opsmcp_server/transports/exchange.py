"""One connection over two streams, with count kept of the requests that have no answer yet.

So it can end between two answers, and a client that asks without reading is not let go on: each of
its answers would be held until it does.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from types import TracebackType
from typing import Any, Protocol, Self

import anyio
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from opsmcp_server.transports.large_answers import LargeReads, may_be_large

__all__ = ["Exchange"]

logger = logging.getLogger(__name__)

Item = SessionMessage | Exception

_CANCELLED = "notifications/cancelled"


class _ReadStream(Protocol):
    """What is used of a stream of the SDK to read from."""

    last_context: Context | None

    async def receive(self) -> Item: ...
    async def aclose(self) -> None: ...


class _WriteStream(Protocol):
    """What is used of a stream of the SDK to write to."""

    async def send(self, item: SessionMessage, /) -> None: ...
    async def aclose(self) -> None: ...


def _nothing() -> None:
    """Do nothing."""


class Exchange:
    """A connection that is served."""

    def __init__(
        self,
        read: _ReadStream,
        write: _WriteStream,
        most: int,
        *,
        reads: LargeReads | None = None,
        last_seconds: float = 0.0,
        on_last: Callable[[], None] = _nothing,
    ) -> None:
        """Serve these streams.

        Args:
            read: What the client says.
            write: What it is told.
            most: How many requests may be without an answer.
            reads: Who gives turns to requests with large answers; whoever serves the streams then
                calls `written`. One client has one turn at a time, and nothing more is read of it
                while it waits for one.
            last_seconds: How long what was asked may still be answered after the last message.
            on_last: Called then, to end what only waits for news.
        """
        self._read = _Reading(read, self._came, self._ended)
        self._write = _Writing(write, self._left)
        self._most = most
        self._last_seconds = last_seconds
        self._on_last = on_last
        self._reads = reads
        self._unanswered: set[str | int] = set()
        self._large: str | int | None = None
        self._own_turn = anyio.Semaphore(1, max_value=1)
        self._leaving: deque[str | int | None] = deque()
        self._served = anyio.CancelScope()
        self._ending = False
        self.overran = False
        """Whether too many requests were without an answer, which ended it."""

    async def serve(self, server: Server[Any]) -> None:
        """Serve until the client leaves, asks too much at once, or `end` was called."""
        options = server.create_initialization_options()
        try:
            with self._served:
                await server.run(self._read, self._write, options)
        finally:
            if self.overran:
                logger.warning("a stream was cut: more than %d requests unanswered", self._most)
            self._give_back(self._large)
            with anyio.CancelScope(shield=True):
                await self._write.aclose()

    def end(self) -> None:
        """Stop serving as soon as everything that was asked is answered."""
        self._ending = True
        self._look()

    def _look(self) -> None:
        self.overran |= len(self._unanswered) > self._most
        if self.overran or (self._ending and not self._unanswered):
            self._served.cancel()

    async def _came(self, item: Item) -> None:
        message = item.message if isinstance(item, SessionMessage) else None
        if isinstance(message, JSONRPCRequest):
            self._unanswered.add(message.id)
            self._look()
            await self._take_turn(message)
        elif isinstance(message, JSONRPCNotification) and message.method == _CANCELLED:
            # Which may then never be answered.
            request = (message.params or {}).get("requestId")
            self._settle(request)
            self._give_back(request if isinstance(request, str | int) else None)

    async def _take_turn(self, request: JSONRPCRequest) -> None:
        if self._reads is None or not may_be_large(request.method):
            return
        await self._own_turn.acquire()
        await self._reads.take(self)
        self._large = request.id

    def _give_back(self, request: str | int | None) -> None:
        """End the turn if it is that of this request."""
        if self._reads is not None and request is not None and request == self._large:
            self._large = None
            self._reads.give_back(self)
            self._own_turn.release()

    def written(self) -> None:
        """The first message that left, and was not written before, was written to the client."""
        if self._leaving:
            self._give_back(self._leaving.popleft())

    async def _ended(self) -> None:
        """Nothing more comes. The SDK would drop at once whatever is not answered yet."""
        if self._unanswered:
            self._on_last()
            with anyio.move_on_after(self._last_seconds):
                self.end()
                await anyio.sleep_forever()

    def _left(self, item: SessionMessage) -> None:
        message, answered = item.message, None
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            answered = message.id
            self._settle(answered)
        if self._reads is not None:
            self._leaving.append(answered)

    def _settle(self, request: object) -> None:
        if isinstance(request, str | int):
            self._unanswered.discard(request)
            self._look()


class _Stream:
    """What both streams have in common."""

    def __init__(self, inner: _ReadStream | _WriteStream) -> None:
        self._inner = inner

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


class _Reading(_Stream):
    """A stream of messages to read; `came` is told of each, and `ended` delays the end."""

    def __init__(
        self,
        stream: _ReadStream,
        came: Callable[[Item], Awaitable[None]],
        ended: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(stream)
        self._stream = stream
        self._came = came
        self._ended = ended

    @property
    def last_context(self) -> Context | None:
        """In which the last message was sent: it knows who sent it."""
        return self._stream.last_context

    async def receive(self) -> Item:
        try:
            item = await self._stream.receive()
        except anyio.EndOfStream:
            await self._ended()
            raise
        await self._came(item)
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class _Writing(_Stream):
    """A stream of messages to write; `left` is told of each that was taken."""

    def __init__(self, stream: _WriteStream, left: Callable[[SessionMessage], None]) -> None:
        super().__init__(stream)
        self._stream = stream
        self._left = left

    async def send(self, item: SessionMessage, /) -> None:
        await self._stream.send(item)
        self._left(item)
