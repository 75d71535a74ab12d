"""Lifecycle: one call from its intent to the end of its run.

Joins starting, following and the journal, and tells the hooks. Knows nothing of callers or waiting.
"""

import logging
import statistics
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

import anyio
from anyio.abc import TaskGroup

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.source import Cancelled, LocalSource, RunRef, StartRequest
from opsmcp_tools.model.errors import (
    JournalUnusable,
    PlanChanged,
    RunOutcomeUnknown,
    ToolGone,
    ToolUnavailable,
)
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.conclusion import Conclusions
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.definition_check import DefinitionCheck, DefinitionReader
from opsmcp_tools.runs.events import RunProgressed, RunStarted
from opsmcp_tools.runs.follower import Follower
from opsmcp_tools.runs.live_run import LiveRun, State
from opsmcp_tools.runs.poller import Poller
from opsmcp_tools.runs.progress_writer import ProgressWriter
from opsmcp_tools.runs.starter import Starter
from opsmcp_tools.runs.wait import wait_until

__all__ = ["Announce", "Lifecycle", "Way"]

Announce = Callable[[RunRecord], Awaitable[None]]
"""Tells of a start before it happens; raises `JournalUnusable` where that cannot be kept."""

Way = Callable[[LiveRun], Awaitable[None]]
"""What leads a run to its end: one of the methods of `Lifecycle`."""

_LONG_SECONDS = 1.0
"""Of runs that are over sooner, nobody asks how long they usually take."""

_STOP_SECONDS = 20.0
"""How long the end of the process waits for the ends of its runs, and for the journal."""

_SEARCHED = "its start was not answered; it is being looked for"
_OUR_FAILURE = "opsmcp itself failed while it followed the run; its log tells more"

_logger = logging.getLogger(__name__)


_STOPPED = {
    Cancelled.STOPPED: "it was stopped",
    Cancelled.STARTS_NOTHING_MORE: "it starts nothing more; what was at work goes on",
    Cancelled.GOES_ON: "it could not be stopped",
}


class Lifecycle:
    """Leads runs to their ends."""

    def __init__(self, context: RunContext, conclusions: Conclusions) -> None:
        """Prepare; there is no run yet."""
        source, settings, clock = context.source, context.settings, context.clock
        self._context, self._clock, self._journal = context, clock, context.journal
        self._conclusions = conclusions
        self._poller = Poller(source, clock=clock, requests_per_second=settings.requests_per_second)
        self._definitions = DefinitionReader(source, self._poller.turn)
        self._starter = Starter(source, clock, settings, self._poller.turn)
        self._frugal = bool(settings.requests_per_second)
        self._local = source if isinstance(source, LocalSource) else None
        self._leading: set[anyio.CancelScope] = set()

    def launch(self, group: TaskGroup, live: LiveRun, way: Way) -> None:
        """Lead a run to its end in `group`, on one of the ways below. It has entered the limit."""

        async def lead() -> None:
            # Runs that end with this process are seen to their ends by `stop`.
            scope = anyio.CancelScope(shield=self._local is not None)
            self._leading.add(scope)
            try:
                with scope:
                    await self._lead(live, way)
            finally:
                self._leading.discard(scope)
                self._context.limit.leave(live.record.principal_id)

        group.start_soon(lead)
        self._context.live[live.record.run] = live

    async def hear(self) -> None:
        """Listen to what the source tells of runs, until cancelled."""
        await self._poller.hear()

    async def stop(self) -> None:
        """Let the runs that end with this process end, and record how; the others go on."""
        if self._local is None:
            return
        with anyio.move_on_after(_STOP_SECONDS, shield=True):
            await self._local.stop()
            for live in tuple(self._context.live.values()):
                await wait_until(
                    lambda live=live: live.is_over,
                    live,
                    clock=self._clock,
                    seconds=_STOP_SECONDS,
                )
        for scope in self._leading:
            scope.cancel()

    @property
    def buries(self) -> bool:
        """Whether runs that a process left behind are ended here, and not looked for."""
        return self._local is not None

    async def _lead(self, live: LiveRun, way: Way) -> None:
        """Give the run an end even if opsmcp itself is wrong: the others must not end with it."""
        try:
            await way(live)
        except Exception:  # the other runs, and whoever waits for this one
            _logger.exception("run %s: opsmcp failed on it", live.record.run)
            if live.state is State.INTENDED:
                failed = ToolUnavailable(
                    "nothing was started: opsmcp itself failed; its log tells more"
                )
                await self._conclusions.refuse(live, failed)
            elif not live.record.ended:
                await self._conclusions.end(live, Run(Verdict.UNKNOWN, reason=_OUR_FAILURE))
        self._context.live.pop(live.record.run, None)

    async def start(
        self,
        request: StartRequest,
        ended_since: datetime | None,
        announce: Announce,
        live: LiveRun,
    ) -> None:
        """A new call. Nothing is sent unless it is journaled, announced, and no call that is known.

        Whoever `announce` tells may refuse it, as the journal may.
        """
        try:
            same = await self._context.writer.do(self._journal.add, live.record, ended_since)
            if same is not None:
                live.join(same)
                return
            live.note_recorded()
            await announce(live.record)
            ref = await self._starter.start_once(
                request,
                until_seconds=self._context.settings.deadline_of(live.record.tool),
                on_doubt=partial(live.doubt, _SEARCHED),
            )
        except JournalUnusable as error:
            await self._conclusions.refuse(live, ToolUnavailable(f"nothing was started: {error}"))
        except (PlanChanged, ToolGone, ToolUnavailable) as error:
            await self._conclusions.refuse(live, error)
        except RunOutcomeUnknown as error:
            await self._conclusions.end(
                live, live.record.result.ending(Verdict.UNKNOWN, str(error))
            )
        else:
            await self._follow(live, ref)

    async def recover(self, live: LiveRun) -> None:
        """A run of a process that is gone. What was never answered is looked for."""
        record = live.record
        if self._local is not None:
            self._context.hooks.emit(RunStarted(record, recovered=True))
            note = await self._local.end_left_over(record.operation, record.run)
            run = record.result.cut_off(note)
            run = run.ending(run.verdict, f"{note}; {_life_of(record)}")
            await self._conclusions.end(live, run, record.observed_at or record.created_at)
            return
        if live.state is State.ACCEPTED:
            await self._follow(live, record.ref, recovered=True)
            return
        live.doubt(_SEARCHED)
        try:
            ref = await self._starter.find_unanswered(
                record.operation,
                record.run,
                until_seconds=self._context.settings.deadline_of(record.tool),
                sent_at=record.created_at,
            )
        except RunOutcomeUnknown as error:
            await self._conclusions.end(live, record.result.ending(Verdict.UNKNOWN, str(error)))
        else:
            await self._follow(live, ref, recovered=True)

    async def adopt(self, live: LiveRun) -> None:
        """A run that an opsmcp with another journal started, and that its source has accepted."""
        await self._conclusions.write(self._journal.add, live.record)
        await self._follow(live, live.record.ref, recovered=True)

    async def give_up(self, live: LiveRun) -> None:
        """A run that another source had, which nobody here can ask."""
        reason = (
            f"it was a run of {live.record.source}, which is not the source any more; it had not "
            "ended by its deadline, so far as is known"
        )
        await self._conclusions.end(live, live.record.result.ending(Verdict.UNKNOWN, reason))

    async def _follow(self, live: LiveRun, ref: RunRef, *, recovered: bool = False) -> None:
        if self._local is None:  # else nobody looks for it by its name
            await self._conclusions.write(self._journal.accepted, live.record.run, ref.name)
        durations = await self._durations(live.record) if self._frugal else ()
        live.accept(ref.name, statistics.median(durations) if durations else None)
        self._context.hooks.emit(RunStarted(live.record, recovered))
        settings = self._context.settings
        follower = Follower(
            live, self._poller, clock=self._clock, settings=settings, durations=durations
        )
        run = await self._observe(live, follower)
        if run.verdict is Verdict.STUCK and self._context.source.traits.cancels:
            run = await self._stop(ref, run, follower)
        await self._conclusions.end(live, run)
        if self._local is not None:
            self._local.forget(ref)

    async def _observe(self, live: LiveRun, follower: Follower) -> Run:
        """The run as it ended, with what is to be told of the definition that it had."""
        run, note = live.record.result, ""
        writer = ProgressWriter(
            self._journal.progressed,
            self._context.writer,
            self._clock,
            live.record,
            each_step=self._local is not None,
        )
        async with anyio.create_task_group() as group:
            check = DefinitionCheck(self._definitions, live.record, group)

            async def on_poll() -> None:
                if follower.has_begun_all:
                    check.begin()
                await writer.observe(live.record)
                await self._learn_usual(live)

            def on_change() -> None:
                self._context.hooks.emit(RunProgressed(live.record))

            run = await follower.follow(on_poll=on_poll, on_change=on_change)
            note = await check.note()
            group.cancel_scope.cancel()
        return run.ending(run.verdict, "; ".join(filter(None, (run.reason, note))))

    async def _stop(self, ref: RunRef, stuck: Run, follower: Follower) -> Run:
        """End a run that is past its deadline, where that is possible; as it is then."""
        try:
            done = await self._context.source.cancel(ref)
        except SourceError:
            done = Cancelled.GOES_ON
        now = await follower.poll(ref)
        if now.verdict.ended and done is not Cancelled.STOPPED:
            return now
        return now.ending(Verdict.STUCK, f"{stuck.reason}; {_STOPPED[done]}")

    async def _learn_usual(self, live: LiveRun) -> None:
        """Tell how long runs like this one take, once it takes long itself."""
        if self._frugal or live.is_usual_known or live.age_seconds < _LONG_SECONDS:
            return
        durations = await self._durations(live.record)
        live.note_usual(statistics.median(durations) if durations else None)

    async def _durations(self, record: RunRecord) -> Sequence[float]:
        try:
            return await anyio.to_thread.run_sync(self._journal.durations, record)
        except JournalUnusable:
            return ()


def _life_of(record: RunRecord) -> str:
    """How long a run went on whose process was killed, as far as that is known."""
    if record.observed_at is None:
        return "how long it went on is not known"
    seconds = (record.observed_at - record.created_at).total_seconds()
    return f"it was last seen {max(0.0, seconds):.1f} s after its start"
