"""The driver: takes incidents that are to be looked at, and carries out what follows.

Several processes may work on one record. An incident is leased by whoever looks at it; who lost
the lease stops, and what was started is found again by its key.
"""

import logging
import secrets
from collections import Counter
from dataclasses import replace
from functools import partial

import anyio

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import IncidentMoved
from opsmcp_server.responding.investigation import Investigates, NoModel
from opsmcp_server.responding.leases import leased
from opsmcp_server.responding.looks import Later
from opsmcp_server.responding.records import Records
from opsmcp_server.responding.sight import Sight
from opsmcp_server.responding.starts import Starts
from opsmcp_tools.incidents.brakes import EVERYBODY
from opsmcp_tools.incidents.incident import Incident, State
from opsmcp_tools.incidents.machine import Event, HandOver, Held, RunEnded, advance
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.model.errors import ToolError, ToolUnavailable
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Driver"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_MOST_TRIES = 3
_GONE = Responder(EVERYBODY)
"""In place of a responder that the settings have no more."""


class Driver:
    """Works on the incidents of one opsmcp until it is cancelled."""

    def __init__(self, context: CallContext, investigator: Investigates | None = None) -> None:
        """Prepare; nothing is opened."""
        self._clock, self._observers = context.clock, context.observers
        self.records = Records(context, secrets.token_hex(8))
        starts = Starts(context, self.records)
        self._sight = Sight(context, starts, investigator or NoModel())
        self._tries: Counter[str] = Counter()
        context.incidents.correlate = self.records.correlation()
        context.requests.get().ask_before_starts(starts.may_start)

    async def run(self) -> None:
        """Look at incidents whenever they are due."""
        last = self._clock.now()
        async with anyio.create_task_group() as group:
            while True:
                try:
                    if self._clock.now() < last:  # it was set back
                        await self.records.look_at_all()
                    last = self._clock.now()
                    taken = await self.records.claim()
                except ToolError as error:
                    logger.warning("incidents are looked at again later: %s", error)
                    taken = ()
                for incident in taken:
                    group.start_soon(self._handle, incident)
                await self._clock.sleep(_LOOK_SECONDS)

    async def _handle(self, incident: Incident) -> None:
        """Work on one that was taken, and keep its lease; who lost it is cancelled."""
        renew = partial(self.records.renew, incident)
        async with leased(f"incident {incident.id}", renew, self._clock):
            await self._try(incident)

    async def _try(self, incident: Incident) -> None:
        try:
            await self._work(incident)
            self._tries.pop(incident.id, None)
        except ToolUnavailable as error:
            # Its lease ends by itself, and somebody looks again.
            logger.warning("incident %s is looked at again: %s", incident.id, error)
        except Exception as error:
            logger.exception("incident %s could not be looked at", incident.id)
            await self._failed(incident, error)

    async def _work(self, incident: Incident) -> None:
        """One change after the other, as long as there is something to do at once."""
        while True:
            responder = self.records.responders.get(incident.responder)
            seen = await self._sight.look(incident, responder)
            if isinstance(seen, Later):
                await self._later(replace(incident, **seen.fields), seen.seconds)
                return
            if isinstance(seen, Held) and incident.state is State.HELD:
                await self._later(incident, seen.seconds)
                return
            after = await self._change(incident, responder or _GONE, seen)
            if after is None:
                return
            incident = after

    async def _later(self, incident: Incident, seconds: float) -> None:
        await self.records.look_later(incident, seconds)

    async def _change(
        self, incident: Incident, responder: Responder, event: Event
    ) -> Incident | None:
        """The incident after it, if there is something to do at once."""
        change = advance(incident, responder, event)
        if change is None:
            await self._later(incident, _LOOK_SECONDS)
            return None
        after = await self.records.change(incident, change)
        if after is None:
            logger.warning("incident %s was taken over", incident.id)
            return None
        logger.info("incident %s: %s, %s", after.id, after.state, after.why)
        verdict = str(event.verdict) if isinstance(event, RunEnded) else ""
        outcome = str(after.outcome or "")
        held = event.reason if isinstance(event, Held) else ""
        self._observers(IncidentMoved(after.responder, verdict, change.helped, outcome, held))
        return after if change.goes_on else None

    async def _failed(self, incident: Incident, error: Exception) -> None:
        """What fails three times is handed over; the others go on."""
        self._tries[incident.id] += 1
        if self._tries[incident.id] < _MOST_TRIES:
            return
        del self._tries[incident.id]
        why = words.DEAD(_MOST_TRIES, clean_line(type(error).__name__, 60))
        change = advance(incident, _GONE, HandOver(why, escalated=True))
        try:
            found = await self.records.get(incident.id)
            if change is not None and found is not None and found.epoch == incident.epoch:
                await self.records.change(found, change)
        except ToolError as failure:
            logger.warning("incident %s could not be handed over: %s", incident.id, failure)
