"""The two tools that reach what is not listed: `search_operations` and `run_operation`.

They are listed when there are more operations than `tools.limit`. `run_operation` is another way to
say what a call says, not another way to call: its operation goes through `calls.prepare` like any.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache

import mcp_types as types

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import OperationKind
from opsmcp_server.calls import prepare as calls
from opsmcp_server.calls.services import Services
from opsmcp_server.protocol.builtin_tools import Arguments, Asked, BuiltIn
from opsmcp_server.protocol.inventory import describe_tool, is_visible, tool_text
from opsmcp_server.protocol.named_call import named_call_schema, read_named_call
from opsmcp_server.protocol.results import annotations, text_result
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments, UnknownTool
from opsmcp_tools.model.tool import Hints, Input, JsonObject, Principal, Tool
from opsmcp_tools.model.value_rules import NO_SCRIPT
from opsmcp_tools.policy.decision import Action, BuiltInTool, Effect

__all__ = ["RUN_OPERATION", "definitions", "find", "prepare"]

RUN_OPERATION = "run_operation"
_SEARCH_OPERATIONS = "search_operations"
_MOST = 5
_LONGEST_QUERY = 400


def definitions() -> tuple[types.Tool, ...]:
    """Both tools as clients list them."""
    title = "Run operation"
    # What it does depends on the operation; a client that trusts hints must think the worst.
    hints = Hints(read_only=False, destructive=True, idempotent=False)
    run = types.Tool(
        name=RUN_OPERATION,
        title=title,
        description="Run an operation that search_operations found, with the same checks and "
        "questions as if it were listed. Answers like its own tool.",
        input_schema=named_call_schema("Its name, as search_operations gave it."),
        annotations=annotations(title, hints),
    )
    return run, _search().definition()


def find(name: str) -> BuiltIn | None:
    """The tool of that name, where it answers by itself."""
    return _search() if name == _SEARCH_OPERATIONS else None


async def prepare(
    services: Services, given: Mapping[str, object], principal: Principal, plan_hash: str = ""
) -> calls.Prepared:
    """The call that the arguments of `run_operation` describe; `plan_hash` as for any call.

    Raises:
        ToolError: With what to change.
    """
    services.require(principal, Action.RUN, BuiltInTool(RUN_OPERATION))
    name, arguments = read_named_call(RUN_OPERATION, given)
    try:
        return await calls.prepare(services, name, arguments, principal, plan_hash)
    except UnknownTool as error:
        # The tool that was called does exist, so this is for the model to repair.
        raise InvalidArguments(RUN_OPERATION, [ArgumentProblem("name", str(error))]) from None


async def _answer(services: Services, asked: Asked) -> types.CallToolResult:
    given, principal = asked.given, asked.principal
    toolbox, passes = await services.current_toolbox(), _narrowing(given)

    def fits(tool: Tool | None) -> bool:
        return tool is not None and passes(tool) and is_visible(services, tool, principal)

    found = toolbox.search_index.search(
        given["query"],
        most=_MOST,
        keep=lambda name: fits(toolbox.find(name)),
        uses=services.uses(),
    )
    tools = [tool for tool in map(toolbox.find, found) if tool is not None]
    seen = services.listing_for(principal)
    searched = sum(seen.knows(tool.name) and passes(tool) for tool in toolbox.tools)
    advice, shown = _advice(tools, searched), [_shown(services, tool, principal) for tool in tools]
    data: JsonObject = {"advice": advice, "operations": shown, "searched": searched}
    return text_result("\n".join([advice, *map(_text, shown)]), data)


def _narrowing(given: Arguments) -> Callable[[Tool], bool]:
    """Whether a tool is one of those that are asked for. Called for thousands."""
    kind, namespace, read_only = (given.get(key) for key in ("kind", "namespace", "read_only"))
    label, equals, value = given.get("label", "").partition("=")

    def passes(tool: Tool) -> bool:
        operation = tool.operation
        return (
            (kind is None or kind == operation.key.kind)
            and (namespace is None or namespace == operation.namespace)
            and (read_only is None or (read_only == "true") is tool.hints.read_only)
            and (not label or _has(operation.labels, label, value if equals else None))
        )

    return passes


def _has(labels: Mapping[str, str], name: str, value: str | None) -> bool:
    return name in labels and value in (None, labels[name])


def _shown(services: Services, tool: Tool, principal: Principal) -> JsonObject:
    asks = services.decide(principal, Action.RUN, tool).effect is Effect.CONFIRM
    return describe_tool(tool) | {
        "needs_confirmation": asks,
        "input_schema": tool.input_schema,
    }


def _advice(tools: list[Tool], searched: int) -> str:
    if tools:
        return (
            f"Call these by name, or with {RUN_OPERATION}; best first of {searched}. If none is "
            "meant, reword the query:"
        )
    return (
        f"None of {searched} operations fits these words. Reword them as verb and thing, such "
        "as 'restart pod', or ask list_inventory for all operations."
    )


def _text(shown: JsonObject) -> str:
    asks = "\n  a person is asked before it runs" if shown["needs_confirmation"] else ""
    schema = json.dumps(shown["input_schema"], ensure_ascii=False, separators=(",", ":"))
    return f"{tool_text(shown)}{asks}\n  input schema: {schema}"


@cache
def _search() -> BuiltIn:
    kinds = tuple(str(kind) for kind in OperationKind)
    query: JsonObject = {
        "type": "string",
        "maxLength": _LONGEST_QUERY,
        "description": "Verb and thing, such as 'restart pod'; English finds most.",
    }
    return BuiltIn(
        _SEARCH_OPERATIONS,
        "Search operations",
        "Find operations by words; not all are listed as tools. Answers the best five with their "
        f"input schemas, for {RUN_OPERATION}.",
        (
            Input(
                "query",
                Kind.TEXT,
                query,
                required=True,
                maximum=_LONGEST_QUERY,
                rules=NO_SCRIPT,
            ),
            Input(
                "kind",
                Kind.CHOICE,
                {"type": "string", "enum": list(kinds), "description": "Only these."},
                allowed=kinds,
            ),
            Input(
                "read_only",
                Kind.FLAG,
                {"type": "boolean", "description": "Only those that read, or that change."},
            ),
            _filter("namespace", "Only of this namespace.", Kind.TOKEN),
            _filter("label", "Only with this label: `name` or `name=value`.", Kind.TEXT),
        ),
        _answer,
    )


def _filter(name: str, description: str, kind: Kind) -> Input:
    schema: JsonObject = {"type": "string", "description": description}
    return Input(name, kind, schema, maximum=_LONGEST_QUERY, rules=NO_SCRIPT)
