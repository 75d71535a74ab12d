"""Checks of incidents: whether it is so before something is changed, and whether that helped.

A check is a run that only reads. A look never waits for it: it is started, or found as it stands.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ExpressionFailed
from opsmcp_server.calls.prepare import execute, find_tool
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
from opsmcp_server.responding.operations import expectation
from opsmcp_tools.approval_requests.handle import incident_key
from opsmcp_tools.incidents.expression import BadExpression, Failed, outcome_values, signal_values
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Due, Event, Failure, HandOver, Helped, Unconfirmed
from opsmcp_tools.incidents.responder import Check, NoArgument, Responder, make_arguments
from opsmcp_tools.model.errors import ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Checks", "is_confirmed"]

_LEAST_PAUSE, _MOST_PAUSE = 5.0, 60.0
_CONFIRMED_FOR = timedelta(minutes=5)
_NONE: Mapping[str, str] = {}


def is_confirmed(incident: Incident, now: datetime) -> bool:
    """Whether it was looked not long ago, and was so."""
    at = incident.confirmed_at
    return at is not None and now - at < _CONFIRMED_FOR


class Checks:
    """Carries out the checks of one opsmcp."""

    def __init__(self, context: CallContext) -> None:
        """Use this."""
        self._context = context

    async def confirm(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        arguments: Mapping[str, str],
    ) -> Event | Later:
        """Look whether it is so; raises what keeps it from being looked."""
        found = await self._holds(incident, responder, check, "confirm", arguments)
        now = self._context.clock.now()
        if isinstance(found, Later):
            return found if found.fields else again(incident, now, check.run, found.seconds)
        if isinstance(found, str):
            return HandOver(words.NOT_CONFIRMABLE(found), escalated=True)
        if not found:
            return Unconfirmed(words.UNCONFIRMED(clean_line(check.expect, MOST_WHY)))
        return Later(0.0, {"confirmed_at": now, "probe": incident.probe + 1, "probe_run": ""})

    async def verify(self, incident: Incident, responder: Responder) -> Event | Later:
        """Look whether its run helped."""
        verify = responder.verify
        if isinstance(verify, Check):
            return await self._verified(incident, responder, verify)
        if not incident.firing:
            return Helped(words.VERIFIED_RESOLVED())
        return until_due(incident, self._context.clock.now(), words.STILL_FIRING())

    async def _verified(
        self, incident: Incident, responder: Responder, check: Check
    ) -> Event | Later:
        if (early := self._seconds_early(incident, check)) > 0:
            return Later(early)
        expected = clean_line(check.expect, MOST_WHY)
        # Of what a model chose the settings cannot speak.
        given = incident.arguments if responder.agent is None else _NONE
        try:
            found = await self._holds(incident, responder, check, "verify", given)
        except ToolUnavailable as error:
            return again(incident, self._context.clock.now(), str(error))
        except NoArgument as error:
            return Failure(words.NOT_VERIFIED(error.said))
        except ToolError as error:
            return Failure(words.NOT_VERIFIED(line_of(error)))
        if found is True:
            return Helped(words.VERIFIED(expected))
        left = seconds_left(incident, self._context.clock.now())
        if left <= 0:
            return Due(found if isinstance(found, str) else words.NEVER_TRUE(expected))
        if isinstance(found, Later):
            return found
        pause = min(max(check.after_seconds, _LEAST_PAUSE), _MOST_PAUSE, left)
        return Later(pause, {"probe": incident.probe + 1, "probe_run": ""})

    def _seconds_early(self, incident: Incident, check: Check) -> float:
        """How much too early it is for the first look, whatever made somebody look now."""
        if incident.probe or incident.probe_run:
            return 0.0
        now = self._context.clock.now()
        early = (incident.changed_at - now).total_seconds() + check.after_seconds
        return min(early, seconds_left(incident, now))

    async def _holds(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        step: str,
        arguments: Mapping[str, str],
    ) -> bool | str | Later:
        """Whether a check holds; a text says why nobody knows."""
        if not incident.probe_run:
            return await self._begin(incident, responder, check, step, arguments)
        run = await self._context.executions.history.find(incident.probe_run)
        if not run.ended:
            return Later(SOON_SECONDS)
        if run.verdict is not Verdict.SUCCEEDED:
            return f"run {run.run} of {check.run}: {run.verdict}"
        return await self._judge(incident, responder, check, run, arguments)

    async def _begin(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        step: str,
        arguments: Mapping[str, str],
    ) -> str | Later:
        values = {**signal_values(incident.signal), **outcome_values("", {}, arguments)}
        given = make_arguments(check.arguments, values)
        prepared = await prepare_for(self._context, incident, responder, check.run, given)
        if prepared.needs_people:
            return f"policy wants people to agree to {check.run}"
        look = f"{step} {incident.voids}.{incident.probe}"
        key = incident_key(incident.id, incident.attempt, look)
        run = await execute(self._context, prepared, wait_seconds=0.0, key=key)
        return Later(SOON_SECONDS, {"probe_run": run.run})

    async def _judge(
        self,
        incident: Incident,
        responder: Responder,
        check: Check,
        run: RunRecord,
        arguments: Mapping[str, str],
    ) -> bool | str:
        tool = await find_tool(self._context, check.run, responder.principal)
        found = outcome_values(str(run.verdict), run.result.results, arguments)
        try:
            expected = expectation(check, responder.arguments, tool)
            return expected.holds({**signal_values(incident.signal), **found})
        except (BadExpression, Failed) as error:
            self._context.observers(ExpressionFailed(responder.name))
            return f"run {run.run} of {check.run}: {error}"
