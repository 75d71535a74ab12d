"""Inspections: begins what schedules want, follows it, and makes a signal of how it ended.

Every call goes through the functions that everybody's calls go through, as the principal of its
schedule. Several processes may share the record: a moment is begun by one of them, taken over when
that is gone, and its run is found again by its key.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio
from anyio import to_thread

from opsmcp_pipelines.models import result_names
from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import InspectionBegun, SignalsTaken
from opsmcp_server.calls.prepare import execute, find_run, find_tool, prepare
from opsmcp_server.responding.leases import leased
from opsmcp_tools.incidents.expression import BadExpression
from opsmcp_tools.incidents.schedule import (
    Fire,
    FireState,
    Inspected,
    Judgement,
    Schedule,
    judge,
    signal_of,
)
from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules
from opsmcp_tools.model.errors import JournalUnusable, ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Inspections"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 2.0
_START_SECONDS = 300.0
"""How long to try to start what cannot be started at the moment."""

_MOST_WHY = 400

ResultT = TypeVar("ResultT")


class Inspections:
    """Runs the schedules of one opsmcp until it is cancelled."""

    def __init__(self, context: CallContext) -> None:
        """Prepare; nothing is opened."""
        self._context = context
        self._clock = context.clock
        self._schedules = {one.name: one for one in context.config.schedules}
        self._owner = secrets.token_hex(8)
        self._store: SqliteSchedules | None = None

    async def run(self) -> None:
        """Begin what is due."""
        entered, last = False, self._clock.now()
        async with anyio.create_task_group() as group:
            while True:
                try:
                    now = self._clock.now()
                    if not entered or now < last:  # the clock was set back
                        await self._do(self._enter)
                    entered, last = True, now
                    for fire in await self._do(self._take):
                        schedule = self._schedules[fire.schedule]
                        self._tell_begun(schedule, fire)
                        group.start_soon(self._handle, schedule, fire)
                except ToolUnavailable as error:
                    logger.warning("schedules are looked at again later: %s", error)
                await self._clock.sleep(_LOOK_SECONDS)

    def _enter(self, store: SqliteSchedules) -> None:
        store.enter(tuple(self._schedules.values()), self._clock.now())

    def _take(self, store: SqliteSchedules) -> tuple[Fire, ...]:
        return store.take(tuple(self._schedules.values()), self._clock.now())

    def _tell_begun(self, schedule: Schedule, fire: Fire) -> None:
        if fire.epoch == 1:  # else it was begun before, by a process that is gone
            late = fire.began_at - fire.due_at - schedule.jitter
            self._context.observers(InspectionBegun(late.total_seconds()))

    async def _handle(self, schedule: Schedule, fire: Fire) -> None:
        """Work on a moment that was begun, and keep its lease; who lost it is cancelled."""
        what = f"the inspection of schedule {schedule.name}"
        renew = partial(self._do, lambda store: store.renew(fire, self._clock.now()))
        async with leased(what, renew, self._clock):
            try:
                await self._told(schedule, fire, await self._inspected(schedule, fire))
            except ToolError as error:
                # Its lease ends by itself, and somebody looks again.
                logger.warning("%s is looked at again: %s", what, error)
            except Exception:
                logger.exception("%s could not be told", what)

    # Running

    async def _inspected(self, schedule: Schedule, fire: Fire) -> Inspected:
        """How its run ended. What could not be run is not known to be good."""
        try:
            run = fire.run or await self._started(schedule, fire)
            record = await self._ended(run)
        except ToolUnavailable:
            raise
        except ToolError as error:
            return Inspected(
                Verdict.UNKNOWN, f"it could not be run: {clean_line(str(error), _MOST_WHY)}"
            )
        why = clean_line(record.result.reason, _MOST_WHY)
        said = f"run {record.run} {record.verdict}" + (f": {why}" if why else "")
        return Inspected(record.verdict, said, record.run, record.result.results)

    async def _ended(self, run: str) -> RunRecord:
        while True:
            record = await self._context.executions.wait(run, 60.0)
            if record.ended:
                return record

    async def _started(self, schedule: Schedule, fire: Fire) -> str:
        """The run of a moment, started once.

        Raises:
            ToolError: It cannot be started; nothing was.
        """
        until = self._clock.monotonic() + _START_SECONDS
        operation, principal = schedule.run, schedule.principal
        while True:
            try:
                known = await find_run(self._context, fire.key, operation, principal)
                run = (known or await self._start(schedule, fire)).run
                await self._do(partial(SqliteSchedules.runs, fire=fire, run=run))
            except ToolUnavailable as error:
                if self._clock.monotonic() > until:
                    raise ToolError(f"for {_START_SECONDS:g} s, {error}") from error
                await self._clock.sleep(_AGAIN_SECONDS)
            else:
                return run

    async def _start(self, schedule: Schedule, fire: Fire) -> RunRecord:
        principal = schedule.principal
        prepared = await prepare(self._context, schedule.run, schedule.arguments, principal)
        if prepared.needs_people:
            raise ToolError(f"people would have to agree to it: {prepared.decision.reason}")
        logger.info("schedule %s: %s begins", schedule.name, schedule.run)
        return await execute(self._context, prepared, wait_seconds=0.0, key=fire.key)

    # Telling

    async def _told(self, schedule: Schedule, fire: Fire, found: Inspected) -> None:
        """Record the signal of it, and how it ended: both as often as it takes, and once."""
        judged = judge(await self._judgement(schedule), schedule, found)
        status, why, _ = judged
        context, now = self._context, self._clock.now()
        signal = signal_of(schedule, fire, found, judged, now, context.masker.text)
        recorded = await self._do(lambda _: context.incidents.signals().record([signal]))
        seconds = (self._clock.now() - now).total_seconds()
        context.observers(SignalsTaken.of(schedule.sender, recorded, seconds))
        ended = replace(
            fire,
            state=FireState.DONE,
            ended_at=now,
            run=found.run,
            verdict=str(found.verdict),
            status=str(status),
            why=context.masker.text(why),
        )
        await self._do(lambda store: store.end(ended))
        logger.info("schedule %s: %s, %s", schedule.name, found.verdict, status)

    async def _judgement(self, schedule: Schedule) -> Judgement | None:
        try:
            tool = await find_tool(self._context, schedule.run, schedule.principal)
            return Judgement.of(schedule.rule, result_names(tool.operation), schedule.arguments)
        except (ToolError, BadExpression) as error:
            logger.warning("schedule %s: %s", schedule.name, error)
            return None

    # The store

    async def _do(self, work: Callable[[SqliteSchedules], ResultT]) -> ResultT:
        """Work on the record, in a thread.

        Raises:
            ToolUnavailable: It cannot be used now.
        """
        try:
            return await to_thread.run_sync(self._with_store, work)
        except JournalUnusable as error:
            raise ToolUnavailable(f"{error}") from error

    def _with_store(self, work: Callable[[SqliteSchedules], ResultT]) -> ResultT:
        if self._store is None:
            self._store = SqliteSchedules(self._context.incidents.file(), self._owner)
        return work(self._store)
