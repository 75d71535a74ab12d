"""Runs as tasks: how the Tasks extension shows a run.

The same policy and the same words as for the built-in tools about runs. A run that this opsmcp does
not know (another one started it, with a journal of its own) is followed from here on, by what its
id tells of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp_types import methods
from mcp_types.version import LATEST_MODERN_VERSION

from opsmcp_pipelines.models import Operation, OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.source import Cancelled
from opsmcp_server.calls.answer import run_headline
from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools import get_run
from opsmcp_server.protocol.builtin_tools.cancel_run import ROW as CANCEL_RUN
from opsmcp_server.protocol.builtin_tools.cancel_run import why_not_stopped
from opsmcp_server.protocol.progress import progress_message
from opsmcp_server.protocol.results import answer_run
from opsmcp_server.protocol.tasks_extension import Held, Status, TaskState
from opsmcp_tools.model.errors import UnknownRun
from opsmcp_tools.model.run_record import Repeat, RunRecord
from opsmcp_tools.model.tool import JsonObject, Principal
from opsmcp_tools.policy.decision import Action, Effect

if TYPE_CHECKING:
    from opsmcp_tools.approval_requests.request import Request

__all__ = ["RunTasks", "held_of", "held_of_request"]

_READ = get_run.ROW.subject

_KEPT_SECONDS = 3600.0
"""How long after its deadline a run can still be asked for as a task."""

_MOST_NOT_STOPPED = 1_000
"""Of so many runs it is remembered that somebody wanted to stop them, to say why they go on."""

_POLL_SECONDS = (1.0, 10.0)
_REQUEST_POLL_SECONDS = 2.0


def held_of(record: RunRecord, *, data: bool = False) -> Held:
    """What the id of a run's task holds: enough to follow the run without the journal.

    And whether the call asked for structured content, which its result then has.
    """
    return {
        "run": record.run,
        "tool": record.tool,
        "kind": str(record.operation.kind),
        "namespace": record.operation.namespace,
        "name": record.operation.name,
        "source_run": record.source_run,
        "created_at": record.created_at.isoformat(),
        "repeated": record.repeated,
        "data": data,
    }


def held_of_request(request: str, *, data: bool = False) -> Held:
    """What the id of the task of a request holds; what became of it, its store knows."""
    return {"request": request, "data": data}


class RunTasks:
    """Runs, as the work that tasks stand for (`tasks.Work`)."""

    def __init__(self, context: CallContext, who: Callable[[], Principal]) -> None:
        """Show the runs of `context` to whoever sent the request that is being handled."""
        self._context = context
        self._who = who
        self._not_stopped: dict[str, None] = {}

    def allowed(self) -> bool:
        """Whether whoever asks could follow a task."""
        decision = self._context.decide(self._who(), Action.READ, _READ)
        return decision.effect is Effect.ALLOW

    async def look(self, held: Held) -> TaskState:
        """How the run stands; with the result of the call once it is over."""
        principal = self._who()
        self._context.require(principal, Action.READ, _READ)
        request = await self._request(held, principal)
        if request is not None and not request.run:
            return await self._look_at_request(request, principal, held["data"] is True)
        if request is not None:
            record = await self._context.executions.history.get(request.run, principal)
        else:
            record = await self._record(held, principal)
        status = _status(record.verdict)
        done = status == "completed"
        data = held["data"] is True
        detail = await self._result(record, principal, data, request) if done else {}
        now = self._context.clock.now()
        return TaskState(
            status=status,
            created_at=record.created_at,
            updated_at=record.ended_at or record.observed_at or record.created_at,
            ttl_seconds=self._ttl(record).total_seconds(),
            poll_seconds=_poll_seconds(record, now),
            message=self._context.masker.text(self._words(record, now)),
            detail=detail,
        )

    async def _request(self, held: Held, principal: Principal) -> "Request | None":
        """The request that the task stands for; None when it stands for a run."""
        if "request" not in held:
            return None
        return await self._context.requests.get().wait(held["request"], principal, 0.0)

    async def _look_at_request(
        self, request: "Request", principal: Principal, data: bool
    ) -> TaskState:
        """How a request stands that has no run."""
        from opsmcp_server.calls.request_text import request_text
        from opsmcp_server.protocol.builtin_tools.request_answer import answer_request

        is_open, detail = request.state.is_open, {}
        if not is_open:
            how = "summary" if data else None
            answer = await answer_request(self._context, request, principal, data=how)
            detail = _on_wire(answer)
        left = request.expires_at - request.created_at
        deadline = self._context.executions.deadline_of(request.tool)
        return TaskState(
            status="working" if is_open else "completed",
            created_at=request.created_at,
            updated_at=request.changed_at,
            ttl_seconds=left.total_seconds() + deadline + _KEPT_SECONDS,
            poll_seconds=_REQUEST_POLL_SECONDS,
            message=request_text(self._context, request).partition("\n")[0],
            detail=detail,
        )

    async def answer(self, held: Held, responses: Mapping[str, Any]) -> None:
        """Ignore the answers: a person is asked before a run is started, never during it."""
        del responses
        self._context.require(self._who(), Action.READ, _READ)
        if await self._request(held, self._who()) is None:
            await self._record(held, self._who())

    async def cancel(self, held: Held) -> None:
        """Stop the run if its source can."""
        principal = self._who()
        self._context.require(principal, Action.RUN, CANCEL_RUN.subject)
        if "request" in held:
            request = await self._context.requests.get().withdraw(held["request"], principal)
            if not request.run:
                return
            record = await self._context.executions.history.get(request.run, principal)
        else:
            record = await self._record(held, principal)
        record, done = await self._context.executions.cancel(record.run, principal)
        if done is not Cancelled.STOPPED and not record.ended:
            while len(self._not_stopped) >= _MOST_NOT_STOPPED:
                del self._not_stopped[next(iter(self._not_stopped))]
            self._not_stopped[record.run] = None

    def _words(self, record: RunRecord, now: datetime) -> str:
        if record.ended:
            return run_headline(self._context, record)
        words = progress_message(record, now)
        if record.run in self._not_stopped:
            return f"{words}. {why_not_stopped(self._context)} It goes on."
        return words

    async def _record(self, held: Held, principal: Principal) -> RunRecord:
        executions = self._context.executions
        try:
            record = await executions.history.get(held["run"], principal)
        except UnknownRun:
            stranger = self._stranger(held, principal)
            if stranger is None:
                raise
            record = await executions.join(stranger, self._operation(stranger))
        return replace(record, repeated=Repeat(held["repeated"]))

    def _stranger(self, held: Held, principal: Principal) -> RunRecord | None:
        """The run by its id alone; None when it is too old, or was never accepted anywhere."""
        key = OperationKey(OperationKind(held["kind"]), held["namespace"], held["name"])
        record = RunRecord(
            run=held["run"],
            tool=held["tool"],
            operation=key,
            principal=principal.name,
            principal_id=principal.id,
            arguments={},
            source=self._context.source.label,
            source_run=held["source_run"],
            created_at=datetime.fromisoformat(held["created_at"]),
            result=Run(Verdict.RUNNING),
        )
        expired = record.created_at + self._ttl(record) < self._context.clock.now()
        return record if record.source_run and not expired else None

    def _operation(self, record: RunRecord) -> Operation | None:
        toolbox = self._context.tools.toolbox
        tool = toolbox.find(record.tool) if toolbox else None
        return tool.operation if tool and tool.operation.key == record.operation else None

    def _ttl(self, record: RunRecord) -> timedelta:
        deadline = self._context.executions.deadline_of(record.tool)
        return timedelta(seconds=deadline + _KEPT_SECONDS)

    async def _result(
        self, record: RunRecord, principal: Principal, data: bool, request: "Request | None"
    ) -> JsonObject:
        """What the call would have answered, had it waited for the end."""
        detail = "summary" if data else None
        if request is None:
            return _on_wire(await answer_run(self._context, record, principal, data=detail))
        from opsmcp_server.protocol.builtin_tools.request_answer import answer_request

        return _on_wire(await answer_request(self._context, request, principal, data=detail))


def _on_wire(result: types.CallToolResult) -> JsonObject:
    dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    wire = methods.serialize_server_result("tools/call", LATEST_MODERN_VERSION, dumped)
    return {"result": wire}


def _status(verdict: Verdict) -> Status:
    """A run that failed is a call that was answered, not one that could not be."""
    match verdict:
        case Verdict.RUNNING:
            return "working"
        case Verdict.CANCELLED:
            return "cancelled"
        case _:
            return "completed"


def _poll_seconds(record: RunRecord, now: datetime) -> float:
    """When it is worth asking again: halfway to the usual end, else rarer as the run gets older."""
    age = (now - record.created_at).total_seconds()
    left = (record.usual_seconds or 0.0) - age
    shortest, longest = _POLL_SECONDS
    return min(max(left / 2 if left > 0 else age / 10, shortest), longest)
