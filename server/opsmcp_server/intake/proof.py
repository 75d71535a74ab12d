"""Whether a delivery is from its sender: a bearer token, or a signature over what was sent.

Looked at before anything is parsed, and compared without telling by its time how much was right.
Schemes: bearer (RFC 6750), Standard Webhooks 1.0, PagerDuty's `v1=`, Grafana's, and plain
HMAC-SHA256 in a header. Whoever is refused learns nothing of why; the operator does.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from opsmcp_server.config.sender import Encoding, Hmac, Over, Sender
from opsmcp_server.config.sender_settings import standard_webhooks_key

__all__ = ["Flaw", "flaw_of", "flaw_of_head", "proof_for"]

_TOLERANCE_SECONDS = 300
"""How far a timestamp may be from now, as Standard Webhooks has it."""

_MOST_SIGNATURES = 10
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Flaw(StrEnum):
    """What is wrong with a proof."""

    NO_PROOF = "no token or signature"
    WRONG_TOKEN = "wrong token"  # noqa: S105 - no secret
    WRONG_SIGNATURE = "wrong signature"
    OLD = "timestamp more than 5 minutes off"


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How a sender signs; names of headers in lower case."""

    header: str
    prefix: str = ""
    encoding: Encoding = Encoding.HEX
    signed: tuple[str, ...] = ()
    """The headers that are signed before the body."""
    after: str = "."
    """What follows each of them."""
    timestamp_header: str = ""
    separator: str = ""
    """What stands between several signatures; empty where there is only one."""


_STANDARD = _Scheme(
    "webhook-signature",
    "v1,",
    Encoding.BASE64,
    signed=("webhook-id", "webhook-timestamp"),
    timestamp_header="webhook-timestamp",
    separator=" ",
)
_PAGERDUTY = _Scheme("x-pagerduty-signature", "v1=", separator=",")


def flaw_of_head(sender: Sender, headers: Mapping[str, str]) -> Flaw | None:
    """What is wrong before the body is read: a token decides alone, a signature has to be there.

    Args:
        sender: Who it says it is.
        headers: Those of the delivery, in lower case.
    """
    token = sender.token.get_secret_value()
    if token:
        return _flaw_of_bearer(headers.get("authorization", ""), token)
    if not sender.has_secret or _scheme_of(sender).header in headers:
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
    scheme = _scheme_of(sender)
    stamp = scheme.timestamp_header
    if stamp and not _is_recent(headers.get(stamp, ""), now):
        return Flaw.OLD
    wanted = _signature(sender, scheme, headers, body).encode()
    given = list(_given(scheme, headers))
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
    scheme = _scheme_of(sender)
    headers = {"webhook-id": delivery} if scheme is _STANDARD else {}
    if scheme.timestamp_header:
        headers[scheme.timestamp_header] = str(int(now))
    headers[scheme.header] = scheme.prefix + _signature(sender, scheme, headers, body)
    return headers


def _flaw_of_bearer(given: str, token: str) -> Flaw | None:
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "bearer":
        return Flaw.NO_PROOF
    right = hmac.compare_digest(value.strip().encode("utf-8", "replace"), token.encode())
    return None if right else Flaw.WRONG_TOKEN


def _scheme_of(sender: Sender) -> _Scheme:
    if sender.hmac is not None:
        return _scheme_in(sender.hmac)
    return _STANDARD if sender.signs_as_standard_webhooks else _PAGERDUTY


def _scheme_in(shape: Hmac) -> _Scheme:
    stamp = shape.timestamp_header.lower()
    return _Scheme(
        shape.header.lower(),
        shape.prefix,
        shape.encoding,
        signed=() if shape.over is Over.BODY else (stamp,),
        after=":" if shape.over is Over.TIMESTAMP_COLON_BODY else ".",
        timestamp_header=stamp,
    )


def _is_recent(stamp: str, now: float) -> bool:
    return bool(_TIMESTAMP.fullmatch(stamp)) and abs(now - int(stamp)) <= _TOLERANCE_SECONDS


def _given(scheme: _Scheme, headers: Mapping[str, str]) -> Iterator[str]:
    """The signatures that were sent. Senders that rotate their secrets send several."""
    text = headers.get(scheme.header, "")
    parts = text.split(scheme.separator) if scheme.separator else [text]
    for part in parts[:_MOST_SIGNATURES]:
        one = part.strip()
        if one.startswith(scheme.prefix):
            yield one.removeprefix(scheme.prefix)


def _signature(sender: Sender, scheme: _Scheme, headers: Mapping[str, str], body: bytes) -> str:
    secret = sender.secret.get_secret_value()
    key = standard_webhooks_key(secret) if scheme is _STANDARD else secret.encode()
    head = "".join(headers.get(name, "") + scheme.after for name in scheme.signed)
    digest = hmac.new(key, head.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    is_hex = scheme.encoding is Encoding.HEX
    return digest.hex() if is_hex else base64.b64encode(digest).decode()
