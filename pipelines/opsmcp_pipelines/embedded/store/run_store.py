"""The runs of the embedded engine in SQLite: what they were, how they stand, what they printed.

Several opsmcp processes may share one file. A run belongs to the process that started it; when that
process is gone, a run that has not ended is an orphan. Values of variables are not stored.
Every method blocks: call it from a worker thread, one at a time.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opsmcp_pipelines.embedded.process_id import ProcessId
from opsmcp_pipelines.embedded.store.report_codec import dump_report, load_report
from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.run import RunReport
from opsmcp_pipelines.sqlite_bound import drop_outdated, shrink

__all__ = ["RunStore", "StoredRun"]

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    name TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    call_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    report TEXT NOT NULL,
    leader INTEGER NOT NULL DEFAULT 0,
    leader_started TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS runs_by_call ON runs (call_id);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (created_at);
"""
_FROM_VERSION_1 = """
ALTER TABLE runs ADD COLUMN leader INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN leader_started TEXT NOT NULL DEFAULT '';
"""
_BUSY_SECONDS = 5.0
_KEEP = timedelta(days=14)
_KEEP_RUNS = 10_000
_KEEP_BYTES = 256 * 1024 * 1024
_TRIM_EVERY = 200

# Whoever follows a run that has just ended may not have read its end yet.
_DROP_OLDEST = """
DELETE FROM runs WHERE name IN (SELECT name FROM runs WHERE ended ORDER BY ended LIMIT 20)
"""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it was stored; `orphaned` when it has not ended and its opsmcp is gone.

    `leader` is the process of the step that was at work then, if there was one.
    """

    name: str
    operation: str
    call_id: str
    report: RunReport
    orphaned: bool = False
    leader: ProcessId | None = None


class RunStore:
    """The file. Opened by `open`, closed by `close`."""

    def __init__(self, connection: sqlite3.Connection, keep_bytes: int) -> None:
        """Take over an open connection whose schema is good."""
        self._connection = connection
        self._keep_bytes = keep_bytes
        self._own = ProcessId.of(os.getpid())
        self._inserted = 0

    @classmethod
    def open(cls, path: Path, keep_bytes: int = _KEEP_BYTES) -> "RunStore":
        """Open or create the file, readable by its owner only; ended runs go when it is larger.

        Raises:
            sqlite3.Error: It is no database, or was written by a newer version.
            OSError: It cannot be created.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            _prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        store = cls(connection, keep_bytes)
        store._trim()
        return store

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def insert(self, name: str, operation: OperationKey, call_id: str, report: RunReport) -> None:
        """Keep a run that starts now, in this process."""
        created = (report.created_at or datetime.now(UTC)).isoformat()
        number, started = self._own.number, self._own.started
        with self._connection as connection:
            connection.execute(
                "INSERT INTO runs (name, operation, call_id, pid, pid_started, created_at, report)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, str(operation), call_id, number, started, created, dump_report(report)),
            )
            shrink(connection, self._keep_bytes, _DROP_OLDEST)
        self._inserted += 1
        if self._inserted % _TRIM_EVERY == 0:
            self._trim()

    def update(self, name: str, report: RunReport, leader: ProcessId | None = None) -> None:
        """Keep how a run stands, and the process of the step at work."""
        number, started = (leader.number, leader.started) if leader else (0, "")
        with self._connection as connection:
            connection.execute(
                "UPDATE runs SET report = ?, ended = ?, leader = ?, leader_started = ?"
                " WHERE name = ?",
                (dump_report(report), _ended(report), number, started, name),
            )

    def get(self, name: str) -> StoredRun | None:
        """The run of that name, or None."""
        query = (
            "SELECT operation, call_id, pid, pid_started, ended, report, leader, leader_started"
            " FROM runs WHERE name = ?"
        )
        with closing(self._connection.execute(query, (name,))) as cursor:
            row = cursor.fetchone()
        if row is None:
            return None
        operation, call_id, number, started, ended, report, leader, leader_started = row
        orphaned = not ended and not ProcessId(number, started).alive
        left = ProcessId(leader, leader_started) if leader else None
        return StoredRun(name, operation, call_id, load_report(report), orphaned, left)

    def find(self, call_id: str, operation: OperationKey) -> str | None:
        """The name of the newest run of a call, or None."""
        query = (
            "SELECT name FROM runs WHERE call_id = ? AND operation = ?"
            " ORDER BY created_at DESC LIMIT 1"
        )
        with closing(self._connection.execute(query, (call_id, str(operation)))) as cursor:
            row = cursor.fetchone()
        return None if row is None else str(row[0])

    def _trim(self) -> None:
        """Forget what is too old or too much, and never what goes on."""
        with self._connection as connection:
            drop_outdated(connection, _KEEP, "ended")
            connection.execute(
                "DELETE FROM runs WHERE ended AND rowid <= (SELECT max(rowid) FROM runs) - ?",
                (_KEEP_RUNS,),
            )


def _ended(report: RunReport) -> int:
    """When it ended, in seconds of the epoch; 0 while it goes on, 1 if nobody knows when."""
    if not report.status.ended:
        return 0
    return int(report.ended_at.timestamp()) if report.ended_at else 1


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        raise sqlite3.DatabaseError("written by a newer version")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_FROM_VERSION_1 if version == 1 else _SCHEMA)
    connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
