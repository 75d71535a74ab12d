"""What the readers of all types of senders share: what they are given, make, and refuse.

A reader is pure: a body that was proved becomes the parts of signals. One alert of a hundred that
makes no sense costs itself alone, and is counted; a body that makes none at all is refused.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, cast

from opsmcp_server.config.sender import SenderType
from opsmcp_server.protocol.strict_json import MOST_VALUES, BadJson, read_json
from opsmcp_tools.incidents.signal import Severity, Signal, new_signal

__all__ = [
    "MOST_BYTES",
    "Delivery",
    "Found",
    "Reader",
    "Unreadable",
    "entries",
    "fingerprint",
    "mapping",
    "severity_of",
    "text",
    "texts",
    "timestamp",
]

_KIB = 1024
MOST_BYTES: Mapping[SenderType, int] = MappingProxyType(
    {
        SenderType.ALERTMANAGER: 16 * _KIB * _KIB,
        SenderType.GRAFANA: 16 * _KIB * _KIB,
        SenderType.JSON: _KIB * _KIB,
        SenderType.CLOUDEVENTS: _KIB * _KIB,
        SenderType.PAGERDUTY: 256 * _KIB,
        SenderType.OPS: 16 * _KIB * _KIB,
    }
)
"""How long a body may be."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST of a sender, after it was proved."""

    sender: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    trusted: bool
    mask: Callable[[str], str] = str

    def signal(self, **parts: Any) -> Signal:
        """A signal of it, made of what only its reader knows."""
        return new_signal(
            sender=self.sender,
            received_at=self.received_at,
            trusted=self.trusted,
            mask=self.mask,
            **parts,
        )

    def json(self, kind: SenderType, most_values: int = MOST_VALUES) -> Any:
        """The body as JSON, no longer than what such a sender may send.

        Raises:
            Unreadable: It is none, or not to be used.
        """
        try:
            return read_json(self.body, most_bytes=MOST_BYTES[kind], most_values=most_values)
        except BadJson as error:
            raise Unreadable("no strict JSON", error.reason) from None


@dataclass(slots=True)
class Found:
    """What a delivery holds: signals, and how often something in it was left out, by reason."""

    signals: list[Signal] = field(default_factory=list[Signal])
    left_out: Counter[str] = field(default_factory=Counter[str])

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what makes no signal."""
        self.left_out[reason] += count

    def first(self, values: Sequence[Any], most: int, what: str) -> Sequence[Any]:
        """At most so many of them; what is beyond that is left out."""
        if len(values) > most:
            self.leave_out(f"more than {most:,} {what} at once", len(values) - most)
        return values[:most]


Reader = Callable[[Delivery], Found]


class Unreadable(Exception):
    """A body that makes no sense, which sending it again would not mend.

    Attributes:
        reason: A constant of few words, to be counted by.
        why: The same for whoever sent it; says nothing of what else is known.
        status: What it is answered with.
    """

    def __init__(self, reason: str, why: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        """Keep all three."""
        super().__init__(why)
        self.reason = reason
        self.why = why
        self.status = status


_SEVERITIES: Mapping[str, Severity] = MappingProxyType(
    {
        **dict.fromkeys(
            ("critical", "crit", "page", "error", "err", "fatal", "emergency", "high", "disaster"),
            Severity.CRITICAL,
        ),
        **dict.fromkeys(("info", "information", "none", "notice", "low", "ok"), Severity.INFO),
    }
)


def severity_of(word: str) -> Severity:
    """How bad a word for it is; a warning where nobody says."""
    return _SEVERITIES.get(word.strip().lower(), Severity.WARNING)


def mapping(value: object) -> dict[str, Any]:
    """An object of JSON, or an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def entries(value: object) -> list[Any] | None:
    """A list of JSON, or None."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def texts(value: object) -> dict[str, str]:
    """The texts of an object of JSON by name; other values are left out."""
    return {name: held for name, held in mapping(value).items() if isinstance(held, str)}


def text(value: object) -> str:
    """A text, or an empty one."""
    return value if isinstance(value, str) else ""


def timestamp(value: object, otherwise: datetime) -> datetime:
    """A time as RFC 3339 writes it; `otherwise` where it is none, or Go's zero."""
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        return otherwise
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1 else otherwise


def fingerprint(*parts: str) -> str:
    """A short text that is different for different parts."""
    return hashlib.sha256("\0".join(_escaped(parts)).encode("utf-8", "replace")).hexdigest()


def _escaped(parts: Iterable[str]) -> Iterable[str]:
    return (part.replace("\\", "\\\\").replace("\0", "\\0") for part in parts)
