"""Signal: one statement from outside, that something is wrong here, or no longer. Frozen, pure.

Whatever a sender calls it becomes one of these, with bounds: what is longer is cut, and the signal
says so. Secrets are masked before it is made. Nothing of it is ever code or consent.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Any, cast

__all__ = [
    "MOST_DATA_BYTES",
    "MOST_LABELS",
    "MOST_NAME_CHARACTERS",
    "MOST_VALUE_BYTES",
    "Severity",
    "Signal",
    "Status",
    "new_signal",
]

MOST_LABELS = 64
"""How many labels, and how many annotations."""

MOST_NAME_CHARACTERS = 128
MOST_VALUE_BYTES = 4 * 1024
MOST_DATA_BYTES = 64 * 1024
"""Of `data`, written as JSON."""

_MOST_KEY_BYTES = 512
_MOST_CUT = 16
_MOST_DEPTH = 32
_MOST_BYTES_OF_ONE = 4
"""Of one character, in UTF-8."""

_PLACE_LABELS = ("cluster", "host", "node", "instance", "namespace", "pod")


class Status(StrEnum):
    """What a signal says of its key."""

    FIRING = "firing"
    RESOLVED = "resolved"
    INFO = "info"
    """It happened: nothing resolves it."""


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Signal:
    """One statement of one sender. Made by `new_signal`, which keeps the bounds.

    Attributes:
        sender: The name of the sender in the settings.
        delivery_id: With the sender it is unique: the same again is the same delivery.
        key: What it is about; signals of one key belong together.
        status: Whether it is so, is so no longer, or happened.
        severity: How bad it is.
        kind: What the sender calls its sort: the name of an alert, the type of an event.
        at: When it was so, as the sender says.
        received_at: When it came in.
        labels: What identifies it.
        annotations: What describes it.
        data: What else the sender said.
        trusted: Whether the sender proved a secret.
        chain: The incidents whose runs may have caused it, the oldest first.
        cut: What was longer than the bounds: `labels`, `annotations.summary`, `data`, ...
    """

    sender: str
    delivery_id: str
    key: str
    status: Status
    severity: Severity
    kind: str
    at: datetime
    received_at: datetime
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    data: Mapping[str, Any]
    trusted: bool
    chain: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()

    @property
    def places(self) -> Mapping[str, str]:
        """The labels that name a place: cluster, host, node, instance, namespace, pod."""
        named = {name: self.labels[name] for name in _PLACE_LABELS if self.labels.get(name)}
        if "instance" in named:
            named["instance"] = _without_port(named["instance"])
        return MappingProxyType(named)


def _without_port(instance: str) -> str:
    """`h1` of `h1:9100`, `::1` of `[::1]:9100`; an address of IPv6 alone as it is."""
    if instance.startswith("["):
        return instance[1:].partition("]")[0]
    host, colon, port = instance.rpartition(":")
    is_port = colon and port.isascii() and port.isdigit() and ":" not in host
    return host if is_port else instance


def new_signal(
    *,
    sender: str,
    delivery_id: str,
    key: str,
    status: Status,
    severity: Severity,
    kind: str,
    at: datetime,
    received_at: datetime,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    data: Mapping[str, Any],
    trusted: bool,
    chain: tuple[str, ...] = (),
    mask: Callable[[str], str] = str,
) -> Signal:
    """A signal within the bounds.

    Args:
        sender: The name of the sender in the settings.
        delivery_id: Told by the sender, or made of what it sent; a long one becomes its hash.
        key: A long one is cut, and ends in its hash.
        status: As in `Signal`.
        severity: As in `Signal`.
        kind: As in `Signal`.
        at: One without a zone is in UTC; one that UTC cannot express is `received_at`.
        received_at: By the clock of this process, with a zone.
        labels: As in `Signal`; those beyond the number allowed are left out.
        annotations: Likewise.
        data: JSON; what comes after 64 KiB or is nested deeper than 32 levels is left out.
        trusted: As in `Signal`.
        chain: As in `Signal`.
        mask: Replaces the secrets in a text. Done before anything is cut.
    """
    flat = (*labels, *labels.values(), *annotations, *annotations.values())
    bounds = _Bounds(mask, (delivery_id, key, kind, *flat, *_texts_in(data)))
    return Signal(
        sender=sender,
        delivery_id=bounds.identity(delivery_id),
        key=bounds.identity(key),
        status=status,
        severity=severity,
        kind=bounds.text("kind", kind, MOST_NAME_CHARACTERS),
        at=_in_utc(at, received_at),
        received_at=received_at,
        labels=bounds.texts("labels", labels),
        annotations=bounds.texts("annotations", annotations),
        data=bounds.data(data),
        trusted=trusted,
        chain=chain,
        cut=tuple(islice(bounds.cut, _MOST_CUT)),
    )


def _in_utc(at: datetime, otherwise: datetime) -> datetime:
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return otherwise


class _Bounds:
    """Masks and cuts the texts in `parts`; `cut` names what was cut."""

    def __init__(self, mask: Callable[[str], str], parts: Iterable[str]) -> None:
        self._mask = mask
        self._is_plain = _is_plain("\n".join(parts), mask)
        self.cut: dict[str, None] = {}

    def identity(self, text: str) -> str:
        """A text that stays different from others when it is cut."""
        masked = self._masked(text)
        data = masked.encode()
        if len(data) <= _MOST_KEY_BYTES:
            return masked
        mark = "#" + hashlib.sha256(data).hexdigest()
        return _head(data, _MOST_KEY_BYTES - len(mark)) + mark

    def text(self, what: str, text: str, most_bytes: int) -> str:
        masked = self._masked(text)
        if len(masked) * _MOST_BYTES_OF_ONE <= most_bytes:
            return masked
        data = masked.encode()
        if len(data) <= most_bytes:
            return masked
        self.cut[what] = None
        return _head(data, most_bytes)

    def texts(self, what: str, texts: Mapping[str, str]) -> Mapping[str, str]:
        if self._is_plain and _is_short(texts):
            return MappingProxyType(dict(texts))
        if len(texts) > MOST_LABELS:
            self.cut[what] = None
        bounded: dict[str, str] = {}
        for name, value in islice(texts.items(), MOST_LABELS):
            short = self._masked(name)[:MOST_NAME_CHARACTERS]
            text = self.text(f"{what}.{short}", value, MOST_VALUE_BYTES)
            if len(name) > len(short):
                self.cut[what] = None
            bounded.setdefault(short, text)
        return MappingProxyType(bounded)

    def data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        whole = dict(self._items(data, _MOST_DEPTH + 1))
        if _json_bytes(whole) > MOST_DATA_BYTES:
            self.cut["data"] = None
            whole = dict(_first(whole))
        return MappingProxyType(whole)

    def _anything(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._masked(value)
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if not isinstance(value, dict | list):
            return value
        if not depth:
            self.cut["data"] = None
            return None
        if isinstance(value, list):
            return [self._anything(one, depth - 1) for one in cast("list[Any]", value)]
        return dict(self._items(cast("dict[str, Any]", value), depth))

    def _items(self, value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
        for name, inner in value.items():
            yield self._masked(name), self._anything(inner, depth - 1)

    def _masked(self, text: str) -> str:
        """Without secrets, half characters, which nothing can write, and NUL, where some end."""
        if self._is_plain:
            return text
        return self._mask(text.encode("utf-8", "replace").decode()).replace("\0", "\ufffd")


def _is_plain(text: str, mask: Callable[[str], str]) -> bool:
    """Whether there is nothing to mask in texts that stand there together.

    To look at all of them at once takes a tenth of the time, and most hold no secret.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text and mask(text) == text


def _is_short(texts: Mapping[str, str]) -> bool:
    """Whether nothing of it can have to be cut."""
    longest = MOST_VALUE_BYTES // _MOST_BYTES_OF_ONE
    return len(texts) <= MOST_LABELS and all(
        len(name) <= MOST_NAME_CHARACTERS and len(text) <= longest for name, text in texts.items()
    )


def _texts_in(value: object) -> Iterator[str]:
    """Every text at whatever depth, names too. Not by recursion, whatever the depth is."""
    rest = [value]
    while rest:
        found = rest.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, Mapping):
            held = cast("Mapping[object, object]", found)
            rest += [*held.keys(), *held.values()]
        elif isinstance(found, list | tuple):
            rest += cast("list[object]", found)


def _first(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries that have room, up to the first that has none."""
    room = MOST_DATA_BYTES - len("{}")
    for name, value in values.items():
        room -= _json_bytes({name: value})
        if room < 0:
            return
        yield name, value


def _head(data: bytes, most_bytes: int) -> str:
    return data[:most_bytes].decode("utf-8", "ignore")


# Made once: an encoder takes longer to make than most values take to write.
_written = json.JSONEncoder(ensure_ascii=False).encode


def _json_bytes(value: object) -> int:
    return len(_written(value).encode())
