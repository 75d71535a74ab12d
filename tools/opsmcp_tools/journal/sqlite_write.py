"""The journal: what was run, by whom, with what, and how it ended, in one SQLite file.

Several processes may share it. Who follows a run is recorded as its *owner*, and an owner is alive
as long as it holds the lock on its own file in `owners/`: the kernel lets go of it when the process
ends, however it ends, so that no clock and no process number has to be trusted.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from opsmcp_tools.journal.process_lock import ProcessLock
from opsmcp_tools.journal.record_codec import pack_run
from opsmcp_tools.journal.retention import Limits, Reserve, drop_outdated, shrink
from opsmcp_tools.journal.rows import DAMAGED, full_record, going_on, row_of, text_of
from opsmcp_tools.journal.sqlite_file import (
    FIRST,
    JOURNAL,
    VERSIONS,
    connect,
    connect_to_read,
    identity_of,
    translated,
)
from opsmcp_tools.journal.sqlite_read import JournalReader, same_call
from opsmcp_tools.model.errors import JournalBusy, JournalHindered, JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["Journal", "open_journal"]

_ADD = """
INSERT INTO runs (run, owner, tool, kind, namespace, name, principal, principal_id, arguments,
    expected, source, source_run, created_at, verdict, reason, digest, key, definition)
VALUES (:run, :owner, :tool, :kind, :namespace, :name, :principal, :principal_id, :arguments,
    :expected, :source, :source_run, :created_at, :verdict, :reason, :digest, :key, :definition)
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

_PRUNE_EVERY = 50

_GOING_ON_BYTES = 1024 * 1024
"""Bounds a run that goes on, compressed: it is written again and again."""

_ON_FULL_DISK_BYTES = (64 * 1024, 4 * 1024, 0)
"""Bounds the end of a run, compressed, where the disk is full: the first that finds room."""


class _Open(NamedTuple):
    """A journal that is open. Reading never waits for a writer: it has a connection of its own."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    owner: ProcessLock
    identity: tuple[int, int] | None


@contextmanager
def open_journal(state_dir: Path, limits: Limits | None = None) -> Generator["Journal", None, None]:
    """The journal in `state_dir` for the time of the block.

    It is made and opened when it is first needed, and again as long as that fails: the folder for
    its owner only, the file too.
    """
    with ExitStack() as stack:
        yield Journal(state_dir, limits or Limits(), stack)


class Journal(JournalReader):
    """A journal in one SQLite file. May be used from several threads and processes.

    Every method may raise `JournalUnusable`. What cannot be opened for writing is read even so,
    where that is possible: listing tools needs no journal, and a full disk can be mended while
    opsmcp runs.
    """

    def __init__(self, state_dir: Path, limits: Limits, stack: ExitStack) -> None:
        """Open nothing yet; `stack` closes what is opened."""
        super().__init__(state_dir / "journal.db")
        self._limits = limits
        self._stack = stack
        self._opened: _Open | None = None
        self._opening, self._read_lock, self._write_lock = (threading.Lock() for _ in range(3))
        self._joined: int | None = None
        """The thread whose writes are one transaction."""
        self._added = 0
        self._reserve = Reserve(state_dir / "reserve")

    def require(self) -> None:
        """Return unless somebody has to do something before runs can be kept.

        Raises:
            JournalUnusable: It cannot be opened, and that does not pass by itself.
        """
        with suppress(JournalHindered):
            self._open()

    def _open(self) -> _Open:
        with self._opening:
            if self._opened is None:
                with ExitStack() as stack, translated(self._path.parent):
                    self._opened = self._connect(stack)
                    self._stack.push(stack.pop_all())
            return self._opened

    def _connect(self, stack: ExitStack) -> _Open:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        owner = stack.enter_context(ProcessLock(folder / "owners"))
        writer, reader = (stack.enter_context(closing(self._new())) for _ in range(2))
        return _Open(writer, reader, owner, identity_of(self._path))

    def _new(self) -> sqlite3.Connection:
        return connect(self._path, VERSIONS, JOURNAL, first=FIRST)

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection, None, None]:
        with self._read_lock, ExitStack() as stack:
            try:
                connection = self._open().reader
            except JournalUnusable as error:
                try:
                    with translated(self._path):
                        connection = stack.enter_context(closing(connect_to_read(self._path)))
                except JournalUnusable:
                    raise error from None
            with translated(self._path):
                yield connection

    @contextmanager
    def together(self) -> Generator[None]:
        """One transaction of all that this thread writes in the block, durable at its end."""
        with self._writing():
            self._joined = threading.get_ident()
            try:
                yield
            finally:
                self._joined = None

    @property
    def _is_joined(self) -> bool:
        return self._joined == threading.get_ident()

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        """A transaction that holds the file from its beginning, or the one of `together`."""
        writer = self._open().writer
        if self._is_joined:
            yield writer
            return
        with self._write_lock, translated(self._path), writer:
            writer.execute("BEGIN IMMEDIATE")
            yield writer

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent, and drop what is too old or too much; or give the run of the same call.

        Several processes may be at the same call: only one of them finds no run.
        """
        with self._writing() as database:
            self._check_in_place()
            if (query := same_call(record, ended_since)) is not None:
                same = self._one(database.execute(*query).fetchall(), full_record)
                if same is not None:
                    return same
            # Nothing is started whose end could not be kept.
            self._reserve.take()
            database.execute(_ADD, {**row_of(record), "owner": self._open().owner.name})
            self._drop_outdated(database)
            shrink(database, self._limits.all_bytes)
        return None

    def _drop_outdated(self, database: sqlite3.Connection) -> None:
        """With the first run that is added, and now and then: it is looked at a thousand rows."""
        if self._added % _PRUNE_EVERY == 0:
            drop_outdated(database, self._limits)
        self._added += 1

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        with self._writing() as database:
            database.execute("UPDATE runs SET source_run = ? WHERE run = ?", (source_run, run))

    def progressed(self, record: RunRecord) -> None:
        """Keep how a run stands that goes on, with the ends of its outputs if those are long."""
        packed = pack_run(going_on(record), min(_GOING_ON_BYTES, self._limits.result_bytes))
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
            if self._is_joined:
                raise
            self._finish_on_full_disk(record, error)

    def _finish_on_full_disk(self, record: RunRecord, error: JournalHindered) -> None:
        writer = self._open().writer
        with self._write_lock, translated(self._path):
            self._reserve.give_up()
            # What was written last stands on the disk twice until then.
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
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
        """Take over the unfinished runs (or the one) that no other live process follows.

        Oldest first. `wanted` says which; it must not want those that this process follows. All
        that are wanted are taken, or none, in one transaction: a run that is taken and not
        returned would be followed by nobody.
        """
        own = self._open().owner
        unfinished = self._unfinished(run)
        with translated(self._path):
            owners = {str(row["owner"]) for row, _ in unfinished} - {own.name}
            others = {owner for owner in owners if own.is_alive(owner)}
        free = [(row, record) for row, record in unfinished if str(row["owner"]) not in others]
        found = [(row, record) for row, record in free if wanted(record)]
        if not found:
            return ()
        with self._writing() as database:
            return tuple(_whole(row, of) for row, of in found if self._take(database, row))

    def _take(self, database: sqlite3.Connection, row: sqlite3.Row) -> bool:
        # Another process may be at the same: only the one that changes the row has it.
        mine = (self._open().owner.name, row["run"], row["owner"])
        return database.execute(_TAKE, mine).rowcount == 1

    def _check_in_place(self) -> None:
        """Return if others who open the journal open this file: they must see what is added.

        Raises:
            JournalUnusable: They would not.
        """
        if identity_of(self._path) != self._open().identity:
            raise JournalUnusable(
                f"the journal in {self._path} was moved or removed while opsmcp used it; stop "
                "every opsmcp that uses it, put it back or let a new one begin, and start again"
            )


def _whole(row: sqlite3.Row, record: RunRecord) -> RunRecord:
    """The run with what was seen of it before; without that if it is damaged."""
    try:
        return full_record(row)
    except DAMAGED:
        return record
