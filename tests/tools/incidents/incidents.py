"""Incidents and responders for tests."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opsmcp_tools.incidents.incident import Incident, State
from opsmcp_tools.incidents.responder import Check, Mode, Responder
from opsmcp_tools.incidents.signal import Severity
from tests.tools.incidents.signals import NOW, make

REPAIRS = Responder(
    "repairs",
    mode=Mode.AUTO,
    run="clear-disk",
    verify=Check("disk-usage", {}, "true", after_seconds=30, within_seconds=600),
)


def responder(**more: Any) -> Responder:
    return replace(REPAIRS, **more)


def incident(state: State = State.DECIDING, *, at: datetime = NOW, **more: Any) -> Incident:
    fields: dict[str, Any] = {
        "id": "i-own",
        "responder": "repairs",
        "key": "k1",
        "state": state,
        "severity": Severity.WARNING,
        "signal": make(),
        "opened_at": at,
        "changed_at": at,
        "due_at": at + timedelta(minutes=2),
        "look_at": at,
        "last_seen": at,
    }
    return Incident(**{**fields, **more})
