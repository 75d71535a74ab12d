"""RunRecord: one run as opsmcp accounts for it; and the settings and the clock of following it.

Frozen data that `execution`, `journal` and `summary` share. Who called, with what, and what became
of it; never a secret.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol

import anyio

from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.source import RunRef
from opsmcp_pipelines.verdict.expected import ExpectedTask

__all__ = ["MASK", "Clock", "Repeat", "RunRecord", "RunSettings", "SystemClock"]

MASK = "***"
"""What stands in a record where the value of an argument is secret."""


class Repeat(StrEnum):
    """Whether a run is the answer of a call that did not make it."""

    NO = ""
    CALL = "call"
    """The same call: the same principal, tool and arguments."""
    KEY = "key"
    """Another call with the same key: its arguments were others."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `run` is its handle and at the same time the id of the call that made it.

    It belongs to `principal_id`; `principal` is the name that this principal had then.

    `source_run` is the source's own name for it, empty while unknown. `expected` is what it must
    show, by its definition and the inventory when it was called. `observed_at` is the moment as of
    which it is told, if it goes on. `digest` stands for who called what with what, and `key` is the
    caller's own name of the call: by them the same call is known again, and `repeated` says how
    this run answers another call. `usual_seconds` is how long past runs took. `definition` is the
    hash of what the authors had written when it was called; empty for runs of before it was kept.
    """

    run: str
    tool: str
    operation: OperationKey
    principal: str
    principal_id: str
    arguments: Mapping[str, str]
    source: str
    source_run: str
    created_at: datetime
    result: Run
    ended_at: datetime | None = None
    observed_at: datetime | None = None
    expected: tuple[ExpectedTask, ...] = ()
    digest: str = ""
    key: str = ""
    usual_seconds: float | None = None
    repeated: Repeat = Repeat.NO
    definition: str = ""

    @property
    def verdict(self) -> Verdict:
        """How it stands or ended."""
        return self.result.verdict

    @property
    def ended(self) -> bool:
        """Whether its verdict is final."""
        return self.result.verdict.ended

    @property
    def ref(self) -> RunRef:
        """Which run of the source it is."""
        return RunRef(self.operation, self.source_run, self.run)

    def at(self, now: datetime) -> "RunRecord":
        """The same run, told as of now."""
        return self if self.ended else replace(self, observed_at=now)

    @property
    def duration_seconds(self) -> float | None:
        """How long it took by its source's clock, or ours; up to `observed_at` if it goes on.

        None where that is not known: its process was killed before it was seen at work.
        """
        if self.verdict is Verdict.ABORTED and self.ended_at == self.created_at:
            return None
        start, end = self.result.started_at, self.result.ended_at
        if start is None or end is None:
            start, end = self.created_at, self.ended_at or self.observed_at or self.created_at
        return max(0.0, round((end - start).total_seconds(), 3))


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How runs are started and followed."""

    deadline_seconds: float = 1800.0
    """When a run that has not ended is called stuck. Ops itself has no deadline."""

    deadlines: Mapping[str, float] = field(default_factory=dict[str, float])
    """Deadlines of their own: name pattern of tools to seconds; the first that fits counts."""

    first_poll_seconds: float = 0.25
    """The pause between the first looks."""

    requests_per_second: float = 20.0
    """How often the source may be asked how its runs stand, all runs together. 0: looks cost
    nothing there, and are not counted."""

    repeat_seconds: float = 60.0
    """How long after its end a run that changes something answers the same call again."""

    second_look_seconds: float = 3.5
    """How long a pipeline's `DataInValid` is doubted: if Ops takes it back, then after 3."""

    search_pauses_seconds: tuple[float, ...] = (0.0, 1.0, 3.0, 6.0)
    """The pauses before each search for a run whose start was not answered."""

    acts_until_seconds: float = 65.0
    """How long after a start its source may still act on it: Ops gives up after 61 seconds when its
    Kubernetes API is silent. 0: it ends with this process."""

    recover_seconds: float = 0.0
    """How often runs of processes that are gone are recovered. 0: only at the start."""

    limit: int = 500
    """How many runs may be in flight in all."""

    limit_per_principal: int = 100
    """How many runs of one principal may be in flight."""

    queue: int = 200
    """How many calls may wait for others to end before they start."""

    queue_seconds: float = 20.0
    """How long one call waits so. Clients give up at 60."""

    def deadline_of(self, tool: str) -> float:
        """The deadline of the runs of a tool, in seconds."""
        found = (value for name, value in self.deadlines.items() if fnmatchcase(tool, name))
        return next(found, self.deadline_seconds)


class Clock(Protocol):
    """Time and chance, as they are handed in, so that tests control them."""

    def now(self) -> datetime:
        """The time of day, with time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def jitter(self) -> float:
        """A number from 0 to 1, so that many processes do not ask at the same moments."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def jitter(self) -> float:
        """A number from 0 to 1."""
        return secrets.randbelow(1001) / 1000

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await anyio.sleep(seconds)
