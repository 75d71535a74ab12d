"""The calls of a model, one at a time: what only reads is run, a change is asked for.

They go the way of everybody's calls, as the principal of the responder, and each is known by its
number: however often it is tried, there is one run or request of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from opsmcp_server.agent.case import Case
from opsmcp_server.agent.offer import FINISH, Offer
from opsmcp_server.agent.places import foreign_argument
from opsmcp_server.calls.answer import run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import Prepared, execute
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_server.responding.looks import prepare_for
from opsmcp_server.responding.records import Records
from opsmcp_tools.approval_requests.handle import incident_key
from opsmcp_tools.incidents.conversation import Call
from opsmcp_tools.incidents.incident import Entry, State
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.safe_text.cleaning import clean, fence, head_and_tail, label

__all__ = ["Calls", "Result"]

_READ_SECONDS = 30.0
"""How long to wait for a run; after that the model has its handle."""

_LONGEST_RESULT = 16_000

_NO_READS = "All the runs that only read were used. Not started. Ask for a change, or call finish."
_NO_CHANGES = "No change may be asked for any more. Not started. Call finish."
_PEOPLE = "Policy wants people to agree to it, and nobody is asked for a look. Not started."
_ELSEWHERE = (
    "The argument {name} does not name a place that the signal names. Not started. Give one of its "
    "labels, leave it out where it need not be given, or call finish."
)
_NOT_OWN = "This is no run of this incident."


@dataclass(frozen=True, slots=True)
class Result:
    """What the model is told of a call, and the run that was started for it."""

    text: str
    run: str = ""


class Calls:
    """Makes the calls of one opsmcp."""

    def __init__(self, context: CallContext, records: Records) -> None:
        """Use these."""
        self._context = context
        self._records = records

    async def make(self, case: Case) -> Result | Prepared:
        """The result of the first call that has none; or that call, if it is a change."""
        call = case.talk.pending[0]
        try:
            if call.problem:
                return Result(call.problem)
            if call.asked_in and call.asked_in != case.attempt:
                return Result(await self._came_of(case))
            if (own := case.offer.own.get(call.name)) is not None:
                return await self._make_own(own, call, case)
            if (tool := case.offer.tools.get(call.name)) is not None:
                return await self._make(tool, call, case)
        except ToolError as error:
            return Result(self.fenced(str(error)))
        return Result(_unknown(call, case.offer))

    async def _make(self, tool: Tool, call: Call, case: Case) -> Result | Prepared:
        context, incident, responder = self._context, case.incident, case.responder
        if not (case.may_read if tool.hints.read_only else case.may_change):
            return Result(_NO_READS if tool.hints.read_only else _NO_CHANGES)
        prepared = await prepare_for(context, incident, responder, tool.name, _arguments(call))
        if elsewhere := await self._foreign(prepared, case):
            return Result(_ELSEWHERE.format(name=elsewhere))
        if not prepared.tool.hints.read_only:
            return prepared if case.may_change else Result(_NO_CHANGES)
        if prepared.needs_people:
            return Result(_PEOPLE)
        key = incident_key(incident.id, incident.attempt, f"call {call.number}")
        record = await execute(context, prepared, wait_seconds=_READ_SECONDS, key=key)
        return Result(self.fenced(await run_text(context, record, responder.principal)), record.run)

    async def _foreign(self, prepared: Prepared, case: Case) -> str:
        """The argument that names a place which is none of the signal's, if it has to be one."""
        if case.agent.anywhere:
            return ""
        hosts = (await self._context.tools.current()).catalogue.contents.hosts
        arguments = prepared.call.arguments
        return foreign_argument(prepared.tool, arguments, case.incident.signal, hosts)

    async def _make_own(self, own: BuiltIn, call: Call, case: Case) -> Result:
        arguments, known = _arguments(call), (*case.talk.runs, *case.incident.runs)
        if "run" in arguments and arguments["run"] not in known:
            return Result(_NOT_OWN)
        request = own.check(self._context, case.responder.principal, arguments)
        answer = await own.respond(self._context, request) if own.respond else None
        parts = answer.content if answer else ()
        texts = (part.text for part in parts if isinstance(part, types.TextContent))
        return Result(self.fenced("\n".join(texts)))

    async def _came_of(self, case: Case) -> str:
        """What came of a change that was asked for."""
        context, incident = self._context, case.incident
        whole = await self._records.get(incident.id)
        rows = _since_asked(whole.log if whole else ())
        said = "\n".join(f"- {row.after}: {row.why}" for row in rows)
        if incident.runs and any(row.after is State.RUNNING for row in rows):
            record = await context.executions.history.find(incident.runs[-1])
            said += f"\n{await run_text(context, record, case.responder.principal)}"
        return self.fenced(said)

    def fenced(self, text: str) -> str:
        """What others wrote, as data: cleaned, without secrets, bounded."""
        shown = self._context.masker.text(clean(text))
        return fence(head_and_tail(shown, _LONGEST_RESULT), self._context.new_mark(), "result")


def _since_asked(log: Sequence[Entry]) -> Sequence[Entry]:
    """The timeline since a change was asked for last."""
    asked = [
        place
        for place, row in enumerate(log)
        if row.before is State.INVESTIGATING and row.after in (State.WAITING, State.STARTING)
    ]
    return log[asked[-1] :] if asked else log[-1:]


def _arguments(call: Call) -> Mapping[str, Any]:
    return json.loads(call.arguments)


def _unknown(call: Call, offer: Offer) -> str:
    if call.name == FINISH:
        return "It was not understood. Call finish again, alone, with your diagnosis as text."
    return f"There is no tool {label(call.name)!r}. There are: {', '.join(offer.names)}."
