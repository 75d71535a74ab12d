"""Requests of calls: asking for approval, deciding, and starting what was approved, once.

Imported with the first request, or at the start of a server whose policy wants approvals: nothing
else pays for it. A request is started by the process in which the call was made while that lives,
else by an `opsmcp serve` of the same state directory and source, or by whoever waits for it.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import RequestMoved
from opsmcp_server.calls.prepare import Prepared, execute, plan_of, prepare, question
from opsmcp_tools.approval_requests.deciding import changes, is_approver, why_not
from opsmcp_tools.approval_requests.handle import incident_of, is_of_incident, new_handle, run_key
from opsmcp_tools.approval_requests.request import (
    OPSMCP,
    START_WITHIN,
    Request,
    State,
    Vote,
)
from opsmcp_tools.approval_requests.sqlite_store import FILE, SqliteRequests, open_requests
from opsmcp_tools.approval_requests.store import RequestStore, TooManyRequests
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.errors import (
    ConsentNeeded,
    JournalUnusable,
    NotAllowed,
    PlanChanged,
    RunsUnreadable,
    ToolError,
    ToolUnavailable,
    UnknownRun,
)
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.phrase import Said, say
from opsmcp_tools.phrases.tool_names import CANCEL_RUN
from opsmcp_tools.runs.new_record import digest_of
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["CallRequests", "Changed", "Decision"]

logger = logging.getLogger(__name__)

LONGEST_COMMENT = 500
_LONGEST_QUESTION = 16_000
"""Characters that a person can be expected to read before they decide."""

_LOOK_SECONDS = 0.5
"""How often it is looked whether somebody decided, in whatever process."""

_AGAIN_SECONDS = 2.0
"""The pause before a start that could not be made is tried again."""

_MOST_LISTED = 500

_DECIDED = {True: "approved", False: "rejected"}

ResultT = TypeVar("ResultT")


def _grounds_of(request: Request) -> Grounds:
    """Who approved it, and the incident that it is of."""
    approvers = tuple(vote.by for vote in request.votes if vote.approves)
    return Grounds(request=request.id, approvers=approvers, incident=_incident_of(request))


def _incident_of(request: Request) -> str:
    return incident_of(request.key)[0] if is_of_incident(request.key) else ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of deciding: the request as it is then, and whether this decision counted."""

    request: Request
    counted: bool


class Changed(Exception):
    """Something is not as it was when the call was asked for."""

    def __init__(self, said: Said) -> None:
        """Say what."""
        super().__init__()
        self.said = said


Gate = Callable[[Request, Prepared], Awaitable[None]]
"""Returns if a request of an incident may be started now; else raises as `_checked` does."""


class CallRequests:
    """The requests of one opsmcp."""

    def __init__(self, context: CallContext) -> None:
        """Prepare; nothing is opened before there is a request."""
        self._context = context
        self._stack = ExitStack()
        self._opening = anyio.Lock()
        self._store: RequestStore | None = None
        self._writes = JournalWriter()
        self._wake = anyio.Event()
        self._claims = False
        self._stands_by = False
        self._at_work: set[str] = set()
        self._obstacles: dict[str, str] = {}
        self.gate: Gate | None = None
        """Asked before a request of an incident is started: it may be over."""

    # Asking

    async def ask(self, prepared: Prepared, key: str = "") -> Request:
        """The request of a call that needs approval: a new one, or that of the same call.

        Raises:
            ToolError: None can be made of it; says why.
        """
        request = await self._new(prepared, key)
        store = await self._open()
        try:
            kept = await self._write(store.add, request)
        except TooManyRequests as error:
            raise ToolUnavailable(
                f"{prepared.tool.name} was not started: {error} already, and there is no room for "
                f"one more. Wait for their decisions, or withdraw some with {CANCEL_RUN}."
            ) from error
        if kept.id == request.id:
            logger.info("request %s: %s by %s", kept.id, kept.tool, kept.requester.name)
            self._context.observers(RequestMoved(str(kept.state), 0.0))
            self._note("opened", kept, kept.requester)
        self._wake.set()
        return kept

    async def _new(self, prepared: Prepared, key: str) -> Request:
        context, tool, call = self._context, prepared.tool, prepared.call
        mask = context.masker.also(call.secrets)
        if any(mask.text(value) != value for value in call.arguments.values()):
            raise ConsentNeeded(
                f"{tool.name} needs somebody else's approval, and one of its arguments looks like "
                "a secret, which cannot be kept until then. It was not started."
            )
        asked = (await question(context, prepared)).text
        if len(asked) > _LONGEST_QUESTION:
            raise ConsentNeeded(
                f"{tool.name} needs somebody else's approval, and the question with all its "
                f"arguments is {len(asked):,} characters long; at most {_LONGEST_QUESTION:,} can "
                "be shown. It was not started. Call with shorter arguments."
            )
        plan, now = await plan_of(context, prepared), context.clock.now()
        decision = prepared.decision
        return Request(
            id=new_handle(),
            requester=prepared.principal,
            tool=tool.name,
            operation=tool.operation.key,
            source=context.source.label,
            arguments=dict(call.arguments),
            definition=tool.definition,
            plan_hash=plan.hash,
            plan=mask.value(plan.data),
            question=mask.text(asked),
            rule=decision.rule,
            reason=decision.reason,
            approvers=decision.approvers,
            digest=digest_of(tool, call, prepared.principal),
            key=key,
            created_at=now,
            expires_at=now + timedelta(seconds=decision.approvers.seconds),
            changed_at=now,
        )

    # Looking

    async def get(self, request: str, principal: Principal) -> Request:
        """A request of this principal, as it is now.

        Raises:
            UnknownRun: This principal has no such request.
            RunsUnreadable: It cannot be looked up now.
        """
        found = await self.find(request)
        if found.requester.id != principal.id:
            raise UnknownRun(request)
        return found

    async def find(self, request: str) -> Request:
        """A request, whosever it is, as it is now.

        Raises:
            UnknownRun: There is no such request.
            RunsUnreadable: It cannot be looked up now.
        """
        if not self._is_there():
            raise UnknownRun(request)
        store = await self._open()
        found = await self._read(store.get, request)
        if found is None:
            raise UnknownRun(request)
        return await self._settled(found)

    async def list(self, state: State | None = None) -> tuple[Request, ...]:
        """The newest requests, whosever they are, without their votes and timelines.

        Raises:
            RunsUnreadable: They cannot be looked up now.
        """
        if not self._is_there():
            return ()
        store = await self._open()
        for request in await self._read(store.list, State.PENDING, _MOST_LISTED):
            await self._settled(request)
        return await self._read(store.list, state, _MOST_LISTED)

    def may_see(self, request: Request, principal: Principal) -> bool:
        """Whether it is its own, or one that it is asked to decide on."""
        own = request.requester.id == principal.id
        return own or is_approver(request, principal, self._context.policy)

    async def is_attended(self, request: Request) -> bool:
        """Whether a process is there that would start it."""
        store = await self._open()
        return await self._read(store.is_attended, request)

    async def is_attended_elsewhere(self, request: Request) -> bool:
        """Whether another process than this one is."""
        store = await self._open()
        return await self._read(partial(store.is_attended, request, elsewhere=True))

    async def wait(self, request: str, principal: Principal, seconds: float) -> Request:
        """A request once nothing more is to be decided about it; after `seconds` as it is then.

        One that nobody would start any more is started from here on.

        Raises:
            UnknownRun: This principal has no such request.
            RunsUnreadable: It cannot be looked up now.
        """
        clock = self._context.clock
        until = clock.monotonic() + seconds
        found = await self.get(request, principal)
        if found.state.is_open and await self._claim(found):
            self._wake.set()
        while found.state.is_open and (left := until - clock.monotonic()) > 0:
            await clock.sleep(min(left, _LOOK_SECONDS))
            found = await self.get(request, principal)
        return found

    async def _claim(self, request: Request) -> bool:
        store = await self._open()
        if request.source != self._context.source.label:
            return False
        return bool(await self._write(store.claim, request.source, request.id))

    async def run_of(self, request: Request) -> RunRecord:
        """The run that a request became."""
        return await self._context.executions.history.find(request.run)

    # Deciding

    async def may_decide(self, request: Request, principal: Principal) -> Said | None:
        """Why this principal may not decide on a request; None when it may.

        Raises:
            ToolError: The operation is not there any more, so nobody can.
        """
        tool = (await self._context.tools.current()).find(request.tool)
        if tool is None or tool.operation.key != request.operation:
            return words.NOT_CALLABLE(request.tool)
        now = self._context.clock.now()
        return why_not(request, principal, self._context.policy, tool, now)

    async def decide(
        self, request: Request, principal: Principal, *, approves: bool, comment: str = ""
    ) -> Decision:
        """Count the decision of a principal whose identity is proven, if it may decide.

        `request` is what was shown to it: a decision is good for that plan only.

        Raises:
            NotAllowed: It may not; says why.
            ToolUnavailable: It cannot be kept now.
        """
        context = self._context
        refusal = await self.may_decide(request, principal)
        if refusal is not None:
            language = context.config.tools.language
            logger.warning("request %s: %s may not decide", request.id, principal.name)
            why = say(refusal, "en")
            self._note(_DECIDED[approves], request, principal, reason=why, failed=True)
            raise NotAllowed(say(refusal, language))
        now = context.clock.now()
        shown = context.masker.text(clean_line(comment, LONGEST_COMMENT))
        vote = Vote(principal, approves, shown, now)
        store = await self._open()
        verdict = await self._write(store.vote, request.id, vote, request.plan_hash, now)
        if verdict is None:
            raise UnknownRun(request.id)
        if verdict.counted:
            said = "approves" if approves else "rejects"
            logger.info("request %s: %s %s", request.id, principal.name, said)
            self._tell(verdict.request, verdict.request.state)
            self._note(_DECIDED[approves], request, principal, reason=shown)
            self._wake.set()
        return Decision(await self._settled(verdict.request), verdict.counted)

    async def withdraw(
        self, request: str, principal: Principal, why: Said | None = None
    ) -> Request:
        """End a request of this principal that nobody decided on yet; the request as it is then.

        Raises:
            UnknownRun: This principal has no such request.
            ToolUnavailable: It cannot be kept now.
        """
        found = await self.get(request, principal)
        if found.state is State.PENDING:
            said = why or words.WITHDRAWN(principal.name)
            await self._move(found, State.VOID, said, by=principal.name)
        return await self.get(request, principal)

    # Starting

    def claim_all(self) -> None:
        """From here on, start also what no other process would start any more."""
        self._claims = True
        self._wake.set()

    async def run(self) -> None:
        """Start what was approved, until cancelled."""
        async with anyio.create_task_group() as group:
            while True:
                try:
                    await self._turn(group)
                except ToolUnavailable as error:
                    logger.warning("requests are looked at again later: %s", error)
                    await self._context.clock.sleep(_AGAIN_SECONDS)

    def close(self) -> None:
        """Close the file. What this process was to start, others may."""
        self._stack.close()

    async def _turn(self, group: TaskGroup) -> None:
        """Look once at what this process starts; then pause, or wait while there is nothing."""
        self._wake = anyio.Event()
        owned = await self._owned()
        for request in owned:
            now = await self._settled(request)
            if now.state is State.APPROVED and now.id not in self._at_work:
                self._at_work.add(now.id)
                group.start_soon(self._start, now)
        if owned or self._claims:
            await self._context.clock.sleep(_LOOK_SECONDS)
        else:
            await self._wake.wait()

    async def _owned(self) -> tuple[Request, ...]:
        """The open requests that this process starts."""
        if not (self._claims or self._is_there()):
            return ()
        store, source = await self._open(), self._context.source.label
        if self._claims and not self._stands_by:
            await self._write(store.stand_by, source)
            self._stands_by = True
        if self._claims:
            await self._write(store.claim, source)
        return await self._read(store.owned)

    async def _start(self, request: Request) -> None:
        """Start an approved request, once; try again while nothing stands in the way for good."""
        try:
            while request.state is State.APPROVED:
                try:
                    await self._start_now(request)
                except ToolUnavailable as error:
                    # It may pass: the source is away, or there is no room at the moment.
                    self._obstacles[request.id] = f": {error}"
                    logger.warning("request %s is not started yet: %s", request.id, error)
                    await self._context.clock.sleep(_AGAIN_SECONDS)
                request = await self.find(request.id)
        except ToolError as error:
            logger.warning("request %s is looked at again: %s", request.id, error)
        finally:
            self._obstacles.pop(request.id, None)
            self._at_work.discard(request.id)

    async def _start_now(self, request: Request) -> None:
        context = self._context
        principal, key = request.requester, run_key(request.id)
        known = await self._known_run(request)
        if known is None:
            if context.clock.now() >= request.start_by:
                await self._void_late(request)
                return
            try:
                prepared = await self._checked(request, principal)
                prepared = replace(prepared, agreed=_grounds_of(request))
                known = await execute(context, prepared, wait_seconds=0.0, key=key)
            except ToolUnavailable:
                raise
            except PlanChanged:
                await self._void(request, words.CHANGED(words.ITS_DEFINITION()))
                return
            except ToolError as error:
                await self._void(request, words.NOT_CALLABLE(str(error)))
                return
            except Changed as changed:
                await self._void(request, changed.said)
                return
        await self._move(request, State.STARTED, None, run=known.run)

    async def _known_run(self, request: Request) -> RunRecord | None:
        """The run that this request became already: a process may have died before it said so."""
        return await self._context.executions.find_by_key(
            run_key(request.id), request.tool, request.operation, request.requester
        )

    async def _checked(self, request: Request, principal: Principal) -> Prepared:
        """The call, if everything is as it was when it was asked for.

        Raises:
            Changed: Something is not.
            ToolError: It cannot be called any more, or not now.
        """
        context = self._context
        prepared = await prepare(context, request.tool, request.arguments, principal)
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

    # Transitions

    async def _settled(self, request: Request) -> Request:
        """The request, with what the time alone has made of it."""
        now = self._context.clock.now()
        if request.state is State.PENDING and request.expires_at <= now:
            await self._move(request, State.EXPIRED, None)
        elif request.state is State.APPROVED and request.start_by <= now:
            if request.id in self._at_work or await self.is_attended(request):
                return request
            if (run := await self._known_run(request)) is not None:
                await self._move(request, State.STARTED, None, run=run.run)
            else:
                await self._void_late(request)
        else:
            return request
        store = await self._open()
        return await self._read(store.get, request.id) or request

    async def _void_late(self, request: Request) -> None:
        minutes = round(START_WITHIN.total_seconds() / 60)
        obstacle = self._obstacles.get(request.id, "")
        await self._void(request, words.NOT_IN_TIME(minutes, obstacle))

    async def _void(self, request: Request, said: Said) -> None:
        await self._move(request, State.VOID, said)

    async def _move(
        self,
        request: Request,
        after: State,
        said: Said | None,
        *,
        by: str = OPSMCP,
        run: str = "",
    ) -> None:
        context = self._context
        why = say(said, context.config.tools.language) if said else ""
        why = context.masker.text(why)
        store = await self._open()
        at = context.clock.now()
        move = partial(store.move, request, after, by=by, why=why, at=at, run=run)
        if await self._write(move):
            logger.info("request %s: %s %s", request.id, after, run or why)
            self._tell(request, after)
            if after in (State.EXPIRED, State.VOID):
                by_requester = by == request.requester.name
                self._note(after.value, request, request.requester if by_requester else None, why)

    def _tell(self, request: Request, state: State) -> None:
        if state is not State.PENDING:
            seconds = (self._context.clock.now() - request.created_at).total_seconds()
            self._context.observers(RequestMoved(str(state), seconds))

    def _note(
        self,
        what: str,
        request: Request,
        principal: Principal | None,
        reason: str = "",
        *,
        failed: bool = False,
    ) -> None:
        """Note in the audit trail what became of a request."""
        self._context.audit.note(
            f"request.{what}",
            principal,
            reason=reason,
            failed=failed,
            request=request.id,
            tool=request.tool,
            rule=request.rule,
            arguments=request.arguments,
            incident=_incident_of(request),
        )

    # The store

    def _is_there(self) -> bool:
        """Whether anybody ever made a request with this state directory."""
        return self._store is not None or (self._context.config.state.dir / FILE).exists()

    async def _open(self) -> RequestStore:
        async with self._opening:
            if self._store is None:
                self._store = await self._read(self._enter)
            return self._store

    def _enter(self) -> SqliteRequests:
        return self._stack.enter_context(open_requests(self._context.config.state.dir))

    async def _read(self, read: Callable[..., ResultT], *values: object) -> ResultT:
        try:
            return await to_thread.run_sync(partial(read, *values))
        except JournalUnusable as error:
            raise RunsUnreadable(f"requests cannot be looked up: {error}") from error

    async def _write(self, write: Callable[..., ResultT], *values: object) -> ResultT:
        try:
            return await self._writes.do(partial(write, *values))
        except JournalUnusable as error:
            raise ToolUnavailable(f"{error}") from error
