"""`list_incidents`: what signals say is wrong, and how far what is done about it has come."""

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import choice, count, read_timestamp, text, word
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases.tool_names import GET_INCIDENT, LIST_INCIDENTS
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["ROW", "STATES"]

STATES = (
    "open",
    "held",
    "deciding",
    "investigating",
    "waiting",
    "starting",
    "running",
    "verifying",
    "handed_over",
    "closed",
)
"""What the list may be limited to; `open` are all that are not closed."""


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    from opsmcp_server.responding.incident_data import incident_entry, visible
    from opsmcp_server.responding.records import Records

    arguments, limit = request.arguments, int(request.arguments["limit"])
    records = Records(context)
    page = await records.list(
        state=arguments.get("state", ""),
        responder=arguments.get("responder", ""),
        since=read_timestamp(LIST_INCIDENTS, arguments, "since", context.clock.now()),
        limit=limit,
        before=_before(arguments.get("cursor")),
    )
    seen = await visible(context, records, [one for _, one in page], request.principal)
    rows = [_shown(incident_entry(one)) for one in seen]
    lines = [_line(row) for row in rows]
    data: JsonObject = {"incidents": rows}
    if len(page) == limit:
        data["next_cursor"] = str(page[-1][0])
        lines.append(f"There are more: the same with cursor={page[-1][0]}")
    said = "\n".join(lines) or "There are no such incidents."
    return text_result(context.masker.text(said), context.masker.value(data))


def _shown(entry: JsonObject) -> JsonObject:
    """What senders and programs wrote, as one visible line each."""
    return {
        name: label(value, 300) if isinstance(value, str) else value
        for name, value in entry.items()
    }


def _line(row: JsonObject) -> str:
    return (
        f"{row['incident']}  {row['outcome'] or row['state']}  {row['severity']}  "
        f"{row['last_seen']}  {row['responder']}  {row['key']}"
    )


def _before(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 15:
        problem = ArgumentProblem("cursor", "it is none of a page of incidents")
        raise InvalidArguments(LIST_INCIDENTS, [problem])
    return int(cursor)


ROW = BuiltIn(
    name=LIST_INCIDENTS,
    title="List incidents",
    description="What alerts say is wrong, newest first, and how far what is done about it is. "
    f"{GET_INCIDENT} shows one.",
    inputs=(
        choice("state", "Only this state; open are all that are not closed.", STATES),
        word("responder", "Only those of this responder."),
        text("since", "Only those seen since then: 2h, 7d or an ISO time."),
        count("limit", "Most incidents.", 20, 1, 100),
        word("cursor", "next_cursor of the page before."),
    ),
    respond=_respond,
    for_incidents=True,
)
