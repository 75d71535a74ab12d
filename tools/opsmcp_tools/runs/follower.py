"""Following: from a run that a source has accepted to its true end.

Knows nothing of callers, the journal or the wire. Polls, because Ops cannot push; every run gets an
end here, if not from its source then from this follower: vanished, stuck.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import anyio

from opsmcp_pipelines.errors import NotFound, NotOurRun, SourceError
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.run import Run, RunReport, Status, Verdict
from opsmcp_pipelines.source import RunRef
from opsmcp_pipelines.verdict.judge import judge
from opsmcp_pipelines.verdict.twins import with_overwritten
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.run_record import Clock, RunRecord, RunSettings
from opsmcp_tools.phrases.quantity import duration_in_words
from opsmcp_tools.runs.poll_interval import Pace
from opsmcp_tools.runs.poller import Watcher

__all__ = ["Follower", "Live", "first_of"]

_LOOKS_FOR_ABSENT = 4
"""How often a run that was never seen may be missing before it counts as vanished."""

_LONGEST_BACKOFF_SECONDS = 30.0

_LEAST_SECONDS = 30.0
"""How long a run that is taken up is followed at least, if its deadline is not shorter."""

_logger = logging.getLogger(__name__)


async def first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    """Return when the first of them returns; the others are cancelled."""
    async with anyio.create_task_group() as group:

        async def wait_for(wait: Callable[[], Awaitable[object]]) -> None:
            await wait()
            group.cancel_scope.cancel()

        for wait in waits:
            group.start_soon(wait_for, wait)


class Live:
    """A run that this process carries. Waiters are woken when something visible changes."""

    def __init__(self, record: RunRecord, masker: Masker, clock: Clock) -> None:
        """Begin with what is known; whatever is learnt of the run goes through `masker`."""
        self._clock = clock
        age = (clock.now() - record.created_at).total_seconds()
        self._began = clock.monotonic() - max(0.0, age)
        self.record = record
        self.masker = masker
        self.refusal: ToolError | None = None
        self.same: RunRecord | None = None
        self.kept = False
        self.looked = False
        self.waiters = 0
        self.caller: object = None
        self._changed = anyio.Event()
        self._hurried = anyio.Event()

    @property
    def age_seconds(self) -> float:
        """How long ago it was called; a clock that is set meanwhile changes nothing of that."""
        return self._clock.monotonic() - self._began

    def now(self) -> datetime:
        """The time of day as it goes on from that of the call."""
        return self.record.created_at + timedelta(seconds=self.age_seconds)

    @property
    def settled(self) -> bool:
        """Whether it is known what became of its start."""
        return bool(self.record.source_run) or self.record.ended or self.same is not None

    def keep(self) -> None:
        """Take note that the journal has it: from here on its handle is good."""
        self.kept = True
        self._wake()

    def note_look(self) -> None:
        """Take note that its source was asked."""
        if not self.looked:
            self.looked = True
            self._wake()

    def join(self, same: RunRecord) -> None:
        """Leave the call to the run that answers it already."""
        self.same = same
        self._wake()

    def see(self, record: RunRecord) -> bool:
        """Take what is known now; whether anybody who looks on would notice."""
        visible = (record.result, record.source_run) != (self.record.result, self.record.source_run)
        self.record = record
        if visible:
            self._wake()
        return visible

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def next_change(self) -> anyio.Event:
        """What the next visible change sets: got before whatever it may change is looked at."""
        return self._changed

    def hurry(self) -> None:
        """Have its follower look at once."""
        self._hurried.set()

    async def pause(self, *waits: Callable[[], Awaitable[object]]) -> None:
        """Wait for the first of them, unless somebody is in a hurry."""
        await first_of(self._hurried.wait, *waits)
        self._hurried = anyio.Event()


class Follower:
    """Looks at one run until it has ended."""

    def __init__(
        self,
        live: Live,
        watcher: Watcher,
        *,
        clock: Clock,
        settings: RunSettings,
        durations: Sequence[float] = (),
    ) -> None:
        """Prepare; the deadline counts from the call, also when a run is taken up again.

        Args:
            live: The run.
            watcher: Reads it.
            clock: The time.
            settings: How it is followed.
            durations: How long past runs of the operation took, in seconds.
        """
        self._live = live
        self._watcher = watcher
        self._clock = clock
        self._settings = settings
        self._deadline = settings.deadline_of(live.record.tool)
        self._pace = Pace(
            durations,
            ticking=live.record.operation.kind is OperationKind.PIPELINE,
            first_seconds=settings.first_poll_seconds,
            frugal=bool(settings.requests_per_second),
        )
        # By a wrong clock, a run of an earlier process would be over before it is looked at.
        most = max(0.0, self._deadline - _LEAST_SECONDS)
        self._began = clock.monotonic() - min(live.age_seconds, most)
        self._raw: RunReport | None = None
        self._last: RunReport | None = None
        self._failures = 0
        self._trouble = ""
        self._absences = 0
        self._doubted_at: float | None = None
        self._told = False

    async def follow(
        self, *, on_look: Callable[[], Awaitable[object]], on_change: Callable[[], None]
    ) -> Run:
        """Return the run as it ended.

        Calls `on_change` for each visible change before that, and awaits `on_look` after each look.
        """
        ref = self._live.record.ref
        with self._watcher.watching(ref):
            while True:
                run = await self.look(ref)
                if run.verdict.ended:
                    return run
                self._live.note_look()
                changed = self._live.see(
                    replace(self._live.record, result=run, seen_at=self._live.now())
                )
                self._pace.see(self._elapsed(), changed=changed, pending=self._is_pending())
                if changed:
                    on_change()
                await on_look()
                left = self._deadline - self._elapsed()
                if left <= 0:
                    return run.ending(Verdict.STUCK, self._stuck_reason())
                await self._rest(ref, min(self._pause(), left))

    async def _rest(self, ref: RunRef, seconds: float) -> None:
        """Wait until the next look; a source that notices the end makes it one at once, once."""
        waits = [partial(self._clock.sleep, seconds)]
        if not self._told:
            waits.append(partial(self._until_told, ref))
        await self._live.pause(*waits)

    async def _until_told(self, ref: RunRef) -> None:
        await self._watcher.ended(ref)
        self._told = True

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began

    async def look(self, ref: RunRef) -> Run:
        """The run as it is now; as it was last seen when nothing could be learnt."""
        try:
            raw = await self._watcher.read(ref)
        except NotFound:
            return self._absent()
        except NotOurRun as error:
            return self._live.record.result.ending(Verdict.UNKNOWN, str(error))
        except SourceError as error:
            self._failures += 1
            self._trouble = self._live.masker.text(str(error))
            _logger.info("run %s: look %d failed", self._live.record.run, self._failures)
            return self._live.record.result
        self._failures, self._absences = 0, 0
        if self._last is None or raw != self._raw:
            report = self._live.masker.report(raw)
            self._last = with_overwritten(self._last, report, self._live.record.expected)
            self._raw = raw
        return self._judged(self._last)

    def _judged(self, report: RunReport) -> Run:
        run = judge(report, self._live.record.expected)
        if self._is_doubtful(report):
            return replace(run, verdict=Verdict.RUNNING, reason="")
        return run

    @property
    def has_begun_all(self) -> bool:
        """Whether the last task of the run has begun, so far as is known of its source."""
        shown = self._last.tasks if self._last else ()
        return not self._is_pending() and len(shown) >= len(self._live.record.expected)

    def _is_pending(self) -> bool:
        return self._last is None or self._last.status is Status.PENDING

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
        seconds = self._pace.pause_seconds(self._elapsed(), self._clock.jitter())
        if self._failures:
            backoff = first * 2.0 ** min(self._failures, 16)
            return min(max(seconds, backoff), _LONGEST_BACKOFF_SECONDS)
        return seconds

    def _stuck_reason(self) -> str:
        """What the last look was a sign of, as its source has it."""
        late = f"it had not ended after {duration_in_words(self._deadline)}"
        if self._last is None:
            return f"{late}, and its source could not be asked: {self._trouble or 'no answer'}"
        return f"{late}; {self._watcher.sign_of(self._last)}"
