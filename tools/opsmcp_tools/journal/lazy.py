"""The journal of a state directory that need not be usable yet.

It is opened when it is first needed, and again as long as that fails: listing tools needs no
journal, and a full disk can be mended while opsmcp runs. What it holds is read even so, where that
is possible. Knows nothing of how runs are kept.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from opsmcp_tools.journal.protocol import Page, Query
from opsmcp_tools.journal.sqlite_read import JournalReader, open_to_read
from opsmcp_tools.journal.sqlite_write import Limits, SqliteJournal, open_journal
from opsmcp_tools.model.errors import JournalHindered, JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["LazyJournal", "lazy_journal"]

_FoundT = TypeVar("_FoundT")


@contextmanager
def lazy_journal(state_dir: Path, limits: Limits) -> Generator["LazyJournal", None, None]:
    """The journal in `state_dir` for the time of the block."""
    with ExitStack() as stack:
        yield LazyJournal(
            lambda: stack.enter_context(open_journal(state_dir, limits)),
            partial(open_to_read, state_dir),
        )


class LazyJournal:
    """A Journal that raises `JournalUnusable` while it cannot be opened for what is to be done."""

    def __init__(
        self,
        open_it: Callable[[], SqliteJournal],
        open_to_read: Callable[[], AbstractContextManager[JournalReader]],
    ) -> None:
        """Open nothing yet; both may raise `JournalUnusable`."""
        self._open_it = open_it
        self._open_to_read = open_to_read
        self._opening = threading.Lock()
        self._opened: SqliteJournal | None = None

    def require(self) -> None:
        """Return unless somebody has to do something before runs can be kept.

        Raises:
            JournalUnusable: It cannot be opened, and that does not pass by itself.
        """
        with suppress(JournalHindered):
            _ = self._journal

    @property
    def _journal(self) -> SqliteJournal:
        with self._opening:
            if self._opened is None:
                self._opened = self._open_it()
            return self._opened

    def _read(self, read: Callable[[JournalReader], _FoundT]) -> _FoundT:
        """Read from the journal; or, if it cannot be opened for writing, from what is there."""
        with ExitStack() as stack:
            return read(self._reader(stack))

    def _reader(self, stack: ExitStack) -> JournalReader:
        try:
            return self._journal
        except JournalUnusable as error:
            try:
                return stack.enter_context(self._open_to_read())
            except JournalUnusable:
                raise error from None

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent; or give the run of the same call."""
        return self._journal.add(record, ended_since)

    def same(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """The run of the same call, or None."""
        return self._read(lambda journal: journal.same(record, ended_since))

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took."""
        return self._read(lambda journal: journal.durations(record, limit))

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        self._journal.accepted(run, source_run)

    def progressed(self, record: RunRecord) -> None:
        """Keep how a run stands."""
        self._journal.progressed(record)

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs."""
        self._journal.finish(record)

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        return self._read(lambda journal: journal.get(run))

    def head(self, run: str) -> RunRecord | None:
        """A run as `list` gives it, or None."""
        return self._read(lambda journal: journal.head(run))

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        return self._read(lambda journal: journal.last_good(record))

    def list(self, query: Query) -> Page:
        """The newest runs that are asked for."""
        return self._read(lambda journal: journal.list(query))

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name."""
        return self._read(lambda journal: journal.uses())

    def claim(
        self, wanted: Callable[[RunRecord], bool], run: str | None = None
    ) -> tuple[RunRecord, ...]:
        """Take over the unfinished runs (or the one) that no other live process follows."""
        return self._journal.claim(wanted, run)
