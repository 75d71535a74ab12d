"""Bytes that were written once, put into an answer over HTTP while it leaves.

The SDK dumps and encodes a result for each answer anew, which for thousands of tools takes a third
of a second in which nobody else is served. A handler may therefore leave a mark in its result; the
app around the SDK's puts the bytes in its place. All else about the answer stays the SDK's.
"""

import json
import secrets
from collections.abc import Iterable
from typing import cast

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Splice", "SplicingMiddleware", "splice_of"]

_KEY = "opsmcp.splice"


class Splice:
    """What is put into the answer to one request."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._mark = ""
        self._written = b""
        self._held: Message | None = None

    def place(self, written: bytes) -> str:
        """The string that stands for this JSON in the result. A caller's text cannot contain it."""
        self._mark, self._written = secrets.token_hex(8), written
        return self._mark

    def fill(self, message: Message) -> Iterable[Message]:
        """What is sent for a message of the app: with the bytes, and a length that counts them."""
        if not self._written:
            return (message,)
        if message["type"] == "http.response.start":
            # Its length is known with the body only.
            self._held = message
            return ()
        sent = {**message, "body": self._put(message.get("body", b""))}
        held, self._held = self._held, None
        if held is None:
            return (sent,)
        headers = MutableHeaders(raw=list(held["headers"]))
        if "content-length" in headers:
            headers["content-length"] = str(len(sent["body"]))
        return ({**held, "headers": headers.raw}, sent)

    def _put(self, body: bytes) -> bytes:
        return body.replace(json.dumps(self._mark).encode(), self._written, 1)


class SplicingMiddleware:
    """An ASGI app whose handlers may use a `Splice`. Each answer must leave by its own request."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer."""
        splice = Splice()

        async def send_filled(message: Message) -> None:
            for filled in splice.fill(message):
                await send(filled)

        await self._app({**scope, _KEY: splice}, receive, send_filled)


def splice_of(request: object) -> Splice | None:
    """What may be put into the answer to a request; None where it leaves another way."""
    scope = cast("Scope", getattr(request, "scope", {}))
    return cast("Splice | None", scope.get(_KEY))
