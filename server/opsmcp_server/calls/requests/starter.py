"""Starting what was approved, once.

A request is started by the process in which the call was made while that lives, else by an `opsmcp
serve` of the same state directory and source, or by whoever waits for it.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import Prepared, execute, plan_of, prepare
from opsmcp_server.calls.requests.file import RequestFile
from opsmcp_server.calls.requests.transitions import Transitions, incident_in
from opsmcp_tools.approval_requests.deciding import changes, why_not
from opsmcp_tools.approval_requests.handle import is_of_incident, run_key
from opsmcp_tools.approval_requests.request import Request, State
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.errors import PlanChanged, ToolError, ToolUnavailable, UnknownRun
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.phrase import Said, say

__all__ = ["LOOK_SECONDS", "Changed", "Gate", "Starter"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often it is looked whether somebody decided, in whatever process."""

_AGAIN_SECONDS = 2.0
"""The pause before a start that could not be made is tried again."""


class Changed(Exception):
    """Something is not as it was when the call was asked for."""

    def __init__(self, said: Said) -> None:
        """Say what."""
        super().__init__()
        self.said = said


Gate = Callable[[Request, Prepared], Awaitable[None]]
"""Returns if a request of an incident may be started now; else raises as `_checked` does."""


class Starter:
    """Starts the approved requests of one opsmcp."""

    def __init__(self, context: CallContext, file: RequestFile, transitions: Transitions) -> None:
        """Prepare; nothing is started before `run`."""
        self._context = context
        self._file = file
        self._transitions = transitions
        self._wake = anyio.Event()
        self._claims = False
        self._stands_by = False
        self.gate: Gate | None = None
        """Asked before a request of an incident is started: it may be over."""

    def wake(self) -> None:
        """Look now: something may have changed."""
        self._wake.set()

    def claim_all(self) -> None:
        """From here on, start also what no other process would start any more."""
        self._claims = True
        self.wake()

    async def claim(self, request: Request) -> None:
        """From here on, start this one, if no other process would."""
        source = self._context.source.label
        if request.source == source and await self._file.write(
            lambda store: store.claim(source, request.id)
        ):
            self.wake()

    async def run(self) -> None:
        """Start what was approved, until cancelled."""
        async with anyio.create_task_group() as group:
            while True:
                try:
                    await self._turn(group)
                except ToolUnavailable as error:
                    logger.warning("requests are looked at again later: %s", error)
                    await self._context.clock.sleep(_AGAIN_SECONDS)

    async def _turn(self, group: TaskGroup) -> None:
        """Look once at what this process starts; then pause, or wait while there is nothing."""
        self._wake = anyio.Event()
        owned, at_work = await self._owned(), self._transitions.at_work
        for request in owned:
            now = await self._transitions.settled(request)
            if now.state is State.APPROVED and now.id not in at_work:
                at_work.add(now.id)
                group.start_soon(self._start, now)
        if owned or self._claims:
            await self._context.clock.sleep(LOOK_SECONDS)
        else:
            await self._wake.wait()

    async def _owned(self) -> tuple[Request, ...]:
        """The open requests that this process starts."""
        if not (self._claims or self._file.is_there):
            return ()
        source = self._context.source.label
        if self._claims and not self._stands_by:
            await self._file.write(lambda store: store.stand_by(source))
            self._stands_by = True
        if self._claims:
            await self._file.write(lambda store: store.claim(source))
        return await self._file.read(lambda store: store.owned())

    async def _start(self, request: Request) -> None:
        """Start an approved request, once; try again while nothing stands in the way for good."""
        obstacles = self._transitions.obstacles
        try:
            while request.state is State.APPROVED:
                try:
                    await self._start_now(request)
                except ToolUnavailable as error:
                    # It may pass: the source is away, or there is no room at the moment.
                    obstacles[request.id] = f": {error}"
                    logger.warning("request %s is not started yet: %s", request.id, error)
                    await self._context.clock.sleep(_AGAIN_SECONDS)
                request = await self._again(request)
        except ToolError as error:
            logger.warning("request %s is looked at again: %s", request.id, error)
        finally:
            obstacles.pop(request.id, None)
            self._transitions.at_work.discard(request.id)

    async def _again(self, request: Request) -> Request:
        """The request as it is now."""
        found = await self._file.get(request.id)
        if found is None:
            raise UnknownRun(request.id)
        return await self._transitions.settled(found)

    async def _start_now(self, request: Request) -> None:
        known = await self._transitions.known_run(request)
        if known is None and self._context.clock.now() >= request.start_by:
            await self._transitions.void_late(request)
            return
        try:
            run = known or await self._execute(request)
        except ToolUnavailable:
            raise
        except PlanChanged:
            await self._transitions.void(request, words.CHANGED(words.ITS_DEFINITION()))
        except ToolError as error:
            await self._transitions.void(request, words.NOT_CALLABLE(str(error)))
        except Changed as changed:
            await self._transitions.void(request, changed.said)
        else:
            await self._transitions.move(request, State.STARTED, None, run=run.run)

    async def _execute(self, request: Request) -> RunRecord:
        prepared = await self._checked(request)
        prepared = replace(prepared, agreed=_grounds_of(request))
        key = run_key(request.id)
        return await execute(self._context, prepared, wait_seconds=0.0, key=key)

    async def _checked(self, request: Request) -> Prepared:
        """The call, if everything is as it was when it was asked for.

        Raises:
            Changed: Something is not.
            ToolError: It cannot be called any more, or not now.
        """
        context = self._context
        prepared = await prepare(context, request.tool, request.arguments, request.requester)
        plan = await plan_of(context, prepared)
        if plan.hash != request.plan_hash:
            mask = context.masker.also(prepared.call.secrets)
            language = context.config.tools.language
            named = changes(request.plan, mask.value(plan.data))
            raise Changed(words.CHANGED("; ".join(say(one, language) for one in named)))
        for approver in (vote.by for vote in request.votes if vote.approves):
            now = context.clock.now()
            why = why_not(request, approver, context.policy, prepared.tool, now)
            if why is not None:
                raise Changed(words.CHANGED(words.APPROVER_CHANGED(approver.name, why)))
        if is_of_incident(request.key):
            if self.gate is None:
                raise ToolUnavailable("this opsmcp does not work on incidents")
            await self.gate(request, prepared)
        return prepared


def _grounds_of(request: Request) -> Grounds:
    """Who approved it, and the incident that it is of."""
    approvers = tuple(vote.by for vote in request.votes if vote.approves)
    return Grounds(request=request.id, approvers=approvers, incident=incident_in(request))
