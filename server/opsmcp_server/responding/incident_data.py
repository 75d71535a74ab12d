"""An incident as data: for programs, for the command line, for tools and pages alike."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from opsmcp_server.calls.context import CallContext
from opsmcp_server.responding.operations import may_offer
from opsmcp_server.responding.records import Records
from opsmcp_tools.incidents.conversation import Conversation
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = [
    "conversation_data",
    "incident_details",
    "incident_entry",
    "may_see",
    "visible",
]


def incident_entry(incident: Incident) -> JsonObject:
    """An incident in a list."""
    return {
        "incident": incident.id,
        "state": str(incident.state),
        "outcome": str(incident.outcome or ""),
        "escalated": incident.escalated,
        "responder": incident.responder,
        "key": incident.key,
        "severity": str(incident.severity),
        "kind": incident.signal.kind,
        "firing": incident.firing,
        "signals": incident.count,
        "opened_at": _moment(incident.opened_at),
        "changed_at": _moment(incident.changed_at),
        "last_seen": _moment(incident.last_seen),
        "why": incident.why,
        "request": incident.request,
        "run": incident.run,
    }


def incident_details(incident: Incident) -> JsonObject:
    """One incident with its last signal and its timeline."""
    signal = incident.signal
    return {
        **incident_entry(incident),
        "attempt": incident.attempt,
        "runs": list(incident.runs),
        "operation": incident.operation,
        "arguments": dict(incident.arguments),
        "chain": list(incident.chain),
        "signal": {
            "sender": signal.sender,
            "key": signal.key,
            "status": str(signal.status),
            "at": _moment(signal.at),
            "labels": dict(signal.labels),
            "annotations": dict(signal.annotations),
            "cut": list(signal.cut),
        },
        "timeline": [
            {
                "at": _moment(entry.at),
                "from": str(entry.before or ""),
                "to": str(entry.after),
                "by": entry.by,
                "why": entry.why,
            }
            for entry in incident.log
        ],
    }


def conversation_data(talk: Conversation) -> JsonObject:
    """What a model said about an incident, with what it was told."""
    return {
        "diagnosis": talk.diagnosis,
        "turns": talk.turns,
        "tokens": talk.tokens,
        "runs": list(talk.runs),
        "lines": [{"who": line.who, "text": line.text} for line in talk.lines()],
    }


async def may_see(
    context: CallContext, records: Records, incident: Incident, principal: Principal
) -> bool:
    """Whether a principal may see it: who may list whatever its responder may call."""
    return bool(await visible(context, records, [incident], principal))


async def visible(
    context: CallContext, records: Records, incidents: Sequence[Incident], principal: Principal
) -> list[Incident]:
    """Those that a principal may see."""
    toolbox = await context.tools.current()

    @cache
    def may_list(responder: str, operation: str) -> bool:
        called = _called(records.responders.get(responder), operation, toolbox)
        return not any(context.decide(principal, Action.LIST, one).denied for one in called)

    return [one for one in incidents if may_list(one.responder, one.operation)]


def _called(responder: Responder | None, operation: str, toolbox: Toolbox) -> list[Tool]:
    """What a responder may call, and what an incident of it did."""
    names = {operation, responder.run if responder else ""}
    agent = responder.agent if responder else None
    return [
        tool
        for tool in toolbox.tools
        if tool.name in names or (agent is not None and may_offer(agent, tool))
    ]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
