"""The journal in one SQLite file.

Several processes may share it. Who follows a run is recorded as its *owner*, and an owner is alive
as long as it holds the lock on its own file in `owners/`: the kernel lets go of it when the process
ends, however it ends, so that no clock and no process number has to be trusted.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from opsmcp_tools.journal.process_lock import ProcessLock
from opsmcp_tools.journal.record_codec import pack_run
from opsmcp_tools.journal.reserve import Reserve
from opsmcp_tools.journal.retention import KEEP_NEWEST, drop_outdated, shrink
from opsmcp_tools.journal.rows import DAMAGED, full_record, row_of, text_of
from opsmcp_tools.journal.sqlite_file import connect, identity_of, translated
from opsmcp_tools.journal.sqlite_read import JournalReader, same_call
from opsmcp_tools.model.errors import JournalBusy, JournalHindered, JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["Limits", "SqliteJournal", "open_journal"]

_ADD = """
INSERT INTO runs (run, owner, tool, kind, namespace, name, principal, arguments, expected, source,
    source_run, created_at, verdict, reason, digest, key, definition)
VALUES (:run, :owner, :tool, :kind, :namespace, :name, :principal, :arguments, :expected, :source,
    :source_run, :created_at, :verdict, :reason, :digest, :key, :definition)
"""

_FINISH = """
UPDATE runs SET source_run = :source_run, ended_at = :ended_at, verdict = :verdict,
    reason = :reason, result = :result
WHERE run = :run
"""

_PROGRESSED = """
UPDATE runs SET source_run = :source_run, result = :result WHERE run = :run AND ended_at IS NULL
"""

_TAKE = "UPDATE runs SET owner = ? WHERE run = ? AND owner = ? AND ended_at IS NULL"

_DROP_OLDEST = """
DELETE FROM runs WHERE sequence IN
    (SELECT sequence FROM runs WHERE ended_at IS NOT NULL ORDER BY sequence LIMIT 20)
"""

_PRUNE_EVERY = 50

_GOING_ON_BYTES = 1024 * 1024
"""Bounds a run that goes on, compressed: it is written again and again."""

_ON_FULL_DISK_BYTES = (64 * 1024, 4 * 1024, 0)
"""Bounds the end of a run, compressed, where the disk is full: the first that finds room."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a journal keeps. What is older or more goes when runs are added, the oldest first.

    `keep_newest` runs are never too old; `keep` counts from the oldest of them. `result_bytes`
    bounds one run, compressed.
    """

    keep: timedelta = timedelta(days=14)
    keep_newest: int = KEEP_NEWEST
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
        ownership = ProcessLock(state_dir / "owners")
    with ownership:
        with translated(state_dir):
            writer = connect(path)
        with closing(writer):
            with translated(state_dir):
                reader = connect(path)
            with closing(reader):
                yield SqliteJournal(path, writer, reader, ownership, limits or Limits())


class SqliteJournal(JournalReader):
    """A Journal in one SQLite file. May be used from several threads and processes.

    Reading has a connection of its own, so that it never waits for a writer.
    """

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        ownership: ProcessLock,
        limits: Limits,
    ) -> None:
        """Use open connections; `open_journal` makes them."""
        super().__init__(path, reader)
        self._writer, self._write_lock = writer, threading.Lock()
        self._ownership = ownership
        self._limits = limits
        self._identity = identity_of(path)
        self._added = 0
        self._reserve = Reserve(path.with_name("reserve"))

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent, and drop what is too old or too much; or give the run of the same call.

        Several processes may be at the same call: only one of them finds no run.
        """
        with self._writing() as database:
            database.execute("BEGIN IMMEDIATE")
            self._check_in_place()
            if (query := same_call(record, ended_since)) is not None:
                same = self._one(database.execute(*query).fetchall(), full_record)
                if same is not None:
                    return same
            # Nothing is started whose end could not be kept.
            self._reserve.take()
            database.execute(_ADD, {**row_of(record), "owner": self._ownership.name})
            self._drop_outdated(database)
            shrink(database, self._limits.all_bytes, _DROP_OLDEST)
        return None

    def _drop_outdated(self, database: sqlite3.Connection) -> None:
        """With the first run that is added, and now and then: it is looked at a thousand rows."""
        if self._added % _PRUNE_EVERY == 0:
            limits = self._limits
            drop_outdated(database, limits.keep, "ended_at IS NOT NULL", limits.keep_newest)
        self._added += 1

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        with self._writing() as database:
            database.execute("UPDATE runs SET source_run = ? WHERE run = ?", (source_run, run))

    def progressed(self, record: RunRecord) -> None:
        """Keep how a run stands that goes on, with the ends of its outputs if those are long."""
        packed = pack_run(record.result, min(_GOING_ON_BYTES, self._limits.result_bytes))
        with self._writing() as database:
            database.execute(
                _PROGRESSED,
                {"run": record.run, "source_run": record.source_run, "result": packed},
            )

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs; on a full disk with less of them."""
        try:
            self._finish(record, self._limits.result_bytes)
        except JournalBusy:
            raise
        except JournalHindered as error:
            self._finish_on_full_disk(record, error)

    def _finish_on_full_disk(self, record: RunRecord, error: JournalHindered) -> None:
        with self._writing() as database:
            self._reserve.give_up()
            # What was written last stands on the disk twice until then.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for most_bytes in _ON_FULL_DISK_BYTES:
            try:
                self._finish(record, min(most_bytes, self._limits.result_bytes))
            except JournalHindered:
                continue
            return
        raise error

    def _finish(self, record: RunRecord, most_bytes: int) -> None:
        packed = pack_run(record.result, most_bytes)
        ended_at = text_of(record.ended_at or record.created_at)
        with self._writing() as database:
            database.execute(_FINISH, {**row_of(record), "ended_at": ended_at, "result": packed})

    def claim(
        self, wanted: Callable[[RunRecord], bool], run: str | None = None
    ) -> tuple[RunRecord, ...]:
        """Take over the wanted runs that no other live process follows, oldest first.

        In one transaction: a run that is taken and not returned would be followed by nobody.
        """
        unfinished = self._unfinished(run)
        with translated(self._path):
            owners = {str(row["owner"]) for row, _ in unfinished}
            others = {owner for owner in owners if self._is_alive(owner)}
        free = [(row, record) for row, record in unfinished if str(row["owner"]) not in others]
        found = [(row, record) for row, record in free if wanted(record)]
        if not found:
            return ()
        with self._writing() as database:
            database.execute("BEGIN IMMEDIATE")
            return tuple(_whole(row, of) for row, of in found if self._take(database, row))

    def _is_alive(self, owner: str) -> bool:
        """Whether another process than this one follows the runs of this owner."""
        return owner != self._ownership.name and self._ownership.is_alive(owner)

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
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._write_lock, translated(self._path), self._writer:
            yield self._writer


def _whole(row: sqlite3.Row, record: RunRecord) -> RunRecord:
    """The run with what was seen of it before; without that if it is damaged."""
    try:
        return full_record(row)
    except DAMAGED:
        return record
