"""Signals in the file of signals and incidents: each delivery once, and what follows from it.

A signal and what it does to incidents are one transaction, or one would be counted and the other
lost. What a signal said is kept for days, that it was there for weeks: senders repeat.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsmcp_tools.incidents.signal import Signal, Status
from opsmcp_tools.incidents.signal_text import signal_from, signal_text
from opsmcp_tools.incidents.sqlite_file import SHORT_PATIENCE_SECONDS, IncidentFile
from opsmcp_tools.incidents.store import Bounds, Position, Recorded, Refusals, SenderActivity
from opsmcp_tools.journal.retention import shrink
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["Correlate", "Kept", "SqliteSignals"]

Kept = tuple[Signal, str]
"""A signal that was kept, and the text that it was kept as."""

Correlate = Callable[[sqlite3.Connection, Sequence[Kept], Sequence[Signal]], None]
"""Given the transaction, the new signals and the known ones; says what becomes of incidents."""

_ADD = """
INSERT INTO signals (sender, delivery_id, key, status, received_at, seen_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (sender, delivery_id) DO NOTHING
"""

_SEEN = """
UPDATE signals SET seen_at = max(seen_at, ?) WHERE sender = ? AND delivery_id = ?
"""

_IDENTITY = ("sender", "delivery_id", "key", "status", "received_at")

_FIND = """
SELECT sender, delivery_id, key, status, received_at, body
FROM signals JOIN signal_bodies USING (sequence)
WHERE (:sender = '' OR sender = :sender) AND received_at >= :since
ORDER BY sequence DESC LIMIT :limit
"""

# A little at a time: no delivery waits for much of it, and each makes more room than it takes.
_DROP_BODIES = """
DELETE FROM signal_bodies WHERE sequence IN
    (SELECT sequence FROM signals JOIN signal_bodies USING (sequence)
     WHERE received_at < :whole AND sequence <= :newest ORDER BY received_at LIMIT :some)
"""

_DROP_IDS = """
DELETE FROM signals WHERE sequence IN
    (SELECT sequence FROM signals WHERE seen_at < :ids AND sequence <= :newest
     ORDER BY seen_at LIMIT :some)
"""

_DROP_OLDEST_BODIES = """
DELETE FROM signal_bodies WHERE sequence IN
    (SELECT sequence FROM signal_bodies ORDER BY sequence LIMIT 20)
"""

_DROP_OLDEST_INCIDENTS = """
DELETE FROM incidents WHERE sequence IN
    (SELECT sequence FROM incidents WHERE state = 'closed' ORDER BY sequence LIMIT 20)
"""

_DROP_OLDEST_IDS = """
DELETE FROM signals WHERE sequence IN (SELECT sequence FROM signals ORDER BY sequence LIMIT 20)
"""

_LEAST_DROPPED = 100

_REFUSED = """
INSERT INTO refusals (sender, reason, count, last_at) VALUES (?, ?, ?, ?)
ON CONFLICT (sender, reason) DO UPDATE SET
    count = count + excluded.count, last_at = max(last_at, excluded.last_at)
"""


_READ_UP_TO = """
INSERT INTO feeds (sender, subject, position) VALUES (?, ?, ?)
ON CONFLICT (sender, subject) DO UPDATE SET position = max(position, excluded.position)
"""

_LAST_SAID = """
SELECT status FROM signals WHERE sender = :sender AND key = :key ORDER BY sequence DESC LIMIT 1
"""

_FIRES_IN_INCIDENT = """
SELECT 1 FROM incident_signals WHERE sender = :sender AND key = :key AND status = 'firing' LIMIT 1
"""


class SqliteSignals:
    """A SignalStore in the file of signals and incidents. May be used from several threads."""

    def __init__(
        self, file: IncidentFile, correlate: Correlate | None = None, bounds: Bounds | None = None
    ) -> None:
        """Use an open file; without `correlate`, signals are kept and nothing follows from them."""
        self._file = file
        self._correlate = correlate
        self._bounds = bounds or Bounds()

    def record(self, signals: Sequence[Signal]) -> Recorded:
        """Keep signals and what follows from them, in one transaction."""
        with self._file.writing(SHORT_PATIENCE_SECONDS) as database:
            new, known = _added(database, signals)
            self._follow(database, new, known)
        return _recorded(new, known)

    def record_read(self, signals: Sequence[Signal], upto: Position) -> Recorded:
        """Keep what was read of a stream and how far it was read, in one transaction."""
        with self._file.writing(SHORT_PATIENCE_SECONDS) as database:
            new, known = _added(database, signals, lambda one: _is_news(database, one))
            # One that is known was read twice, and is no news of what goes on.
            self._follow(database, new, [one for one in known if one.status is Status.INFO])
            row = (upto.sender, upto.subject, text_of(upto.at))
            database.execute(_READ_UP_TO, row)
        return _recorded(new, known)

    def position(self, sender: str, subject: str) -> datetime | None:
        """How far a stream was read; None if it never was."""
        query = "SELECT position FROM feeds WHERE sender = ? AND subject = ?"
        with self._file.reading() as database:
            row = database.execute(query, (sender, subject)).fetchone()
        return timestamp_of(row["position"]) if row else None

    def _follow(
        self, database: sqlite3.Connection, new: Sequence[Kept], known: Sequence[Signal]
    ) -> None:
        if self._correlate is not None:
            self._correlate(database, new, known)
        if new:
            last, _ = new[-1]
            self._drop(database, last.received_at, 2 * len(new))

    def _drop(self, database: sqlite3.Connection, now: datetime, some: int) -> None:
        bounds = self._bounds
        last = database.execute("SELECT max(sequence) FROM signals").fetchone()[0]
        limits = {
            "whole": text_of(now - bounds.keep_whole),
            "ids": text_of(now - bounds.keep_ids),
            "newest": last - bounds.keep_newest,
            "some": max(some, _LEAST_DROPPED),
        }
        database.execute(_DROP_BODIES, limits)
        database.execute(_DROP_IDS, limits)
        shrink(database, bounds.all_bytes, _DROP_OLDEST_BODIES)
        shrink(database, bounds.all_bytes, _DROP_OLDEST_INCIDENTS)
        shrink(database, bounds.all_bytes, _DROP_OLDEST_IDS)

    def refused(self, counts: Mapping[tuple[str, str], int], at: datetime) -> None:
        """Add to what was refused, by sender and reason."""
        rows = ((*which, count, text_of(at)) for which, count in counts.items())
        with self._file.writing(SHORT_PATIENCE_SECONDS) as database:
            database.executemany(_REFUSED, rows)

    def signals(
        self, *, sender: str = "", since: datetime | None = None, limit: int = 50
    ) -> tuple[Signal, ...]:
        """The newest signals that are there as a whole, the newest first."""
        wanted = {"sender": sender, "since": text_of(since) if since else "", "limit": limit}
        with self._file.reading() as database:
            return tuple(_signals_of(database.execute(_FIND, wanted)))

    def activity(self) -> tuple[SenderActivity, ...]:
        """What came, by sender."""
        query = "SELECT sender, count(*), max(seen_at) FROM signals GROUP BY sender"
        with self._file.reading() as database:
            return tuple(
                SenderActivity(sender, count, timestamp_of(at))
                for sender, count, at in database.execute(query)
            )

    def refusals(self) -> tuple[Refusals, ...]:
        """What was refused, the newest first."""
        query = "SELECT sender, reason, count, last_at FROM refusals ORDER BY last_at DESC"
        with self._file.reading() as database:
            return tuple(
                Refusals(sender, reason, count, timestamp_of(at))
                for sender, reason, count, at in database.execute(query)
            )


def _added(
    database: sqlite3.Connection,
    signals: Iterable[Signal],
    counts: Callable[[Signal], bool] = lambda _: True,
) -> tuple[list[Kept], list[Signal]]:
    """Keep those that count: the ones whose delivery is new, and the ones that were known."""
    new, known = list[Kept](), list[Signal]()
    bodies = list[tuple[int | None, str]]()
    for signal in filter(counts, signals):
        at = text_of(signal.received_at)
        which = (signal.sender, signal.delivery_id)
        added = database.execute(_ADD, (*which, signal.key, signal.status, at, at))
        if added.rowcount == 1:
            text = signal_text(signal)
            new.append((signal, text))
            bodies.append((added.lastrowid, text))
        else:
            database.execute(_SEEN, (at, *which))
            known.append(signal)
    database.executemany("INSERT INTO signal_bodies (sequence, body) VALUES (?, ?)", bodies)
    return new, known


def _recorded(new: Iterable[Kept], known: Iterable[Signal]) -> Recorded:
    return Recorded(tuple(signal for signal, _ in new), tuple(known))


def _is_news(database: sqlite3.Connection, signal: Signal) -> bool:
    """That something is not wrong is kept only of what was."""
    return signal.status is not Status.RESOLVED or _is_firing(database, signal)


def _is_firing(database: sqlite3.Connection, signal: Signal) -> bool:
    """Whether it was last said of its key that something is wrong."""
    which = {"sender": signal.sender, "key": signal.key}
    said = database.execute(_LAST_SAID, which).fetchone()
    if said is not None and said["status"] == Status.FIRING:
        return True
    return database.execute(_FIRES_IN_INCIDENT, which).fetchone() is not None


def _signals_of(rows: Iterable[Any]) -> Iterable[Signal]:
    for row in rows:
        try:
            yield signal_from(row["body"], {name: row[name] for name in _IDENTITY})
        except (KeyError, TypeError, ValueError) as error:
            raise JournalUnusable("the record of signals holds a damaged one") from error
