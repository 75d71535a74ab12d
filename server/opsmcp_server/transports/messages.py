"""Messages before the SDK reads them: JSON that is bounded and says each thing once, or an error.

The SDK's parsers take the last of two equal keys, and what is no message at all is dropped without
a word. On HTTP a wrapper of the ASGI app looks at each body, on stdio the lines are read here; what
is wrong is answered, and reaches no handler.
"""

from collections.abc import Callable
from http import HTTPStatus
from io import TextIOWrapper
from typing import IO, cast

from mcp_types.jsonrpc import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.protocol.elicitation import UNREADABLE_ANSWER
from opsmcp_server.protocol.strict_json import MOST_BYTES, BadJson, read_json
from opsmcp_server.transports.bodies import Bodies, Body, BodyRefused
from opsmcp_server.transports.envelope import answered_by, envelope_fault, id_of

__all__ = ["CheckedBodies", "CheckedLines", "method_of", "refusal", "request_id_of", "tool_of"]

_ID = "opsmcp.request_id"
_METHOD = "opsmcp.method"
_TOOL = "opsmcp.tool"


class _Refused(Exception):
    """A text that is no message, with what it is answered with.

    `instead` is read in its place where it was meant as an answer: else the question would wait.
    """

    def __init__(self, answer: JSONRPCError, instead: bytes = b"") -> None:
        super().__init__(answer.error.message)
        self.answer = answer
        self.instead = instead


def _read(text: bytes) -> object:
    """The message that a text is.

    Raises:
        _Refused: It is none.
    """
    try:
        message = read_json(text)
    except BadJson as error:
        code = PARSE_ERROR if error.value is None else INVALID_REQUEST
        answer = _error(error.reason, code, id_of(error.value))
        raise _Refused(answer, _instead(error.value)) from None
    if fault := envelope_fault(message):
        raise _Refused(_error(fault, INVALID_REQUEST, id_of(message)), _instead(message))
    return message


def _instead(message: object) -> bytes:
    """The error that stands for an answer of another shape; empty for anything else."""
    question = answered_by(message)
    if question is None:
        return b""
    data = ErrorData(code=UNREADABLE_ANSWER, message="The answer could not be read.")
    error = JSONRPCError(jsonrpc="2.0", id=question, error=data)
    return error.model_dump_json(by_alias=True, exclude_none=True).encode()


def _error(reason: str, code: int, request: str | int | None = None) -> JSONRPCError:
    data = ErrorData(code=code, message=f"This message was not read: {reason}.")
    return JSONRPCError(jsonrpc="2.0", id=request, error=data)


def refusal(
    reason: str, request: str | int | None, status: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Response:
    """The answer over HTTP to a request that is refused."""
    return _response(_error(reason, INVALID_REQUEST, request), status)


def _response(answer: JSONRPCError, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
    text = answer.model_dump_json(by_alias=True)
    return Response(text, status, media_type="application/json")


def request_id_of(scope: Scope) -> str | int | None:
    """The id of the request that a checked body is; None when it asks for nothing."""
    return scope.get(_ID)


def method_of(scope: Scope) -> str:
    """The method of the message that a checked body is; empty when it is an answer."""
    return scope.get(_METHOD, "")


def tool_of(scope: Scope) -> str:
    """The name that the parameters of a checked body give; empty when they give none."""
    return scope.get(_TOOL, "")


class CheckedBodies:
    """An ASGI app whose POST bodies are bounded, and looked at first."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        """Wrap `app`; its bodies are among these."""
        self._app = app
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, or refuse: with status 400, or that of the body that is not read."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = Body(self._bodies)
        try:
            replayed = await _look_at(body, scope, receive)
        except ClientDisconnect:
            return
        except BodyRefused as refused:
            await refusal(refused.reason, None, refused.status)(scope, receive, send)
        except _Refused as refused:
            if refused.instead:
                await self._app(scope, _first(refused.instead, receive), _unsent)
            await _response(refused.answer)(scope, receive, send)
        else:
            await self._app(*replayed, send)
        finally:
            self._bodies.give_back(body)


async def _look_at(body: Body, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """What the app is given: the request with what is known of it, and its body once more."""
    text = await body.read(scope, receive)
    message = _read(text)
    known = {_ID: id_of(message), _METHOD: _text(message, "method")}
    params: object = cast("dict[str, object]", message).get("params")
    return {**scope, **known, _TOOL: _text(params, "name")}, _first(text, receive)


def _text(found: object, key: str) -> str:
    value = cast("dict[str, object]", found).get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


async def _unsent(_message: Message) -> None:
    """Take what the app says to a body that was put in the place of the client's."""


def _first(body: bytes, receive: Receive) -> Receive:
    """What gives the body once more, and then whatever comes."""
    replayed: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    del body

    async def again() -> Message:
        return replayed.pop() if replayed else await receive()

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
            try:
                if len(line) > MOST_BYTES:
                    self._skip(line)
                if line.strip():
                    _read(line)
                    return line.decode()
            except _Refused as refused:
                self._refuse(refused.answer)
                if refused.instead:
                    return f"{refused.instead.decode()}\n"
        return ""

    def _skip(self, line: bytes) -> None:
        """Pass over the rest of a line that is too long, and say so.

        Raises:
            _Refused: Always.
        """
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(MOST_BYTES)
        raise _Refused(_error(f"it is longer than {MOST_BYTES} bytes", PARSE_ERROR))
