"""Follower: from a run that a source has accepted to its true end.

Knows nothing of callers, the journal or the wire. Polls, because what Ops tells of ends may be
missing or wrong; every run gets an end here, if not from its source then from this follower:
vanished, stuck.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from opsmcp_pipelines.errors import NotFound, NotOurRun, SourceError
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.run import Run, RunReport, Status, Verdict
from opsmcp_pipelines.source import RunRef
from opsmcp_tools.model.run_record import Clock, RunSettings
from opsmcp_tools.phrases.quantity import duration_in_words
from opsmcp_tools.runs.live_run import LiveRun
from opsmcp_tools.runs.poll_interval import PollInterval
from opsmcp_tools.runs.poller import Poller

__all__ = ["Follower"]

_POLLS_FOR_ABSENT = 4
"""How often a run that was never observed may be missing before it counts as vanished."""

_LONGEST_BACKOFF_SECONDS = 30.0

_LEAST_SECONDS = 30.0
"""How long a recovered run is followed at least, if its deadline is not shorter."""

_logger = logging.getLogger(__name__)


class Follower:
    """Polls one run until it has ended."""

    def __init__(
        self,
        live: LiveRun,
        poller: Poller,
        *,
        clock: Clock,
        settings: RunSettings,
        durations: Sequence[float] = (),
    ) -> None:
        """Prepare; the deadline counts from the call, also of a recovered run.

        Args:
            live: The run.
            poller: Reads it.
            clock: The time.
            settings: How it is followed.
            durations: How long past runs of the operation took, in seconds.
        """
        self._live = live
        self._poller = poller
        self._clock = clock
        self._settings = settings
        self._deadline = settings.deadline_of(live.record.tool)
        self._interval = PollInterval(
            durations,
            ticking=live.record.operation.kind is OperationKind.PIPELINE,
            first_seconds=settings.first_poll_seconds,
            frugal=bool(settings.requests_per_second),
        )
        # By a wrong clock, a run of an earlier process would be over before it is polled.
        most = max(0.0, self._deadline - _LEAST_SECONDS)
        self._began = clock.monotonic() - min(live.age_seconds, most)
        self._raw: RunReport | None = None
        self._last: RunReport | None = None
        self._failures = 0
        self._trouble = ""
        self._absences = 0
        self._doubted_at: float | None = None
        self._notified = False
        self._misled = False

    async def follow(
        self, *, on_poll: Callable[[], Awaitable[object]], on_change: Callable[[], None]
    ) -> Run:
        """Return the run as it ended.

        Calls `on_change` for each visible change before that, and awaits `on_poll` after each poll.
        """
        ref = self._live.record.ref
        with self._poller.polling(ref):
            while True:
                run = await self.poll(ref)
                if run.verdict.ended:
                    return run
                changed = self._live.observe(run)
                self._misled = self._notified and not changed
                self._interval.note_poll(
                    self._elapsed(), changed=changed, pending=self._is_pending()
                )
                if changed:
                    on_change()
                await on_poll()
                left = self._deadline - self._elapsed()
                if left <= 0:
                    return run.ending(Verdict.STUCK, self._stuck_reason())
                await self._rest(ref, min(self._pause(ref), left))

    async def _rest(self, ref: RunRef, seconds: float) -> None:
        """Wait until the next poll; a source that says that something changed is polled at once.

        Unless nothing had changed when it said so the last time.
        """
        waits = [partial(self._clock.sleep, seconds)]
        if not self._misled:
            waits.append(partial(self._until_notified, ref))
        self._notified = False
        await self._live.pause(*waits)

    async def _until_notified(self, ref: RunRef) -> None:
        await self._poller.changed(ref)
        self._notified = True

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began

    async def poll(self, ref: RunRef) -> Run:
        """The run as it is now; as it was last observed when nothing could be learnt."""
        try:
            raw = await self._poller.read(ref)
        except NotFound:
            return self._absent()
        except NotOurRun as error:
            return self._live.record.result.ending(Verdict.UNKNOWN, str(error))
        except SourceError as error:
            self._failures += 1
            self._trouble = self._live.masker.text(str(error))
            _logger.info("run %s: poll %d failed", self._live.record.run, self._failures)
            return self._live.record.result
        self._failures, self._absences = 0, 0
        if self._last is None or raw != self._raw:
            # Imported with the first report: a server that only lists has none.
            from opsmcp_pipelines.verdict.repeated_names import with_overwritten

            report = self._live.masker.report(raw)
            self._last = with_overwritten(self._last, report, self._live.record.expected)
            self._raw = raw
        return self._judged(self._last)

    def _judged(self, report: RunReport) -> Run:
        from opsmcp_pipelines.verdict.judge import judge

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
        known = self._live.record.result
        if self._last:
            return known.ending(Verdict.VANISHED, "it was deleted before its end could be read")
        if self._absences >= _POLLS_FOR_ABSENT:
            return known.ending(Verdict.VANISHED, "the source does not know it (any more)")
        return known

    def _pause(self, ref: RunRef) -> float:
        first = self._settings.first_poll_seconds
        if self._doubted_at is not None:
            return self._settings.second_look_seconds
        seconds = self._interval.pause_seconds(
            self._elapsed(), self._clock.jitter(), hinted=self._poller.hints_ends(ref)
        )
        if self._failures:
            backoff = first * 2.0 ** min(self._failures, 16)
            return min(max(seconds, backoff), _LONGEST_BACKOFF_SECONDS)
        return seconds

    def _stuck_reason(self) -> str:
        """What the last poll was a sign of, as its source has it."""
        late = f"it had not ended after {duration_in_words(self._deadline)}"
        if self._last is None:
            return f"{late}, and its source could not be asked: {self._trouble or 'no answer'}"
        return f"{late}; {self._poller.sign_of(self._last)}"
