"""JSON of any sender: expressions of the settings (`map`) say what of it is which part of a signal.

An expression that fails on one entry costs that entry alone, and is counted by its name. Needs the
extra `events`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.sender import Sender, SenderType
from opsmcp_server.intake.reading import (
    Delivery,
    Found,
    Unreadable,
    entries,
    fingerprint,
    mapping,
    severity_of,
    timestamp,
)
from opsmcp_tools.incidents.expression import BODY, BadExpression, Failed, Value, whole
from opsmcp_tools.incidents.signal import Signal, Status

__all__ = ["MappedJson"]

_MOST_ITEMS = 1_000

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})

_Part = TypeVar("_Part")


class _NoSignal(Exception):
    """An entry that makes no signal; the message is a constant to be counted by."""


class MappedJson:
    """The reader of one sender of the type `json`."""

    def __init__(self, sender: Sender) -> None:
        """Compile its expressions.

        Raises:
            ConfigError: One of them cannot be used.
        """
        self._parts = {part: _compiled(sender, part, source) for part, source in sender.map.items()}

    def __call__(self, delivery: Delivery) -> Found:
        """One signal for each entry of `items`, or one for the whole body.

        Raises:
            Unreadable: It is no JSON, or `items` is no list in it.
        """
        found = Found()
        for entry in self._entries(delivery, found):
            try:
                found.signals.append(self._signal(delivery, entry))
            except _NoSignal as error:
                found.leave_out(str(error))
        return found

    def _entries(self, delivery: Delivery, found: Found) -> Iterable[Any]:
        body = delivery.json(SenderType.JSON)
        items = self._parts.get("items")
        if items is None:
            return [body]
        try:
            listed = items.of(_values(delivery, body))
        except Failed as error:
            why = f"map.items has no value here: {error}"
            raise Unreadable("map.items: it has no value", why) from None
        every = entries(listed)
        if every is None:
            raise Unreadable("map.items: no list", "map.items is no list here")
        return found.first(every, _MOST_ITEMS, "items")

    def _signal(self, delivery: Delivery, entry: Any) -> Signal:
        values = _values(delivery, entry)
        given = {part: self._value(part, values) for part in self._parts if part != "items"}
        return delivery.signal(
            delivery_id=_checked("id", _text, given, lambda: _identity(delivery, entry)),
            key=_checked("key", _text, given, str),
            status=_checked("status", _status, given, lambda: Status.FIRING),
            severity=severity_of(_checked("severity", _text, given, str)),
            kind=_checked("kind", _text, given, str),
            at=_checked("at", _moment, given, lambda: delivery.received_at),
            labels=_texts("labels", given),
            annotations=_texts("annotations", given),
            data=mapping(given.get("data", entry)),
        )

    def _value(self, part: str, values: Mapping[str, Any]) -> Any:
        try:
            return self._parts[part].of(values)
        except Failed:
            raise _NoSignal(f"map.{part}: it has no value") from None


def _compiled(sender: Sender, part: str, source: str) -> Value:
    try:
        return Value(source, BODY)
    except BadExpression as error:
        where = sender.where.get(f"map.{part}") or sender.where.get("", "")
        key = f"events.senders.{sender.name}.map.{part}"
        raise ConfigError(f"{key} cannot be used: {error} ({where})") from None


def _values(delivery: Delivery, body: Any) -> dict[str, Any]:
    told = {name: text for name, text in delivery.headers.items() if name not in _SECRET_HEADERS}
    return whole({"body": body, "headers": told})


def _identity(delivery: Delivery, entry: Any) -> str:
    """The id where `map` has none: of equal bodies one counts."""
    written = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    return fingerprint(delivery.sender, written)


def _checked(
    part: str, check: Callable[[Any], _Part], given: Mapping[str, Any], default: Callable[[], _Part]
) -> _Part:
    if part not in given:
        return default()
    try:
        return check(given[part])
    except (ValueError, OverflowError):
        raise _NoSignal(f"map.{part}: not of the right kind") from None


def _text(value: Any) -> str:
    """A text that says something; of a number or a flag, how JSON writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or value == "":
        raise ValueError("no text")
    return str(value)


def _status(value: Any) -> Status:
    return Status(value)


def _moment(value: Any) -> datetime:
    """RFC 3339, or seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    missing = datetime.min.replace(tzinfo=UTC)
    moment = timestamp(value, missing)
    if moment == missing:
        raise ValueError("no time")
    return moment


def _texts(part: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Labels or annotations, said as one object or one by one; numbers are written as texts."""
    named = {
        name.partition(".")[2]: value
        for name, value in given.items()
        if name.startswith(f"{part}.")
    }
    said = {**mapping(given.get(part)), **named}
    return {name: _text(value) for name, value in said.items() if _says_something(value)}


def _says_something(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""
