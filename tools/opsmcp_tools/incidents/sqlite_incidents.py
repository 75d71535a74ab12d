"""Incidents in the file of signals and incidents: leased by whoever works on them, written once.

Several processes may work on one file. Whoever takes an incident gets a new epoch, and every later
write asks for it: who was stopped and comes back after another took over changes nothing.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opsmcp_tools.incidents.announcement import announce
from opsmcp_tools.incidents.brakes import (
    EVERYBODY,
    KEEP,
    Obstacles,
    Pause,
    Repair,
    obstacle_to_start,
)
from opsmcp_tools.incidents.incident import Incident, State
from opsmcp_tools.incidents.incident_rows import (
    facts_text,
    incident_of,
    pause_of,
    repair_of,
    state_columns,
)
from opsmcp_tools.incidents.machine import Change
from opsmcp_tools.incidents.responder import Bounds, Quiet, Responder
from opsmcp_tools.incidents.sqlite_file import IncidentFile
from opsmcp_tools.journal.rows import text_of
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.phrases.phrase import Said

__all__ = ["NotFiring", "SqliteIncidents", "note", "read_repairs"]

logger = logging.getLogger(__name__)

_LEASE = timedelta(seconds=4)
_DAMAGED_LOOK = timedelta(hours=1)
"""When to look again at one that is damaged: somebody may have mended it."""

_KEEP = timedelta(days=90)
_FIRING = """
EXISTS (SELECT 1 FROM incident_signals s WHERE s.incident = incidents.id AND s.status != 'resolved')
AS firing
"""

# No lease is longer than the longest, but that of a clock that was ahead.
_TO_LOOK_AT = """
state != 'closed' AND look_at <= :now
AND (owner = '' OR lease_until < :now OR lease_until > :until)
"""

_CLAIM = f"""
UPDATE incidents SET owner = :me, epoch = epoch + 1, lease_until = :until
WHERE sequence IN (
    SELECT sequence FROM incidents WHERE {_TO_LOOK_AT} ORDER BY look_at LIMIT :limit)
RETURNING sequence
"""  # noqa: S608 - constants of this module

# Not with RETURNING: SQLite reads all rows of incident_signals for each there.
_CLAIMED = f"SELECT *, {_FIRING} FROM incidents WHERE sequence = ?"  # noqa: S608 - constants

_MINE = "id = :id AND owner = :owner AND epoch = :epoch"

_CHANGE = f"""
UPDATE incidents SET state = :state, changed_at = :changed_at, due_at = :due_at,
    look_at = CASE WHEN touched = :touched THEN :look_at ELSE :changed_at END,
    outcome = :outcome, why = :why, facts = :facts,
    owner = CASE WHEN :let_go THEN '' ELSE owner END
WHERE {_MINE}
"""  # noqa: S608 - constants of this module

_LATER = f"""
UPDATE incidents SET facts = :facts, owner = '',
    look_at = CASE WHEN touched = :touched THEN :look_at ELSE :now END
WHERE {_MINE}
"""  # noqa: S608 - constants of this module

_NOTE = """
INSERT INTO incident_log (incident, number, at, before, after, by, why)
SELECT :id, 1 + coalesce(max(number), 0), :at, :before, :after, :by, :why
FROM incident_log WHERE incident = :id
"""

# The oldest stand first; who looks for more of them reads all that there are at every end.
_DROP = """
DELETE FROM incidents WHERE sequence IN (SELECT sequence FROM incidents ORDER BY sequence LIMIT 200)
    AND state = 'closed' AND changed_at < :before
"""

_FIND = f"SELECT *, {_FIRING} FROM incidents WHERE id = ?"  # noqa: S608 - constants of this module

_LIST = f"""
SELECT *, {_FIRING} FROM incidents
WHERE (:state = '' OR state = :state OR (:state = 'open' AND state != 'closed'))
    AND (:responder = '' OR responder = :responder) AND last_seen >= :since
    AND (:before = 0 OR sequence < :before)
ORDER BY sequence DESC LIMIT :limit
"""  # noqa: S608 - constants of this module

_BEGIN = """
INSERT INTO repairs (incident, attempt, responder, key, places, chain, began_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_UNDER_WAY = frozenset({State.STARTING, State.RUNNING})


class NotFiring(Exception):
    """The incident is over, or has gone on to something else: nothing of it may be started."""


class SqliteIncidents:
    """The incidents of one file. May be used from several threads and processes."""

    def __init__(self, file: IncidentFile, owner: str) -> None:
        """Use an open file; `owner` is a name that no other process has."""
        self._file = file
        self._owner = owner

    # Work

    def is_any_waiting(self, now: datetime) -> bool:
        """Whether there are incidents that are to be looked at, and that nobody works on."""
        query = f"SELECT 1 FROM incidents WHERE {_TO_LOOK_AT} LIMIT 1"  # noqa: S608 - constants
        with self._file.reading() as database:
            return database.execute(query, _span(now)).fetchone() is not None

    def claim(self, now: datetime, limit: int = 20) -> tuple[Incident, ...]:
        """Take some of them."""
        values = {**_span(now), "me": self._owner, "limit": limit}
        with self._file.writing() as database:
            claimed = database.execute(_CLAIM, values).fetchall()
            rows = [database.execute(_CLAIMED, tuple(row)).fetchone() for row in claimed]
            taken = dict(_whole(rows))
            damaged = (row["sequence"] for row in rows if row["sequence"] not in taken)
            later = text_of(now + _DAMAGED_LOOK)
            query = "UPDATE incidents SET look_at = ? WHERE sequence = ?"
            database.executemany(query, [(later, sequence) for sequence in damaged])
        return tuple(taken.values())

    def look_at_all(self, now: datetime) -> None:
        """Let all of them be looked at now: nobody knows what was due when."""
        query = "UPDATE incidents SET look_at = :now WHERE state != 'closed' AND look_at > :now"
        with self._file.writing() as database:
            database.execute(query, {"now": text_of(now)})

    def renew(self, incident: Incident, now: datetime) -> bool:
        """Keep it for longer; False when another process has it."""
        query = f"UPDATE incidents SET lease_until = :until WHERE {_MINE}"  # noqa: S608
        with self._file.writing() as database:
            values = {**_mine(incident), "until": text_of(now + _LEASE)}
            return database.execute(query, values).rowcount == 1

    def change(
        self,
        incident: Incident,
        change: Change,
        why: str,
        now: datetime,
        by: str,
        responder: Responder | None = None,
    ) -> Incident | None:
        """Make of it what has become of it, with a row of its timeline; None if it is another's.

        Whom its responder has told of that is written down, too. One that there is nothing to do
        about for a while is let go of, until then or until something comes in.
        """
        after = replace(
            incident,
            state=change.after,
            changed_at=now,
            due_at=now + timedelta(seconds=change.due_seconds),
            look_at=now + timedelta(seconds=change.look_seconds),
            outcome=change.outcome,
            why=why,
            escalated=incident.escalated or change.escalated,
            **change.fields,
        )
        if after.run and after.run not in after.runs:
            after = replace(after, runs=(*after.runs, after.run))
        with self._file.writing() as database:
            values = {**state_columns(after), **_mine(incident), "let_go": not change.goes_on}
            if database.execute(_CHANGE, values).rowcount != 1:
                return None
            note(database, incident.id, incident.state, after.state, by=by, why=why, at=now)
            announce(database, responder, incident.state, after, now, escalated=change.escalated)
            _account(database, incident, change, now)
            if after.state is State.CLOSED:
                database.execute(_DROP, {"before": text_of(now - _KEEP)})
                database.execute(
                    "DELETE FROM repairs WHERE began_at < ? AND ended_at IS NOT NULL",
                    (text_of(now - KEEP),),
                )
        return after

    def look_later(self, incident: Incident, at: datetime, now: datetime) -> bool:
        """Let go of it until then, or until something comes in; False when it is another's."""
        values = {**_mine(incident), "now": text_of(now), "look_at": text_of(at)}
        values["facts"] = facts_text(incident)
        with self._file.writing() as database:
            return database.execute(_LATER, values).rowcount == 1

    def begin_run(
        self,
        incident: str,
        attempt: int,
        responder: Responder,
        places: Sequence[str],
        settings: tuple[Sequence[Quiet], Bounds],
        now: datetime,
    ) -> Said | None:
        """Note that its run is about to be started, if nothing keeps it from that: that, or None.

        Asked again for the same attempt it is noted already.

        Raises:
            NotFiring: It must not be started.
        """
        with self._file.writing() as database:
            found = _found(database, incident)
            waits = found is not None and found.state in (State.WAITING, State.STARTING)
            if found is None or not waits or not found.firing or found.attempt != attempt:
                raise NotFiring
            there = _obstacles(database, settings, now)
            if any(_is_of(one, incident, attempt) for one in there.repairs):
                return None
            obstacle = obstacle_to_start(found, responder, places, there, now)
            if obstacle is None:
                chain = (*found.chain, found.id)
                values = (incident, attempt, found.responder, found.key, json.dumps(list(places)))
                database.execute(_BEGIN, (*values, json.dumps(chain), text_of(now)))
            return obstacle

    def obstacles(self, settings: tuple[Sequence[Quiet], Bounds], now: datetime) -> Obstacles:
        """What there is that may keep something from being done now."""
        with self._file.reading() as database:
            return _obstacles(database, settings, now)

    # Looking

    def get(self, incident: str) -> Incident | None:
        """One incident with its timeline."""
        query = "SELECT * FROM incident_log WHERE incident = ? ORDER BY number"
        with self._file.reading() as database:
            return _found(database, incident, database.execute(query, (incident,)))

    def list(
        self,
        *,
        state: str = "",
        responder: str = "",
        since: datetime | None = None,
        limit: int = 50,
        before: int = 0,
    ) -> tuple[tuple[int, Incident], ...]:
        """The newest with their numbers, without timelines; `open` are all that are not closed."""
        values = {"state": state, "responder": responder, "limit": limit, "before": before}
        values["since"] = text_of(since) if since else ""
        with self._file.reading() as database:
            return tuple(_whole(database.execute(_LIST, values)))

    def open_by_state(self) -> Mapping[str, int]:
        """How many there are that are not closed, by state."""
        query = "SELECT state, count(*) FROM incidents WHERE state != 'closed' GROUP BY state"
        with self._file.reading() as database:
            found = database.execute(query).fetchall()
        return dict(found)

    # Pauses

    def pauses(self) -> Mapping[str, Pause]:
        """Who was paused or resumed last, by the name of the responder or `*`."""
        with self._file.reading() as database:
            return _pauses(database)

    def pause(self, pause: Pause) -> None:
        """Pause or resume a responder, or all; those that are held are looked at again at once."""
        query = "INSERT OR REPLACE INTO pauses (responder, by, at, paused) VALUES (?, ?, ?, ?)"
        with self._file.writing() as database:
            if pause.responder == EVERYBODY and not pause.paused:
                database.execute("DELETE FROM pauses WHERE paused")
            at = text_of(pause.at)
            database.execute(query, (pause.responder, pause.by, at, pause.paused))
            database.execute(
                "UPDATE incidents SET look_at = :at, touched = touched + 1"
                " WHERE state IN ('held', 'deciding') AND :responder IN (:everybody, responder)",
                {"at": at, "responder": pause.responder, "everybody": EVERYBODY},
            )


def _span(now: datetime) -> dict[str, str]:
    return {"now": text_of(now), "until": text_of(now + _LEASE)}


def _mine(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "owner": incident.owner,
        "epoch": incident.epoch,
        "touched": incident.touched,
    }


def _found(database: sqlite3.Connection, incident: str, log: Iterable[Any] = ()) -> Incident | None:
    row = database.execute(_FIND, (incident,)).fetchone()
    return incident_of(row, firing=bool(row["firing"]), log=log) if row else None


def _whole(rows: Iterable[Any]) -> Iterator[tuple[int, Incident]]:
    """Those that can be read, with their numbers: one that is damaged holds no other up."""
    for row in rows:
        try:
            yield row["sequence"], incident_of(row, firing=bool(row["firing"]))
        except JournalUnusable as error:
            logger.error("%s", error)  # noqa: TRY400 - which one it is says it all


def note(
    database: sqlite3.Connection,
    incident: str,
    before: State | None,
    after: State,
    *,
    by: str,
    why: str,
    at: datetime,
) -> None:
    """Add a row to the timeline of an incident."""
    values = {"id": incident, "before": before or "", "after": after, "at": text_of(at)}
    database.execute(_NOTE, {**values, "by": by, "why": why})


def _account(database: sqlite3.Connection, before: Incident, change: Change, now: datetime) -> None:
    """Keep what became of the run of an incident: that it ended, and whether it helped."""
    which = (before.id, before.attempt)
    if change.after not in _UNDER_WAY:
        if not before.run:
            database.execute("DELETE FROM repairs WHERE incident = ? AND attempt = ?", which)
        database.execute(
            "UPDATE repairs SET ended_at = ? WHERE incident = ? AND attempt = ?"
            " AND ended_at IS NULL",
            (text_of(now), *which),
        )
    if change.helped is not None:
        database.execute(
            "UPDATE repairs SET helped = ? WHERE incident = ? AND attempt = ?",
            (change.helped, *which),
        )


def _is_of(repair: Repair, incident: str, attempt: int) -> bool:
    return repair.incident == incident and repair.attempt == attempt


def read_repairs(database: sqlite3.Connection, now: datetime) -> tuple[Repair, ...]:
    """The runs that incidents began in the last days, the oldest first."""
    query = "SELECT * FROM repairs WHERE began_at > ? OR ended_at IS NULL ORDER BY began_at"
    return tuple(map(repair_of, database.execute(query, (text_of(now - KEEP),))))


def _pauses(database: sqlite3.Connection) -> Mapping[str, Pause]:
    return {row["responder"]: pause_of(row) for row in database.execute("SELECT * FROM pauses")}


def _obstacles(
    database: sqlite3.Connection, settings: tuple[Sequence[Quiet], Bounds], now: datetime
) -> Obstacles:
    quiet, bounds = settings
    return Obstacles(read_repairs(database, now), _pauses(database), quiet, bounds)
