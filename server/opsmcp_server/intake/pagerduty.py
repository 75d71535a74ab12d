"""PagerDuty's webhooks, version 3: incidents that are triggered and resolved.

Everything else is accepted and makes nothing: three deliveries in a row that are not accepted
switch the subscription off. Fields as in PagerDuty's developer documentation, webhooks/v3.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from opsmcp_server.config.sender import SenderType
from opsmcp_server.intake.reading import Delivery, Found, Unreadable, mapping, text, timestamp
from opsmcp_tools.incidents.signal import Severity, Status

__all__ = ["read_pagerduty"]

_STATUSES: Mapping[str, Status] = MappingProxyType(
    {"incident.triggered": Status.FIRING, "incident.resolved": Status.RESOLVED}
)
_SEVERITIES: Mapping[str, Severity] = MappingProxyType(
    {"high": Severity.CRITICAL, "low": Severity.WARNING}
)


def read_pagerduty(delivery: Delivery) -> Found:
    """One signal, or none.

    Raises:
        Unreadable: It is no event.
    """
    event = mapping(mapping(delivery.json(SenderType.PAGERDUTY)).get("event"))
    kind, found = text(event.get("event_type")), Found()
    if not kind:
        raise Unreadable("no event in it", "it has no `event` with `event_type`")
    status = _STATUSES.get(kind)
    if status is None:
        found.leave_out("event of a type that makes no signal")
        return found
    incident = mapping(event.get("data"))
    key = text(incident.get("incident_key")) or text(incident.get("id"))
    identity = text(event.get("id")) or delivery.headers.get("x-webhook-id", "")
    if not key or not identity:
        raise Unreadable("event without id", "its event or its incident has no id")
    found.signals.append(
        delivery.signal(
            delivery_id=identity,
            key=key,
            status=status,
            severity=_SEVERITIES.get(text(incident.get("urgency")), Severity.WARNING),
            kind=kind,
            at=timestamp(event.get("occurred_at"), delivery.received_at),
            labels=_labels(incident),
            annotations={"summary": text(incident.get("title"))},
            data=event,
        )
    )
    return found


def _labels(incident: Mapping[str, Any]) -> dict[str, str]:
    service = mapping(incident.get("service"))
    told = {
        "incident": text(incident.get("id")),
        "incident_key": text(incident.get("incident_key")),
        "service": text(service.get("summary")),
        "service_id": text(service.get("id")),
        "urgency": text(incident.get("urgency")),
    }
    return {name: value for name, value in told.items() if value}
