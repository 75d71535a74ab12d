"""What senders say, for a test: one alert, incident or event that is called OpsmcpTest."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from opsmcp_server.config.sender import Sender, SenderType

__all__ = ["content_type_of", "example_of"]

_NAME = "OpsmcpTest"
_SUMMARY = "A test of opsmcp events send"


def content_type_of(sender: Sender) -> str:
    """How the body is called in its header."""
    cloud = sender.type is SenderType.CLOUDEVENTS
    return "application/cloudevents+json" if cloud else "application/json"


def example_of(sender: Sender, now: datetime, *, resolved: bool) -> bytes | None:
    """A body of such a sender; None where the settings alone say what a body is."""
    match sender.type:
        case SenderType.ALERTMANAGER | SenderType.GRAFANA:
            return _written(_group(now, resolved=resolved))
        case SenderType.PAGERDUTY:
            return _written(_incident(now, resolved=resolved))
        case SenderType.CLOUDEVENTS:
            return None if resolved else _written(_event(now))
        case SenderType.JSON | SenderType.OPS:
            return None


def _written(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def _group(now: datetime, *, resolved: bool) -> dict[str, Any]:
    status = "resolved" if resolved else "firing"
    labels = {"alertname": _NAME, "severity": "info", "instance": "localhost"}
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": _SUMMARY},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": now.isoformat() if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "0b5e55ed0b5e55ed",
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{_NAME}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "opsmcp",
        "groupLabels": {"alertname": _NAME},
        "commonLabels": labels,
        "commonAnnotations": {"summary": _SUMMARY},
        "externalURL": "",
        "alerts": [alert],
    }


def _incident(now: datetime, *, resolved: bool) -> dict[str, Any]:
    kind = "resolved" if resolved else "triggered"
    incident = {
        "id": "PTEST",
        "type": "incident",
        "status": kind,
        "incident_key": _NAME,
        "title": _SUMMARY,
        "urgency": "low",
        "service": {"id": "PTEST", "summary": _NAME},
    }
    return {
        "event": {
            "id": uuid4().hex,
            "event_type": f"incident.{kind}",
            "resource_type": "incident",
            "occurred_at": now.isoformat(),
            "data": incident,
        }
    }


def _event(now: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "opsmcp",
        "type": _NAME,
        "subject": _NAME,
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "data": {"summary": _SUMMARY},
    }
