"""Journal: what was run, by whom, with what, and how it ended. Survives restarts.

The one small interface that the execution of calls needs, so that a shared database can come later;
`sqlite_write` is what there is. It knows neither sources nor verdicts; `execution` decides what
is written when: the intent before a start is sent, then the source's name of the run, now and then
how it stands, then its end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["Journal", "Page", "Query"]


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


class Journal(Protocol):
    """What the execution of calls needs. Every method may raise `JournalUnusable`."""

    def add(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """Keep an intent: a run that is about to be started, by this process.

        Unless there is a run of the same call: that is the answer, and nothing is kept.
        """
        ...

    def same(self, record: RunRecord, ended_since: datetime | None = None) -> RunRecord | None:
        """The run of the same call, or None.

        It has the same key if the record has one, else the same digest, and is in flight or ended
        since then. Without a key and a time, no run answers it.
        """
        ...

    def durations(self, record: RunRecord, limit: int = 10) -> tuple[float, ...]:
        """How many seconds the last runs of the record's operation took."""
        ...

    def accepted(self, run: str, source_run: str) -> None:
        """Keep the name that the source gave the run."""
        ...

    def progressed(self, record: RunRecord) -> None:
        """Keep how a run stands that goes on, with the ends of its outputs if those are long."""
        ...

    def finish(self, record: RunRecord) -> None:
        """Keep the end of a run, with its outputs."""
        ...

    def get(self, run: str) -> RunRecord | None:
        """A run with all that is known of it, or None."""
        ...

    def head(self, run: str) -> RunRecord | None:
        """A run as `list` gives it, or None: a small read, however much output it had."""
        ...

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run before this one that succeeded with the same tool and arguments."""
        ...

    def list(self, query: Query) -> Page:
        """The newest runs that are asked for.

        They come without their tasks, digests, keys and definitions.
        """
        ...

    def uses(self) -> Mapping[str, int]:
        """How often each tool was started, by its name, so far as runs are kept."""
        ...

    def claim(
        self, wanted: Callable[[RunRecord], bool], run: str | None = None
    ) -> tuple[RunRecord, ...]:
        """Take over the unfinished runs (or the one) that no other live process follows.

        `wanted` says which; it must not want those that this process follows. All that are wanted
        are taken, or none.
        """
        ...
