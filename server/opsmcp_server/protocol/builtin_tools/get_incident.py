"""`get_incident`: one incident with its last signal and its timeline."""

import json

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import word
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases.tool_names import GET_INCIDENT, LIST_INCIDENTS
from opsmcp_tools.safe_text.cleaning import clean, fence, label

__all__ = ["ROW"]

_MOST = 4_000


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    from opsmcp_server.responding.incident_data import incident_details, may_see
    from opsmcp_server.responding.records import Records

    records = Records(context)
    found = await records.get(request.arguments["incident"])
    if found is None or not await may_see(context, records, found, request.principal):
        said = f"There is no such incident; {LIST_INCIDENTS} lists those that there are."
        return text_result(said, is_error=True)
    details = context.masker.value(incident_details(found))
    mark = context.new_mark()
    text = "\n".join(_lines(details, mark))
    data = {**details, "summary": text, "signal": _fenced(details, mark)}
    return text_result(text, data if request.data else None)


def _lines(details: JsonObject, mark: str) -> list[str]:
    """Our words, then what the sender wrote, fenced as data."""
    ended = details["outcome"] or details["state"]
    head = f"{details['incident']}: {ended}, {details['severity']}, {details['responder']}"
    firing = "still goes on" if details["firing"] else "is over, as its senders say"
    lines = [head, f"It {firing}; {details['signals']} signals, seen last {details['last_seen']}."]
    lines += [f"Key: {label(details['key'], 300)}"]
    lines += [f"Request: {details['request']}"] if details["request"] else []
    lines += [f"Runs: {', '.join(details['runs'])}"] if details["runs"] else []
    # Reasons may hold words of a model, which repeats what it has read.
    rows = (f"- {row['at']} {row['to']}: {label(row['why'], 600)}" for row in details["timeline"])
    return [*lines, fence("\n".join(rows), mark, "timeline"), _fenced(details, mark)]


def _fenced(details: JsonObject, mark: str) -> str:
    signal = clean(json.dumps(details["signal"], ensure_ascii=False, indent=1))
    return fence(signal[:_MOST], mark, "signal")


ROW = BuiltIn(
    name=GET_INCIDENT,
    title="Get incident",
    description="One incident: its signal, what was done about it and why, as a timeline.",
    inputs=(
        word("incident", f"Handle of an incident, as {LIST_INCIDENTS} gave it.", required=True),
    ),
    respond=_respond,
    for_incidents=True,
)
