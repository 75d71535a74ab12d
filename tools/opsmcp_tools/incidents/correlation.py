"""What becomes of incidents when signals come in, within the transaction that records them.

A new key opens an incident, a known one is counted, one that is over lets its incident be looked
at. Nothing is decided here, so that senders get their answer at once.
"""

import logging
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from opsmcp_tools.approval_requests.request import OPSMCP
from opsmcp_tools.incidents.announcement import announce
from opsmcp_tools.incidents.brakes import LEAST_RECURS_SECONDS, Repair, may_have_caused
from opsmcp_tools.incidents.incident import Incident, Outcome, State, new_handle
from opsmcp_tools.incidents.incident_rows import columns_of, incident_of, repair_of
from opsmcp_tools.incidents.machine import NEW_ATTEMPT
from opsmcp_tools.incidents.responder import Bounds, Responder, Responders
from opsmcp_tools.incidents.signal import Severity, Signal, Status
from opsmcp_tools.incidents.signal_text import signal_text
from opsmcp_tools.incidents.sqlite_incidents import note
from opsmcp_tools.incidents.sqlite_signals import Kept
from opsmcp_tools.journal.rows import text_of
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.phrases.phrase import Language, Said, say

__all__ = ["Correlation", "places_of"]

logger = logging.getLogger(__name__)

_RECURRENCE = timedelta(minutes=5)
"""How long after its end a delivery that is repeated still belongs to what was done."""

_TOO_EARLY = (Outcome.RECOVERED, Outcome.UNCONFIRMED, Outcome.SILENT)
"""Ends that a sender refutes which still says the same."""

_WORSE = {severity: rank for rank, severity in enumerate(reversed(tuple(Severity)))}

_ADD = """
INSERT INTO incidents (id, responder, key, state, severity, opened_at, changed_at, due_at, look_at,
    last_seen, count, outcome, why, signal, facts)
VALUES (:id, :responder, :key, :state, :severity, :opened_at, :changed_at, :due_at, :look_at,
    :last_seen, :count, :outcome, :why, :signal, :facts)
"""

_OPENED = """
INSERT INTO incident_log (incident, number, at, before, after, by, why)
VALUES (?, 1, ?, '', 'open', ?, ?)
"""

_AGAIN = """
UPDATE incidents SET state = :state, severity = :severity, changed_at = :changed_at,
    due_at = :due_at, look_at = :look_at, last_seen = :last_seen, count = count + 1, outcome = '',
    why = :why, signal = :signal, facts = :facts, touched = touched + 1, owner = ''
WHERE id = :id AND state = 'closed'
"""

_ABSORB = """
UPDATE incidents SET count = count + 1, last_seen = :at, signal = :signal, severity = :severity,
    touched = touched + 1
WHERE id = :id
"""

_BELONGS = """
INSERT INTO incident_signals (incident, sender, key, status) VALUES (?, ?, ?, ?)
ON CONFLICT (incident, sender, key) DO UPDATE SET status = excluded.status
"""

_SAYS = """
UPDATE incident_signals SET status = :status WHERE sender = :sender AND key = :key
    AND EXISTS (SELECT 1 FROM incidents WHERE id = incident AND state != 'closed')
RETURNING incident
"""

_SEEN = """
UPDATE incidents SET last_seen = max(last_seen, :at) WHERE state != 'closed' AND id IN
    (SELECT incident FROM incident_signals WHERE sender = :sender AND key = :key)
"""

_LAST_OF = """
SELECT max(sequence), state, outcome, changed_at FROM incidents
JOIN incident_signals s ON s.incident = incidents.id WHERE s.sender = :sender AND s.key = :key
"""

# One that is open is the newest of its key: there is no other as long as it is.
_NEWEST = """
SELECT * FROM incidents WHERE responder = ? AND key = ? ORDER BY sequence DESC LIMIT 1
"""

_LATELY = "SELECT * FROM repairs WHERE ended_at IS NULL OR ended_at > ?"


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
        self, database: sqlite3.Connection, new: Sequence[Kept], known: Sequence[Signal]
    ) -> None:
        """Say what becomes of incidents: once for each new delivery."""
        work = _Work(database, self._responders, self._bounds, self._language)
        for signal in known:
            with _said_if_damaged():
                work.known(signal)
        for signal, text in new:
            with _said_if_damaged():
                work.new(signal, text)
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
        self._recurs_seconds = {one.name: one.recurs_seconds for one in responders}
        self.full = False
        self.failed: list[str] = []

    def known(self, signal: Signal) -> None:
        """A delivery that was there before: nothing, but for what it would hide for good."""
        self._seen(signal)
        if signal.status is not Status.FIRING:
            return
        which = {"sender": signal.sender, "key": signal.key}
        row = self._database.execute(_LAST_OF, which).fetchone()
        if row["state"] is None and not self._is_room():
            self.full = True  # which incident it belongs to is asked again when it is repeated
        elif row["state"] is None or _is_back(row, signal.received_at):
            self.new(signal, signal_text(signal))

    def new(self, signal: Signal, text: str) -> None:
        """A new delivery, which was kept as that text."""
        if signal.status is Status.RESOLVED:
            self._over(signal)
            return
        fit = self._responders.fit(signal)
        self.failed += fit.failed
        if fit.responder is None:
            self._still(signal)
        else:
            self._take(signal, text, fit.responder, fit.key)

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

    def _take(self, signal: Signal, text: str, responder: Responder, key: str) -> None:
        row = self._database.execute(_NEWEST, (responder.name, key)).fetchone()
        if row is None or (row["state"] == State.CLOSED and not _recurs(row, responder, signal)):
            incident = self._open(signal, text, responder, key)
        elif row["state"] == State.CLOSED:
            incident = self._reopen(incident_of(row), signal, text, responder)
        else:
            incident = self._absorb(row, signal, text, responder)
        if incident:
            belongs = (incident, signal.sender, signal.key, signal.status)
            self._database.execute(_BELONGS, belongs)

    def _absorb(self, row: Any, signal: Signal, text: str, responder: Responder) -> str:
        worse = _WORSE[signal.severity] > _WORSE.get(row["severity"], -1)
        at = signal.received_at
        values = {
            "id": row["id"],
            "at": text_of(at),
            "signal": text,
            "severity": signal.severity if worse else row["severity"],
        }
        self._database.execute(_ABSORB, values)
        if worse:
            incident = incident_of(row)
            why = words.ABSORBED(signal.sender, str(signal.severity))
            self._note(incident, incident.state, why, at)
            announce(self._database, responder, incident.state, incident, at)
        return row["id"]

    def _open(self, signal: Signal, text: str, responder: Responder, key: str) -> str:
        """Its handle, or an empty one where there is no room."""
        if not self._is_room():
            self.full = True
            return ""
        self._room -= 1
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
        self._database.execute(_ADD, columns_of(incident, text))
        why = say(words.OPENED(responder.name, signal.kind or key), self._language)
        self._database.execute(_OPENED, (incident.id, text_of(at), OPSMCP, why))
        return incident.id

    def _reopen(self, incident: Incident, signal: Signal, text: str, responder: Responder) -> str:
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
        self._database.execute(_AGAIN, columns_of(again, text))
        self._database.execute(
            "UPDATE repairs SET helped = 0 WHERE incident = ? AND attempt = ?",
            (incident.id, incident.attempt),
        )
        self._note(again, State.CLOSED, words.RECURRED(f"{seconds} s"), at)
        return incident.id

    def _chain(self, signal: Signal) -> tuple[str, ...]:
        """The incidents whose runs may have caused this one."""
        at, recurs = signal.received_at, self._recurs_seconds
        if self._repairs is None:
            longest = timedelta(seconds=max(LEAST_RECURS_SECONDS, *recurs.values()))
            rows = self._database.execute(_LATELY, (text_of(at - longest),)).fetchall()
            self._repairs = tuple(_readable(rows))
        if not self._repairs:
            return signal.chain
        found = may_have_caused(self._repairs, places_of(signal), recurs, at)
        return tuple(dict.fromkeys((*signal.chain, *(found.chain if found else ()))))

    def _is_room(self) -> bool:
        """Whether there may be one more open incident."""
        return self._room > 0

    @cached_property
    def _room(self) -> int:
        """How many more there may be."""
        query = "SELECT count(*) FROM incidents WHERE state != 'closed'"
        there: int = self._database.execute(query).fetchone()[0]
        return self._bounds.open_incidents - there

    def _note(self, incident: Incident, before: State, why: Said, at: datetime) -> None:
        text = say(why, self._language)
        note(self._database, incident.id, before, incident.state, by=OPSMCP, why=text, at=at)


@contextmanager
def _said_if_damaged() -> Generator[None]:
    """What is damaged costs only what is about it: its signal is kept, and the others go on."""
    try:
        yield
    except JournalUnusable as error:
        logger.error("a signal is kept and nothing follows from it: %s", error)  # noqa: TRY400


def _readable(rows: Iterable[Any]) -> Iterator[Repair]:
    """Without those that are damaged: nothing starts while there are any, and people are told."""
    for row in rows:
        with suppress(JournalUnusable):
            yield repair_of(row)


def _is_back(row: Any, at: datetime) -> bool:
    """Whether what was over is there again, by a delivery that is repeated."""
    ended = row["state"] == State.CLOSED and row["outcome"] in _TOO_EARLY
    return ended and row["changed_at"] < text_of(at - _RECURRENCE)


def _recurs(row: Any, responder: Responder, signal: Signal) -> bool:
    within = timedelta(seconds=responder.recurs_seconds)
    since = text_of(signal.received_at - within)
    return row["outcome"] == Outcome.RECOVERED and row["changed_at"] >= since
