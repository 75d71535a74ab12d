"""Alertmanager (webhook version 4) and Grafana, which sends the same and more.

A group that fires may hold alerts that are resolved, so each is looked at. Who sends it repeats an
alert that goes on: the same start is the same delivery. Fields as in Alertmanager's
notify/webhook and Grafana's receivers/webhook/v1.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
    texts,
    timestamp,
)
from opsmcp_tools.incidents.signal import Signal, Status

__all__ = ["read_alerts"]

_MOST_ALERTS = 10_000
_MOST_VALUES = 1_000_000

_STATUSES: Mapping[str, Status] = MappingProxyType(
    {"firing": Status.FIRING, "resolved": Status.RESOLVED}
)
_OF_GROUP = ("receiver", "groupKey", "groupLabels", "externalURL", "orgId", "title")
_OF_ALERT = (
    "startsAt",
    "endsAt",
    "generatorURL",
    "values",
    "valueString",
    "silenceURL",
    "dashboardURL",
    "panelURL",
)


def read_alerts(delivery: Delivery) -> Found:
    """One signal for each alert.

    Raises:
        Unreadable: It is no group of alerts.
    """
    group = mapping(delivery.json(SenderType.ALERTMANAGER, _MOST_VALUES))
    alerts = entries(group.get("alerts"))
    if alerts is None:
        raise Unreadable("no alerts in it", "it has no list `alerts`")
    found = Found()
    for alert in found.first(alerts, _MOST_ALERTS, "alerts"):
        signal = _signal(delivery, group, mapping(alert))
        if signal is None:
            found.leave_out("alert without status or labels")
        else:
            found.signals.append(signal)
    _note_truncated(group, found)
    return found


def _signal(
    delivery: Delivery, group: Mapping[str, Any], alert: Mapping[str, Any]
) -> Signal | None:
    labels, status = texts(alert.get("labels")), _STATUSES.get(text(alert.get("status")))
    if status is None or not labels:
        return None
    key = text(alert.get("fingerprint")) or _fingerprint(labels)
    start, end = text(alert.get("startsAt")), text(alert.get("endsAt"))
    began = timestamp(start, delivery.received_at)
    return delivery.signal(
        delivery_id=fingerprint(delivery.sender, key, status, start),
        key=key,
        status=status,
        severity=severity_of(labels.get("severity", "")),
        kind=labels.get("alertname", ""),
        at=timestamp(end, began) if status is Status.RESOLVED else began,
        labels=labels,
        annotations=texts(alert.get("annotations")),
        data={**_picked(alert, _OF_ALERT), **_picked(group, _OF_GROUP)},
    )


def _fingerprint(labels: Mapping[str, str]) -> str:
    return fingerprint(*(part for pair in sorted(labels.items()) for part in pair))


def _picked(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) not in (None, "", {})}


def _note_truncated(group: Mapping[str, Any], found: Found) -> None:
    """The sender left alerts out (`max_alerts`): nobody else will say that they fire."""
    count = group.get("truncatedAlerts")
    if isinstance(count, int) and count > 0:
        found.leave_out("alert left out by the sender (max_alerts)", min(count, 1_000_000))
