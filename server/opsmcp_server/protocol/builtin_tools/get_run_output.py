"""`get_run_output`: a slice of a run's output, or the lines of it that are wanted."""

from functools import partial

import mcp_types as types
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import RUN, choice, count, flag, text
from opsmcp_server.protocol.builtin_tools.row import Arguments, BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.phrases.tool_names import GET_RUN_OUTPUT
from opsmcp_tools.results.output_search import VIEWS, Wanted

__all__ = ["ROW"]

_LONGEST_NODES = 4_000
"""Some hundred names."""


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    # Imported with the first output: what condenses it would slow down every start.
    from opsmcp_tools.results.output_slice import output_slice, slice_data, slice_text

    arguments = request.arguments
    run = await context.requests.run_handle(arguments["run"], request.principal)
    record = await context.executions.history.get(run, request.principal)
    context.audit.note_once(run, 60.0, "output.read", request.principal, run=run, tool=record.tool)
    wanted = _wanted_lines(arguments)
    cut = partial(
        output_slice,
        record,
        task=arguments.get("task"),
        node=arguments.get("node"),
        step=arguments.get("step"),
        offset=int(arguments["offset"]),
        limit=int(arguments["limit"]),
        lines=int(arguments["lines"]) if "lines" in arguments else None,
        wanted=wanted,
    )
    part = await to_thread.run_sync(cut)
    mark, language = context.new_mark(), context.config.tools.language
    shown = slice_text(part, mark, wanted=wanted, language=language)
    return text_result(shown, slice_data(part, shown, mark) if request.data else None)


def _wanted_lines(arguments: Arguments) -> Wanted:
    return Wanted(
        search=arguments.get("search", ""),
        pattern=arguments.get("pattern", ""),
        exclude=arguments.get("exclude", ""),
        view=next((view for view in VIEWS if view == arguments.get("view")), None),
        from_line=int(arguments["from_line"]),
        context=int(arguments["context"]) if "context" in arguments else None,
        newest_first=arguments["newest_first"] == "true",
    )


ROW = BuiltIn(
    name=GET_RUN_OUTPUT,
    title="Get run output",
    description=(
        "The output of a run, whole or of one task, node or step: a slice, or the lines with"
        " some words, or the unusual ones. Lines count from 1."
    ),
    inputs=(
        RUN,
        text("task", "Only this task."),
        text("node", "Only this host or node, or several, separated by commas.", _LONGEST_NODES),
        text("step", "Only this step."),
        text("search", "Only lines with all of these words, any order and case."),
        text("pattern", "Only lines in which this RE2 pattern matches, any case."),
        text("exclude", "Without lines that hold one of these words."),
        choice(
            "view",
            "rare: lines of kinds with 1 or 2 lines; breaks: around gaps in time, starts and ends.",
            VIEWS,
        ),
        count("context", "Lines before and after each match; 2, in tables 0.", None, 0, 50),
        flag("newest_first", "Last lines first."),
        count("from_line", "First line.", 1, 1, 2_000_000_000),
        count("lines", "Most lines, without context.", None, 1, 2_000),
        count(
            "offset",
            "First character from 0; with search, pattern, exclude, view or newest_first:"
            " first match.",
            0,
            0,
            2_000_000_000,
        ),
        count("limit", "Most characters.", 8_000, 1, 20_000),
    ),
    respond=_respond,
    is_polled=True,
)
