"""What an answer of the Ops server means: bytes -> data, or one error that says what to do.

Pure. The Ops server answers almost everything with status 200: `{"code":0,"data":...}` when it went
well, `{"code":-1,"message":...}` when not, nothing at all when a list failed, and its web page for
a path that it does not know (pkg/server/api.go, router.go). So the body decides.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from opsmcp_pipelines.errors import (
    NotFound,
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnauthorized,
    SourceUnavailable,
)

__all__ = ["Answer", "RequestInfo", "NotReceived", "clean", "read_answer"]

_SHOWN_CHARS = 300

_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile(r"[\ud800-\udfff]")

_NOT_FOUND = re.compile(r' "[^"]*" not found$')

# Texts of Go's net/http and of the Kubernetes client that mean: Ops could not ask its own API.
_NEVER_ASKED = re.compile(
    r'^Get "|connect: |no such host|TLS handshake|certificate|unable to retrieve the complete list',
    re.IGNORECASE,
)
_NEVER_HEARD = re.compile(
    r'^(Post|Put|Patch) "|timed? ?out|deadline|request canceled|connection reset|broken pipe'
    r"|unexpected EOF|http2: |leader changed|try again|too many requests|rate limiter"
    r"|currently unable to handle|Internal error occurred|in the time allotted",
    re.IGNORECASE,
)


class NotReceived(SourceUnavailable):
    """Nothing was done: the request did not reach the Ops server, or could not be acted on."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What was tried and of whom, for messages: `list the pipelines in 'ops-system'`."""

    what: str
    server: str
    advice: str = "try again later"

    def failed(self, how: str) -> str:
        """One message: what was tried, what happened."""
        return f"could not {self.what}: {self.server} {how}"

    def in_doubt(self, how: str) -> str:
        """One message of a failure after which the request may still have been acted on."""
        return f"{self.failed(how)}; {self.advice}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    content_type: str
    body: bytes
    date: str = ""


def clean(text: str) -> str:
    """Text of a stranger, fit for a message: one line, nothing invisible, at most 300 long."""
    line = _UNPRINTABLE.sub(" ", text[: 4 * _SHOWN_CHARS]).strip()
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."


def read_answer(answer: Answer, request: RequestInfo) -> object:
    """The `data` of a good answer; None when it has none.

    Raises:
        SourceError: The one that says what the caller can do; `NotReceived` when nothing was done.
    """
    _refuse_status(answer, request)
    envelope = _read_envelope(answer, request)
    code = envelope.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        raise SourceProtocolError(request.failed("answered without a code; is it an Ops server?"))
    if code != 0:
        raise _read_refusal(envelope.get("message"), request)
    return envelope.get("data")


def _refuse_status(answer: Answer, request: RequestInfo) -> None:
    status = answer.status
    if status in (401, 403):
        raise SourceUnauthorized(
            request.failed("does not accept the token; set the right one (ops.token, OPS_TOKEN)")
        )
    if 300 <= status < 400:
        raise SourceProtocolError(
            request.failed("redirects to another address; use that one (ops.server, OPS_SERVER)")
        )
    if status >= 500 or status == 429:
        raise SourceUnavailable(request.in_doubt(f"had an internal problem (status {status})"))
    if status != 200:
        raise SourceProtocolError(
            request.failed(f"answered with status {status}; check the address (ops.server)")
        )


def _read_envelope(answer: Answer, request: RequestInfo) -> dict[str, Any]:
    body = answer.body.strip()
    if not body:
        raise SourceUnavailable(
            request.in_doubt("answered with nothing, as it does when its Kubernetes API fails")
        )
    if body.startswith(b"<") or "html" in answer.content_type:
        raise SourceProtocolError(
            request.failed("answered with a web page; check the address (ops.server, OPS_SERVER)")
        )
    try:
        value = _parse_json(body)
    except (ValueError, RecursionError):
        raise SourceProtocolError(
            request.in_doubt("answered with unreadable or incomplete JSON")
        ) from None
    if not isinstance(value, dict):
        raise SourceProtocolError(request.failed("answered with something else than an object"))
    return cast("dict[str, Any]", value)


def _parse_json(body: bytes) -> object:
    value = json.loads(body)
    if _SURROGATE.search(body):
        # Half a surrogate pair is legal JSON and cannot be encoded again: not later, but here.
        value = json.loads(_LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    return value


def _read_refusal(message: object, request: RequestInfo) -> SourceError:
    text = clean(message) if isinstance(message, str) else ""
    if _NOT_FOUND.search(text):
        return NotFound(request.failed(f"says: {text}"))
    if "not authorized" in text:
        return SourceUnauthorized(
            request.failed("does not accept the token (ops.token, OPS_TOKEN)")
        )
    if _NEVER_ASKED.search(text):
        return NotReceived(
            request.failed(f"cannot reach its Kubernetes API ({text}); try again later")
        )
    if _NEVER_HEARD.search(text):
        return SourceUnavailable(
            request.in_doubt(f"got no answer from its Kubernetes API ({text})")
        )
    return SourceRefused(request.failed(f"refused: {text or 'without a reason'}"))
