"""The streams that are open: how many of one principal, and until when.

A stream only waits for news, and would outlive the token that it was opened with.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send

from opsmcp_server.identity.access import PrincipalToken, token_of
from opsmcp_server.identity.refusal import Refused, limited

__all__ = ["Streams"]

_LISTEN = b"subscriptions/listen"
_AGAIN_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class _Stream:
    """A stream that is open: of whom, and what ends it."""

    token: PrincipalToken | None
    end: Callable[[], None]


class Streams:
    """Counts streams, and ends those whose token is good no more."""

    def __init__(
        self,
        most: int,
        is_good: Callable[[PrincipalToken | None], bool],
        refuse: Callable[[Refused], ASGIApp],
    ) -> None:
        """There is none.

        Args:
            most: How many one principal may have open; 0: any number.
            is_good: Whether a stream with such a token, or without one, may go on.
            refuse: Makes the answer to one too many.
        """
        self._most, self._is_good, self._refuse = most, is_good, refuse
        self._open: set[_Stream] = set()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose streams are counted and end with their token."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if not _is_stream(scope):
                await app(scope, receive, send)
                return
            with anyio.CancelScope() as cut:
                try:
                    with self._opened(token_of(scope), cut.cancel):
                        await app(scope, receive, send)
                except Refused as refused:
                    await self._refuse(refused)(scope, receive, send)

        return served

    @contextmanager
    def _opened(self, token: PrincipalToken | None, end: Callable[[], None]) -> Generator[None]:
        if token is not None and self._most and self._count(token.principal.id) >= self._most:
            raise limited("streams_per_principal", _AGAIN_SECONDS)
        stream = _Stream(token, end)
        self._open.add(stream)
        try:
            yield
        finally:
            self._open.discard(stream)

    def _count(self, principal: str) -> int:
        owners = (stream.token.principal for stream in self._open if stream.token)
        return sum(owner.id == principal for owner in owners)

    def end_bad(self) -> None:
        """End those whose token was revoked or has expired."""
        for stream in list(self._open):
            if not self._is_good(stream.token):
                stream.end()


def _is_stream(scope: Scope) -> bool:
    """Whether its answer only waits for news. The SDK holds the header against the body."""
    if scope["type"] != "http":
        return False
    if scope["method"] == "GET":
        return True
    return (b"mcp-method", _LISTEN) in scope["headers"]
