"""What policy makes of a call for an incident: it is started, or people are asked."""

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import Prepared
from opsmcp_server.responding.looks import MOST_WHY
from opsmcp_tools.approval_requests.handle import incident_key
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import Allowed, Asked
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["decided"]


async def decided(
    context: CallContext, incident: Incident, prepared: Prepared, step: str
) -> Allowed | Asked:
    """That it may be started, or the request that was made of it: one, however often it is asked.

    Args:
        context: The running opsmcp.
        incident: What it is for.
        prepared: The call.
        step: What it is within the attempt: with that, its request is found again.

    Raises:
        ToolError: No request can be made of it; says why.
    """
    if not prepared.needs_approval:
        name, arguments = prepared.tool.name, prepared.call.arguments
        return Allowed(words.ALLOWED(prepared.decision.rule), name, arguments)
    key = incident_key(incident.id, incident.attempt, step)
    request = await context.requests.get().ask(prepared, key)
    seconds = (request.expires_at - context.clock.now()).total_seconds()
    why = words.ASKED(request.id, clean_line(request.reason, MOST_WHY))
    return Asked(request.id, why, seconds, request.tool, request.arguments)
