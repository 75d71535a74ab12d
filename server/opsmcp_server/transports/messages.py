"""Messages before the SDK reads them: JSON that is bounded and says each thing once, or an error.

The SDK's parsers take the last of two equal keys, and what is no message at all is dropped without
a word. On HTTP a wrapper of the ASGI app looks at each body, on stdio the lines are read here; what
is wrong is answered, and reaches no handler.
"""

from collections.abc import Callable
from io import TextIOWrapper
from typing import IO

from mcp_types.jsonrpc import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.strict_json import MOST_BYTES, BadJson, read_json
from opsmcp_server.transports.envelope import envelope_fault, id_of

__all__ = ["CheckedBodies", "CheckedLines", "refusal_of"]


def refusal_of(text: bytes) -> JSONRPCError | None:
    """The answer to a text that is no message, under its id if that can be told; None if it is."""
    try:
        message = read_json(text)
    except BadJson as error:
        code = PARSE_ERROR if error.value is None else INVALID_REQUEST
        return _refusal(error.reason, code, error.value)
    fault = envelope_fault(message)
    return _refusal(fault, INVALID_REQUEST, message) if fault else None


def _refusal(reason: str, code: int, message: object = None) -> JSONRPCError:
    data = ErrorData(code=code, message=f"This message was not read: {reason}.")
    return JSONRPCError(jsonrpc="2.0", id=id_of(message), error=data)


class CheckedBodies:
    """An ASGI app whose POST bodies are looked at first. Whoever bounds their size is outside."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, or refuse with status 400."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        if refusal := refusal_of(body):
            text = refusal.model_dump_json(by_alias=True)
            await Response(text, 400, media_type="application/json")(scope, receive, send)
            return
        await self._app(scope, _first(body, receive), send)


def _first(body: bytes, receive: Receive) -> Receive:
    """What gives the body once more, and then whatever comes."""
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return given.pop() if given else await receive()

    return again


class CheckedLines(TextIOWrapper):
    """Lines of a stream, one message each. `refuse` is told of those that are not given on."""

    def __init__(self, stream: IO[bytes], refuse: Callable[[JSONRPCError], None]) -> None:
        """Read from `stream`, in whatever thread asks for a line."""
        super().__init__(stream, encoding="utf-8")
        self._stream = stream
        self._refuse = refuse

    def readline(self, size: int = -1, /) -> str:
        """The next good line; empty at the end."""
        del size
        while line := self._stream.readline(MOST_BYTES + 1):
            if not line.strip():
                continue
            refusal = self._skip(line) if len(line) > MOST_BYTES else refusal_of(line)
            if refusal is None:
                return line.decode()
            self._refuse(refusal)
        return ""

    def _skip(self, line: bytes) -> JSONRPCError:
        """Pass over the rest of a line that is too long; what is said of it."""
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(MOST_BYTES)
        return _refusal(f"it is longer than {MOST_BYTES} bytes", PARSE_ERROR)
