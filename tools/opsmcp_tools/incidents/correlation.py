"""What becomes of incidents when signals come in, within the transaction that records them.

A new key opens an incident, a known one is counted, one that is over lets its incident be looked
at. Nothing is decided here, so that senders get their answer at once.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opsmcp_tools.approval_requests.request import OPSMCP
from opsmcp_tools.incidents.announcement import announce
from opsmcp_tools.incidents.brakes import Repair, may_have_caused
from opsmcp_tools.incidents.incident import Incident, Outcome, State, new_handle
from opsmcp_tools.incidents.incident_rows import columns_of, incident_of, signal_text
from opsmcp_tools.incidents.machine import DAY, NEW_ATTEMPT
from opsmcp_tools.incidents.responder import Bounds, Responder, Responders
from opsmcp_tools.incidents.signal import Severity, Signal, Status
from opsmcp_tools.incidents.sqlite_incidents import note, read_repairs
from opsmcp_tools.journal.rows import text_of
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.phrases.phrase import Language, Said, say

__all__ = ["Correlation", "places_of"]

logger = logging.getLogger(__name__)

_RECURRENCE = timedelta(minutes=5)
"""How long after its end a delivery that is repeated still belongs to what was done."""

_WORSE = {severity: rank for rank, severity in enumerate(reversed(tuple(Severity)))}

_ADD = """
INSERT INTO incidents (id, responder, key, state, severity, opened_at, changed_at, due_at, look_at,
    last_seen, count, outcome, why, signal, facts)
VALUES (:id, :responder, :key, :state, :severity, :opened_at, :changed_at, :due_at, :look_at,
    :last_seen, :count, :outcome, :why, :signal, :facts)
"""

_AGAIN = """
UPDATE incidents SET state = :state, severity = :severity, changed_at = :changed_at,
    due_at = :due_at, look_at = :look_at, last_seen = :last_seen, count = count + 1, outcome = '',
    why = :why, signal = :signal, facts = :facts, touched = touched + 1, owner = ''
WHERE id = :id AND state = 'closed'
"""

_ABSORB = """
UPDATE incidents SET count = count + 1, last_seen = :at, signal = :signal, severity = :severity,
    touched = touched + 1, due_at = CASE WHEN state = 'handed_over' THEN :silent ELSE due_at END,
    look_at = CASE WHEN state = 'handed_over' THEN :silent ELSE look_at END
WHERE id = :id
"""

_BELONGS = """
INSERT INTO incident_signals (incident, sender, key, status) VALUES (?, ?, ?, ?)
ON CONFLICT (incident, sender, key) DO UPDATE SET status = excluded.status
"""

_SAYS = """
UPDATE incident_signals SET status = :status WHERE sender = :sender AND key = :key
    AND incident IN (SELECT id FROM incidents WHERE state != 'closed')
RETURNING incident
"""

_SEEN = """
UPDATE incidents SET last_seen = max(last_seen, :at) WHERE state != 'closed' AND id IN
    (SELECT incident FROM incident_signals WHERE sender = :sender AND key = :key)
"""

_LAST_OF = """
SELECT incidents.* FROM incidents JOIN incident_signals ON incident_signals.incident = incidents.id
WHERE incident_signals.sender = :sender AND incident_signals.key = :key
ORDER BY incidents.sequence DESC LIMIT 1
"""


def places_of(signal: Signal) -> tuple[str, ...]:
    """Where a signal says that something is wrong, as runs name their places."""
    kinds = {"host": "host", "node": "host", "instance": "host"}
    kinds |= {"namespace": "namespace", "cluster": "cluster"}
    named = (
        f"{kinds[label]}:{name.casefold()}"
        for label, name in signal.places.items()
        if label in kinds
    )
    return tuple(dict.fromkeys(named))


class Correlation:
    """The hook of whoever records signals."""

    def __init__(
        self,
        responders: Responders,
        bounds: Bounds,
        language: Language = "en",
        on_failed: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ask these responders; `on_failed` is told whose expressions could not be evaluated."""
        self._responders = responders
        self._on_failed = on_failed
        self._bounds = bounds
        self._language: Language = language
        self._told_full = False

    def __call__(
        self, database: sqlite3.Connection, new: Sequence[Signal], known: Sequence[Signal]
    ) -> None:
        """Say what becomes of incidents: once for each new delivery."""
        work = _Work(database, self._responders, self._bounds, self._language)
        for signal in known:
            work.known(signal)
        for signal in new:
            work.new(signal)
        for responder in work.failed:
            self._on_failed(responder)
        if work.full and not self._told_full:
            logger.warning(
                "there are %d open incidents, as many as there may be (events.limits.open_incidents"
                "); signals are kept, and what is repeated is looked at when there is room",
                self._bounds.open_incidents,
            )
        self._told_full = work.full


class _Work:
    """One transaction."""

    def __init__(
        self,
        database: sqlite3.Connection,
        responders: Responders,
        bounds: Bounds,
        language: Language,
    ) -> None:
        self._database = database
        self._responders = responders
        self._bounds = bounds
        self._language: Language = language
        self._repairs: tuple[Repair, ...] | None = None
        self._room: int | None = None
        self.full = False
        self.failed: list[str] = []

    def known(self, signal: Signal) -> None:
        """A delivery that was there before: nothing, but for what it would hide for good."""
        self._seen(signal)
        if signal.status is not Status.FIRING:
            return
        which = {"sender": signal.sender, "key": signal.key}
        row = self._database.execute(_LAST_OF, which).fetchone()
        if row is None or _is_back(row, signal.received_at):
            self.new(signal)

    def new(self, signal: Signal) -> None:
        """A new delivery."""
        if signal.status is Status.RESOLVED:
            self._over(signal)
            return
        fit = self._responders.fit(signal)
        self.failed += fit.failed
        if fit.responder is None:
            self._still(signal)
        else:
            self._take(signal, fit.responder, fit.key)

    def _says(self, signal: Signal) -> list[str]:
        """Keep its status with the open incidents that its key belongs to: those."""
        which = {"sender": signal.sender, "key": signal.key, "status": signal.status}
        return [row["incident"] for row in self._database.execute(_SAYS, which).fetchall()]

    def _over(self, signal: Signal) -> None:
        for incident in self._says(signal):
            self._wake(incident, signal.received_at)

    def _wake(self, incident: str, at: datetime) -> None:
        self._database.execute(
            "UPDATE incidents SET last_seen = :at, look_at = :at, touched = touched + 1"
            " WHERE id = :id",
            {"id": incident, "at": text_of(at)},
        )

    def _still(self, signal: Signal) -> None:
        """Nobody takes it: it still belongs to what its key belongs to."""
        self._says(signal)
        self._seen(signal)

    def _seen(self, signal: Signal) -> None:
        at = text_of(signal.received_at)
        which = {"sender": signal.sender, "key": signal.key, "at": at}
        self._database.execute(_SEEN, which)

    def _take(self, signal: Signal, responder: Responder, key: str) -> None:
        row = self._database.execute(
            "SELECT * FROM incidents WHERE responder = ? AND key = ?"
            " ORDER BY state = 'closed', sequence DESC LIMIT 1",
            (responder.name, key),
        ).fetchone()
        incident = incident_of(row) if row else None
        if incident is not None and incident.is_open:
            self._absorb(incident, signal, responder)
        elif incident is not None and _recurs(incident, responder, signal):
            self._reopen(incident, signal, responder)
        else:
            incident = self._open(signal, responder, key)
        if incident is not None:
            belongs = (incident.id, signal.sender, signal.key, signal.status)
            self._database.execute(_BELONGS, belongs)

    def _absorb(self, incident: Incident, signal: Signal, responder: Responder) -> None:
        worse = _WORSE[signal.severity] > _WORSE[incident.severity]
        at = signal.received_at
        values = {
            "id": incident.id,
            "at": text_of(at),
            "signal": signal_text(signal),
            "severity": signal.severity if worse else incident.severity,
            "silent": text_of(at + timedelta(seconds=DAY)),
        }
        self._database.execute(_ABSORB, values)
        if worse:
            why = words.ABSORBED(signal.sender, str(signal.severity))
            self._note(incident, incident.state, why, at)
            announce(self._database, responder, incident.state, incident, at)

    def _open(self, signal: Signal, responder: Responder, key: str) -> Incident | None:
        if not self._has_room():
            self.full = True
            return None
        at = signal.received_at
        due = at + timedelta(seconds=responder.settle_seconds)
        incident = Incident(
            id=new_handle(),
            responder=responder.name,
            key=key,
            state=State.OPEN,
            severity=signal.severity,
            signal=signal,
            opened_at=at,
            changed_at=at,
            due_at=due,
            look_at=due,
            last_seen=at,
            chain=self._chain(signal),
        )
        self._database.execute(_ADD, columns_of(incident))
        self._note(incident, None, words.OPENED(responder.name, signal.kind or key), at)
        return incident

    def _reopen(self, incident: Incident, signal: Signal, responder: Responder) -> None:
        at = signal.received_at
        after = incident.changed_at
        seconds = round((at - after).total_seconds())
        again = replace(
            incident,
            state=State.OPEN,
            severity=signal.severity,
            signal=signal,
            changed_at=at,
            due_at=at + timedelta(seconds=responder.settle_seconds),
            look_at=at + timedelta(seconds=responder.settle_seconds),
            last_seen=at,
            attempt=incident.attempt + bool(incident.run),
            voids=0,
            confirmed_at=None,
            **NEW_ATTEMPT,
        )
        self._database.execute(_AGAIN, columns_of(again))
        self._database.execute(
            "UPDATE repairs SET helped = 0 WHERE incident = ? AND attempt = ?",
            (incident.id, incident.attempt),
        )
        self._note(again, State.CLOSED, words.RECURRED(f"{seconds} s"), at)

    def _chain(self, signal: Signal) -> tuple[str, ...]:
        """The incidents whose runs may have caused this one."""
        if self._repairs is None:
            self._repairs = read_repairs(self._database, signal.received_at)
        recurs = {one.name: one.recurs_seconds for one in self._responders}
        places = places_of(signal)
        found = may_have_caused(self._repairs, places, recurs, signal.received_at)
        return tuple(dict.fromkeys((*signal.chain, *(found.chain if found else ()))))

    def _has_room(self) -> bool:
        if self._room is None:
            query = "SELECT count(*) FROM incidents WHERE state != 'closed'"
            there: int = self._database.execute(query).fetchone()[0]
            self._room = self._bounds.open_incidents - there
        self._room -= 1
        return self._room >= 0

    def _note(self, incident: Incident, before: State | None, why: Said, at: datetime) -> None:
        text = say(why, self._language)
        note(self._database, incident.id, before, incident.state, by=OPSMCP, why=text, at=at)


def _is_back(row: Any, at: datetime) -> bool:
    """Whether what was over is there again, by a delivery that is repeated."""
    incident = incident_of(row)
    ended = incident.outcome in (Outcome.RECOVERED, Outcome.UNCONFIRMED)
    return not incident.is_open and ended and at > incident.changed_at + _RECURRENCE


def _recurs(incident: Incident, responder: Responder, signal: Signal) -> bool:
    within = timedelta(seconds=responder.recurs_seconds)
    recovered = incident.outcome is Outcome.RECOVERED
    return recovered and signal.received_at <= incident.changed_at + within
