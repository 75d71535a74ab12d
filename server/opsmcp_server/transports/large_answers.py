"""Large answers over HTTP: a few at a time, and never more in memory than clients read.

Uvicorn takes a body whole and then waits for its client. Here a body leaves in pieces, each when
there is room for it, and whoever asks for what may be a megabyte waits until others were read to
the end, before anything is made of it. `connections` cuts clients that do not read.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.transports.messages import method_of, refusal, request_id_of

__all__ = ["Busy", "ChunksMiddleware", "LargeReads", "TurnsMiddleware", "may_be_large"]

_PIECE_BYTES = 64 * 1024
"""What uvicorn holds for one client before it waits."""

_AT_ONCE = 8
"""How many large answers are made and read at the same time; one costs several megabytes."""

_TURN_SECONDS = 30.0
"""How long one waits for its turn; clients give up after 60 s."""

_MOST_WAITING = 32
"""So many may wait with a connection each: others need connections, too."""

_LARGE = frozenset({"resources/read", "tools/list"})
"""Whatever these answer is as long as outputs and catalogues are; all other answers are bounded."""


def may_be_large(method: str) -> bool:
    """Whether the answer to such a request may be."""
    return method in _LARGE


class Busy(Exception):
    """No turn came in time, or too many wait for one."""


class LargeReads:
    """The turns."""

    def __init__(self, at_once: int = _AT_ONCE, turn_seconds: float = _TURN_SECONDS) -> None:
        """Nobody has one.

        Args:
            at_once: How many there are.
            turn_seconds: How long one waits for its turn.
        """
        self._limiter = anyio.CapacityLimiter(at_once)
        self._turn_seconds = turn_seconds

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Have a turn for the time of the block.

        Raises:
            Busy: It did not come in time, or too many wait.
        """
        if self._limiter.statistics().tasks_waiting >= _MOST_WAITING:
            raise Busy
        turn = object()
        with anyio.move_on_after(self._turn_seconds) as patience:
            await self.take(turn)
        if patience.cancelled_caught:
            raise Busy
        try:
            yield
        finally:
            self.give_back(turn)

    async def take(self, turn: object) -> None:
        """Have a turn, however late, until it is given back."""
        await self._limiter.acquire_on_behalf_of(turn)

    def give_back(self, turn: object) -> None:
        """Have it no more."""
        self._limiter.release_on_behalf_of(turn)


class TurnsMiddleware:
    """An ASGI app whose large answers are made and read in turns. It is given checked bodies."""

    def __init__(self, app: ASGIApp, reads: LargeReads) -> None:
        """Wrap `app`."""
        self._app = app
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer when it is its turn, or refuse with status 503."""
        if not may_be_large(method_of(scope)):
            await self._app(scope, receive, send)
            return
        try:
            async with self._reads.turn():
                await self._app(scope, receive, send)
        except Busy:
            refused = refusal(
                "too many large answers are being read; ask again later",
                request_id_of(scope),
                HTTPStatus.SERVICE_UNAVAILABLE,
            )
            await refused(scope, receive, send)


class ChunksMiddleware:
    """An ASGI app whose bodies leave in pieces."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer."""

        async def send_pieces(message: Message) -> None:
            if len(message.get("body", b"")) <= _PIECE_BYTES:
                await send(message)
                return
            for piece in _pieces(message):
                await send(piece)

        await self._app(scope, receive, send_pieces)


def _pieces(message: Message) -> Iterator[Message]:
    """What is sent for a body that is too long to be sent at once."""
    body = memoryview(message["body"])
    while len(body) > _PIECE_BYTES:
        yield {**message, "body": bytes(body[:_PIECE_BYTES]), "more_body": True}
        body = body[_PIECE_BYTES:]
    yield {**message, "body": bytes(body)}
