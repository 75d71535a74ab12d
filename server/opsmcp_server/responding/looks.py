"""What the looks at an incident share: their answer, their time, and how they prepare a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import Prepared, prepare
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Due
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import clean_line

__all__ = [
    "MOST_WHY",
    "SOON_SECONDS",
    "Later",
    "again",
    "line_of",
    "prepare_for",
    "seconds_left",
    "until_due",
]

SOON_SECONDS = 0.5
"""When to look again at what a run does."""

MOST_WHY = 300
_MOST_ERROR = 600
_AGAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing happened so far; look again after so many seconds, with these fields changed."""

    seconds: float
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


def seconds_left(incident: Incident, now: datetime) -> float:
    """How long its state may still last."""
    return (incident.due_at - now).total_seconds()


def again(
    incident: Incident, now: datetime, why: str | Said, seconds: float = _AGAIN_SECONDS
) -> Due | Later:
    """Try again after so many seconds, until the time of its state is over."""
    left = seconds_left(incident, now)
    return Later(min(left, seconds)) if left > 0 else Due(why)


def until_due(incident: Incident, now: datetime, why: str | Said = "") -> Due | Later:
    """Nothing is to be done before the time of its state is over."""
    return again(incident, now, why, inf)


async def prepare_for(
    context: CallContext,
    incident: Incident,
    responder: Responder,
    name: str,
    arguments: Mapping[str, object],
) -> Prepared:
    """A call for an incident, as its responder; raises as `prepare` does."""
    prepared = await prepare(context, name, arguments, responder.principal)
    return replace(prepared, agreed=Grounds(incident=incident.id))


def line_of(error: ToolError) -> str:
    """What an error says, for a timeline."""
    return clean_line(str(error), _MOST_ERROR)
