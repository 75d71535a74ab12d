"""Requests of calls: asking for approval, looking, and deciding.

Imported with the first request, or at the start of a server whose policy wants approvals: nothing
else pays for it. `requests.starter` starts what was approved.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import RequestMoved
from opsmcp_server.calls.prepare import Prepared, plan_of, question
from opsmcp_server.calls.requests.file import RequestFile
from opsmcp_server.calls.requests.starter import LOOK_SECONDS, Changed, Gate, Starter
from opsmcp_server.calls.requests.transitions import Transitions
from opsmcp_tools.approval_requests.deciding import is_approver, why_not
from opsmcp_tools.approval_requests.handle import new_handle
from opsmcp_tools.approval_requests.request import Request, State, Vote
from opsmcp_tools.approval_requests.sqlite_store import TooManyRequests
from opsmcp_tools.model.errors import ConsentNeeded, NotAllowed, ToolUnavailable, UnknownRun
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

_MOST_LISTED = 500

_DECIDED = {True: "approved", False: "rejected"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of deciding: the request as it is then, and whether this decision counted."""

    request: Request
    counted: bool


class CallRequests:
    """The requests of one opsmcp."""

    def __init__(self, context: CallContext) -> None:
        """Prepare; nothing is opened before there is a request."""
        self._context = context
        self._file = RequestFile(context.config.state.dir)
        self._transitions = Transitions(context, self._file)
        self._starter = Starter(context, self._file, self._transitions)

    # Asking

    async def ask(self, prepared: Prepared, key: str = "") -> Request:
        """The request of a call that needs approval: a new one, or that of the same call.

        Raises:
            ToolError: None can be made of it; says why.
        """
        request = await self._new(prepared, key)
        try:
            kept = await self._file.write(lambda store: store.add(request))
        except TooManyRequests as error:
            raise ToolUnavailable(
                f"{prepared.tool.name} was not started: {error} already, and there is no room for "
                f"one more. Wait for their decisions, or withdraw some with {CANCEL_RUN}."
            ) from error
        if kept.id == request.id:
            logger.info("request %s: %s by %s", kept.id, kept.tool, kept.requester.name)
            self._context.observers(RequestMoved(str(kept.state), 0.0))
            self._transitions.audit("opened", kept, kept.requester)
        self._starter.wake()
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
        found = await self._file.get(request) if self._file.is_there else None
        if found is None:
            raise UnknownRun(request)
        return await self._transitions.settled(found)

    async def list(self, state: State | None = None) -> tuple[Request, ...]:
        """The newest requests, whosever they are, without their votes and timelines.

        Raises:
            RunsUnreadable: They cannot be looked up now.
        """
        if not self._file.is_there:
            return ()
        pending = await self._file.read(lambda store: store.list(State.PENDING, _MOST_LISTED))
        for request in pending:
            await self._transitions.settled(request)
        return await self._file.read(lambda store: store.list(state, _MOST_LISTED))

    def may_see(self, request: Request, principal: Principal) -> bool:
        """Whether it is its own, or one that it is asked to decide on."""
        own = request.requester.id == principal.id
        return own or is_approver(request, principal, self._context.policy)

    async def is_attended(self, request: Request) -> bool:
        """Whether a process is there that would start it."""
        return await self._transitions.is_attended(request)

    async def is_attended_elsewhere(self, request: Request) -> bool:
        """Whether another process than this one is."""
        return await self._transitions.is_attended(request, elsewhere=True)

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
        if found.state.is_open:
            await self._starter.claim(found)
        while found.state.is_open and (left := until - clock.monotonic()) > 0:
            await clock.sleep(min(left, LOOK_SECONDS))
            found = await self.get(request, principal)
        return found

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
            self._transitions.audit(_DECIDED[approves], request, principal, reason=why, failed=True)
            raise NotAllowed(say(refusal, language))
        now = context.clock.now()
        shown = context.masker.text(clean_line(comment, LONGEST_COMMENT))
        vote = Vote(principal, approves, shown, now)
        verdict = await self._file.write(
            lambda store: store.vote(request.id, vote, request.plan_hash, now)
        )
        if verdict is None:
            raise UnknownRun(request.id)
        if verdict.counted:
            said = "approves" if approves else "rejects"
            logger.info("request %s: %s %s", request.id, principal.name, said)
            self._transitions.tell(verdict.request, verdict.request.state)
            self._transitions.audit(_DECIDED[approves], request, principal, reason=shown)
            self._starter.wake()
        return Decision(await self._transitions.settled(verdict.request), verdict.counted)

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
            await self._transitions.void(found, said, by=principal.name)
        return await self.get(request, principal)

    # Starting

    def claim_all(self) -> None:
        """From here on, start also what no other process would start any more."""
        self._starter.claim_all()

    def ask_before_starts(self, gate: Gate) -> None:
        """Ask `gate` before a request of an incident is started: it may be over."""
        self._starter.gate = gate

    async def run(self) -> None:
        """Start what was approved, until cancelled."""
        await self._starter.run()

    def close(self) -> None:
        """Close the file. What this process was to start, others may."""
        self._file.close()
