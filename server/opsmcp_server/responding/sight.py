"""What is seen when an incident is looked at, and what is started for it: one look at a time.

Every call goes through the functions that everybody's calls go through, as the principal of its
responder. A look never waits for a run: it starts it, or finds how it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf
from typing import Any

from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.call_requests import Changed
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ExpressionFailed
from opsmcp_server.calls.prepare import Prepared, execute, find_tool, prepare
from opsmcp_server.responding.operations import expectation
from opsmcp_server.responding.records import Records
from opsmcp_tools.approval_requests.handle import incident_key, incident_of
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.approval_requests.request import State as RequestState
from opsmcp_tools.incidents.brakes import what_holds
from opsmcp_tools.incidents.expression import (
    BadExpression,
    Failed,
    outcome_values,
    signal_values,
)
from opsmcp_tools.incidents.incident import BEFORE_A_RUN, Incident, State
from opsmcp_tools.incidents.machine import (
    Allowed,
    Asked,
    Due,
    Event,
    Failure,
    HandOver,
    Held,
    Helped,
    NothingHolds,
    Over,
    RunEnded,
    Started,
    Unconfirmed,
    VoidRequest,
)
from opsmcp_tools.incidents.responder import Check, Mode, NoArgument, Responder, make_arguments
from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.incidents.sqlite_incidents import NotFiring
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.errors import (
    NotAllowed,
    PlanChanged,
    ToolError,
    ToolUnavailable,
    UnknownRun,
)
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.policy.places import touched_places
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Later", "Sight"]

_SOON = 0.5
_AGAIN = 2.0
_LEAST_VERIFY, _MOST_VERIFY = 5.0, 60.0
_SILENCE_LOOK = 60.0
_CONFIRMED_FOR = timedelta(minutes=5)
_MOST_WHY = 300


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing happened so far; look again after so many seconds, with these fields changed."""

    seconds: float
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Sight:
    """Looks at incidents of one opsmcp."""

    def __init__(self, context: CallContext, records: Records) -> None:
        """Use these."""
        self._context = context
        self._records = records

    async def look(self, incident: Incident, responder: Responder | None) -> Event | Later:
        """What happened to an incident, or when to look again."""
        if incident.state is State.HANDED_OVER:
            return self._until_due(incident) if incident.firing else Over()
        if responder is None:
            return HandOver(words.NO_LONGER_THERE(incident.responder))
        if not incident.firing and incident.state in BEFORE_A_RUN:
            return await self._over(incident, responder)
        match incident.state:
            case State.OPEN:
                return self._until_due(incident)
            case State.HELD:
                return await self._held(incident, responder)
            case State.DECIDING:
                return await self._deciding(incident, responder)
            case State.WAITING:
                return await self._waiting(incident, responder)
            case State.STARTING:
                return await self._starting(incident, responder)
            case State.RUNNING:
                return await self._running(incident)
            case _:
                return await self._verifying(incident, responder)

    # Waiting for time or for senders

    def _left(self, incident: Incident) -> float:
        return (incident.due_at - self._context.clock.now()).total_seconds()

    def _until_due(self, incident: Incident, why: str | Said = "") -> Event | Later:
        return self._again(incident, why, inf)

    def _again(self, incident: Incident, why: str | Said, seconds: float = _AGAIN) -> Event | Later:
        """Try again, until the time of the state is over."""
        left = self._left(incident)
        return Later(min(left, seconds)) if left > 0 else Due(why)

    async def _held(self, incident: Incident, responder: Responder) -> Event | Later:
        if self._left(incident) <= 0:
            return Due()
        return await self._obstacle(incident, responder) or NothingHolds()

    async def _obstacle(self, incident: Incident, responder: Responder) -> Event | None:
        there = await self._records.obstacles()
        found = what_holds(incident, responder, there, self._context.clock.now())
        return found or await self._sender_says(incident)

    async def _sender_says(self, incident: Incident) -> Held | Unconfirmed | None:
        """What keeps it from being done by the word of an Alertmanager that can be asked."""
        signal = incident.signal
        sender = self._context.config.events.senders.get(signal.sender)
        if sender is None or not sender.api or signal.status is not Status.FIRING:
            return None
        from opsmcp_server.responding.alertmanager import AlertState, state_at

        match await state_at(sender, signal):
            case AlertState.ACTIVE:
                return None
            case AlertState.SUPPRESSED:
                return Held(words.BY_SILENCE(sender.name), _SILENCE_LOOK)
            case AlertState.GONE:
                return Unconfirmed(words.NOT_AT_SENDER(sender.name))

    async def _over(self, incident: Incident, responder: Responder) -> Event | Later:
        """It is over before anything was started; a request of it must be void first."""
        if incident.state is State.WAITING:
            requests = self._context.requests.get()
            request = await requests.withdraw(
                incident.request, responder.principal, words.RESOLVED()
            )
            if request.state in (RequestState.APPROVED, RequestState.STARTED):
                return await self._waiting(incident, responder)
        return Over()

    # Deciding

    async def _deciding(self, incident: Incident, responder: Responder) -> Event | Later:
        if responder.mode is Mode.NOTIFY:
            return HandOver(words.ONLY_NOTIFIES(responder.name))
        if incident.attempt > responder.limits.attempts:
            return HandOver(words.NO_ATTEMPT_LEFT(words.CAME_BACK()), escalated=True)
        try:
            obstacle = await self._obstacle(incident, responder)
            if obstacle is not None:
                return obstacle
            arguments = make_arguments(responder.arguments, signal_values(incident.signal))
            if responder.confirm is not None and not self._is_confirmed(incident):
                return await self._confirm(incident, responder, responder.confirm, arguments)
            if responder.mode is Mode.AUTO and not responder.is_sure_of(incident.signal):
                return HandOver(words.UNTRUSTED())
            prepared = await self._prepare(responder.run, arguments, responder, incident)
            return await self._decide(incident, responder, prepared, arguments)
        except NoArgument as error:
            return HandOver(error.said)
        except ToolUnavailable as error:
            return self._again(incident, str(error))
        except NotAllowed as error:
            return HandOver(words.DENIED(_line(error)))
        except ToolError as error:
            return HandOver(words.REFUSED(_line(error)))

    async def _prepare(
        self, name: str, arguments: Mapping[str, str], responder: Responder, incident: Incident
    ) -> Prepared:
        prepared = await prepare(self._context, name, arguments, responder.principal)
        return replace(prepared, agreed=Grounds(incident=incident.id))

    async def _decide(
        self,
        incident: Incident,
        responder: Responder,
        prepared: Prepared,
        arguments: Mapping[str, str],
    ) -> Event | Later:
        if not prepared.needs_approval:
            return Allowed(words.ALLOWED(prepared.decision.rule), arguments)
        key = incident_key(incident.id, incident.attempt, f"request {incident.voids}")
        request = await self._context.requests.get().ask(prepared, key)
        seconds = (request.expires_at - self._context.clock.now()).total_seconds()
        why = words.ASKED(request.id, clean_line(request.reason, _MOST_WHY))
        return Asked(request.id, why, seconds, arguments)

    # Looking whether it is so, and whether it helped

    def _is_confirmed(self, incident: Incident) -> bool:
        at = incident.confirmed_at
        return at is not None and self._context.clock.now() - at < _CONFIRMED_FOR

    async def _confirm(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        arguments: Mapping[str, str],
    ) -> Event | Later:
        found = await self._probe(incident, responder, check, "confirm", arguments)
        if isinstance(found, Later):
            return found if found.fields else self._again(incident, check.run, found.seconds)
        if isinstance(found, str):
            return HandOver(words.NOT_CONFIRMABLE(found), escalated=True)
        if not found:
            return Unconfirmed(words.UNCONFIRMED(clean_line(check.expect, _MOST_WHY)))
        now = self._context.clock.now()
        return Later(0.0, {"confirmed_at": now, "probe": incident.probe + 1, "probe_run": ""})

    async def _verifying(self, incident: Incident, responder: Responder) -> Event | Later:
        verify = responder.verify
        if not isinstance(verify, Check):
            if not incident.firing:
                return Helped(words.VERIFIED_RESOLVED())
            return self._until_due(incident, words.STILL_FIRING())
        expected = clean_line(verify.expect, _MOST_WHY)
        try:
            found = await self._probe(incident, responder, verify, "verify", incident.arguments)
        except ToolUnavailable as error:
            return self._again(incident, str(error))
        except NoArgument as error:
            return Failure(words.NOT_VERIFIED(error.said))
        except ToolError as error:
            return Failure(words.NOT_VERIFIED(_line(error)))
        if found is True:
            return Helped(words.VERIFIED(expected))
        left = self._left(incident)
        if left <= 0:
            return Due(found if isinstance(found, str) else words.NEVER_TRUE(expected))
        if isinstance(found, Later):
            return found
        pause = min(max(verify.after_seconds, _LEAST_VERIFY), _MOST_VERIFY, left)
        return Later(pause, {"probe": incident.probe + 1, "probe_run": ""})

    async def _probe(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        step: str,
        arguments: Mapping[str, str],
    ) -> bool | str | Later:
        """Whether a check holds; a text says why nobody knows."""
        context, principal = self._context, responder.principal
        values = {**signal_values(incident.signal), **outcome_values("", {}, arguments)}
        if not incident.probe_run:
            given = make_arguments(check.arguments, values)
            prepared = await self._prepare(check.run, given, responder, incident)
            if prepared.needs_approval or prepared.needs_consent:
                return f"policy wants people to agree to {check.run}"
            look = f"{step} {incident.voids}.{incident.probe}"
            key = incident_key(incident.id, incident.attempt, look)
            run = await execute(context, prepared, wait_seconds=0.0, key=key)
            return Later(_SOON, {"probe_run": run.run})
        run = await context.executions.history.find(incident.probe_run)
        if not run.ended:
            return Later(_SOON)
        if run.verdict is not Verdict.SUCCEEDED:
            return f"run {run.run} of {check.run}: {run.verdict}"
        tool = await find_tool(context, check.run, principal)
        values |= outcome_values(str(run.verdict), run.result.results, arguments)
        try:
            expected = expectation(check, responder.arguments, tool)
            return expected.holds(values)
        except (BadExpression, Failed) as error:
            context.observers(ExpressionFailed(responder.name))
            return f"run {run.run} of {check.run}: {error}"

    # People decide

    async def _waiting(self, incident: Incident, responder: Responder) -> Event | Later:
        request = await self._context.requests.get().get(incident.request, responder.principal)
        match request.state:
            case RequestState.STARTED:
                return Started(request.run, request.tool)
            case RequestState.REJECTED:
                by = next((vote.by.name for vote in request.votes if not vote.approves), "")
                return HandOver(words.REJECTED(by))
            case RequestState.EXPIRED:
                return HandOver(words.EXPIRED(), escalated=True)
            case RequestState.VOID:
                return VoidRequest(words.VOID(request.why))
            case _:
                return Later(1.0)

    # Starting and running

    async def _starting(self, incident: Incident, responder: Responder) -> Event | Later:
        try:
            known = await self._known_run(incident, responder)
            if known is not None:
                return Started(known.run, known.tool)
            return await self._start(incident, responder)
        except NotFiring:
            return Over()
        except PlanChanged:
            return VoidRequest(words.CHANGED(responder.run))
        except ToolUnavailable as error:
            return self._again(incident, _line(error))
        except ToolError as error:
            return VoidRequest(words.CHANGED(_line(error)))

    async def _known_run(self, incident: Incident, responder: Responder) -> RunRecord | None:
        """The run that was started already: a process may have died before it said so."""
        tool = await find_tool(self._context, responder.run, responder.principal)
        key = incident_key(incident.id, incident.attempt, "run")
        return await self._context.executions.find_by_key(
            key, tool.name, tool.operation.key, responder.principal
        )

    async def _start(self, incident: Incident, responder: Responder) -> Event | Later:
        prepared = await self._prepare(responder.run, incident.arguments, responder, incident)
        if prepared.needs_approval or prepared.needs_consent:
            return VoidRequest(words.CHANGED(prepared.decision.reason))
        if self._left(incident) <= 0:
            return Due()
        if (said := await self._sender_says(incident)) is not None:
            return said
        places = touched_places(prepared.tool, prepared.call.arguments)
        obstacle = await self._records.begin_run(incident.id, incident.attempt, responder, places)
        if obstacle is not None:
            return self._again(incident, obstacle)
        key = incident_key(incident.id, incident.attempt, "run")
        record = await execute(self._context, prepared, wait_seconds=0.0, key=key)
        return Started(record.run, record.tool)

    async def _running(self, incident: Incident) -> Event | Later:
        try:
            run = await self._context.executions.history.find(incident.run)
        except UnknownRun:
            return HandOver(words.RUN_ENDED(incident.run, Verdict.UNKNOWN, "-"), escalated=True)
        if not run.ended:
            return Later(_SOON)
        return RunEnded(run.verdict, clean_line(run.result.reason, _MOST_WHY))

    # What others start for incidents

    async def may_start(self, request: Request, prepared: Prepared) -> None:
        """Return if the run of an approved request of an incident may be started now.

        Raises:
            Changed: It never may: the incident is over, or went on without it.
            ToolUnavailable: Not now.
        """
        incident, attempt = incident_of(request.key)
        found = await self._records.get(incident)
        responder = self._records.responders.get(found.responder) if found else None
        if found is None or responder is None or not responder.principal.may_be(request.requester):
            raise Changed(words.NO_LONGER_THERE(request.requester.name))
        if (said := await self._sender_says(found)) is not None:
            raise Changed(said.why)
        places = touched_places(prepared.tool, prepared.call.arguments)
        try:
            obstacle = await self._records.begin_run(incident, attempt, responder, places)
        except NotFiring:
            raise Changed(words.RESOLVED()) from None
        if obstacle is not None:
            raise ToolUnavailable(obstacle.to(self._context.config.tools.language))


def _line(error: ToolError) -> str:
    return clean_line(str(error), 600)
