"""`list_runs`: the recent runs of whoever asks."""

from collections.abc import Sequence
from datetime import UTC

import mcp_types as types

from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import choice, count, read_timestamp, text, word
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases.tool_names import LIST_RUNS
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["ROW", "damaged_runs"]


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    arguments, now = request.arguments, context.clock.now()
    verdict = arguments.get("verdict")
    page = await context.executions.history.list(
        request.principal,
        operation=arguments.get("operation"),
        verdict=Verdict(verdict) if verdict else None,
        since=read_timestamp(LIST_RUNS, arguments, "since", now),
        until=read_timestamp(LIST_RUNS, arguments, "until", now),
        limit=int(arguments["limit"]),
        cursor=arguments.get("cursor"),
    )
    data: JsonObject = {"runs": [_row(record) for record in page.runs]}
    lines = [_line(record) for record in page.runs]
    if page.damaged:
        data["damaged"] = [label(run) for run in page.damaged]
        lines.append(damaged_runs(page.damaged))
    if page.cursor:
        data["next_cursor"] = page.cursor
        lines.append(f"There are more: the same with cursor={page.cursor}")
    return text_result("\n".join(lines) or "There are no such runs.", data)


def damaged_runs(runs: Sequence[str]) -> str:
    """What is said of runs that a list cannot show."""
    return f"Damaged in the journal, so not shown: {', '.join(label(run) for run in runs)}"


def _row(record: RunRecord) -> JsonObject:
    return {
        "run": record.run,
        "operation": record.tool,
        "verdict": str(record.verdict),
        "started_at": record.created_at.isoformat(timespec="seconds"),
        "duration_seconds": record.duration_seconds,
    }


def _line(record: RunRecord) -> str:
    started = record.created_at.astimezone(UTC)
    took = record.duration_seconds
    seconds = "not known" if took is None else f"{took:.1f} s"
    return (
        f"{record.run}  {record.verdict}  {started:%Y-%m-%d %H:%M:%S} UTC  {seconds}  {record.tool}"
    )


ROW = BuiltIn(
    name=LIST_RUNS,
    title="List runs",
    description="Your recent runs, newest first.",
    inputs=(
        word("operation", "Only runs of this tool."),
        choice("verdict", "Only this verdict.", tuple(str(one) for one in Verdict)),
        text("since", "Only calls since then: 2h, 7d or an ISO time."),
        text("until", "Only calls before then."),
        count("limit", "Most runs.", 20, 1, 100),
        word("cursor", "next_cursor of the page before."),
    ),
    respond=_respond,
)
