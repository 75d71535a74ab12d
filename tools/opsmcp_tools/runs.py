"""RunRecord: one run as opsmcp accounts for it; and the settings and the clock of following it.

Frozen data that `execution`, `journal` and `summary` share. Who called, with what, and what became
of it; never a secret.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import anyio

from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.run import ExpectedTask, Run, Verdict

__all__ = ["MASK", "Clock", "RunRecord", "RunSettings", "SystemClock"]

MASK = "***"
"""What stands in a record where the value of an argument is secret."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `run` is its handle and at the same time the id of the call that made it.

    `source_run` is the source's own name for it, empty while unknown. `expected` is what the
    operation consisted of when it was called. `seen_at` is the last look at it.
    """

    run: str
    tool: str
    operation: OperationKey
    principal: str
    arguments: Mapping[str, str]
    source: str
    source_run: str
    created_at: datetime
    result: Run
    ended_at: datetime | None = None
    seen_at: datetime | None = None
    expected: tuple[ExpectedTask, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """How it stands or ended."""
        return self.result.verdict

    @property
    def ended(self) -> bool:
        """Whether its verdict is final."""
        return self.result.verdict.ended

    @property
    def duration_seconds(self) -> float:
        """How long it took by its source's clock, else by ours; up to the last look if it runs."""
        start, end = self.result.started_at, self.result.ended_at
        if start is None or end is None:
            start, end = self.created_at, self.ended_at or self.seen_at or self.created_at
        return max(0.0, round((end - start).total_seconds(), 3))


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How runs are followed; all in seconds."""

    wait_seconds: float = 45.0
    """How long a call waits before it answers with a handle. Clients give up at 60."""

    deadline_seconds: float = 1800.0
    """When a run that has not ended is called stuck. Ops itself has no deadline."""

    first_poll_seconds: float = 0.25
    """The pause between the first looks."""

    second_look_seconds: float = 3.5
    """How long a pipeline's `DataInValid` is doubted: if Ops takes it back, then after 3."""

    search_pauses_seconds: tuple[float, ...] = (0.0, 1.0, 3.0, 6.0)
    """The pauses before each search for a run whose start was not answered."""


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
