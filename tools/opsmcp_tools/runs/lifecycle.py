"""Carrying: one call from its intent in the journal to the end of its run.

Joins starting, following and the journal, and tells the hooks. Knows nothing of callers or waiting.
"""

import logging
import statistics
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVarTuple

import anyio

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.source import Cancelled, RunRef, Source, StartRequest
from opsmcp_tools.journal.protocol import Journal
from opsmcp_tools.journal.writer import Writes
from opsmcp_tools.model.errors import (
    JournalUnusable,
    PlanChanged,
    RunOutcomeUnknown,
    ToolError,
    ToolUnavailable,
)
from opsmcp_tools.model.run_record import Clock, RunRecord, RunSettings
from opsmcp_tools.runs.definition_check import DefinitionCheck, DefinitionReader
from opsmcp_tools.runs.events import (
    CallRefused,
    Event,
    Hooks,
    RunEnded,
    RunProgressed,
    RunStarted,
)
from opsmcp_tools.runs.follower import Follower, Live
from opsmcp_tools.runs.poller import Watcher
from opsmcp_tools.runs.progress_writer import ProgressKeeper
from opsmcp_tools.runs.starter import Starter

__all__ = ["Carrier"]

_Values = TypeVarTuple("_Values")

_KEEP_AGAIN_SECONDS = 10.0
"""How long until the end of a run that could not be kept is kept again."""

_MOST_ENDS = 1_000

_LOOKED_FOR = "its start was not answered; it is being looked for"
_OUR_FAILURE = "opsmcp itself failed while it followed the run; its log tells more"

_logger = logging.getLogger(__name__)


_STOPPED = {
    Cancelled.STOPPED: "it was stopped",
    Cancelled.STARTS_NOTHING_MORE: "it starts nothing more; what was at work goes on",
    Cancelled.GOES_ON: "it could not be stopped",
}


class Carrier:
    """Carries runs, each in a task that somebody else owns. `live` holds those not over yet."""

    def __init__(
        self,
        source: Source,
        journal: Journal,
        *,
        settings: RunSettings,
        clock: Clock,
        writes: Writes,
        hooks: Hooks,
    ) -> None:
        """Prepare; nothing is carried yet."""
        self._source = source
        self._journal = journal
        self._writes = writes
        self._settings = settings
        self._clock = clock
        self._hooks = hooks
        self._watcher = Watcher(
            source, clock=clock, requests_per_second=settings.requests_per_second
        )
        self._definitions = DefinitionReader(source, self._watcher.turn)
        self._starter = Starter(source, clock, settings, self._watcher.turn)
        self.live: dict[str, Live] = {}
        self.ends: dict[str, tuple[datetime, float]] = {}
        """By the digests of calls, when their last runs ended here, as told and monotonic."""

    async def begin(
        self, live: Live, request: StartRequest, ended_since: datetime | None = None
    ) -> None:
        """Carry a new call. Nothing is sent unless the journal has it and knows no such call."""
        try:
            same = await self._writes.do(self._journal.add, live.record, ended_since)
        except JournalUnusable as error:
            self._refuse(live, str(error))
            return
        except Exception:  # the other runs must not end with this one
            _logger.exception("run %s: opsmcp failed while it was to be kept", live.record.run)
            self._refuse(live, "opsmcp itself failed; its log tells more")
            return
        if same is not None:
            del self.live[live.record.run]
            live.join(same)
            return
        live.keep()
        async with self._ending(live):
            await self._begin(live, request)

    def _refuse(self, live: Live, why: str) -> None:
        """End a call of which the journal knows nothing."""
        del self.live[live.record.run]
        live.see(self._refused(live, ToolUnavailable(f"nothing was started: {why}")))
        self._hooks.emit(replace(_refusal(live), run=""))

    async def _begin(self, live: Live, request: StartRequest) -> None:
        def doubt() -> None:
            going = replace(live.record.result, reason=_LOOKED_FOR)
            live.see(replace(live.record, result=going))

        try:
            ref = await self._starter.start_once(
                request,
                until_seconds=self._settings.deadline_of(live.record.tool),
                on_doubt=doubt,
            )
        except (PlanChanged, ToolUnavailable) as error:
            refused = self._refused(live, error)
            await self._conclude(live, refused, _refusal(live))
        except RunOutcomeUnknown as error:
            await self._end(live, live.record.result.ending(Verdict.UNKNOWN, str(error)))
        else:
            await self._follow(live, ref)

    async def resume(self, live: Live) -> None:
        """Carry on a run of a process that is gone. What was never answered is looked for."""
        live.keep()
        async with self._ending(live):
            await self._resume(live)

    async def _resume(self, live: Live) -> None:
        record = live.record
        if record.source_run:
            await self._follow(live, record.ref, taken_up=True)
            return
        live.see(replace(record, result=replace(record.result, reason=_LOOKED_FOR)))
        try:
            ref = await self._starter.find_unanswered(
                record.operation,
                record.run,
                until_seconds=self._settings.deadline_of(record.tool),
                sent_at=record.created_at,
            )
        except RunOutcomeUnknown as error:
            await self._end(live, record.result.ending(Verdict.UNKNOWN, str(error)))
        else:
            await self._follow(live, ref, taken_up=True)

    async def join(self, live: Live) -> None:
        """Carry on a run that an opsmcp with another journal started."""
        await self._write(self._journal.add, live.record)
        await self.resume(live)

    async def give_up(self, live: Live) -> None:
        """End a run that another source had, which nobody here can ask."""
        live.keep()
        reason = (
            f"it was a run of {live.record.source}, which is not the source any more; it had not "
            "ended by its deadline, so far as is known"
        )
        async with self._ending(live):
            await self._end(live, live.record.result.ending(Verdict.UNKNOWN, reason))

    @asynccontextmanager
    async def _ending(self, live: Live) -> AsyncGenerator[None]:
        """Give the run an end even if opsmcp itself is wrong: the others must not end with it."""
        try:
            yield
        except Exception:  # the other runs, and whoever waits for this one
            _logger.exception("run %s: opsmcp failed while it carried it", live.record.run)
            await self._end(live, Run(Verdict.UNKNOWN, reason=_OUR_FAILURE))

    def _refused(self, live: Live, error: ToolError) -> RunRecord:
        """The call as one that never became a run."""
        reason = live.masker.text(str(error))
        live.refusal = type(error)(reason, live.masker.text(error.in_terminal), error.look)
        result = replace(live.record.result, verdict=Verdict.NOTHING_RAN, reason=reason)
        return replace(live.record, result=result, ended_at=live.now())

    async def _follow(self, live: Live, ref: RunRef, *, taken_up: bool = False) -> None:
        await self._write(self._journal.accepted, live.record.run, ref.name)
        durations = await self._durations(live.record)
        usual = statistics.median(durations) if durations else None
        known = replace(live.record.result, reason="")
        live.see(replace(live.record, source_run=ref.name, result=known, usual_seconds=usual))
        self._hooks.emit(RunStarted(live.record, taken_up))
        follower = Follower(
            live,
            self._watcher,
            clock=self._clock,
            settings=self._settings,
            durations=durations,
        )
        run = await self._look_on(live, follower)
        if run.verdict is Verdict.STUCK and self._source.traits.cancels:
            run = await self._stop(ref, run, follower)
        await self._end(live, run)

    async def _look_on(self, live: Live, follower: Follower) -> Run:
        """The run as it ended, with what is to be told of the definition that it had."""
        run, note = live.record.result, ""
        keeper = ProgressKeeper(self._journal.progressed, self._writes, self._clock, live.record)
        async with anyio.create_task_group() as group:
            check = DefinitionCheck(self._definitions, live.record, group)

            async def on_look() -> None:
                if follower.has_begun_all:
                    check.begin()
                await keeper.see(live.record)

            run = await follower.follow(
                on_look=on_look, on_change=lambda: self._hooks.emit(RunProgressed(live.record))
            )
            note = await check.note()
            group.cancel_scope.cancel()
        return run.ending(run.verdict, "; ".join(filter(None, (run.reason, note))))

    async def _stop(self, ref: RunRef, stuck: Run, follower: Follower) -> Run:
        """End a run that is past its deadline, where that is possible; as it is then."""
        try:
            done = await self._source.cancel(ref)
        except SourceError:
            done = Cancelled.GOES_ON
        stopped = done is Cancelled.STOPPED
        now = await follower.look(ref)
        if now.verdict.ended and not stopped:
            return now
        more = _STOPPED[done]
        return now.ending(Verdict.STUCK, f"{stuck.reason}; {more}")

    async def _durations(self, record: RunRecord) -> Sequence[float]:
        try:
            return await anyio.to_thread.run_sync(self._journal.durations, record)
        except JournalUnusable:
            return ()

    async def _end(self, live: Live, result: Run) -> None:
        now = live.now()
        record = replace(live.record, result=result, ended_at=now, seen_at=now)
        self._note_end(record.digest, now)
        await self._conclude(live, record, RunEnded(record))

    def _note_end(self, digest: str, at: datetime) -> None:
        self.ends.pop(digest, None)
        self.ends[digest] = at, self._clock.monotonic()
        if len(self.ends) > _MOST_ENDS:
            del self.ends[next(iter(self.ends))]

    async def _conclude(self, live: Live, record: RunRecord, event: Event) -> None:
        """Keep the end, then tell it. What cannot be kept is told, and kept when that is possible.

        Kept first, so that the next call of the same kind sees the run as over.
        """
        # Shielded, because whoever was waiting may leave the program as soon as it is told.
        kept = False
        with anyio.CancelScope(shield=True):
            kept = await self._write(self._journal.finish, record)
            live.see(record)
            if kept:
                del self.live[record.run]
        self._hooks.emit(event)
        while not kept:
            await self._clock.sleep(_KEEP_AGAIN_SECONDS)
            kept = await self._write(self._journal.finish, record)
        self.live.pop(record.run, None)

    async def _write(self, write: Callable[[*_Values], object], *values: *_Values) -> bool:
        """Write to the journal. A run goes on when that fails; it is kept in memory meanwhile."""
        try:
            await self._writes.do(write, *values)
        except JournalUnusable as error:
            _logger.warning("what became of a run was not kept yet: %s", error)
            return False
        return True


def _refusal(live: Live) -> CallRefused:
    record = live.record
    return CallRefused(record.tool, record.principal, str(live.refusal), record.run)
