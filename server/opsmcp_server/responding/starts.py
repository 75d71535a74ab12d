"""Starts the runs of incidents, each once, and knows what keeps them from it.

Also what others start for an incident, an approved request of it, asks here first.
"""

from opsmcp_server.calls.call_requests import Changed
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import Prepared, execute, find_run
from opsmcp_server.responding.looks import Later, again, line_of, prepare_for, seconds_left
from opsmcp_server.responding.records import Records
from opsmcp_tools.approval_requests.handle import incident_key, incident_of
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.incidents.brakes import what_holds
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Due, Event, Held, Over, Started, Unconfirmed, VoidRequest
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.incidents.sqlite_incidents import NotFiring
from opsmcp_tools.model.errors import PlanChanged, ToolError, ToolUnavailable
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.policy.places import touched_places

__all__ = ["Starts"]

_SILENCE_LOOK_SECONDS = 60.0


class Starts:
    """Starts runs for the incidents of one opsmcp."""

    def __init__(self, context: CallContext, records: Records) -> None:
        """Use these."""
        self._context = context
        self._records = records

    async def obstacle(self, incident: Incident, responder: Responder) -> Event | None:
        """What keeps it from being decided now, or None."""
        return await self.brake(incident, responder) or await self._sender_says(incident)

    async def brake(self, incident: Incident, responder: Responder) -> Event | None:
        """What of our own keeps it from that: pauses, quiet times, limits, loops; or None."""
        there = await self._records.obstacles()
        return what_holds(incident, responder, there, self._context.clock.now())

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
                return Held(words.BY_SILENCE(sender.name), _SILENCE_LOOK_SECONDS)
            case AlertState.GONE:
                return Unconfirmed(words.NOT_AT_SENDER(sender.name))

    async def start(self, incident: Incident, responder: Responder) -> Event | Later:
        """Start its run, or find the one that was started already."""
        try:
            key = incident_key(incident.id, incident.attempt, "run")
            known = await find_run(self._context, key, incident.operation, responder.principal)
            if known is not None:
                return Started(known.run, known.tool)
            return await self._start(incident, responder, key)
        except NotFiring:
            return Over()
        except PlanChanged:
            return VoidRequest(words.CHANGED(incident.operation))
        except ToolUnavailable as error:
            return again(incident, self._context.clock.now(), line_of(error))
        except ToolError as error:
            return VoidRequest(words.CHANGED(line_of(error)))

    async def _start(self, incident: Incident, responder: Responder, key: str) -> Event | Later:
        context, call = self._context, (incident.operation, incident.arguments)
        prepared = await prepare_for(context, incident, responder, *call)
        if prepared.needs_people:
            return VoidRequest(words.CHANGED(prepared.decision.reason))
        if seconds_left(incident, context.clock.now()) <= 0:
            return Due()
        if (said := await self._sender_says(incident)) is not None:
            return said
        places = touched_places(prepared.tool, prepared.call.arguments)
        obstacle = await self._records.begin_run(incident.id, incident.attempt, responder, places)
        if obstacle is not None:
            return again(incident, context.clock.now(), obstacle)
        record = await execute(context, prepared, wait_seconds=0.0, key=key)
        return Started(record.run, record.tool)

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
        if found.request != request.id:
            raise Changed(words.WENT_ON(found.id))
        if (said := await self._sender_says(found)) is not None:
            raise Changed(said.why)
        places = touched_places(prepared.tool, prepared.call.arguments)
        try:
            obstacle = await self._records.begin_run(incident, attempt, responder, places)
        except NotFiring:
            raise Changed(words.RESOLVED()) from None
        if obstacle is not None:
            raise ToolUnavailable(obstacle.to(self._context.config.tools.language))
