"""The journal in one SQLite file.

Several processes may share it. Who follows a run is recorded as its *owner*, and an owner is alive
as long as it holds the lock on its own file in `owners/`: the kernel lets go of it when the process
ends, however it ends, so that no clock and no process number has to be trusted.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from opsmcp_tools.errors import JournalUnusable
from opsmcp_tools.journal import Query
from opsmcp_tools.journal_rows import DAMAGED, full_record, moment_of, record_of, row_of, text_of
from opsmcp_tools.ownership import Ownership
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.sqlite_database import connect, identity_of, translated
from opsmcp_tools.stored import pack_run

__all__ = ["Limits", "SqliteJournal", "open_journal"]

_logger = logging.getLogger(__name__)

_NEVER = "9"
"""Later than every time that is kept."""

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

# A column with a plus is not looked up in its own index: the key, or the tool, leaves fewer runs.
_SAME_KEY = """
SELECT * FROM runs
WHERE key = :key AND key != '' AND +principal = :principal AND +tool = :tool AND source = :source
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

_PROGRESSED = "UPDATE runs SET result = :result WHERE run = :run AND ended_at IS NULL"

# The columns that are left out stand behind the result: to read them, SQLite reads all of that.
_WITHOUT_RESULT = """
SELECT sequence, run, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, ended_at, verdict, reason, '' AS digest, '' AS key, '' AS definition
FROM runs
"""

_HEAD = f"{_WITHOUT_RESULT} WHERE run = :run"

_LIST = f"{_WITHOUT_RESULT} WHERE {{}} ORDER BY sequence DESC LIMIT :limit"

_FILTERS = {
    "principal": "principal = :principal",
    "operation": "(name = :operation OR tool = :operation)",
    "verdict": "verdict = :verdict",
    "since": "created_at >= :since AND sequence >= "
    "(SELECT min(+sequence) FROM runs WHERE created_at >= :since)",
    "until": "created_at < :until",
    "before": "sequence < :before",
}
"""What each field of a query asks for; SQLite finds the index only for what is asked."""

_GOOD_BEFORE = """
SELECT run, arguments FROM runs
WHERE +principal = :principal AND tool = :tool AND source = :source AND verdict = 'succeeded'
    AND result IS NOT NULL
    AND sequence < coalesce((SELECT sequence FROM runs WHERE run = :run), 9223372036854775807)
ORDER BY sequence DESC LIMIT 200
"""

_UNFINISHED = """
SELECT * FROM runs
WHERE ended_at IS NULL AND (:run IS NULL OR run = :run)
ORDER BY +sequence
"""

_USES = "SELECT tool, count(*) AS uses FROM runs GROUP BY tool"

_TAKE = "UPDATE runs SET owner = ? WHERE run = ? AND owner = ? AND ended_at IS NULL"

_PRUNE = """
DELETE FROM runs WHERE ended_at IS NOT NULL AND created_at < :oldest
"""

_DROP_OLDEST = """
DELETE FROM runs WHERE sequence IN
    (SELECT sequence FROM runs WHERE ended_at IS NOT NULL ORDER BY sequence LIMIT :many)
"""

_USED = """
SELECT (pages.page_count - free.freelist_count) * size.page_size AS bytes
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size
"""

_DROPPED_AT_ONCE = 20

_GOING_ON_BYTES = 64 * 1024
"""Bounds a run that goes on, compressed: it is written again and again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a journal keeps. What is older or more goes when a run is added, the oldest first.

    `result_bytes` bounds one run, compressed.
    """

    keep: timedelta = timedelta(days=14)
    all_bytes: int = 1024 * 1024 * 1024
    result_bytes: int = 8 * 1024 * 1024


@contextmanager
def open_journal(
    state_dir: Path, limits: Limits | None = None
) -> Generator["SqliteJournal", None, None]:
    """The journal in `state_dir`, made if needed: the folder for its owner only, the file too.

    Raises:
        JournalUnusable: It cannot be made or opened, or a newer opsmcp wrote it.
    """
    with translated(state_dir):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = state_dir / "journal.db"
        path.touch(mode=0o600)
        ownership = Ownership(state_dir / "owners")
    with ownership:
        with translated(state_dir):
            writer = connect(path)
        with closing(writer):
            with translated(state_dir):
                reader = connect(path)
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
        self._identity = identity_of(path)
        self._damaged: set[str] = set()

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent, and drop what is too old or too much; or give the run of the same call.

        Several processes may be at the same call: only one of them finds no run.
        """
        oldest = text_of(record.created_at - self._limits.keep)
        with self._writing() as database:
            database.execute("BEGIN IMMEDIATE")
            self._check_in_place()
            same = database.execute(*_same_call(record, ended_since)).fetchone()
            if same is not None:
                with self._readable():
                    return full_record(same)
            database.execute(_ADD, {**row_of(record), "owner": self._ownership.name})
            database.execute(_PRUNE, {"oldest": oldest})
            while database.execute(_USED).fetchone()["bytes"] > self._limits.all_bytes:
                if not database.execute(_DROP_OLDEST, {"many": _DROPPED_AT_ONCE}).rowcount:
                    break
        return None

    def same(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """The run of the same call, or None; `add` may find another one that came meanwhile."""
        rows = self._read(*_same_call(record, ended_since))
        with self._readable():
            return full_record(rows[0]) if rows else None

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took, newest first."""
        rows = self._read(_DURATIONS, {**row_of(record), "limit": limit})
        with self._readable():
            return tuple(
                (moment_of(row["ended_at"]) - moment_of(row["created_at"])).total_seconds()
                for row in rows
            )

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        with self._writing() as database:
            database.execute("UPDATE runs SET source_run = ? WHERE run = ?", (source_run, run))

    def progressed(self, record: RunRecord) -> None:
        """Keep how a run stands that goes on, with the ends of its outputs if those are long."""
        packed = pack_run(record.result, min(_GOING_ON_BYTES, self._limits.result_bytes))
        with self._writing() as database:
            database.execute(_PROGRESSED, {"run": record.run, "result": packed})

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs."""
        packed = pack_run(record.result, self._limits.result_bytes)
        ended_at = text_of(record.ended_at or record.created_at)
        with self._writing() as database:
            database.execute(_FINISH, {**row_of(record), "ended_at": ended_at, "result": packed})

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        rows = self._read("SELECT * FROM runs WHERE run = :run", {"run": run})
        with self._readable():
            return full_record(rows[0]) if rows else None

    def head(self, run: str) -> RunRecord | None:
        """A run without its tasks, or None."""
        rows = self._read(_HEAD, {"run": run})
        with self._readable():
            return record_of(rows[0]) if rows else None

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        wanted = {"principal": record.principal, "tool": record.tool, "source": record.source}
        rows = self._read(_GOOD_BEFORE, {**wanted, "run": record.run})
        given = dict(record.arguments)
        with self._readable():
            same = (row["run"] for row in rows if json.loads(row["arguments"]) == given)
            found = next(same, None)
        return self.get(found) if found else None

    def list(self, query: Query) -> tuple[tuple[RunRecord, ...], int | None]:
        """Runs without their tasks, newest first; in the order of adding, so pages are stable."""
        asked = {
            **asdict(query),
            "since": text_of(query.since) if query.since else None,
            "until": text_of(query.until) if query.until else None,
        }
        filters = [test for name, test in _FILTERS.items() if asked[name] is not None]
        statement = _LIST.format(" AND ".join(filters) or "true")
        found = self._read(statement, {**asked, "limit": query.limit + 1})
        page = found[: query.limit]
        before = page[-1]["sequence"] if len(found) > len(page) else None
        with self._readable():
            return tuple(record_of(row) for row in page), before

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name, so far as runs are kept."""
        return {row["tool"]: row["uses"] for row in self._read(_USES, {})}

    def claim(
        self, wanted: Callable[[RunRecord], bool], run: str | None = None
    ) -> tuple[RunRecord, ...]:
        """Take over the wanted runs that no other live process follows, oldest first.

        In one transaction: a run that is taken and not returned would be followed by nobody.
        """
        rows = self._read(_UNFINISHED, {"run": run})
        with translated(self._path):
            others = {owner for owner in {row["owner"] for row in rows} if self._is_alive(owner)}
        free = [(row, self._record(row)) for row in rows if row["owner"] not in others]
        found = [(row, record) for row, record in free if record is not None and wanted(record)]
        if not found:
            return ()
        with self._writing() as database:
            database.execute("BEGIN IMMEDIATE")
            return tuple(_whole(row, of) for row, of in found if self._take(database, row))

    def _is_alive(self, owner: str) -> bool:
        """Whether another process than this one follows the runs of this owner."""
        return owner != self._ownership.name and self._ownership.is_alive(owner)

    def _record(self, row: sqlite3.Row) -> RunRecord | None:
        """The run, or None and a line in the log if it is damaged."""
        try:
            return record_of(row)
        except DAMAGED:
            if row["run"] not in self._damaged:
                self._damaged.add(row["run"])
                _logger.warning("a damaged run in the journal is not taken up: %s", row["run"])
            return None

    def _take(self, database: sqlite3.Connection, row: sqlite3.Row) -> bool:
        # Another process may be at the same: only the one that changes the row has it.
        mine = (self._ownership.name, row["run"], row["owner"])
        return database.execute(_TAKE, mine).rowcount == 1

    def _check_in_place(self) -> None:
        """Return if others who open the journal open this file: they must see what is added.

        Raises:
            JournalUnusable: They would not.
        """
        if identity_of(self._path) != self._identity:
            raise JournalUnusable(
                f"the journal in {self._path} was moved or removed while opsmcp used it; stop "
                "every opsmcp that uses it, put it back or let a new one begin, and start again"
            )

    @contextmanager
    def _readable(self) -> Generator[None, None, None]:
        """What is no run any more is an error of the file."""
        try:
            yield
        except DAMAGED as error:
            raise JournalUnusable(f"the journal in {self._path} holds a damaged run") from error

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._write_lock, translated(self._path), self._writer:
            yield self._writer

    def _read(self, query: str, values: Mapping[str, object]) -> "Sequence[sqlite3.Row]":
        with self._read_lock, translated(self._path):
            return self._reader.execute(query, values).fetchall()


def _same_call(record: RunRecord, ended_since: datetime | None) -> tuple[str, dict[str, object]]:
    """The query for the run of the same call, and its values."""
    since = text_of(ended_since) if ended_since else _NEVER
    return _SAME_KEY if record.key else _SAME, {**row_of(record), "since": since}


def _whole(row: sqlite3.Row, record: RunRecord) -> RunRecord:
    """The run with what was seen of it before; without that if it is damaged."""
    try:
        return full_record(row)
    except DAMAGED:
        return record
