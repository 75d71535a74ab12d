"""The journal of a state directory that need not be usable yet.

It is opened when it is first needed, and again as long as that fails: listing tools needs no
journal, and a full disk can be mended while opsmcp runs. Knows nothing of how runs are kept.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from opsmcp_tools.journal import Query
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.sqlite_journal import Limits, SqliteJournal, open_journal

__all__ = ["LateJournal", "late_journal"]


@contextmanager
def late_journal(state_dir: Path, limits: Limits) -> Generator["LateJournal", None, None]:
    """The journal in `state_dir` for the time of the block."""
    with ExitStack() as stack:
        yield LateJournal(lambda: stack.enter_context(open_journal(state_dir, limits)))


class LateJournal:
    """A Journal whose every method raises `JournalUnusable` while it cannot be opened."""

    def __init__(self, open_it: Callable[[], SqliteJournal]) -> None:
        """Open nothing yet; `open_it` may raise `JournalUnusable`."""
        self._open_it = open_it
        self._opening = threading.Lock()
        self._opened: SqliteJournal | None = None

    @property
    def _journal(self) -> SqliteJournal:
        with self._opening:
            if self._opened is None:
                self._opened = self._open_it()
            return self._opened

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent; or give the run of the same call."""
        return self._journal.add(record, ended_since)

    def same(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """The run of the same call, or None."""
        return self._journal.same(record, ended_since)

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took."""
        return self._journal.durations(record, limit)

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
        return self._journal.get(run)

    def head(self, run: str) -> RunRecord | None:
        """A run as `list` gives it, or None."""
        return self._journal.head(run)

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        return self._journal.last_good(record)

    def list(self, query: Query) -> tuple[tuple[RunRecord, ...], int | None]:
        """Runs, newest first, and what to give as `before` for the next."""
        return self._journal.list(query)

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name."""
        return self._journal.uses()

    def claim(
        self, wanted: Callable[[RunRecord], bool], run: str | None = None
    ) -> tuple[RunRecord, ...]:
        """Take over the unfinished runs (or the one) that no other live process follows."""
        return self._journal.claim(wanted, run)
