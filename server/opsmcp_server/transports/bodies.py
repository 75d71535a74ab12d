"""Bodies of requests: each is bounded, and so are all of them together, in bytes and in time.

A body counts from its first byte until its request is answered. When there is no room for another
piece, the body that has been on its way for the longest gives up what it has: whole ones are small
and come at once.
"""

from http import HTTPStatus

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from opsmcp_server.protocol.strict_json import MOST_BYTES

__all__ = ["Bodies", "Body", "BodyRefused"]

_MOST_IN_FLIGHT_BYTES = 16 * 1024 * 1024
"""All together. What is made of a body takes several times its length."""

_BODY_SECONDS = 20.0
"""How long a body may be on its way."""


class BodyRefused(Exception):
    """A body that is not read to its end.

    Attributes:
        reason: Why, in words.
        status: What the request is answered with.
    """

    def __init__(self, reason: str, status: HTTPStatus) -> None:
        """Keep both."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Bodies:
    """All bodies that are in memory."""

    def __init__(
        self, most_bytes: int = _MOST_IN_FLIGHT_BYTES, body_seconds: float = _BODY_SECONDS
    ) -> None:
        """There are none.

        Args:
            most_bytes: How long all of them may be together.
            body_seconds: How long one may be on its way.
        """
        self._most_bytes = most_bytes
        self._body_seconds = body_seconds
        self._bytes = 0
        self._coming: dict[Body, None] = {}

    def read_until(self, body: "Body") -> float:
        """By when it must be there; from now on it is on its way."""
        self._coming[body] = None
        return anyio.current_time() + self._body_seconds

    def arrived(self, body: "Body") -> None:
        """It is on its way no more."""
        self._coming.pop(body, None)

    def grow(self, body: "Body", length: int) -> None:
        """Make room for more of it, if need be by giving up the one that takes the longest."""
        body.length += length
        self._bytes += length
        while self._bytes > self._most_bytes and self._coming:
            oldest = next(iter(self._coming))
            self.give_back(oldest)
            oldest.give_up()

    def give_back(self, body: "Body") -> None:
        """It is in memory no more."""
        self._coming.pop(body, None)
        self._bytes -= body.length
        body.length = 0


class Body:
    """One body, until it is given back."""

    def __init__(self, bodies: Bodies) -> None:
        """Nothing of it is there; it is one of `bodies`."""
        self._bodies = bodies
        self._reading = anyio.CancelScope()
        self._gave_up = False
        self.length = 0
        """How much of it is in memory."""

    def give_up(self) -> None:
        """Read no more of it, for others."""
        self._gave_up = True
        self._reading.cancel()

    async def read(self, scope: Scope, receive: Receive, most_bytes: int = MOST_BYTES) -> bytes:
        """The whole of it, of at most so many bytes.

        Raises:
            BodyRefused: It is too long, takes too long, or others need its room.
            ClientDisconnect: The client left before its end.
        """
        if _declared(scope) > most_bytes:
            raise _too_large()
        self._reading.deadline = self._bodies.read_until(self)
        read = bytearray()
        with self._reading:
            while await self._read_piece(receive, read, most_bytes):
                pass
            self._bodies.arrived(self)
            return bytes(read)
        raise _no_room() if self._gave_up else _too_late()

    async def _read_piece(self, receive: Receive, read: bytearray, most_bytes: int) -> bool:
        """Add a piece; whether there are more."""
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        if len(read) + len(piece) > most_bytes:
            raise _too_large()
        self._bodies.grow(self, len(piece))
        if self._gave_up:
            raise _no_room()
        read += piece
        return bool(message.get("more_body", False))


def _too_large() -> BodyRefused:
    return BodyRefused("it is too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _too_late() -> BodyRefused:
    return BodyRefused("it took too long to come", HTTPStatus.REQUEST_TIMEOUT)


def _no_room() -> BodyRefused:
    return BodyRefused(
        "there is no room for it; send it again later", HTTPStatus.SERVICE_UNAVAILABLE
    )


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0
