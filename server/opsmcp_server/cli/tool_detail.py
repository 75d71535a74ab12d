"""`opsmcp tools NAME`: one tool for a person, with all that is needed to call it.

Shows what a client is given, and beside it what only this side knows: the file that the operation
was read from, and what policy says of a call. Text of authors is cleaned by the tables.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import find_tool
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.results import to_mcp_tool
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.policy.decision import Action, Effect

__all__ = ["Detail", "find_detail", "show_detail"]

_MOST_VALUES = 12
"""Choices that are shown of one argument; `--json` has all."""


class Detail(NamedTuple):
    """One tool as a client is given it, the operation behind it, and the file that this stands in.

    opsmcp's own tools have neither of the latter, and what an Ops server holds has no file.
    """

    shown: types.Tool
    tool: Tool | None = None
    file: str = ""


async def find_detail(context: CallContext, name: str) -> Detail:
    """The tool of that name.

    Raises:
        ToolError: There is none, or it is withheld or hidden from this person; says why.
    """
    if own := registry.find(name):
        return Detail(own.definition())
    tool = await find_tool(context, name, context.principal)
    contents = (await context.tools.current()).catalogue.contents
    return Detail(to_mcp_tool(tool), tool, contents.files.get(tool.operation.key, ""))


def show_detail(
    context: CallContext, detail: Detail, effect: Cell, words: Sequence[str], *, as_json: bool
) -> None:
    """Show it: what it is, then its arguments, one a row.

    Args:
        context: The running opsmcp.
        detail: The tool.
        effect: What it does to the world, in one word.
        words: Options that a suggested command needs to mean the same.
        as_json: The tool object of the protocol instead.
    """
    shown = detail.shown
    if as_json:
        show_json(shown.model_dump(mode="json", by_alias=True, exclude_none=True))
        return
    facts = [("tool", Cell(shown.name, "bold")), ("does", Cell(shown.description or ""))]
    facts += [("effect", effect), *_facts(context, detail)]
    facts += [("example", Cell(shlex.join(_example(shown, words)), "cyan"))]
    show_table((), [(Cell(name, "dim"), cell) for name, cell in facts])
    rows = list(_arguments(shown.input_schema))
    if rows:
        show_table(("argument", "default", "takes", "meaning"), rows)


def _facts(context: CallContext, detail: Detail) -> Iterator[tuple[str, Cell]]:
    tool = detail.tool
    if tool is None:
        return
    decision = context.decide(context.principal, Action.RUN, tool)
    yield "a call", Cell(f"{_CALLED[decision.effect]} ({decision.reason})")
    key = tool.operation.key
    yield "runs", Cell(f"{key}, definition {tool.definition}")
    if bound := ", ".join(item.name for item in tool.bound):
        yield "filled in", Cell(f"{bound} (by opsmcp, never by a caller)")
    yield "runbook", Cell(detail.file or context.source.label)


_CALLED: Mapping[Effect, str] = {
    Effect.ALLOW: "runs at once",
    Effect.CONFIRM: "runs after a person agreed",
    Effect.APPROVE: "runs after somebody else approved it",
    Effect.DENY: "is refused",
}


def _arguments(schema: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    required = schema.get("required", ())
    for name, said in schema.get("properties", {}).items():
        default = "(required)" if name in required else _text(said.get("default"))
        yield (
            Cell(name, "bold"),
            Cell(default, "yellow" if name in required else ""),
            Cell(_takes(said)),
            Cell(said.get("description", "")),
        )


def _takes(said: Mapping[str, Any]) -> str:
    if items := said.get("items"):
        return f"a list of: {_takes(items)}"
    if choices := said.get("enum"):
        more = f" and {len(choices) - _MOST_VALUES} more" if len(choices) > _MOST_VALUES else ""
        return f"{', '.join(map(_text, choices[:_MOST_VALUES]))}{more}"
    least, most = said.get("minimum"), said.get("maximum")
    bounds = f" {least} to {most}" if least is not None and most is not None else ""
    return f"{said.get('type', '')}{bounds}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(_text, cast("list[object]", value)))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _example(shown: types.Tool, words: Sequence[str]) -> list[str]:
    """A call with what it needs. A value that is real could be run: there are placeholders."""
    needed = shown.input_schema.get("required", ())
    return ["opsmcp", "call", shown.name, *(f"{name}=<{name}>" for name in needed), *words]
