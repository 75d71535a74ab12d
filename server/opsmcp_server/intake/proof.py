"""Whether a delivery is from its sender: a bearer token, or a signature over what was sent.

Looked at before anything is parsed, and compared without telling by its time how much was right.
Schemes: bearer (RFC 6750), Standard Webhooks 1.0, PagerDuty's `v1=`, Grafana's, and plain
HMAC-SHA256 in a header. Whoever is refused learns nothing of why; the operator does.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from opsmcp_server.config.sender import Encoding, Hmac, Over, Sender, SenderType
from opsmcp_server.config.sender_settings import standard_webhooks_key

__all__ = ["Flaw", "flaw_of", "flaw_of_head", "proof_for"]

_TOLERANCE_SECONDS = 300
"""How far a timestamp may be from now, as Standard Webhooks has it."""

_MOST_SIGNATURES = 10
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)

_STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_PAGERDUTY_HEADER = "x-pagerduty-signature"


class Flaw(StrEnum):
    """What is wrong with a proof."""

    NO_PROOF = "no token or signature"
    WRONG_TOKEN = "wrong token"  # noqa: S105 - no secret
    WRONG_SIGNATURE = "wrong signature"
    OLD = "timestamp more than 5 minutes off"


def flaw_of_head(sender: Sender, headers: Mapping[str, str]) -> Flaw | None:
    """What is wrong before the body is read: a token decides alone, a signature has to be there.

    Args:
        sender: Who it says it is.
        headers: Those of the delivery, in lower case.
    """
    token = sender.token.get_secret_value()
    if token:
        return _flaw_of_bearer(headers.get("authorization", ""), token)
    if not sender.has_secret or _header_of(sender) in headers:
        return None
    return Flaw.NO_PROOF


def flaw_of(sender: Sender, headers: Mapping[str, str], body: bytes, now: float) -> Flaw | None:
    """What is wrong with the signature, if this sender signs.

    Args:
        sender: Who it says it is; `flaw_of_head` found nothing.
        headers: Those of the delivery, in lower case.
        body: The bytes as they came.
        now: Seconds since the epoch.
    """
    if sender.token.get_secret_value() or not sender.has_secret:
        return None
    if not sender.secret.get_secret_value():
        return Flaw.NO_PROOF  # this process did not read it, so nobody can prove anything
    stamp = _timestamp_header_of(sender)
    if stamp and not _is_recent(headers.get(stamp, ""), now):
        return Flaw.OLD
    wanted = _signature(sender, headers, body).encode()
    given = list(_given(sender, headers))
    # Each is looked at, whichever is right.
    matches = [hmac.compare_digest(wanted, one.encode("utf-8", "replace")) for one in given]
    return None if any(matches) else Flaw.WRONG_SIGNATURE


def proof_for(sender: Sender, body: bytes, now: float, delivery: str) -> dict[str, str]:
    """The headers with which the sender would prove this body.

    Args:
        sender: Who sends.
        body: What is sent.
        now: Seconds since the epoch.
        delivery: The id of the delivery, where the scheme has one.
    """
    token = sender.token.get_secret_value()
    if token:
        return {"authorization": f"Bearer {token}"}
    if not sender.secret.get_secret_value():
        return {}
    headers = {"webhook-id": delivery} if _is_standard(sender) else {}
    if stamp := _timestamp_header_of(sender):
        headers[stamp] = str(int(now))
    headers[_header_of(sender)] = _prefix_of(sender) + _signature(sender, headers, body)
    return headers


def _flaw_of_bearer(given: str, token: str) -> Flaw | None:
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "bearer":
        return Flaw.NO_PROOF
    right = hmac.compare_digest(value.strip().encode("utf-8", "replace"), token.encode())
    return None if right else Flaw.WRONG_TOKEN


def _is_standard(sender: Sender) -> bool:
    return sender.type is SenderType.JSON and sender.hmac is None


def _header_of(sender: Sender) -> str:
    if sender.hmac is not None:
        return sender.hmac.header.lower()
    return _STANDARD_HEADERS[2] if _is_standard(sender) else _PAGERDUTY_HEADER


def _timestamp_header_of(sender: Sender) -> str:
    if sender.hmac is not None:
        return sender.hmac.timestamp_header.lower()
    return _STANDARD_HEADERS[1] if _is_standard(sender) else ""


def _prefix_of(sender: Sender) -> str:
    if sender.hmac is not None:
        return sender.hmac.prefix
    return "v1," if _is_standard(sender) else "v1="


def _is_recent(stamp: str, now: float) -> bool:
    return bool(_TIMESTAMP.fullmatch(stamp)) and abs(now - int(stamp)) <= _TOLERANCE_SECONDS


def _given(sender: Sender, headers: Mapping[str, str]) -> Iterator[str]:
    """The signatures that were sent. Senders that rotate their secrets send several."""
    text, prefix = headers.get(_header_of(sender), ""), _prefix_of(sender)
    parts: Iterable[str] = [text]
    if sender.hmac is None:
        parts = text.split(" " if _is_standard(sender) else ",")[:_MOST_SIGNATURES]
    for part in parts:
        one = part.strip()
        if one.startswith(prefix):
            yield one.removeprefix(prefix)


def _signature(sender: Sender, headers: Mapping[str, str], body: bytes) -> str:
    secret = sender.secret.get_secret_value()
    if _is_standard(sender):
        head = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}."
        return _encoded(standard_webhooks_key(secret), head, body, Encoding.BASE64)
    if sender.hmac is None:
        return _encoded(secret.encode(), "", body, Encoding.HEX)
    return _encoded(secret.encode(), _head(sender.hmac, headers), body, sender.hmac.encoding)


def _head(shape: Hmac, headers: Mapping[str, str]) -> str:
    """What is signed before the body."""
    if shape.over is Over.BODY:
        return ""
    colon = shape.over is Over.TIMESTAMP_COLON_BODY
    return headers.get(shape.timestamp_header.lower(), "") + (":" if colon else ".")


def _encoded(key: bytes, head: str, body: bytes, encoding: Encoding) -> str:
    digest = hmac.new(key, head.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    return digest.hex() if encoding is Encoding.HEX else base64.b64encode(digest).decode()
