"""`search_operations`: the operations that some words mean, also those that are not listed."""

import json
from collections.abc import Callable, Mapping

import mcp_types as types

from opsmcp_pipelines.models import OperationKind
from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import choice, flag, text, word
from opsmcp_server.protocol.builtin_tools.row import Arguments, BuiltIn, BuiltInRequest
from opsmcp_server.protocol.inventory import describe_tool, is_visible, tool_text
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY, RUN_OPERATION, SEARCH_OPERATIONS
from opsmcp_tools.policy.decision import Action, Effect

__all__ = ["ROW"]

_MOST = 5
_LONGEST_QUERY = 400


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    arguments, principal = request.arguments, request.principal
    toolbox, passes = await context.tools.current(), _narrowing(arguments)

    def fits(tool: Tool | None) -> bool:
        return tool is not None and passes(tool) and is_visible(context, tool, principal)

    found = toolbox.search_index.search(
        arguments["query"],
        most=_MOST,
        keep=lambda name: fits(toolbox.find(name)),
        uses=context.uses(),
    )
    tools = [tool for tool in map(toolbox.find, found) if tool is not None]
    searched = sum(map(fits, toolbox.tools))
    advice, shown = _advice(tools, searched), [_shown(context, tool, principal) for tool in tools]
    data: JsonObject = {"advice": advice, "operations": shown, "searched": searched}
    return text_result("\n".join([advice, *map(_text, shown)]), data)


def _narrowing(arguments: Arguments) -> Callable[[Tool], bool]:
    """Whether a tool is one of those that are asked for. Called for thousands."""
    kind, namespace, read_only = (arguments.get(key) for key in ("kind", "namespace", "read_only"))
    label, equals, value = arguments.get("label", "").partition("=")

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


def _shown(context: CallContext, tool: Tool, principal: Principal) -> JsonObject:
    asks = context.decide(principal, Action.RUN, tool).effect is Effect.CONFIRM
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
        f"as 'restart pod', or ask {LIST_INVENTORY} for all operations."
    )


def _text(shown: JsonObject) -> str:
    asks = "\n  a person is asked before it runs" if shown["needs_confirmation"] else ""
    schema = json.dumps(shown["input_schema"], ensure_ascii=False, separators=(",", ":"))
    return f"{tool_text(shown)}{asks}\n  input schema: {schema}"


_KINDS = tuple(str(kind) for kind in OperationKind)

ROW = BuiltIn(
    name=SEARCH_OPERATIONS,
    title="Search operations",
    description="Find operations by words; not all are listed as tools. Answers the best five with "
    f"their input schemas, for {RUN_OPERATION}.",
    inputs=(
        text(
            "query",
            "Verb and thing, such as 'restart pod'; English finds most.",
            _LONGEST_QUERY,
            required=True,
        ),
        choice("kind", "Only these.", _KINDS),
        flag("read_only", "Only those that read, or that change.", default=None),
        word("namespace", "Only of this namespace."),
        text("label", "Only with this label: `name` or `name=value`.", _LONGEST_QUERY),
    ),
    respond=_respond,
    reaches_unlisted=True,
)
