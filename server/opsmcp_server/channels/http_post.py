"""One POST to where the settings say, and what came of it. Nothing is followed or sent twice."""

from dataclasses import dataclass, field
from http import HTTPStatus

import httpx2

from opsmcp_tools.incidents.outbox import Again, Delivery, Refused
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["SEND_SECONDS", "Answer", "Outgoing", "new_client", "post", "reason", "refused_status"]

SEND_SECONDS = 10.0
"""How long one message may take, whatever it is sent by."""

_MOST_BYTES = 16 * 1024
_MOST_PAUSE = 3600.0
_MOST_REASON = 200

_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
"""What comes before anything was sent."""

_LATER = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.LOCKED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is posted; `url` is never shown."""

    url: str = field(repr=False)
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most so much of it as can be an answer to a message."""

    status: int
    body: bytes
    retry_after: float = 0.0


def new_client() -> httpx2.AsyncClient:
    """A client that follows nothing. Reading certificates takes a while: call it in a thread."""
    return httpx2.AsyncClient(follow_redirects=False, timeout=httpx2.Timeout(SEND_SECONDS))


async def post(client: httpx2.AsyncClient, outgoing: Outgoing) -> Answer | Again:
    """Post it once; what is no answer says whether it may have arrived all the same."""
    headers = {"Content-Type": "application/json; charset=utf-8", **dict(outgoing.headers)}
    try:
        async with client.stream(
            "POST", outgoing.url, content=outgoing.body, headers=headers
        ) as answer:
            body = b""
            async for chunk in answer.aiter_bytes(_MOST_BYTES):
                body += chunk
                if len(body) >= _MOST_BYTES:
                    break
            after = _seconds(answer.headers.get("retry-after", ""))
            return Answer(answer.status_code, body[:_MOST_BYTES], after)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        # Its text may have the address in it.
        said = f"it cannot be reached ({type(error).__name__})"
        return Again(said, lost=not isinstance(error, _UNSENT))


def _seconds(header: str) -> float:
    """`Retry-After` as a number of seconds; a date, which hardly anybody sends, counts as none."""
    return min(float(header), _MOST_PAUSE) if header.isascii() and header.isdigit() else 0.0


def reason(answer: Answer) -> str:
    """What an answer says, for people; whoever shows it masks it."""
    return clean_line(answer.body.decode("utf-8", "replace"), _MOST_REASON) or "(nothing)"


def refused_status(answer: Answer) -> Delivery:
    """What a status that is not good means."""
    said = f"it answers {answer.status}: {reason(answer)}"
    if 300 <= answer.status < 400:
        return Refused(f"it answers {answer.status}: it is somewhere else, which is not followed")
    if 400 <= answer.status < 500 and answer.status not in _LATER:
        return Refused(said)
    # Whoever stands between may have lost the answer to one that was taken.
    return Again(said, answer.retry_after, lost=answer.status >= 500)
