"""`tools/call`: from the request to its answer.

A built-in tool answers by itself. An operation is prepared, a person agrees where policy wants
that, the run is started, and the answer is its result, or a handle of it: a task for clients that
know tasks, else a text that names the run. Where policy wants somebody else to approve, the answer
is a handle, too: that of a request. Errors are left to whoever calls this.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from math import ceil

import anyio
import mcp_types as types

from opsmcp_server.calls import prepare as calls
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ConsentAnswered, Limited
from opsmcp_server.calls.rate_limit import RateLimit
from opsmcp_server.protocol.builtin_tools import cancel_run, registry
from opsmcp_server.protocol.builtin_tools.named_call import NamedCall, name_is_argument
from opsmcp_server.protocol.builtin_tools.plan_operation import PLAN_HASH
from opsmcp_server.protocol.elicitation import Answer, Consent
from opsmcp_server.protocol.progress import Meter, progress_message
from opsmcp_server.protocol.results import STRUCTURED, Context, answer_run
from opsmcp_server.protocol.run_tasks import RunTasks, held_of, held_of_request
from opsmcp_server.protocol.sdk_gaps import was_cancelled
from opsmcp_server.protocol.tasks_extension import Tasks, declares_extension
from opsmcp_tools.model.errors import ConsentNeeded, PlanChanged, ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject, Principal
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.safe_text.characters import has_hidden

__all__ = ["CallAnswer", "ToolCalls"]

IDEMPOTENCY_KEY = "opsmcp/idempotency-key"
"""The key in `_meta` under which a call carries its own name: the same name, the same run."""

_LONGEST_KEY = 200

CallAnswer = types.CallToolResult | types.InputRequiredResult | JsonObject
"""A result, a question, or a task (which the SDK has no type for)."""


class ToolCalls:
    """Answers calls."""

    def __init__(self, context: CallContext, tasks: Tasks, runs: RunTasks) -> None:
        """Prepare; remembers nothing but the questions that are open."""
        self._context = context
        self._tasks = tasks
        self._runs = runs
        self._consent = Consent(
            context.config.consent.wait_seconds, lambda: context.clock.monotonic()
        )
        self._limit = RateLimit(context.config.limits.calls_per_minute)

    async def answer(
        self, ctx: Context, params: types.CallToolRequestParams, principal: Principal
    ) -> CallAnswer:
        """Do what the call says.

        Raises:
            ToolError: With what to change.
        """
        self._count(principal)
        context, data = self._context, self._wants_data(params)
        own, call = registry.find(params.name), NamedCall(params.name, params.arguments or {})
        if own is not None:
            asked = own.check(context, principal, call.arguments, data=data)
            if own.respond is not None:
                return await own.respond(context, asked)
            call = asked.call
        key = _key(params)
        with name_is_argument(own.name) if own else nullcontext():
            prepared = await calls.prepare(context, *call, principal, _plan_hash(params))
        if prepared.needs_approval:
            return await self._ask_others(ctx, prepared, key, data)
        if prepared.needs_consent:
            question = await calls.question(context, prepared)
            noted = partial(calls.note_consent, context, prepared)
            answer = await self._consent.ask(
                ctx, params, question, principal.id, partial(noted, "asked")
            )
            if isinstance(answer, types.InputRequiredResult):
                noted("asked")
                return answer
            context.observers(ConsentAnswered(answer.name.lower()))
            if answer is Answer.AGREED_BEFORE:
                # The answer of the call got lost. To its run it is good; it starts no other.
                joined = await self._join(ctx, prepared, key, data)
                return joined or self._consent.ask_anew(question, principal.id)
            agreed = answer is Answer.AGREED
            noted("answered", "" if agreed else answer.name.lower().replace("_", " "))
            self._require(answer, prepared)
            await calls.check_again(context, prepared, question)
            prepared = prepared.agreed_by("client" if agreed else "trusted-client")
        return await self._run(ctx, prepared, key, data)

    def _count(self, principal: Principal) -> None:
        """Return unless this principal calls too often; whoever brings no token is not counted."""
        context = self._context
        if principal == context.principal:
            return
        if seconds := self._limit.take(principal.id, context.clock.monotonic()):
            context.observers(Limited("calls_per_minute"))
            raise ToolUnavailable(
                f"Too many calls: at most {self._limit.per_minute} a minute are answered. Nothing "
                f"was started. Try again in {ceil(seconds)} s."
            )

    def _wants_data(self, params: types.CallToolRequestParams) -> bool:
        """Whether the caller is to get structured content beside the text."""
        asked = dict(params.meta or {}).get(STRUCTURED) is True
        return asked or self._context.config.result.structured == "always"

    async def _run(
        self, ctx: Context, prepared: calls.Prepared, key: str, data: bool
    ) -> CallAnswer:
        how, caller = self._waiting(ctx), object()
        try:
            record = await calls.execute(
                self._context,
                prepared,
                wait_seconds=how.seconds,
                on_progress=how.notify,
                key=key,
                caller=caller,
            )
        except anyio.get_cancelled_exc_class():
            self._leave(ctx, caller, prepared.principal)
            raise
        return await self._answer(record, prepared.principal, how, data)

    async def _ask_others(
        self, ctx: Context, prepared: calls.Prepared, key: str, data: bool
    ) -> CallAnswer:
        """The request of a call that somebody else has to approve; or the run that answers it."""
        # Imported with the first request: most opsmcps never have one.
        from opsmcp_server.protocol.builtin_tools.request_answer import answer_request

        context, principal = self._context, prepared.principal
        how = self._waiting(ctx)
        if not key:
            same = await context.executions.same.find_call(prepared.tool, prepared.call, principal)
            if same is not None:
                return await self._answer(same, principal, how, data)
        request = await context.requests.get().ask(prepared, key)
        if how.as_task and (request.state.is_open or request.run):
            return await self._tasks.create(held_of_request(request.id, data=data))
        detail = "summary" if data else None
        return await answer_request(context, request, principal, seconds=how.seconds, data=detail)

    async def _join(
        self, ctx: Context, prepared: calls.Prepared, key: str, data: bool
    ) -> CallAnswer | None:
        """The answer of the same call that is in flight; None when there is none."""
        how = self._waiting(ctx)
        record = await self._context.executions.join_same(
            prepared.tool,
            prepared.call,
            prepared.principal,
            key=key,
            wait_seconds=how.seconds,
            on_progress=how.notify,
        )
        if record is None:
            return None
        return await self._answer(record, prepared.principal, how, data)

    async def _answer(
        self, record: RunRecord, principal: Principal, how: "_Waiting", data: bool
    ) -> CallAnswer:
        if how.as_task and not record.ended:
            return await self._tasks.create(held_of(record, data=data))
        detail = "summary" if data else None
        return await answer_run(self._context, record, principal, data=detail)

    def _waiting(self, ctx: Context) -> "_Waiting":
        wait = self._context.config.run
        if declares_extension(ctx) and self._runs.allowed():
            # A task has no progress notifications; its status tells.
            return _Waiting(min(wait.task_seconds, wait.wait_seconds), None, as_task=True)
        return _Waiting(wait.wait_seconds, _Progress(ctx, self._context), as_task=False)

    def _leave(self, ctx: Context, caller: object, principal: Principal) -> None:
        """Whoever made the run waits no more: stop it too, where that is wanted."""
        context = self._context
        if context.config.run.on_cancel == "keep" or not was_cancelled(ctx.session):
            return
        if context.decide(principal, Action.RUN, cancel_run.ROW.subject).effect is Effect.ALLOW:
            context.executions.abandon(caller, principal)

    def _require(self, answer: Answer, prepared: calls.Prepared) -> None:
        name = prepared.tool.name
        if answer is Answer.DECLINED:
            raise ConsentNeeded(f"The person at the client declined. {name} was not started.")
        if answer is Answer.DISMISSED:
            raise ConsentNeeded(
                f"The question at the client was dismissed without an answer. {name} was not "
                "started."
            )
        if answer is Answer.UNREADABLE:
            raise ConsentNeeded(
                f"{_must_agree(prepared)}, and what the client sent is no answer to that. It was "
                "not started."
            )
        if answer is Answer.EXPIRED:
            raise ConsentNeeded(f"Nobody answered in time. {name} was not started. Call again.")
        unread = answer is Answer.REFUSED_UNREAD
        trusted = self._context.config.consent.unavailable == "trust-client"
        if unread or (answer is Answer.COULD_NOT_ASK and not trusted):
            command = calls.command_line(prepared, self._context.config.options)
            raise ConsentNeeded(
                f"{_must_agree(prepared)}, and this client "
                f"{_REFUSED_UNREAD if unread else _COULD_NOT_ASK}. It was not started. Use a "
                f"client with elicitation, or run `{command}` in a terminal"
                f"{'' if unread else _TRUST}."
            )


_COULD_NOT_ASK = "could not ask one"
_REFUSED_UNREAD = "refused faster than anybody reads, perhaps without asking anybody"
_TRUST = ", or set consent.unavailable to trust-client if the client itself asks before each call"


def _must_agree(prepared: calls.Prepared) -> str:
    """Why somebody is asked, which says no more of the tool than is known."""
    tool = prepared.tool
    if tool.hints.known and not tool.hints.read_only:
        return f"{tool.name} changes something, so a person has to agree"
    return f"A person has to agree to {tool.name} ({prepared.decision.reason})"


def _plan_hash(params: types.CallToolRequestParams) -> str:
    meta = dict(params.meta or {})
    value = meta.get(PLAN_HASH, "")
    if not isinstance(value, str) or (PLAN_HASH in meta and not value):
        raise PlanChanged(f"{PLAN_HASH} in _meta is not the hash of a plan. Nothing was started.")
    return value


def _key(params: types.CallToolRequestParams) -> str:
    """The caller's own name of this call; empty when it gave none."""
    value = dict(params.meta or {}).get(IDEMPOTENCY_KEY, "")
    if not isinstance(value, str) or len(value) > _LONGEST_KEY or has_hidden(value):
        raise ToolError(
            f"{IDEMPOTENCY_KEY} in _meta must be a text of at most {_LONGEST_KEY} characters that "
            "can be seen. Nothing was started."
        )
    return value


@dataclass(frozen=True, slots=True)
class _Waiting:
    """How the caller waits for a run."""

    seconds: float
    notify: "_Progress | None"
    as_task: bool


class _Progress:
    """Reports how a run goes to the client that waits for it."""

    def __init__(self, ctx: Context, context: CallContext) -> None:
        self._ctx = ctx
        self._context = context
        self._meter = Meter()

    async def __call__(self, record: RunRecord) -> None:
        words = progress_message(record, self._context.clock.now())
        done, total = self._meter.read(record)
        message = self._context.masker.text(words)
        await self._ctx.session.report_progress(done, total, message)
