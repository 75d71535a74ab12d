"""The built-in tools: how runs are followed up, and what exists.

Their names have underscores, which names in Ops cannot have, so they never collide with an
operation. Their arguments are declared and checked like those of every other tool. What they answer
about a run is text, and data where it was asked for, as with every call; a tool whose answer is
data gives both and says the same in both.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial

import mcp_types as types
from anyio import to_thread

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import Cancelled
from opsmcp_server.calls.answer import answer_run, run_text
from opsmcp_server.calls.services import Services
from opsmcp_server.protocol.inventory import inventory, inventory_text
from opsmcp_server.protocol.plan_tool import PLAN_OPERATION, PlanOperation
from opsmcp_server.protocol.results import annotations, text_result
from opsmcp_tools.arguments.check import check_inputs
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Hints, Input, JsonObject, Principal
from opsmcp_tools.model.value_rules import NO_SCRIPT
from opsmcp_tools.policy.decision import Action, BuiltInTool
from opsmcp_tools.results.output_search import VIEWS, Wanted
from opsmcp_tools.results.output_slice import output_slice, slice_data, slice_text
from opsmcp_tools.safe_text.cleaning import label
from opsmcp_tools.safe_text.timestamps import parse_moment
from opsmcp_tools.toolbox.schema import input_schema

__all__ = [
    "ANSWER_WITH_RUNS",
    "Arguments",
    "Asked",
    "BuiltIn",
    "damaged_runs",
    "definitions",
    "find",
    "subject",
    "why_not_stopped",
]

Arguments = Mapping[str, str]

ANSWER_WITH_RUNS = frozenset({"get_run", "run_operation"})
"""The tools of opsmcp's own whose answer is the result of a run."""

_READING = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)
_LONGEST_WAIT_SECONDS = 45
_LEAST_WAIT_SECONDS = 1.0
"""However short a call waits: a model that is answered at once asks again at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a built-in tool was asked: by whom, with which arguments, and whether for data, too."""

    principal: Principal
    given: Arguments
    data: bool = False


Answer = Callable[[Services, Asked], Awaitable[types.CallToolResult]]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A tool that is opsmcp's own."""

    name: str
    title: str
    description: str
    inputs: tuple[Input, ...]
    respond: Answer
    hints: Hints = _READING

    async def answer(
        self,
        services: Services,
        principal: Principal,
        arguments: Mapping[str, object],
        *,
        data: bool = False,
    ) -> types.CallToolResult:
        """Check the arguments and do it; with `data`, the answer has structured content, too.

        Raises:
            ToolError: With what to change.
        """
        services.require(
            principal, Action.RUN, BuiltInTool(self.name, read_only=self.hints.read_only)
        )
        language = services.config.tools.language
        given = check_inputs(self.name, self.inputs, arguments, language=language)
        defaults = {item.name: item.default for item in self.inputs if item.default is not None}
        return await self.respond(services, Asked(principal, {**defaults, **given}, data))

    def definition(self) -> types.Tool:
        """As clients list it."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.inputs),
            annotations=annotations(self.title, self.hints),
        )


def find(name: str) -> BuiltIn | PlanOperation | None:
    """The built-in tool of that name."""
    return PlanOperation() if name == PLAN_OPERATION else _by_name().get(name)


def subject(tool: types.Tool) -> BuiltInTool:
    """A built-in tool as policy knows it."""
    reads = tool.annotations is not None and tool.annotations.read_only_hint is True
    # It decides nothing by itself: policy is asked again about the operation that it runs.
    return BuiltInTool(tool.name, read_only=reads or tool.name == "run_operation")


def definitions() -> tuple[types.Tool, ...]:
    """All built-in tools as clients list them."""
    return (*(tool.definition() for tool in _by_name().values()), PlanOperation().definition())


async def _get_run(services: Services, asked: Asked) -> types.CallToolResult:
    given, principal = asked.given, asked.principal
    record = await services.executions.history.get(given["run"], principal)
    if not record.ended:
        patience = max(_LEAST_WAIT_SECONDS, services.config.run.wait_seconds)
        seconds = min(float(given["wait_seconds"]), patience)
        record = await services.executions.wait(record.run, seconds)
    tokens = int(given["tokens"]) if "tokens" in given else None
    detail = "steps" if given["detail"] == "steps" else "summary" if asked.data else None
    return await answer_run(services, record, principal, tokens=tokens, data=detail)


async def _get_run_output(services: Services, asked: Asked) -> types.CallToolResult:
    given = asked.given
    record = await services.executions.history.get(given["run"], asked.principal)
    wanted = _wanted_lines(given)
    cut = partial(
        output_slice,
        record,
        task=given.get("task"),
        node=given.get("node"),
        step=given.get("step"),
        offset=int(given["offset"]),
        limit=int(given["limit"]),
        lines=int(given["lines"]) if "lines" in given else None,
        wanted=wanted,
    )
    part = await to_thread.run_sync(cut)
    mark, language = services.new_mark(), services.config.tools.language
    text = slice_text(part, mark, wanted=wanted, language=language)
    return text_result(text, slice_data(part, text, mark) if asked.data else None)


def _wanted_lines(given: Arguments) -> Wanted:
    return Wanted(
        search=given.get("search", ""),
        pattern=given.get("pattern", ""),
        exclude=given.get("exclude", ""),
        view=next((view for view in VIEWS if view == given.get("view")), None),
        from_line=int(given["from_line"]),
        context=int(given["context"]) if "context" in given else None,
        newest_first=given["newest_first"] == "true",
    )


async def _list_runs(services: Services, asked: Asked) -> types.CallToolResult:
    given = asked.given
    verdict = given.get("verdict")
    page = await services.executions.history.list(
        asked.principal,
        operation=given.get("operation"),
        verdict=Verdict(verdict) if verdict else None,
        since=_moment(services, "since", given),
        until=_moment(services, "until", given),
        limit=int(given["limit"]),
        cursor=given.get("cursor"),
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


def _moment(services: Services, name: str, given: Arguments) -> datetime | None:
    if name not in given:
        return None
    try:
        return parse_moment(given[name], services.clock.now())
    except ValueError as error:
        raise InvalidArguments("list_runs", [ArgumentProblem(name, str(error))]) from None


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
    seconds = f"{record.duration_seconds:.1f} s"
    return (
        f"{record.run}  {record.verdict}  {started:%Y-%m-%d %H:%M:%S} UTC  {seconds}  {record.tool}"
    )


async def _cancel_run(services: Services, asked: Asked) -> types.CallToolResult:
    record, done = await services.executions.cancel(asked.given["run"], asked.principal)
    stopped = done is Cancelled.STOPPED
    if stopped:
        text = f"The run was stopped.\n{await run_text(services, record, asked.principal)}"
    elif done is Cancelled.STARTS_NOTHING_MORE:
        text = "It starts nothing more; what is at work goes on. get_run shows its end."
    elif record.ended:
        reason = f"; {label(record.result.reason, 400)}" if record.result.reason else ""
        text = f"Nothing was stopped. The run's verdict: {record.verdict}{reason}"
    else:
        text = f"{why_not_stopped(services)} It goes on and is followed; get_run shows its end."
    verdict = str(record.verdict)
    data = {"summary": text, "run": record.run, "verdict": verdict, "stopped": stopped}
    failed = done is Cancelled.GOES_ON and not record.ended
    return text_result(text, data if asked.data else None, is_error=failed)


def why_not_stopped(services: Services) -> str:
    """Why a run goes on that somebody wanted to stop, in a sentence."""
    if services.source.traits.cancels:
        return "It was not stopped: another opsmcp runs it, or it has not begun yet."
    return f"{services.source.label} cannot stop a run."


async def _list_inventory(services: Services, asked: Asked) -> types.CallToolResult:
    toolbox = await services.current_toolbox()
    data = inventory(services, toolbox, asked.principal, asked.given.get("kind"))
    return text_result(inventory_text(data), data)


def _word(name: str, description: str, *, required: bool = False) -> Input:
    schema: JsonObject = {"type": "string", "description": description}
    return Input(name, Kind.TOKEN, schema, required)


def _text(name: str, description: str) -> Input:
    schema: JsonObject = {"type": "string", "maxLength": 200, "description": description}
    return Input(name, Kind.TEXT, schema, maximum=200, rules=NO_SCRIPT)


def _count(name: str, description: str, default: int | None, low: int, high: int) -> Input:
    schema: JsonObject = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        schema["default"] = default
    schema["description"] = description
    text = None if default is None else str(default)
    return Input(name, Kind.COUNT, schema, default=text, minimum=low, maximum=high)


def _flag(name: str, description: str) -> Input:
    schema: JsonObject = {"type": "boolean", "default": False, "description": description}
    return Input(name, Kind.FLAG, schema, default="false")


def _choice(name: str, description: str, allowed: tuple[str, ...]) -> Input:
    schema: JsonObject = {"type": "string", "enum": list(allowed), "description": description}
    return Input(name, Kind.CHOICE, schema, allowed=allowed)


_DETAIL = Input(
    "detail",
    Kind.CHOICE,
    {
        "type": "string",
        "enum": ["summary", "steps"],
        "default": "summary",
        "description": "steps: as JSON, with every step's output.",
    },
    default="summary",
    allowed=("summary", "steps"),
)
_RUN = _word("run", "Run handle, as a call or list_runs gave it.", required=True)


@cache
def _by_name() -> Mapping[str, BuiltIn]:
    tools = (
        BuiltIn(
            "get_run",
            "Get run",
            "How a run stands or ended: verdict, tasks, hosts, steps. Waits for its end.",
            (
                _RUN,
                _count(
                    "wait_seconds",
                    "Longest wait; no longer than calls wait here.",
                    30,
                    0,
                    _LONGEST_WAIT_SECONDS,
                ),
                _DETAIL,
                _count("tokens", "About the longest text.", None, 300, 20_000),
            ),
            _get_run,
        ),
        BuiltIn(
            "get_run_output",
            "Get run output",
            "The output of a run, whole or of one task, node or step: a slice, or the lines with"
            " some words, or the unusual ones. Lines count from 1.",
            (
                _RUN,
                _text("task", "Only this task."),
                _text("node", "Only this host or node."),
                _text("step", "Only this step."),
                _text("search", "Only lines with all of these words, any order and case."),
                _text("pattern", "Only lines in which this RE2 pattern matches, any case."),
                _text("exclude", "Without lines that hold one of these words."),
                _choice(
                    "view",
                    "rare: lines of kinds with 1 or 2 lines; breaks: around gaps in time, starts"
                    " and ends.",
                    VIEWS,
                ),
                _count(
                    "context", "Lines before and after each match; 2, in tables 0.", None, 0, 50
                ),
                _flag("newest_first", "Last lines first."),
                _count("from_line", "First line.", 1, 1, 2_000_000_000),
                _count("lines", "Most lines, without context.", None, 1, 2_000),
                _count(
                    "offset",
                    "First character from 0; with search, pattern, exclude, view or newest_first:"
                    " first match.",
                    0,
                    0,
                    2_000_000_000,
                ),
                _count("limit", "Most characters.", 8_000, 1, 20_000),
            ),
            _get_run_output,
        ),
        BuiltIn(
            "list_runs",
            "List runs",
            "Your recent runs, newest first.",
            (
                _word("operation", "Only runs of this tool."),
                _choice("verdict", "Only this verdict.", tuple(str(one) for one in Verdict)),
                _text("since", "Only calls since then: 2h, 7d or an ISO time."),
                _text("until", "Only calls before then."),
                _count("limit", "Most runs.", 20, 1, 100),
                _word("cursor", "next_cursor of the page before."),
            ),
            _list_runs,
        ),
        BuiltIn(
            "cancel_run",
            "Cancel run",
            "Stop a run if its source can; an Ops server cannot, and the answer says so.",
            (_RUN,),
            _cancel_run,
            hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=False),
        ),
        BuiltIn(
            "list_inventory",
            "List inventory",
            "The clusters, hosts and operations that exist now.",
            (_choice("kind", "Only these.", ("clusters", "hosts", "operations")),),
            _list_inventory,
        ),
    )
    return {tool.name: tool for tool in tools}
