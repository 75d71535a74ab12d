"""Following: from a run that a source has accepted to its true end.

Knows nothing of callers, the journal or the wire. Polls, because Ops cannot push; every run gets an
end here, if not from its source then from this follower: vanished, stuck.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import anyio

from opsmcp_pipelines.errors import NotFound, SourceError
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.run import Run, RunReport, Status, Verdict, judge
from opsmcp_pipelines.source import RunRef, Source
from opsmcp_tools.errors import ToolError
from opsmcp_tools.masking import mask_report
from opsmcp_tools.runs import Clock, RunRecord, RunSettings

__all__ = ["Follower", "Live", "first_of", "pause_seconds"]

_LOOKS_FOR_ABSENT = 4
"""How often a run that was never seen may be missing before it counts as vanished."""

_LONGEST_BACKOFF_SECONDS = 30.0

_logger = logging.getLogger(__name__)


async def first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    """Return when the first of them returns; the others are cancelled."""
    async with anyio.create_task_group() as group:

        async def wait_for(wait: Callable[[], Awaitable[object]]) -> None:
            await wait()
            group.cancel_scope.cancel()

        for wait in waits:
            group.start_soon(wait_for, wait)


def pause_seconds(elapsed: float, first: float) -> float:
    """How long to wait before the next look: a tenth of the run's age, so quick ones end quickly.

    At least `first`, at most 2 seconds in the first half minute and 5 seconds later.
    """
    return min(max(first, elapsed / 10), 2.0 if elapsed < 30 else 5.0)


class Live:
    """A run that this process carries. Waiters are woken when something visible changes."""

    def __init__(self, record: RunRecord, secrets: frozenset[str] = frozenset()) -> None:
        """Begin with what is known; `secrets` are values that nobody may be shown."""
        self.record = record
        self.secrets = secrets
        self.refusal: ToolError | None = None
        self._changed = anyio.Event()
        self._hurried = anyio.Event()

    @property
    def settled(self) -> bool:
        """Whether it is known what became of its start."""
        return bool(self.record.source_run) or self.record.ended

    def see(self, record: RunRecord) -> bool:
        """Take what is known now; whether anybody who looks on would notice."""
        visible = (record.result, record.source_run) != (self.record.result, self.record.source_run)
        self.record = record
        if visible:
            self._changed.set()
            self._changed = anyio.Event()
        return visible

    async def changed(self) -> None:
        """Wait for the next visible change."""
        await self._changed.wait()

    def hurry(self) -> None:
        """Have its follower look at once."""
        self._hurried.set()

    async def pause(self, clock: Clock, seconds: float) -> None:
        """Wait, unless somebody is in a hurry."""
        await first_of(self._hurried.wait, partial(clock.sleep, seconds))
        self._hurried = anyio.Event()


class Follower:
    """Looks at one run until it has ended."""

    def __init__(
        self,
        live: Live,
        source: Source,
        *,
        clock: Clock,
        settings: RunSettings,
    ) -> None:
        """Prepare; the deadline counts from the call, also when a run is taken up again."""
        self._live = live
        self._source = source
        self._clock = clock
        self._settings = settings
        age = (clock.now() - live.record.created_at).total_seconds()
        self._began = clock.monotonic() - max(0.0, age)
        self._last: RunReport | None = None
        self._failures = 0
        self._trouble = ""
        self._absences = 0
        self._doubted_at: float | None = None

    async def follow(self, on_change: Callable[[], None]) -> Run:
        """Return the run as it ended. Calls `on_change` for each visible change before that."""
        record = self._live.record
        ref = RunRef(record.operation, record.source_run)
        while True:
            run = await self._look(ref)
            if run.verdict.ended:
                return run
            if self._live.see(replace(self._live.record, result=run, seen_at=self._clock.now())):
                on_change()
            left = self._settings.deadline_seconds - self._elapsed()
            if left <= 0:
                return run.ending(Verdict.STUCK, self._stuck_reason())
            await self._live.pause(self._clock, min(self._pause(), left))

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began

    async def _look(self, ref: RunRef) -> Run:
        """The run as it is now; as it was last seen when nothing could be learnt."""
        try:
            report = mask_report(await self._source.read_run(ref), self._live.secrets)
        except NotFound:
            return self._absent()
        except SourceError as error:
            self._failures += 1
            self._trouble = str(error)
            _logger.info("run %s: look %d failed", self._live.record.run, self._failures)
            return self._live.record.result
        self._last, self._failures, self._absences = report, 0, 0
        return self._judged(report)

    def _judged(self, report: RunReport) -> Run:
        run = judge(report, self._live.record.expected)
        if self._is_doubtful(report):
            return replace(run, verdict=Verdict.RUNNING, reason="")
        return run

    def _is_doubtful(self, report: RunReport) -> bool:
        """Whether this is a `DataInValid` that Ops may take back (Ops gives no time of ending)."""
        of_pipeline = self._live.record.operation.kind is OperationKind.PIPELINE
        if report.status is not Status.INVALID or report.ended_at or not of_pipeline:
            self._doubted_at = None
            return False
        now = self._clock.monotonic()
        self._doubted_at = now if self._doubted_at is None else self._doubted_at
        return now - self._doubted_at < self._settings.second_look_seconds

    def _absent(self) -> Run:
        self._absences += 1
        seen = self._live.record.result
        if self._last:
            return seen.ending(Verdict.VANISHED, "it was deleted before its end could be read")
        if self._absences >= _LOOKS_FOR_ABSENT:
            return seen.ending(Verdict.VANISHED, "the source does not know it (any more)")
        return seen

    def _pause(self) -> float:
        first = self._settings.first_poll_seconds
        if self._doubted_at is not None:
            return self._settings.second_look_seconds
        seconds = pause_seconds(self._elapsed(), first)
        if self._failures:
            backoff = first * 2.0 ** min(self._failures, 16)
            seconds = min(max(seconds, backoff), _LONGEST_BACKOFF_SECONDS)
        return seconds * (0.9 + 0.2 * self._clock.jitter())

    def _stuck_reason(self) -> str:
        """What the last look was a sign of (the states that never end, as Ops has them)."""
        minutes = f"it had not ended after {self._settings.deadline_seconds / 60:g} minutes"
        if self._last is None:
            return f"{minutes}, and its source could not be asked: {self._trouble or 'no answer'}"
        if self._last.status is Status.PENDING:
            sign = (
                "it never began: nothing runs operations in its namespace, or its cluster is away"
            )
        elif self._last.status is Status.DISPATCHED:
            sign = "it was handed to another cluster, which has not reported its end"
        else:
            sign = "a step does not return, a pod does not start, or its output is over 1.5 MiB"
        return f"{minutes}; {sign}"
