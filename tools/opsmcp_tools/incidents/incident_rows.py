"""Incidents, their runs and their timelines as rows of SQLite, and back."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from opsmcp_tools.incidents.brakes import Pause, Repair
from opsmcp_tools.incidents.incident import Entry, Incident, Outcome, State
from opsmcp_tools.incidents.signal import Severity
from opsmcp_tools.incidents.signal_text import signal_from
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.errors import JournalUnusable

__all__ = [
    "columns_of",
    "entry_of",
    "facts_text",
    "incident_of",
    "pause_of",
    "repair_of",
    "state_columns",
]

_FACTS = (
    "attempt",
    "voids",
    "escalated",
    "chain",
    "operation",
    "arguments",
    "request",
    "run",
    "probe",
    "probe_run",
    "runs",
)
"""What of an incident is looked up with it only, kept as JSON."""

# Made once: an encoder takes longer to make than these texts take to write.
_written = json.JSONEncoder(ensure_ascii=False).encode

_DAMAGED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading raises when a row is not one that was written."""


def facts_text(incident: Incident) -> str:
    """What of an incident is looked up with it only."""
    confirmed = incident.confirmed_at
    facts = {name: getattr(incident, name) for name in _FACTS}
    facts["arguments"] = dict(incident.arguments)
    facts["confirmed_at"] = text_of(confirmed) if confirmed else ""
    return _written(facts)


def state_columns(incident: Incident) -> dict[str, Any]:
    """What of an incident changes with its state, and which one it is."""
    return {
        "id": incident.id,
        "state": incident.state,
        "changed_at": text_of(incident.changed_at),
        "due_at": text_of(incident.due_at),
        "look_at": text_of(incident.look_at),
        "outcome": incident.outcome or "",
        "why": incident.why,
        "facts": facts_text(incident),
    }


def columns_of(incident: Incident, signal: str) -> dict[str, Any]:
    """All columns of an incident but who works on it; `signal` is the text of its signal."""
    return {
        **state_columns(incident),
        "responder": incident.responder,
        "key": incident.key,
        "severity": incident.severity,
        "opened_at": text_of(incident.opened_at),
        "last_seen": text_of(incident.last_seen),
        "count": incident.count,
        "signal": signal,
    }


def incident_of(row: Any, *, firing: bool = True, log: Iterable[Any] = ()) -> Incident:
    """The incident of a row.

    Raises:
        JournalUnusable: It is damaged.
    """
    try:
        return _incident_of(row, firing, log)
    except _DAMAGED as error:
        shown = row["id"] if row else "one that is gone"
        raise JournalUnusable(f"the record of incidents holds a damaged one: {shown}") from error


def _incident_of(row: Any, firing: bool, log: Iterable[Any]) -> Incident:
    facts: dict[str, Any] = json.loads(row["facts"])
    confirmed = facts.pop("confirmed_at")
    facts["chain"], facts["runs"] = tuple(facts["chain"]), tuple(facts["runs"])
    return Incident(
        id=row["id"],
        responder=row["responder"],
        key=row["key"],
        state=State(row["state"]),
        severity=Severity(row["severity"]),
        signal=signal_from(row["signal"]),
        opened_at=timestamp_of(row["opened_at"]),
        changed_at=timestamp_of(row["changed_at"]),
        due_at=timestamp_of(row["due_at"]),
        look_at=timestamp_of(row["look_at"]),
        last_seen=timestamp_of(row["last_seen"]),
        count=row["count"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        why=row["why"],
        confirmed_at=timestamp_of(confirmed) if confirmed else None,
        firing=firing,
        touched=row["touched"],
        owner=row["owner"],
        epoch=row["epoch"],
        log=tuple(map(entry_of, log)),
        **facts,
    )


def entry_of(row: Any) -> Entry:
    """A row of a timeline."""
    before = State(row["before"]) if row["before"] else None
    return Entry(timestamp_of(row["at"]), before, State(row["after"]), row["by"], row["why"])


def repair_of(row: Any) -> Repair:
    """A run that an incident began.

    Raises:
        JournalUnusable: It is damaged.
    """
    try:
        return _repair_of(row)
    except _DAMAGED as error:
        shown = f"of {row['incident']}"
        raise JournalUnusable(f"the record of incidents holds a damaged run {shown}") from error


def _repair_of(row: Any) -> Repair:
    ended: datetime | None = timestamp_of(row["ended_at"]) if row["ended_at"] else None
    return Repair(
        incident=row["incident"],
        attempt=row["attempt"],
        responder=row["responder"],
        key=row["key"],
        places=tuple(json.loads(row["places"])),
        chain=tuple(json.loads(row["chain"])),
        began_at=timestamp_of(row["began_at"]),
        ended_at=ended,
        helped=None if row["helped"] is None else bool(row["helped"]),
    )


def pause_of(row: Any) -> Pause:
    """Whether a responder is paused."""
    return Pause(row["responder"], row["by"], timestamp_of(row["at"]), bool(row["paused"]))
