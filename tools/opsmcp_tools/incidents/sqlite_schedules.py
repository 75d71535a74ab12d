"""Moments of schedules in the file of signals and incidents: each begun once, by one process.

A moment is a row that can be written once, in the transaction that says when the next one is due.
Whoever begins it has it leased; who was stopped and comes back after another took over changes
nothing.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opsmcp_tools.incidents.brakes import EVERYBODY
from opsmcp_tools.incidents.schedule import ON_TIME, Fire, FireState, Schedule
from opsmcp_tools.incidents.sqlite_file import IncidentFile
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["SqliteSchedules"]

logger = logging.getLogger(__name__)

_LEASE = timedelta(seconds=4)
_KEEP = timedelta(days=90)

_ENTER = """
INSERT INTO schedules (name, moments, next_due) VALUES (:name, :moments, :next_due)
ON CONFLICT (name) DO UPDATE SET moments = excluded.moments, next_due = excluded.next_due
    WHERE moments != excluded.moments OR next_due > excluded.next_due
"""

_ADD = """
INSERT INTO fires (schedule, due_at, state, began_at, ended_at, why, owner, epoch, lease_until)
VALUES (:schedule, :due_at, :state, :began_at, :ended_at, :why, :owner, :epoch, :lease_until)
ON CONFLICT (schedule, due_at) DO NOTHING
"""

_TAKE_OVER = """
UPDATE fires SET owner = :owner, epoch = epoch + 1, lease_until = :lease_until
WHERE schedule = :schedule AND due_at = :due_at RETURNING *
"""

_WAITING = """
SELECT name, next_due AS since FROM schedules WHERE next_due <= :now
UNION ALL SELECT schedule, '' FROM fires WHERE state = 'begun' AND lease_until < :now
"""

_LAST = "SELECT * FROM fires WHERE schedule = ? ORDER BY due_at DESC LIMIT ?"
_MINE = "schedule = :schedule AND due_at = :due_at AND owner = :owner AND epoch = :epoch"


class SqliteSchedules:
    """The moments of one file. May be used from several threads and processes."""

    def __init__(self, file: IncidentFile, owner: str = "") -> None:
        """Use an open file; `owner` is a name that no other process has."""
        self._file = file
        self._owner = owner

    # Beginning

    def enter(self, schedules: Sequence[Schedule], now: datetime) -> None:
        """Know these schedules, as they are due from now on.

        What is due of one that is known stays, so that what was missed is found. One whose moments
        were changed, or whose next one is later than it can be by this clock, begins anew.
        """
        with self._file.writing() as database:
            for one in schedules:
                following = one.moments.next_after(now - one.jitter)
                if following is not None:
                    values = {"name": one.name, "moments": str(one.moments)}
                    database.execute(_ENTER, {**values, "next_due": text_of(following)})

    def take(self, schedules: Sequence[Schedule], now: datetime) -> tuple[Fire, ...]:
        """Begin what is due, and take over what a process that is gone had begun."""
        with self._file.reading() as database:
            since = _waiting_since(database, now)
        due = [
            one
            for one in schedules
            if one.name in since and since[one.name] <= text_of(now - one.jitter)
        ]
        if not due:
            return ()
        with self._file.writing() as database:
            taken = (self._take_readable(database, one, now) for one in due)
            return tuple(fire for fire in taken if fire is not None)

    def _take_readable(
        self, database: sqlite3.Connection, one: Schedule, now: datetime
    ) -> Fire | None:
        """None also where what is kept of it is damaged: that holds no other schedule up."""
        try:
            return self._take(database, one, now)
        except (JournalUnusable, ValueError) as error:
            logger.error("schedule %s begins nothing: %s", one.name, error)  # noqa: TRY400
            return None

    def _take(self, database: sqlite3.Connection, one: Schedule, now: datetime) -> Fire | None:
        if _is_paused(database, one):
            return None
        begun = database.execute(
            "SELECT * FROM fires WHERE schedule = ? AND state = 'begun'", (one.name,)
        ).fetchone()
        if begun is not None and begun["lease_until"] < text_of(now):
            return self._take_over(database, begun, now)
        newest = _advance(database, one, now)
        if newest is None:
            return None
        return self._begin(database, _new(one, newest, now, goes_on=begun is not None))

    def _begin(self, database: sqlite3.Connection, fire: Fire) -> Fire | None:
        """None when there is nothing to do about it, or somebody did before."""
        begins = fire.state is FireState.BEGUN
        values: dict[str, Any] = {
            **_key(fire),
            "state": fire.state,
            "began_at": text_of(fire.began_at),
            "ended_at": "" if begins else text_of(fire.began_at),
            "why": fire.why,
            "owner": self._owner,
            "epoch": 1,
            "lease_until": text_of(fire.began_at + _LEASE),
        }
        is_new = database.execute(_ADD, values).rowcount == 1
        return replace(fire, owner=self._owner, epoch=1) if is_new and begins else None

    def _take_over(self, database: sqlite3.Connection, row: Any, now: datetime) -> Fire:
        values = {**_key(_fire_of(row)), "owner": self._owner, "lease_until": text_of(now + _LEASE)}
        return _fire_of(database.execute(_TAKE_OVER, values).fetchone())

    # Working on one that was begun

    def renew(self, fire: Fire, now: datetime) -> bool:
        """Keep it for longer; False when another process has it."""
        with self._file.writing() as database:
            return _set(database, fire, "lease_until = :until", until=text_of(now + _LEASE))

    def runs(self, fire: Fire, run: str) -> bool:
        """Keep which run it became; likewise."""
        with self._file.writing() as database:
            return _set(database, fire, "run = :run", run=run)

    def end(self, fire: Fire) -> bool:
        """Keep how it ended; likewise. What is old goes."""
        ended = fire.ended_at or fire.began_at
        with self._file.writing() as database:
            changed = _set(
                database,
                fire,
                "state = :state, ended_at = :ended_at, verdict = :verdict, status = :status,"
                " why = :why",
                state=fire.state,
                ended_at=text_of(ended),
                verdict=fire.verdict,
                status=fire.status,
                why=fire.why,
            )
            query = "DELETE FROM fires WHERE due_at < ? AND state != 'begun'"
            database.execute(query, (text_of(ended - _KEEP),))
        return changed

    # Looking

    def last(self, schedule: str, limit: int = 1) -> tuple[Fire, ...]:
        """The newest moments that something became of, the newest first."""
        with self._file.reading() as database:
            return tuple(map(_fire_of, database.execute(_LAST, (schedule, limit))))

    def due(self) -> Mapping[str, datetime]:
        """When each schedule that is known is due next, without its jitter."""
        with self._file.reading() as database:
            rows = database.execute("SELECT name, next_due FROM schedules").fetchall()
        return {row["name"]: timestamp_of(row["next_due"]) for row in rows}


def _set(database: sqlite3.Connection, fire: Fire, change: str, **values: str) -> bool:
    """Change the row of one that was begun; False when another process has it."""
    query = f"UPDATE fires SET {change} WHERE {_MINE}"  # noqa: S608 - texts of this module
    mine = {**_key(fire), "owner": fire.owner, "epoch": fire.epoch}
    return database.execute(query, {**mine, **values}).rowcount == 1


def _waiting_since(database: sqlite3.Connection, now: datetime) -> Mapping[str, str]:
    """Since when each schedule has something to do; of what somebody left, since ever."""
    rows = database.execute(_WAITING, {"now": text_of(now)})
    return {row["name"]: row["since"] for row in rows}


def _is_paused(database: sqlite3.Connection, schedule: Schedule) -> bool:
    query = "SELECT 1 FROM pauses WHERE paused AND responder IN (?, ?)"
    return database.execute(query, (EVERYBODY, schedule.sender)).fetchone() is not None


def _advance(database: sqlite3.Connection, one: Schedule, now: datetime) -> datetime | None:
    """The newest moment that is due, once: the next one is kept. None if none is."""
    row = database.execute("SELECT * FROM schedules WHERE name = ?", (one.name,)).fetchone()
    if row is None or row["moments"] != str(one.moments):
        return None  # A process with other settings came later, and those count.
    newest = one.moments.newest(timestamp_of(row["next_due"]), now - one.jitter)
    following = one.moments.next_after(newest) if newest is not None else None
    if following is not None:
        query = "UPDATE schedules SET next_due = ? WHERE name = ?"
        database.execute(query, (text_of(following), one.name))
    return newest


def _new(one: Schedule, due_at: datetime, now: datetime, *, goes_on: bool) -> Fire:
    """What becomes of a moment that is due."""
    if goes_on:
        why = "the last run went on"
        return Fire(one.name, due_at, FireState.SKIPPED, now, why=why)
    if not one.catches_up and now - one.jitter - due_at > ON_TIME:
        why = "nobody was there to begin it, and catch_up is none"
        return Fire(one.name, due_at, FireState.MISSED, now, why=why)
    return Fire(one.name, due_at, FireState.BEGUN, now)


def _key(fire: Fire) -> dict[str, Any]:
    return {"schedule": fire.schedule, "due_at": text_of(fire.due_at)}


def _fire_of(row: Any) -> Fire:
    try:
        return Fire(
            schedule=row["schedule"],
            due_at=timestamp_of(row["due_at"]),
            state=FireState(row["state"]),
            began_at=timestamp_of(row["began_at"]),
            ended_at=timestamp_of(row["ended_at"]) if row["ended_at"] else None,
            run=row["run"],
            verdict=row["verdict"],
            status=row["status"],
            why=row["why"],
            owner=row["owner"],
            epoch=row["epoch"],
        )
    except ValueError as error:
        raise JournalUnusable("the record of schedules holds a damaged one") from error
