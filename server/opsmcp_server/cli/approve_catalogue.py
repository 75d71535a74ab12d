"""`opsmcp approve-catalogue`: what is different from what was approved, and the approval of it."""

import shlex
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.terminal import require_agreement, tell
from opsmcp_server.protocol.services import Services
from opsmcp_tools.model.errors import UnknownTool
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.policy.approvals import Approval, Change, find_changes
from opsmcp_tools.safe_text.characters import show_hidden
from opsmcp_tools.toolbox.build import build_toolbox

__all__ = ["command"]

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command("approve-catalogue")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--yes", is_flag=True, help="Approve without asking, after it was shown.")
@shared_options
def command(shared: Shared, names: tuple[str, ...], yes: bool) -> int:
    """Show what changed since definitions were approved; approve them.

    With `policy.pin`, an operation is a tool only while its definition is the approved one. NAME is
    the name of a tool or a pattern such as `restart-*`; without any, all are looked at.

    Exit status 0 means that everything is approved, 1 that it was not approved: the answer was no,
    or there was no terminal to ask on.
    """

    async def work(services: Services) -> int:
        approvals = services.clients.approvals.read()
        changes = find_changes(await _tools(services, names), approvals)
        if not changes:
            click.echo("Every definition is approved.")
            return 0
        _show(changes)
        if not yes:
            require_agreement(
                f"Approve {_count(changes)}?",
                f"nothing was approved ({_count(changes)})",
                shlex.join(["opsmcp", "approve-catalogue", *names, *shared.words(), "--yes"]),
            )
        calls = services.calls
        at, by = calls.clock.now().isoformat(timespec="seconds"), calls.principal.name
        for change in changes:
            await calls.audit.record(
                "definition.approved",
                calls.principal,
                tool=change.tool.name,
                operation=str(change.tool.operation.key),
                definition=change.tool.definition,
            )
        services.clients.approvals.add(
            {
                change.tool.operation.key: Approval(change.tool.definition, change.lines, at, by)
                for change in changes
            }
        )
        click.echo(f"Approved {_count(changes)}.")
        if not services.calls.config.policy.pin:
            tell("opsmcp: approvals are not asked for: policy.pin is false")
        return 0

    return run_with_services(shared, work, follows_runs=False)


async def _tools(services: Services, names: Sequence[str]) -> Sequence[Tool]:
    """The tools of these names, also those that are withheld because nobody approved them yet."""
    catalogue = (await services.calls.tools.current()).catalogue
    toolbox = build_toolbox(catalogue, services.clients.tool_settings)
    for name in names:
        if not any(fnmatchcase(tool.name, name) for tool in toolbox.tools):
            near = toolbox.nearest(name)
            hint = f" The nearest names are {', '.join(near)}." if near else ""
            raise UnknownTool(
                f"There is no tool {name!r} whose definition could be approved.{hint}"
            )
    wanted = names or ("*",)
    return [tool for tool in toolbox.tools if any(fnmatchcase(tool.name, one) for one in wanted)]


def _show(changes: Sequence[Change]) -> None:
    """Each change under its name. Nothing that an author wrote can steer the terminal."""
    for change in changes:
        state = "is new" if change.before is None else "changed"
        click.secho(f"{change.tool.name}: the definition of {change.tool.operation.key} {state}")
        lines = list(change.difference())
        if not lines:
            click.echo("nothing that can be shown is different")
        for line in lines:
            mark, shown = line[:1], "\t".join(map(show_hidden, line.split("\t")))
            click.secho(shown, fg=_COLOURS.get(mark) if sys.stdout.isatty() else None)
        click.echo()


def _count(changes: Sequence[Change]) -> str:
    new = sum(change.before is None for change in changes)
    changed = len(changes) - new
    parts = [f"{new} new" if new else "", f"{changed} changed" if changed else ""]
    return f"{' and '.join(part for part in parts if part)} definition{'s'[: len(changes) > 1]}"
