"""Signals in the file of signals and incidents: each delivery once, and what follows from it.

A signal and what it does to incidents are one transaction, or one would be counted and the other
lost. What a signal said is kept for days, that it was there for weeks: senders repeat.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from opsmcp_tools.incidents.signal import Severity, Signal, Status
from opsmcp_tools.incidents.sqlite_file import IncidentFile
from opsmcp_tools.incidents.store import Bounds, Position, Recorded, Refusals, SenderActivity
from opsmcp_tools.journal.retention import shrink
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["Correlate", "SqliteSignals", "body_of", "signal_of"]

Correlate = Callable[[sqlite3.Connection, Sequence[Signal], Sequence[Signal]], None]
"""Given the transaction, the new signals and the known ones; says what becomes of incidents."""

_PATIENCE_SECONDS = 3.0
"""Senders wait for an answer, some of them 5 seconds. Those that got none send again."""

_ADD = """
INSERT INTO signals (sender, delivery_id, key, status, received_at, seen_at)
VALUES (:sender, :delivery_id, :key, :status, :received_at, :received_at)
ON CONFLICT (sender, delivery_id) DO NOTHING
"""

_SEEN = """
UPDATE signals SET seen_at = max(seen_at, :received_at)
WHERE sender = :sender AND delivery_id = :delivery_id
"""

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
        """Keep all signals of one delivery in one transaction, and what follows from them."""
        with self._file.writing(_PATIENCE_SECONDS) as database:
            new, known = list[Signal](), list[Signal]()
            for signal in signals:
                (new if _is_new(database, signal) else known).append(signal)
            self._follow(database, new, known)
        return Recorded(tuple(new), tuple(known))

    def record_read(self, signals: Sequence[Signal], upto: Position) -> Recorded:
        """Keep what was read of a stream and how far it was read, in one transaction."""
        with self._file.writing(_PATIENCE_SECONDS) as database:
            new, known = list[Signal](), list[Signal]()
            for signal in signals:
                if signal.status is Status.RESOLVED and not _is_firing(database, signal):
                    continue
                (new if _is_new(database, signal) else known).append(signal)
            # One that is known was read twice, and is no news of what goes on.
            self._follow(database, new, [one for one in known if one.status is Status.INFO])
            row = (upto.sender, upto.subject, text_of(upto.at))
            database.execute(_READ_UP_TO, row)
        return Recorded(tuple(new), tuple(known))

    def position(self, sender: str, subject: str) -> datetime | None:
        """How far a stream was read; None if it never was."""
        query = "SELECT position FROM feeds WHERE sender = ? AND subject = ?"
        with self._file.reading() as database:
            row = database.execute(query, (sender, subject)).fetchone()
        return timestamp_of(row["position"]) if row else None

    def _follow(
        self, database: sqlite3.Connection, new: Sequence[Signal], known: Sequence[Signal]
    ) -> None:
        if self._correlate is not None:
            self._correlate(database, new, known)
        if new:
            self._drop(database, new[-1].received_at, 2 * len(new))

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
        shrink(database, bounds.all_bytes, _DROP_OLDEST_IDS)

    def refused(self, counts: Mapping[tuple[str, str], int], at: datetime) -> None:
        """Add to what was refused, by sender and reason."""
        rows = ((*which, count, text_of(at)) for which, count in counts.items())
        with self._file.writing(_PATIENCE_SECONDS) as database:
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


def _is_new(database: sqlite3.Connection, signal: Signal) -> bool:
    """Keep it; whether its delivery was not known."""
    row = {
        "sender": signal.sender,
        "delivery_id": signal.delivery_id,
        "key": signal.key,
        "status": signal.status,
        "received_at": text_of(signal.received_at),
    }
    added = database.execute(_ADD, row)
    if added.rowcount != 1:
        database.execute(_SEEN, row)
        return False
    body = (added.lastrowid, body_of(signal))
    database.execute("INSERT INTO signal_bodies (sequence, body) VALUES (?, ?)", body)
    return True


def _is_firing(database: sqlite3.Connection, signal: Signal) -> bool:
    """Whether it was last said of its key that something is wrong."""
    which = {"sender": signal.sender, "key": signal.key}
    said = database.execute(_LAST_SAID, which).fetchone()
    if said is not None and said["status"] == Status.FIRING:
        return True
    return database.execute(_FIRES_IN_INCIDENT, which).fetchone() is not None


def body_of(signal: Signal) -> str:
    """What a signal says, but for what identifies it."""
    body = {
        "severity": signal.severity,
        "kind": signal.kind,
        "at": text_of(signal.at),
        "labels": dict(signal.labels),
        "annotations": dict(signal.annotations),
        "data": dict(signal.data),
        "trusted": signal.trusted,
        "chain": signal.chain,
        "cut": signal.cut,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _signals_of(rows: Iterable[Any]) -> Iterable[Signal]:
    for row in rows:
        try:
            yield signal_of(row)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalUnusable("the record of signals holds a damaged one") from error


def signal_of(row: Any) -> Signal:
    """The signal of a row that has its `body`, and what identifies it."""
    body: dict[str, Any] = json.loads(row["body"])
    return Signal(
        sender=row["sender"],
        delivery_id=row["delivery_id"],
        key=row["key"],
        status=Status(row["status"]),
        severity=Severity(body["severity"]),
        kind=body["kind"],
        at=timestamp_of(body["at"]),
        received_at=timestamp_of(row["received_at"]),
        labels=MappingProxyType(body["labels"]),
        annotations=MappingProxyType(body["annotations"]),
        data=MappingProxyType(body["data"]),
        trusted=body["trusted"],
        chain=tuple(body["chain"]),
        cut=tuple(body["cut"]),
    )
