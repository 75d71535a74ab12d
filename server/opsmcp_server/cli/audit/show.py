"""`opsmcp audit show`: lines of the audit trail that are looked for, also in words of others."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from opsmcp_server.cli.audit.unreadable import unreadable
from opsmcp_server.cli.options import Shared, Timestamp, shared_options
from opsmcp_server.cli.start import read_config
from opsmcp_server.cli.terminal import Cell, show_table
from opsmcp_tools.audit.files import TrailFiles, replicas_in
from opsmcp_tools.audit.formats import to_ecs, to_ocsf
from opsmcp_tools.audit.line import Outcome
from opsmcp_tools.audit.reading import Wanted, read_newest
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["show_command"]

_FORMATS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "ecs": to_ecs,
    "ocsf": to_ocsf,
}
_SINCE = "Only lines since then: 2h, 7d, 2026-11-23T09:30."
_MOST = 100_000
_SHOWN = (
    *("rule", "effect", "consent", "request", "approvers", "incident", "verdict"),
    *("token", "detail"),
)


@click.command("show")
@click.option("--principal", metavar="P", help="Only of this name or id.")
@click.option("--tool", metavar="T", help="Only of this tool, or of tools of this pattern.")
@click.option("--event", metavar="E", help="Only such events: run.start, or a pattern: auth.*")
@click.option("--run", metavar="R", help="Only of this run.")
@click.option("--request", metavar="Q", help="Only of this request.")
@click.option("--incident", metavar="I", help="Only of this incident.")
@click.option("--verdict", metavar="V", help="Only runs that ended so.")
@click.option(
    "--outcome", type=click.Choice([one.value for one in Outcome]), help="Only what ended so."
)
@click.option("--since", type=Timestamp(), metavar="T", help=_SINCE)
@click.option("--until", type=Timestamp(), metavar="T", help="Only lines before then.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, help="Most lines; 50.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they are, oldest first.")
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(_FORMATS)),
    help="As objects of OCSF 1.6.0 or ECS, one a line, oldest first.",
)
@shared_options
def show_command(
    shared: Shared, limit: int, *, as_json: bool, form: str | None, **wanted: Any
) -> int:
    """Show the newest lines of the audit trail that fit.

    In a pipe: number, time, event, outcome, principal, tool, run and what else is said, separated
    by tabs, newest first. Nothing is checked: that is for `opsmcp audit verify`.
    """
    config = read_config(shared)
    folder = config.audit_dir
    try:
        found = read_newest(
            [TrailFiles(folder, replica) for replica in replicas_in(folder)],
            Wanted(**wanted),
            limit,
        )
    except OSError as error:
        raise unreadable(config, error) from error
    if form is not None or as_json:
        make = _FORMATS[form] if form else dict[str, Any]
        for fields in reversed(found):
            click.echo(json.dumps(make(fields), separators=(",", ":")))
        return 0
    columns = ("line", "time", "event", "outcome", "principal", "tool", "run", "details")
    show_table(columns, [_row(fields) for fields in found], empty="There are no such lines.")
    return 0


def _row(fields: Mapping[str, Any]) -> tuple[Cell, ...]:
    outcome = str(fields.get("outcome", ""))
    principal = fields.get("principal")
    name = str(principal.get("name", "")) if isinstance(principal, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return (
        Cell(str(fields.get("seq", ""))),
        Cell(label(str(fields.get("time", "")), 40)),
        Cell(label(str(fields.get("event", "")), 40), "bold"),
        Cell(label(outcome, 20), "red" if outcome == "failure" else ""),
        Cell(label(name, 128)),
        Cell(label(str(fields.get("tool", "")), 100)),
        Cell(label(str(fields.get("run", "")), 40)),
        Cell("; ".join(_details(fields))),
    )


def _details(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in _SHOWN:
        if value := fields.get(name):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType]
            yield f"{name} {label(shown, 200)}"
    arguments = fields.get("arguments")
    if isinstance(arguments, dict):
        yield " ".join(f"{name}={value}" for name, value in _texts(arguments))  # pyright: ignore[reportUnknownArgumentType]
    of, client = fields.get("token_of"), fields.get("client")
    if isinstance(of, dict):
        yield f"of {label(str(of.get('name')), 128)} ({label(str(of.get('id')), 300)})"  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(client, dict) and "address" in client:
        yield f"from {label(str(client['address']), 50)}"  # pyright: ignore[reportUnknownArgumentType]
    if count := fields.get("count"):
        yield f"and {label(str(count), 20)} more"
    if reason := fields.get("reason"):
        yield label(str(reason), 300)


def _texts(arguments: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        yield label(str(name), 100), label(str(value), 200)
