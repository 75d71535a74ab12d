"""Signals for tests."""

from datetime import UTC, datetime
from typing import Any

from opsmcp_tools.incidents.signal import Severity, Signal, Status, new_signal

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def make(delivery_id: str = "d1", **more: Any) -> Signal:
    fields: dict[str, Any] = {
        "sender": "alertmanager",
        "delivery_id": delivery_id,
        "key": "k1",
        "status": Status.FIRING,
        "severity": Severity.WARNING,
        "kind": "NodeDiskFull",
        "at": NOW,
        "received_at": NOW,
        "labels": {"alertname": "NodeDiskFull", "instance": "h1:9100"},
        "annotations": {"summary": "Disk is 91 % full"},
        "data": {"generatorURL": "http://prometheus/graph"},
        "trusted": True,
    }
    return new_signal(**{**fields, **more})
