"""`opsmcp tools`: the tools as a client would list them, and what is withheld."""

import json
import shlex
from collections.abc import Sequence

import click
import mcp_types as types

from opsmcp_pipelines.models import Operation, Pipeline
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.terminal import Cell, show_json, show_table, tell
from opsmcp_server.cli.tool_detail import find_detail, show_detail
from opsmcp_server.protocol.results import EFFECT, NOT_KNOWN
from opsmcp_server.protocol.services import Services
from opsmcp_tools.phrases.tool_names import SEARCH_OPERATIONS
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.token_estimate import HOW, estimate_tokens
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = ["command", "cost_of", "show_tools"]

_MOST_NAMED = 3


@click.command("tools")
@click.argument("name", required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also the hashes of definitions, and what is withheld and why.",
)
@click.option("--cost", is_flag=True, help="What each definition costs a model, in tokens.")
@click.option("--json", "as_json", is_flag=True, help="The MCP tool objects.")
@shared_options
def command(shared: Shared, name: str | None, everything: bool, cost: bool, as_json: bool) -> int:
    """List the tools as a client would; or show one.

    Of the tool NAME its arguments are shown, what it changes, how it is called, and the file of its
    runbook.

    The list is in a pipe: name, effect and description, separated by tabs; with --all, also the
    beginning of the hash of the definition, which built-in tools have none of.
    """
    if name is not None and (everything or cost):
        raise click.UsageError("--all and --cost are for the list, not for one NAME")

    async def work(services: Services) -> int:
        toolbox = await services.calls.tools.current()
        if name is not None:
            detail = await find_detail(services.calls, name)
            effect = _effect(detail.shown)
            show_detail(services.calls, detail, effect, shared.words(), as_json=as_json)
            return 0
        listed = services.clients.listing.tools
        if cost:
            _show_cost(listed, as_json=as_json)
            return 0
        show = _show_json if as_json else _show_table
        show(listed, toolbox if everything else None)
        _mention_unlisted(len(services.clients.listing.unlisted))
        if everything:
            _mention_missing(services, toolbox)
        elif not toolbox.tools:
            _mention_none(services, toolbox, shared)
        elif not as_json:
            _mention_broken(toolbox, shared)
            files = toolbox.catalogue.contents.files
            _mention_unexposed([one for one in _unexposed(toolbox) if one.key in files], toolbox)
        return 0

    return run_with_services(shared, work, follows_runs=False)


def _mention_none(services: Services, toolbox: Toolbox, shared: Shared) -> None:
    """Why no operation is listed, in as far as that is known."""
    if toolbox.withheld or toolbox.catalogue.operations:
        why = shlex.join(["opsmcp", "tools", "--all", *shared.words()])
        tell(f"No operation is a tool: {why} says why.")
        return
    ops = services.calls.config.ops
    where = f" in {', '.join(ops.namespace)} (ops.namespace)" if ops.server else ""
    tell(f"{clean_line(services.calls.source.label, 200)} has no operations{where}.")


def _mention_broken(toolbox: Toolbox, shared: Shared) -> None:
    """How many operations are no tools through a fault of their own: their author wants to know."""
    count = len({item.operation for item in toolbox.broken})
    if count:
        why = shlex.join(["opsmcp", "tools", "--all", *shared.words()])
        tell(f"{count} more {_is(count)} withheld: {why} says why.")
    if toolbox.catalogue.contents.warnings:
        lint = shlex.join(["opsmcp", "lint", *shared.words()])
        tell(f"What is doubtful in manifests is named by {lint}.")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _mention_missing(services: Services, toolbox: Toolbox) -> None:
    """How many operations are no tools although nothing is wrong with them, and why."""
    _mention_unexposed(_unexposed(toolbox), toolbox)
    hidden = sum(
        services.calls.decide(services.calls.principal, Action.LIST, tool).denied
        for tool in toolbox.tools
    )
    if hidden:
        again = shlex.join(["opsmcp", "policy", "explain", "NAME", *services.calls.config.options])
        tell(f"Policy hides {hidden} more: {again} says why.")


def _mention_unexposed(operations: Sequence[Operation], toolbox: Toolbox) -> None:
    """The first of those that are no tools although nothing is wrong with them, and why."""
    if not operations:
        return
    first = [
        f"{clean_line(one.name, 100)} ({toolbox.exposure.refusal(one)})"
        for one in operations[:_MOST_NAMED]
    ]
    rest = len(operations) - len(first)
    named = ", ".join([*first, f"and {rest} more"] if rest else first)
    tell(f"{len(operations)} more {_is(len(operations))} not exposed: {named}.")


def _unexposed(toolbox: Toolbox) -> list[Operation]:
    """The operations that are exposed neither by themselves nor as a task of a pipeline."""
    covers = toolbox.exposure.covers
    operations = toolbox.catalogue.operations.values()
    parts = {
        key
        for one in operations
        if isinstance(one, Pipeline) and covers(one)
        for key in one.task_keys
    }
    return [one for one in operations if not covers(one) and one.key not in parts]


def _mention_unlisted(count: int) -> None:
    if count:
        tell(f"{count} more are reached by {SEARCH_OPERATIONS} (tools.limit).")


def cost_of(tool: types.Tool) -> int:
    """About how many tokens a client's model pays for a tool in each request.

    Counted is what clients send on: name, description and input schema.
    """
    shown = {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
    }
    return estimate_tokens(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))


def _show_cost(tools: tuple[types.Tool, ...], *, as_json: bool) -> None:
    costs = {tool.name: cost_of(tool) for tool in tools}
    total = sum(costs.values())
    if as_json:
        show_json({"tokens": costs, "total": total, "how": HOW})
        return
    ranked = sorted(costs.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [(Cell(name, "bold"), Cell(str(tokens))) for name, tokens in ranked]
    show_table(("tool", "tokens"), [*rows, (Cell("total", "bold"), Cell(str(total)))])
    tell(HOW)


def _show_json(tools: tuple[types.Tool, ...], toolbox: Toolbox | None) -> None:
    data: dict[str, object] = {
        "tools": [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    }
    if toolbox is not None:
        data["definitions"] = {tool.name: tool.definition for tool in toolbox.tools}
        data["withheld"] = [
            {"operation": item.operation, "kind": str(item.kind), "reason": item.reason}
            for item in toolbox.withheld
        ]
    show_json(data)


def _show_table(tools: tuple[types.Tool, ...], toolbox: Toolbox | None) -> None:
    if toolbox is None:
        show_tools(tools)
        return
    known = {tool.name: tool.definition[:_HASH_SHOWN] for tool in toolbox.tools}
    rows = [(*_row(tool), Cell(known.get(tool.name, ""), "dim")) for tool in tools]
    show_table((*_COLUMNS, "definition"), rows)
    kinds: dict[tuple[str, str], list[str]] = {}
    for item in toolbox.withheld:
        # A pipeline and a task of one name are mostly withheld together.
        kinds.setdefault((item.operation, item.reason), []).append(item.kind)
    withheld = [
        (
            Cell(operation, "dim"),
            Cell("withheld", "magenta"),
            Cell(reason),
            Cell(", ".join(dict.fromkeys(found)), "dim"),
        )
        for (operation, reason), found in kinds.items()
    ]
    show_table(("operation", "", "reason", "kind"), withheld)


_HASH_SHOWN = 12
"""Digits of a hash in a table; `--json` has all of them."""

_COLUMNS = ("tool", "effect", "what it does")


def show_tools(tools: "list[types.Tool] | tuple[types.Tool, ...]") -> None:
    """A table of tools."""
    show_table(_COLUMNS, [_row(tool) for tool in tools])


def _row(tool: types.Tool) -> tuple[Cell, ...]:
    return (Cell(tool.name, "bold"), _effect(tool), Cell(tool.description or ""))


def _effect(tool: types.Tool) -> Cell:
    hints = tool.annotations
    if hints is not None and hints.read_only_hint:
        return Cell("reads", "green")
    if (tool.meta or {}).get(EFFECT) == NOT_KNOWN:
        return Cell(NOT_KNOWN, "yellow")
    if hints is not None and hints.destructive_hint is False:
        return Cell("changes", "yellow")
    return Cell("can destroy", "red")
