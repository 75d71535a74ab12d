"""What is seen when an incident is looked at: one look at a time.

Every call goes through the functions that everybody's calls go through, as the principal of its
responder. A look never waits for a run: it starts it, or finds how it stands.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.context import CallContext
from opsmcp_server.responding.checks import Checks, is_confirmed
from opsmcp_server.responding.decision import decided
from opsmcp_server.responding.investigation import Investigates
from opsmcp_server.responding.looks import (
    MOST_WHY,
    SOON_SECONDS,
    Later,
    again,
    line_of,
    prepare_for,
    seconds_left,
    until_due,
)
from opsmcp_server.responding.starts import Starts
from opsmcp_tools.approval_requests.request import State as RequestState
from opsmcp_tools.incidents.expression import signal_values
from opsmcp_tools.incidents.incident import BEFORE_A_RUN, Incident, State
from opsmcp_tools.incidents.machine import (
    DAY,
    Due,
    Event,
    HandOver,
    NothingHolds,
    Over,
    Recheck,
    Rejected,
    RunEnded,
    Started,
    VoidRequest,
)
from opsmcp_tools.incidents.responder import Mode, NoArgument, Responder, make_arguments
from opsmcp_tools.model.errors import NotAllowed, ToolError, ToolUnavailable, UnknownRun
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Sight"]

_DECISION_SECONDS = 1.0
"""When to look again whether people decided."""


class Sight:
    """Looks at incidents of one opsmcp."""

    def __init__(self, context: CallContext, starts: Starts, investigator: Investigates) -> None:
        """Use these."""
        self._context = context
        self._starts = starts
        self._investigator = investigator
        self._checks = Checks(context)

    async def look(self, incident: Incident, responder: Responder | None) -> Event | Later:
        """What happened to an incident, or when to look again."""
        now = self._context.clock.now()
        if incident.state is State.HANDED_OVER:
            return _handed_over(incident, now)
        if responder is None:
            return HandOver(words.NO_LONGER_THERE(incident.responder))
        if not incident.firing and incident.state in BEFORE_A_RUN:
            return await self._over(incident, responder)
        match incident.state:
            case State.OPEN:
                return until_due(incident, now)
            case State.HELD:
                return await self._held(incident, responder)
            case State.DECIDING:
                return await self._deciding(incident, responder)
            case State.INVESTIGATING:
                return await self._investigating(incident, responder)
            case _:
                return await self._under_way(incident, responder)

    async def _under_way(self, incident: Incident, responder: Responder) -> Event | Later:
        match incident.state:
            case State.WAITING:
                return await self._waiting(incident, responder)
            case State.STARTING:
                return await self._starts.start(incident, responder)
            case State.RUNNING:
                return await self._running(incident)
            case _:
                return await self._checks.verify(incident, responder)

    async def _held(self, incident: Incident, responder: Responder) -> Event | Later:
        if seconds_left(incident, self._context.clock.now()) <= 0:
            return Due()
        return await self._starts.obstacle(incident, responder) or NothingHolds()

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
            obstacle = await self._starts.obstacle(incident, responder)
            return obstacle or await self._decided(incident, responder)
        except NoArgument as error:
            return HandOver(error.said)
        except ToolUnavailable as error:
            return again(incident, self._context.clock.now(), str(error))
        except NotAllowed as error:
            return HandOver(words.DENIED(line_of(error)))
        except ToolError as error:
            return HandOver(words.REFUSED(line_of(error)))

    async def _decided(self, incident: Incident, responder: Responder) -> Event | Later:
        arguments = make_arguments(responder.arguments, signal_values(incident.signal))
        confirmed = is_confirmed(incident, self._context.clock.now())
        if responder.confirm is not None and not confirmed:
            return await self._checks.confirm(incident, responder, responder.confirm, arguments)
        if responder.acts_alone and not responder.is_sure_of(incident.signal):
            return HandOver(words.UNTRUSTED())
        if responder.mode is Mode.AGENT:
            return await self._investigator.begin(incident, responder)
        prepared = await prepare_for(self._context, incident, responder, responder.run, arguments)
        return await decided(self._context, incident, prepared, f"request {incident.voids}")

    async def _investigating(self, incident: Incident, responder: Responder) -> Event | Later:
        if responder.mode is not Mode.AGENT:  # any more
            return Recheck(words.RECHECKED())
        held = await self._starts.brake(incident, responder)
        return held or await self._investigator.step(incident, responder)

    # People decide, and it runs

    async def _waiting(self, incident: Incident, responder: Responder) -> Event | Later:
        request = await self._context.requests.get().get(incident.request, responder.principal)
        match request.state:
            case RequestState.STARTED:
                return Started(request.run, request.tool)
            case RequestState.REJECTED:
                by = next((vote.by.name for vote in request.votes if not vote.approves), "")
                return Rejected(words.REJECTED(by))
            case RequestState.EXPIRED:
                return HandOver(words.EXPIRED(), escalated=True)
            case RequestState.VOID:
                return VoidRequest(words.VOID(request.why))
            case _:
                return Later(_DECISION_SECONDS)

    async def _running(self, incident: Incident) -> Event | Later:
        try:
            run = await self._context.executions.history.find(incident.run)
        except UnknownRun:
            return HandOver(words.RUN_ENDED(incident.run, Verdict.UNKNOWN, "-"), escalated=True)
        if not run.ended:
            return Later(SOON_SECONDS)
        return RunEnded(run.verdict, clean_line(run.result.reason, MOST_WHY))


def _handed_over(incident: Incident, now: datetime) -> Event | Later:
    """Over, or until nothing was said of it for a day, also not that it goes on."""
    if not incident.firing:
        return Over()
    return until_due(replace(incident, due_at=incident.last_seen + timedelta(seconds=DAY)), now)
