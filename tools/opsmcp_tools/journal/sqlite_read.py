"""What is read of the journal in one SQLite file, be it written meanwhile or not.

Runs that are damaged are named and left out where there are others; where one is asked for, it is
an error.
"""

import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.journal.rows import (
    DAMAGED,
    full_record,
    handle_of,
    record_of,
    row_of,
    text_of,
    timestamp_of,
)
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["JournalReader", "Page", "Query", "same_call"]

_logger = logging.getLogger(__name__)

_FoundT = TypeVar("_FoundT")

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
WHERE key = :key AND key != '' AND +principal_id = :principal_id AND +tool = :tool
    AND source = :source AND NOT (verdict = 'nothing_ran' AND source_run = '')
ORDER BY sequence DESC LIMIT 1
"""

_DURATIONS = """
SELECT run, created_at, ended_at FROM runs
WHERE name = :name AND kind = :kind AND namespace = :namespace AND source = :source
    AND verdict IN ('succeeded', 'failed') AND source_run != ''
ORDER BY sequence DESC LIMIT :limit
"""

_WITHOUT_RESULT = """
SELECT sequence, run, tool, kind, namespace, name, principal, principal_id, arguments, expected,
    source, source_run, created_at, ended_at, verdict, reason, digest, key, definition
FROM runs
"""

_HEAD = f"{_WITHOUT_RESULT} WHERE run = :run"

_LIST = f"{_WITHOUT_RESULT} WHERE {{}} ORDER BY sequence DESC LIMIT :limit"

_FILTERS = {
    "principal_id": "principal_id = :principal_id",
    "named": "(principal = :named OR principal_id = :named)",
    "operation": "(name = :operation OR tool = :operation)",
    "verdict": "verdict = :verdict",
    "since": "created_at >= :since AND sequence >= "
    "(SELECT min(+sequence) FROM runs WHERE created_at >= :since)",
    "until": "created_at < :until",
    "before": "sequence < :before",
}
"""What each field of a query asks for; SQLite finds the index only for what is asked."""

_GOOD_BEFORE = """
SELECT run, max(sequence) FROM (
    SELECT sequence, run, arguments FROM runs
    WHERE +principal_id = :principal_id AND tool = :tool AND source = :source
        AND verdict = 'succeeded' AND result IS NOT NULL
        AND sequence < coalesce((SELECT sequence FROM runs WHERE run = :run), 9223372036854775807)
    ORDER BY sequence DESC LIMIT 200
)
WHERE arguments = :arguments
"""

_USES = "SELECT tool, count(*) AS uses FROM runs GROUP BY tool"

_UNFINISHED = """
SELECT * FROM runs
WHERE ended_at IS NULL AND (:run IS NULL OR run = :run)
ORDER BY +sequence
"""


@dataclass(frozen=True, slots=True)
class Query:
    """Which runs to list; None means any. `operation` is the name of an operation or of a tool.

    `named` is the name or the id of a principal, as a person gives it.
    `since` and `until` bound the time of the call; the second is not included.
    """

    principal_id: str | None = None
    named: str | None = None
    operation: str | None = None
    verdict: Verdict | None = None
    limit: int = 20
    before: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Runs, newest first, and what to give as `before` for the next; None after the last.

    `damaged` are the handles of those that belong to the page and cannot be read any more.
    """

    runs: tuple[RunRecord, ...] = ()
    before: int | None = None
    damaged: tuple[str, ...] = ()

    @property
    def cursor(self) -> str | None:
        """`before` as people and programs are given it."""
        return None if self.before is None else str(self.before)


class JournalReader(ABC):
    """The half of a journal that reads. May be used from several threads.

    Every method may raise `JournalUnusable`.
    """

    def __init__(self, path: Path) -> None:
        """Read the file at `path`."""
        self._path = path
        self._damaged: set[str] = set()

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection to read by, which nobody else uses meanwhile."""

    def same(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """The run of the same call, or None; `add` may find another one that came meanwhile.

        It has the same key if the record has one, else the same digest, and is in flight or ended
        since then. Without a key and a time, no run answers it.
        """
        query = same_call(record, ended_since)
        return self._one(self._read(*query), full_record) if query else None

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took, newest first."""
        rows = self._read(_DURATIONS, {**row_of(record), "limit": limit})
        return tuple(seconds for _, seconds in self._each(rows, _seconds_of) if seconds >= 0)

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        rows = self._read("SELECT * FROM runs WHERE run = :run", {"run": run})
        return self._one(rows, full_record)

    def head(self, run: str) -> RunRecord | None:
        """A run without its tasks, or None: a small read, however much output it had."""
        return self._one(self._read(_HEAD, {"run": run}), record_of)

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        (found,) = self._read(_GOOD_BEFORE, row_of(record))
        return self.get(found["run"]) if found["run"] else None

    def list(self, query: Query) -> Page:
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
        runs = {row["sequence"]: record for row, record in self._each(page, record_of)}
        return Page(
            runs=tuple(runs.values()),
            before=page[-1]["sequence"] if len(found) > len(page) else None,
            damaged=tuple(handle_of(row) for row in page if row["sequence"] not in runs),
        )

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name, so far as runs are kept."""
        return {row["tool"]: row["uses"] for row in self._read(_USES, {})}

    def _unfinished(self, run: str | None) -> "Sequence[tuple[sqlite3.Row, RunRecord]]":
        """The runs that have not ended (or the one), oldest first, with their rows."""
        return tuple(self._each(self._read(_UNFINISHED, {"run": run}), record_of))

    def _one(
        self, rows: "Sequence[sqlite3.Row]", read: Callable[[sqlite3.Row], _FoundT]
    ) -> _FoundT | None:
        """The run of a row, if there is one.

        Raises:
            JournalUnusable: It is damaged.
        """
        if not rows:
            return None
        try:
            return read(rows[0])
        except DAMAGED as error:
            found = handle_of(rows[0])
            raise JournalUnusable(
                f"the journal in {self._path} holds a damaged run, {found}"
            ) from error

    def _each(
        self, rows: "Iterable[sqlite3.Row]", read: Callable[[sqlite3.Row], _FoundT]
    ) -> "Generator[tuple[sqlite3.Row, _FoundT], None, None]":
        """What is read of each row; of one that is damaged, a line in the log, once."""
        for row in rows:
            try:
                found = read(row)
            except DAMAGED:
                self._note_damaged(handle_of(row))
            else:
                yield row, found

    def _note_damaged(self, run: str) -> None:
        if run not in self._damaged:
            self._damaged.add(run)
            _logger.warning("the journal in %s holds a damaged run: %s", self._path, run)

    def _read(self, query: str, values: Mapping[str, object]) -> "Sequence[sqlite3.Row]":
        with self._reading() as connection:
            return connection.execute(query, values).fetchall()


def same_call(
    record: RunRecord, ended_since: datetime | None
) -> tuple[str, dict[str, object]] | None:
    """The query for the run of the same call, and its values; None if no run answers it."""
    if record.key:
        return _SAME_KEY, row_of(record)
    if ended_since is None:
        return None
    return _SAME, {**row_of(record), "since": text_of(ended_since)}


def _seconds_of(row: sqlite3.Row) -> float:
    return (timestamp_of(row["ended_at"]) - timestamp_of(row["created_at"])).total_seconds()
