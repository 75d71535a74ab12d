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

_NEVER = "9"
"""Later than every time that is kept."""

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

_SAME_CALLS = """
ALTER TABLE runs ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_digest ON runs (digest) WHERE digest != '';
CREATE INDEX runs_key ON runs (key) WHERE key != '';
CREATE INDEX runs_name ON runs (name);
"""

_DEFINITIONS = "ALTER TABLE runs ADD COLUMN definition TEXT NOT NULL DEFAULT ''"

_VERSIONS = (_SCHEMA, _SAME_CALLS, _DEFINITIONS)
"""What makes each version out of the one before."""

_ADD = """
INSERT INTO runs (run, owner, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, verdict, reason, digest, key, definition)
VALUES (:run, :owner, :tool, :kind, :namespace, :name, :principal, :arguments, :expected, :source,
    :source_run, :created_at, :verdict, :reason, :digest, :key, :definition)
"""

# A call that never became a run answers nothing: the same call may be made again.
_SAME = """
SELECT * FROM runs
WHERE digest = :digest AND digest != '' AND source = :source
    AND (ended_at IS NULL OR ended_at >= :since)
    AND NOT (verdict = 'nothing_ran' AND source_run = '')
ORDER BY sequence DESC LIMIT 1
"""

_SAME_KEY = """
SELECT * FROM runs
WHERE key = :key AND key != '' AND principal = :principal AND tool = :tool AND source = :source
    AND NOT (verdict = 'nothing_ran' AND source_run = '')
ORDER BY sequence DESC LIMIT 1
"""

_DURATIONS = """
SELECT created_at, ended_at FROM runs
WHERE name = :name AND kind = :kind AND namespace = :namespace AND source = :source
    AND verdict IN ('succeeded', 'failed') AND source_run != ''
ORDER BY sequence DESC LIMIT :limit
"""

_FINISH = """
UPDATE runs SET source_run = :source_run, ended_at = :ended_at, verdict = :verdict,
    reason = :reason, result = :result
WHERE run = :run
"""

_LIST = """
SELECT sequence, run, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, ended_at, verdict, reason, digest, key, definition
FROM runs
WHERE (:principal IS NULL OR principal = :principal)
    AND (:operation IS NULL OR :operation IN (name, tool))
    AND (:verdict IS NULL OR verdict = :verdict)
    AND (:since IS NULL OR created_at >= :since)
    AND (:until IS NULL OR created_at < :until)
    AND (:before IS NULL OR sequence < :before)
ORDER BY sequence DESC LIMIT :limit
"""

_GOOD_BEFORE = """
SELECT run, arguments FROM runs
WHERE principal = :principal AND tool = :tool AND source = :source AND verdict = 'succeeded'
    AND result IS NOT NULL
    AND sequence < coalesce((SELECT sequence FROM runs WHERE run = :run), 9223372036854775807)
ORDER BY sequence DESC LIMIT 200
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
    """Which runs to list; None means any. `operation` is the name of an operation or of a tool.

    `since` and `until` bound the time of the call; the second is not included.
    """

    principal: str | None = None
    operation: str | None = None
    verdict: Verdict | None = None
    limit: int = 20
    before: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class Journal(Protocol):
    """What the execution of calls needs. Every method may raise `JournalUnusable`."""

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent: a run that is about to be started, by this process.

        Unless there is a run of the same call: of the same key if the record has one, else of the
        same digest, in flight or ended since then. That run is the answer, and nothing is kept.
        """
        ...

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took."""
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

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
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

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent, and drop what is too old or too much; or give the run of the same call.

        Several processes may be at the same call: only one of them finds no run.
        """
        oldest = _text(record.created_at - self._limits.keep)
        since = _text(ended_since) if ended_since else _NEVER
        with self._writing() as database:
            database.execute("BEGIN IMMEDIATE")
            query = _SAME_KEY if record.key else _SAME
            same = database.execute(query, {**_row(record), "since": since}).fetchone()
            if same is not None:
                return _full_record(same)
            database.execute(_ADD, {**_row(record), "owner": self._ownership.name})
            database.execute(_PRUNE, {"oldest": oldest, "runs": self._limits.runs})
        return None

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took, newest first."""
        rows = self._read(_DURATIONS, {**_row(record), "limit": limit})
        return tuple(
            (_moment(row["ended_at"]) - _moment(row["created_at"])).total_seconds() for row in rows
        )

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

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        wanted = {"principal": record.principal, "tool": record.tool, "source": record.source}
        for row in self._read(_GOOD_BEFORE, {**wanted, "run": record.run}):
            if json.loads(row["arguments"]) == dict(record.arguments):
                return self.get(row["run"])
        return None

    def list(self, query: Query) -> tuple[tuple[RunRecord, ...], int | None]:
        """Runs without their tasks, newest first; in the order of adding, so pages are stable."""
        bounds = {
            "since": _text(query.since) if query.since else None,
            "until": _text(query.until) if query.until else None,
        }
        found = self._read(_LIST, {**asdict(query), **bounds, "limit": query.limit + 1})
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
    except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
        # The last: SQLite holds no half of a surrogate pair.
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
        if version > len(_VERSIONS):
            raise JournalUnusable(f"the journal in {path} was written by a newer opsmcp")
        for statements in _VERSIONS[version:]:
            for statement in statements.strip().rstrip(";").split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(_VERSIONS)}")


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
        "digest": record.digest,
        "key": record.key,
        "definition": record.definition,
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
        created_at=_moment(row["created_at"]),
        result=Run(Verdict(row["verdict"]), reason=row["reason"]),
        ended_at=_moment(row["ended_at"]) if row["ended_at"] else None,
        expected=unpack_expected(row["expected"]),
        digest=row["digest"],
        key=row["key"],
        definition=row["definition"],
    )


def _full_record(row: sqlite3.Row) -> RunRecord:
    record = _record(row)
    return replace(record, result=unpack_run(row["result"])) if row["result"] else record


def _text(moment: datetime) -> str:
    """Of one length and zone, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
