"""Executions: a checked call becomes one run, and the run is followed to its end.

Runs belong to the task group of `Executions.run`, never to the request that asked for them: a
caller that goes away stops waiting, nothing else. Knows nothing of MCP, schemas or policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import inf
from typing import Protocol

import anyio
from anyio.abc import TaskGroup, TaskStatus

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.models import Definition, Operation
from opsmcp_pipelines.source import Cancelled, Source, StartRequest
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import Journal
from opsmcp_tools.journal.writer import JournalWriter, OnWritten
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.caller import NO_GROUNDS, Grounds
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import Clock, RunRecord, RunSettings
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.runs.cancellation import Cancellation
from opsmcp_tools.runs.conclusion import Conclusions
from opsmcp_tools.runs.concurrency_limit import ConcurrencyLimit
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.events import EventHook, Hooks, SlowHook
from opsmcp_tools.runs.history import History
from opsmcp_tools.runs.lifecycle import Lifecycle
from opsmcp_tools.runs.live_run import LiveRun, State
from opsmcp_tools.runs.new_record import digest_of, new_record
from opsmcp_tools.runs.recovery import Recovery
from opsmcp_tools.runs.same_call import SameCalls, as_repeat
from opsmcp_tools.runs.wait import Progress, wait_for_end, wait_until

__all__ = ["Executions", "StartAudit"]


class StartAudit(Protocol):
    """Is told of every start before it happens."""

    async def starting(
        self, record: RunRecord, call: CheckedCall, principal: Principal, grounds: Grounds, /
    ) -> None:
        """Keep it; returns once it is kept.

        Raises:
            JournalUnusable: It cannot be kept: nothing may be started.
        """
        ...


_JOURNAL_READ_SECONDS = 1.0
"""How often the journal is read for a run that another process follows."""


class Executions:
    """The runs of this process; `history` and `same` also know those of others and of the past."""

    def __init__(
        self,
        source: Source,
        journal: Journal,
        *,
        settings: RunSettings,
        clock: Clock,
        hooks: Sequence[EventHook | SlowHook] = (),
        contents: Callable[[], Contents] = Contents,
        masker: Masker | None = None,
        on_written: OnWritten | None = None,
        audit: StartAudit | None = None,
    ) -> None:
        """Prepare; nothing is started or recovered before `run`.

        `contents` gives what exists at the source now: by it is known what a run must show;
        `on_written` is told of each transaction of the journal; `audit` keeps account of starts.
        """
        limit = ConcurrencyLimit(settings, clock)
        context = RunContext(
            source,
            journal,
            settings,
            clock,
            Hooks(hooks),
            limit,
            masker or Masker(),
            JournalWriter(journal.together, on_written),
        )
        conclusions = Conclusions(context)
        self._context = context
        self._clock = clock
        self._contents = contents
        self._audit = audit
        self._lifecycle = Lifecycle(context, conclusions)
        self._recovery = Recovery(context, self._lifecycle)
        self.history = History(journal, context.live, clock)
        self.same = SameCalls(context, conclusions)
        self._cancellation = Cancellation(context, self.history, self.wait, self._settled)
        self._group: TaskGroup | None = None

    @property
    def active(self) -> int:
        """How many runs this process follows."""
        return len(self._context.live)

    @property
    def waiting(self) -> int:
        """How many calls wait until one of them ends."""
        return self._context.limit.waiting

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own the runs until cancelled; those that go on stay in the journal for the next process.

        Started once the unfinished runs of processes that are gone have been recovered. What hooks
        are notified of is delivered before this ends, bounded in time.
        """
        async with self._context.hooks.delivering(), anyio.create_task_group() as group:
            self._group = group
            try:
                await self._recovery.recover(group)
                group.start_soon(self._lifecycle.hear)
                task_status.started()
                while every := self._context.settings.recover_seconds:
                    await self._clock.sleep(every)
                    await self._recovery.recover(group)
                await anyio.sleep_forever()
            finally:
                self._group = None
                await self._lifecycle.stop()

    async def start(
        self,
        tool: Tool,
        call: CheckedCall,
        principal: Principal,
        *,
        key: str = "",
        caller: object = None,
        grounds: Grounds = NO_GROUNDS,
        wait_seconds: float = inf,
        on_progress: Progress | None = None,
    ) -> RunRecord:
        """Start one run; returns once the source has accepted it, or it is over.

        A source that has not answered after `wait_seconds` gives the run as it is, still without
        its name at the source. While it does not answer, `on_progress` is called now and then.

        The same call gets the run that is in flight, or one that changed something and ended a
        moment ago: it comes back as `repeated`. With a `key`, the run of that key is the one, and
        nothing else is. A start whose answer was lost and whose run cannot be found ends as
        `unknown`. By `caller`, which is equal to no other, whoever made the run may abandon it.
        `grounds` say why it may be started.

        Raises:
            ToolUnavailable: Nothing was started.
        """
        self._open_group()
        until = self._clock.monotonic() + wait_seconds
        digest = digest_of(tool, call, principal)
        live = self.same.in_flight(tool, principal, digest, key)
        if live is not None:
            return as_repeat(await self._settled(live, until, on_progress), digest)
        record = replace(self._new_record(tool, call, principal), digest=digest, key=key)
        same = await self._enter(record, self.same.answers_since(tool, digest))
        if same is not None:
            return await self._answer(same, digest, until, on_progress)
        # From here on the call belongs to the server, whatever becomes of who made it.
        try:
            record = replace(record, created_at=self._clock.now())
            masker = self._context.masker.also(call.secrets)
            live = LiveRun(record, masker, self._clock, caller=caller)
            definition = Definition(tool.operation, tool.tasks)
            request = StartRequest(
                definition,
                record.run,
                call.variables,
                call.secrets,
                principal.name,
                hosts=call.hosts,
                reads_only=tool.hints.read_only,
            )
            since = self.same.answers_since(tool, digest)
            announce = partial(self._announce, call, principal, grounds)
            way = partial(self._lifecycle.start, request, since, announce)
            self._lifecycle.launch(self._open_group(), live, way)
        except BaseException:
            self._context.limit.leave(principal.id)
            raise
        return await self._settled(live, until, on_progress)

    async def _announce(
        self, call: CheckedCall, principal: Principal, grounds: Grounds, record: RunRecord
    ) -> None:
        if self._audit is not None:
            await self._audit.starting(record, call, principal, grounds)

    def _new_record(self, tool: Tool, call: CheckedCall, principal: Principal) -> RunRecord:
        definition = Definition(tool.operation, tool.tasks)
        return new_record(
            tool,
            call,
            principal,
            source=self._context.source.label,
            expected=self._context.source.expect(definition, self._contents(), call.variables),
            masker=self._context.masker,
            now=self._clock.now(),
        )

    async def _enter(self, record: RunRecord, since: datetime | None) -> RunRecord | None:
        """None once one more run may be in flight; or the run of the same call, if there is one.

        Raises:
            ToolUnavailable: There is no room, and no such run: nothing was started.
        """
        if not self._context.limit.is_open_to(record.principal_id):
            same = await self.same.find(record, since)
            if same is not None:
                return same
        try:
            await self._context.limit.enter(record.principal_id)
        except ToolUnavailable:
            same = await self.same.find(record, since)
            if same is None:
                raise
            return same
        return None

    async def join_same(
        self,
        tool: Tool,
        call: CheckedCall,
        principal: Principal,
        *,
        key: str = "",
        wait_seconds: float,
        on_progress: Progress | None = None,
    ) -> RunRecord | None:
        """The run of the same call that this process has in flight, as `start` and `wait` give it.

        None when there is none: nothing is ever started.

        Raises:
            ToolUnavailable: What was in flight could not be started.
        """
        digest = digest_of(tool, call, principal)
        live = self.same.in_flight(tool, principal, digest, key)
        if live is None:
            return None
        until = self._clock.monotonic() + wait_seconds
        record = as_repeat(await self._settled(live, until, on_progress), digest)
        left = max(0.0, until - self._clock.monotonic())
        return replace(await self.wait(record.run, left, on_progress), repeated=record.repeated)

    async def _settled(
        self, live: LiveRun, until: float, on_progress: Progress | None = None
    ) -> RunRecord:
        """The run once it is known what became of its start; at `until` as it is then."""
        await wait_until(
            lambda: live.state is not State.INTENDED, live, clock=self._clock, seconds=inf
        )
        await wait_until(
            lambda: live.is_settled,
            live,
            clock=self._clock,
            seconds=until - self._clock.monotonic(),
            on_progress=on_progress,
        )
        if live.refusal:
            raise live.refusal
        if live.same is None:
            return live.record
        return await self._answer(live.same, live.record.digest, until, on_progress)

    async def _answer(
        self, same: RunRecord, digest: str, until: float, on_progress: Progress | None
    ) -> RunRecord:
        """The run of the same call as the answer of the call with that digest."""
        other = self._context.live.get(same.run)
        if other is not None:
            same = await self._settled(other, until, on_progress)
        return as_repeat(same, digest)

    async def wait(
        self, run: str, seconds: float, on_progress: Progress | None = None
    ) -> RunRecord:
        """Wait for the end of a run, at most `seconds`; the run as it is then.

        Cancelling the waiter does nothing to the run.

        Raises:
            UnknownRun: There is no such run.
        """
        live = self._context.live.get(run)
        if live is None:
            return await self._wait_elsewhere(run, seconds, on_progress)
        await wait_for_end(live, clock=self._clock, seconds=seconds, on_progress=on_progress)
        return live.record.at(live.now())

    async def look(self, seconds: float) -> None:
        """Return once the source was asked for every run that is followed here, or after `seconds`.

        For a process that looks at what others left, and does not stay.
        """

        async def look_at(live: LiveRun) -> None:
            await wait_until(
                lambda: live.polled or live.record.ended, live, clock=self._clock, seconds=seconds
            )

        async with anyio.create_task_group() as group:
            for live in self._context.live.values():
                if live.record.source_run or self._lifecycle.buries:
                    group.start_soon(look_at, live)

    def follows(self, run: str) -> bool:
        """Whether this process follows the run."""
        return run in self._context.live

    def deadline_of(self, tool: str) -> float:
        """How long the runs of a tool are followed, in seconds from the call."""
        return self._context.settings.deadline_of(tool)

    async def join(self, record: RunRecord, operation: Operation | None) -> RunRecord:
        """Follow a run that an opsmcp with another journal started; as far as it is known now.

        Of one that is followed already, nothing changes.

        Args:
            record: What is known of it; a source has accepted it.
            operation: Its definition; None when there is none, and then a task that never got an
                entry cannot be noticed.

        Raises:
            ToolUnavailable: It cannot be followed now.
        """
        group = self._open_group()
        live = self._context.live.get(record.run)
        if live is not None:
            return live.record
        if operation is not None:
            contents = self._contents()
            definition = contents.definition(operation.key) or Definition(operation, ())
            expected = self._context.source.expect(definition, contents, record.arguments)
            record = replace(record, expected=expected)
        self._recovery.follow(record, group, self._lifecycle.adopt)
        return record

    async def cancel(self, run: str, principal: Principal) -> tuple[RunRecord, Cancelled]:
        """End a run as far as its source can; the run as it is then, and what was done.

        Raises:
            UnknownRun: This principal has no such run.
            ToolUnavailable: The source could not be asked.
        """
        return await self._cancellation.cancel(run, principal)

    def abandon(self, caller: object, principal: Principal) -> None:
        """Stop the run that this caller made and wants no more, if its source can.

        Returns at once. A run that is only being started is stopped when it has begun; one that
        somebody else waits for as well goes on.
        """
        live = self._cancellation.abandoned_by(caller)
        if live is not None:
            self._open_group().start_soon(self._cancellation.abandon, live, principal)

    def _open_group(self) -> TaskGroup:
        if self._group is None:
            raise ToolUnavailable("nothing was started: opsmcp is starting or stopping")
        return self._group

    async def _wait_elsewhere(
        self, run: str, seconds: float, on_progress: Progress | None
    ) -> RunRecord:
        """Wait for a run that is over, or that another process follows; recover it if that died."""
        end = self._clock.monotonic() + seconds
        while not (record := await self.history.find(run)).ended:
            left = end - self._clock.monotonic()
            if self._group is not None and await self._recovery.recover(self._group, run):
                return await self.wait(run, left, on_progress)
            if left <= 0:
                break
            await self._clock.sleep(min(left, _JOURNAL_READ_SECONDS))
        return record
