"""Answers that are open: how each ends when the server does, and none with a trace in the log.

Uvicorn waits for every response, cuts those that are left in the end, and logs each as a failure. A
stream that only waits for news would therefore hold up the end to the last second. Knows nothing of
MCP; the apps that it wraps are cancelled where they stand.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["OpenAnswers"]

_WRITE_SECONDS = 1.0
"""How long a client may take to accept the end of a stream; one that stopped reading never does."""


class OpenAnswers:
    """The answers that are being given, each with what ends it."""

    def __init__(self) -> None:
        """None yet."""
        self._ending = False
        self._open: set[anyio.CancelScope] = set()
        self._standing: set[Callable[[], None]] = set()

    def is_ending(self) -> bool:
        """Whether the server was told to stop."""
        return self._ending

    def watched(self, app: ASGIApp, *, gets_stand: bool = False) -> ASGIApp:
        """`app`, whose answers can be ended; `gets_stand`: those to GETs only wait for news."""
        return _Watched(self, app, gets_stand=gets_stand)

    def opened(self, cut: anyio.CancelScope) -> None:
        """An answer is open, which `cut` ends."""
        self._open.add(cut)

    def closed(self, cut: anyio.CancelScope) -> None:
        """It is open no more."""
        self._open.discard(cut)

    @contextmanager
    def standing(self, end: Callable[[], None]) -> Generator[None]:
        """Meanwhile `end` is called when the server is told to stop, at once if it was."""
        self._standing.add(end)
        try:
            if self._ending:
                end()
            yield
        finally:
            self._standing.discard(end)

    def end_standing(self) -> None:
        """End what only waits for news. The rest may go on."""
        self._ending = True
        for end in list(self._standing):
            end()

    def cut(self) -> None:
        """End everything."""
        for scope in list(self._open):
            scope.cancel()


class _Watched:
    """An ASGI app whose answers are all brought to an end."""

    def __init__(self, answers: OpenAnswers, app: ASGIApp, *, gets_stand: bool) -> None:
        self._answers = answers
        self._app = app
        self._gets_stand = gets_stand

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = _Response(send)
        with anyio.CancelScope() as cut:
            self._answers.opened(cut)
            try:
                stands = self._gets_stand and scope["method"] == "GET"
                with self._answers.standing(cut.cancel) if stands else nullcontext():
                    await self._app(scope, receive, response.send)
            finally:
                self._answers.closed(cut)
        if not response.is_whole:
            with anyio.move_on_after(_WRITE_SECONDS):
                await response.end()


class _Response:
    """What was sent of a response, so that it can be brought to an end from outside."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self.is_whole = False

    async def send(self, message: Message) -> None:
        self._begun = True
        self.is_whole = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def end(self) -> None:
        """Send what is missing."""
        if not self._begun:
            await self._send({"type": "http.response.start", "status": 503, "headers": []})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
