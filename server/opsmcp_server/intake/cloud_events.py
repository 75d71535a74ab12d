"""CloudEvents 1.0 over HTTP: structured, batched, and binary with `ce-` headers.

An event says that something happened, so it makes a signal that nothing resolves. The required
attributes and their names are those of the specification (cloudevents/spec.md and
bindings/http-protocol-binding.md); an event without them costs itself alone in a batch.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from opsmcp_server.config.sender import SenderType
from opsmcp_server.intake.reading import (
    Delivery,
    Found,
    Unreadable,
    entries,
    fingerprint,
    mapping,
    severity_of,
    text,
    timestamp,
)
from opsmcp_server.protocol.strict_json import read_json
from opsmcp_tools.incidents.signal import Signal, Status

__all__ = ["read_cloud_events"]

_MOST_EVENTS = 1_000

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_REQUIRED = ("id", "source", "type")
_NAME = re.compile(r"[a-z0-9]{1,64}")
_SET = frozenset({"data", "data_base64"})
_NO_EVENT = "event without id, source, type, or specversion 1.0"


def read_cloud_events(delivery: Delivery) -> Found:
    """One signal for each event.

    Raises:
        Unreadable: It is none.
    """
    found = Found()
    for event in _events(delivery, found):
        signal = _signal(delivery, event)
        if signal is None:
            found.leave_out(_NO_EVENT)
        else:
            found.signals.append(signal)
    if not found.signals and _NO_EVENT in found.left_out:
        raise Unreadable(_NO_EVENT, _NO_EVENT)
    return found


def _events(delivery: Delivery, found: Found) -> Iterable[Mapping[str, Any]]:
    media = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == _STRUCTURED:
        return [mapping(delivery.json(SenderType.CLOUDEVENTS))]
    if media == _BATCH:
        return map(mapping, _batch(delivery, found))
    if media.startswith("application/cloudevents"):
        why = f"a CloudEvent is read as {_STRUCTURED}, {_BATCH}, or with ce- headers"
        raise Unreadable("another format of CloudEvents", why, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return [_binary(delivery, media)]


def _batch(delivery: Delivery, found: Found) -> Iterable[Any]:
    events = entries(delivery.json(SenderType.CLOUDEVENTS))
    if events is None:
        raise Unreadable("no list of events", "a batch is a list of events")
    return found.first(events, _MOST_EVENTS, "events")


def _binary(delivery: Delivery, media: str) -> dict[str, Any]:
    """Attributes in headers, percent-encoded as the binding has it; the body is the data."""
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in delivery.headers.items()
        if name.startswith("ce-")
    }
    if "specversion" not in event:
        raise Unreadable("no CloudEvent", "it has neither ce- headers nor a type of CloudEvents")
    return {**event, "datacontenttype": media, "data": _data(delivery.body, media)}


def _data(body: bytes, media: str) -> Any:
    if not body:
        return None
    try:
        return read_json(body) if media.endswith("json") else body.decode()
    except ValueError:
        return base64.b64encode(body).decode()


def _signal(delivery: Delivery, event: Mapping[str, Any]) -> Signal | None:
    whole = all(text(event.get(name)) for name in _REQUIRED)
    if not whole or event.get("specversion") != "1.0":
        return None
    attributes = {
        name: value
        for name, value in event.items()
        if name not in _SET and isinstance(value, str) and _NAME.fullmatch(name)
    }
    return delivery.signal(
        delivery_id=fingerprint(event["source"], event["id"]),
        key=text(event.get("subject")) or event["source"],
        status=Status.INFO,
        severity=severity_of(text(event.get("severity"))),
        kind=event["type"],
        at=timestamp(event.get("time"), delivery.received_at),
        labels=attributes,
        annotations={},
        data=_as_object(_payload(event)),
    )


def _payload(event: Mapping[str, Any]) -> Any:
    written = event.get("data_base64")
    if not isinstance(written, str):
        return event.get("data")
    try:
        return _data(base64.b64decode(written, validate=True), text(event.get("datacontenttype")))
    except ValueError:  # of the wrong length, or not even ASCII
        return written


def _as_object(data: Any) -> dict[str, Any]:
    return mapping(cast("object", data)) or ({} if data in (None, {}) else {"value": data})
