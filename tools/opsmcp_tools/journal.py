"""Journal: what was run, by whom, with what, and how it ended. Survives restarts.

One small interface, `Journal`, kept in SQLite here, so that a shared database can come later. It
knows neither sources nor verdicts; `execution` decides what is written when: the intent before a
start is sent, then the source's name of the run, then its end.

Several processes may share a journal. Who follows a run is recorded as its *owner*, and an owner is
alive as long as it holds the lock on its own file in `owners/`: the kernel lets go of it when the
process ends, however it ends, so that no clock and no process number has to be trusted.
"""

import json
import sqlite3
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.errors import JournalUnusable
from opsmcp_tools.ownership import Ownership
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.stored import pack_expected, pack_run, unpack_expected, unpack_run

__all__ = ["Journal", "Limits", "Query", "SqliteJournal", "open_journal"]

_VERSION = 1

_BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    tool TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    arguments TEXT NOT NULL,
    expected TEXT NOT NULL,
    source TEXT NOT NULL,
    source_run TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    result BLOB
);
CREATE INDEX runs_created ON runs (created_at);
CREATE INDEX runs_unfinished ON runs (source) WHERE ended_at IS NULL;
"""

_ADD = """
INSERT INTO runs (run, owner, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, verdict, reason)
VALUES (:run, :owner, :tool, :kind, :namespace, :name, :principal, :arguments, :expected, :source,
    :source_run, :created_at, :verdict, :reason)
"""

_FINISH = """
UPDATE runs SET source_run = :source_run, ended_at = :ended_at, verdict = :verdict,
    reason = :reason, result = :result
WHERE run = :run
"""

_LIST = """
SELECT sequence, run, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, ended_at, verdict, reason
FROM runs
WHERE (:principal IS NULL OR principal = :principal)
    AND (:operation IS NULL OR :operation IN (name, tool))
    AND (:verdict IS NULL OR verdict = :verdict)
    AND (:before IS NULL OR sequence < :before)
ORDER BY sequence DESC LIMIT :limit
"""

_UNFINISHED = """
SELECT * FROM runs
WHERE ended_at IS NULL AND source = :source AND (:run IS NULL OR run = :run)
ORDER BY sequence
"""

_USES = "SELECT tool, count(*) AS uses FROM runs GROUP BY tool"

_TAKE = "UPDATE runs SET owner = ? WHERE run = ? AND owner = ? AND ended_at IS NULL"

_PRUNE = """
DELETE FROM runs
WHERE ended_at IS NOT NULL
    AND (created_at < :oldest OR sequence <= (SELECT max(sequence) FROM runs) - :runs)
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a journal keeps. What is older or more goes when a run is added."""

    keep: timedelta = timedelta(days=14)
    runs: int = 5_000
    result_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Query:
    """Which runs to list; None means any. `operation` is the name of an operation or of a tool."""

    principal: str | None = None
    operation: str | None = None
    verdict: Verdict | None = None
    limit: int = 20
    before: int | None = None


class Journal(Protocol):
    """What the execution of calls needs. Every method may raise `JournalUnusable`."""

    def add(self, record: RunRecord) -> None:
        """Keep an intent: a run that is about to be started, by this process."""
        ...

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        ...

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs."""
        ...

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        ...

    def list(self, query: Query) -> tuple[tuple[RunRecord, ...], int | None]:
        """Runs without their tasks, newest first, and what to give as `before` for the next."""
        ...

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name, so far as runs are kept."""
        ...

    def claim(self, source: str, run: str | None = None) -> tuple[RunRecord, ...]:
        """Take over the unfinished runs of `source` (or the one) that no live process follows."""
        ...


@contextmanager
def open_journal(
    state_dir: Path, limits: Limits | None = None
) -> Generator["SqliteJournal", None, None]:
    """The journal in `state_dir`, made if needed: the folder for its owner only, the file too.

    Raises:
        JournalUnusable: It cannot be made or opened, or a newer opsmcp wrote it.
    """
    with _translated(state_dir):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = state_dir / "journal.db"
        path.touch(mode=0o600)
        ownership = Ownership(state_dir / "owners")
    with ownership:
        with _translated(state_dir):
            writer = _connect(path)
        with closing(writer):
            with _translated(state_dir):
                reader = _connect(path)
            with closing(reader):
                yield SqliteJournal(path, writer, reader, ownership, limits or Limits())


class SqliteJournal:
    """A Journal in one SQLite file. May be used from several threads and processes.

    Reading has a connection of its own, so that it never waits for a writer.
    """

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        ownership: Ownership,
        limits: Limits,
    ) -> None:
        """Use open connections; `open_journal` makes them."""
        self._path = path
        self._writer, self._write_lock = writer, threading.Lock()
        self._reader, self._read_lock = reader, threading.Lock()
        self._ownership = ownership
        self._limits = limits

    def add(self, record: RunRecord) -> None:
        """Keep an intent, and drop what is too old or too much."""
        oldest = _text(record.created_at - self._limits.keep)
        with self._writing() as database:
            database.execute(_ADD, {**_row(record), "owner": self._ownership.name})
            database.execute(_PRUNE, {"oldest": oldest, "runs": self._limits.runs})

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        with self._writing() as database:
            database.execute("UPDATE runs SET source_run = ? WHERE run = ?", (source_run, run))

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs."""
        packed = pack_run(record.result, self._limits.result_bytes)
        ended_at = _text(record.ended_at or record.created_at)
        with self._writing() as database:
            database.execute(_FINISH, {**_row(record), "ended_at": ended_at, "result": packed})

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        rows = self._read("SELECT * FROM runs WHERE run = :run", {"run": run})
        return _full_record(rows[0]) if rows else None

    def list(self, query: Query) -> tuple[tuple[RunRecord, ...], int | None]:
        """Runs without their tasks, newest first; in the order of adding, so pages are stable."""
        found = self._read(_LIST, {**asdict(query), "limit": query.limit + 1})
        page = found[: query.limit]
        before = page[-1]["sequence"] if len(found) > len(page) else None
        return tuple(_record(row) for row in page), before

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name, so far as runs are kept."""
        return {row["tool"]: row["uses"] for row in self._read(_USES, {})}

    def claim(self, source: str, run: str | None = None) -> tuple[RunRecord, ...]:
        """Take over the unfinished runs of `source` that no live process follows, oldest first."""
        rows = self._read(_UNFINISHED, {"source": source, "run": run})
        with _translated(self._path):
            dead = {owner for owner in {row["owner"] for row in rows} if self._is_dead(owner)}
        return tuple(_record(row) for row in rows if row["owner"] in dead and self._take(row))

    def _is_dead(self, owner: str) -> bool:
        return owner != self._ownership.name and not self._ownership.is_alive(owner)

    def _take(self, row: sqlite3.Row) -> bool:
        # Another process may be at the same: only the one that changes the row has it.
        with self._writing() as database:
            mine = (self._ownership.name, row["run"], row["owner"])
            return database.execute(_TAKE, mine).rowcount == 1

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._write_lock, _translated(self._path), self._writer:
            yield self._writer

    def _read(self, query: str, values: Mapping[str, object]) -> "Sequence[sqlite3.Row]":
        with self._read_lock, _translated(self._path):
            return self._reader.execute(query, values).fetchall()


@contextmanager
def _translated(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise JournalUnusable(f"the journal in {path} cannot be used") from error


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    database.row_factory = sqlite3.Row
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(database, path)
    except (sqlite3.Error, JournalUnusable):
        database.close()
        raise
    return database


def _bring_up_to_date(database: sqlite3.Connection, path: Path) -> None:
    with database:
        # Held from here on, so that two processes do not both make the tables.
        database.execute("BEGIN IMMEDIATE")
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise JournalUnusable(f"the journal in {path} was written by a newer opsmcp")
        if version == 0:
            for statement in _SCHEMA.strip().rstrip(";").split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_VERSION}")


def _row(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.run,
        "tool": record.tool,
        "kind": record.operation.kind,
        "namespace": record.operation.namespace,
        "name": record.operation.name,
        "principal": record.principal,
        "arguments": json.dumps(dict(record.arguments)),
        "expected": pack_expected(record.expected),
        "source": record.source,
        "source_run": record.source_run,
        "created_at": _text(record.created_at),
        "verdict": record.verdict,
        "reason": record.result.reason,
    }


def _record(row: sqlite3.Row) -> RunRecord:
    return RunRecord(
        run=row["run"],
        tool=row["tool"],
        operation=OperationKey(OperationKind(row["kind"]), row["namespace"], row["name"]),
        principal=row["principal"],
        arguments=MappingProxyType(json.loads(row["arguments"])),
        source=row["source"],
        source_run=row["source_run"],
        created_at=datetime.fromisoformat(row["created_at"]),
        result=Run(Verdict(row["verdict"]), reason=row["reason"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        expected=unpack_expected(row["expected"]),
    )


def _full_record(row: sqlite3.Row) -> RunRecord:
    record = _record(row)
    return replace(record, result=unpack_run(row["result"])) if row["result"] else record


def _text(moment: datetime) -> str:
    """Of one length and zone, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
