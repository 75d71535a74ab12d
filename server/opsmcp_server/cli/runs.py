"""`opsmcp runs`: recent runs, or one with its summary or its whole output."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from opsmcp_pipelines.run import Verdict
from opsmcp_server.calls.answer import run_data, run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, Timestamp, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table, show_text, tell, verdict_style
from opsmcp_server.protocol.builtin_tools import get_run, get_run_output, list_runs
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases.quantity import size_in_words
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.results.next_step_syntax import CommandSyntax
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["command"]

_LOOK_SECONDS = 5.0
"""How long to ask for runs whose process is gone: the journal alone would show them as running."""

_SINCE = "Only calls since then: 2h, 7d, 2026-11-23T09:30."


@click.command("runs")
@click.argument("run", required=False)
@click.option("--output", is_flag=True, help="The whole output of RUN.")
@click.option("--json", "as_json", is_flag=True, help="Structured results.")
@click.option("--tool", metavar="NAME", help="Only runs of this tool or operation.")
@click.option("--verdict", type=click.Choice([str(one) for one in Verdict]), help="Only these.")
@click.option("--since", type=Timestamp(), metavar="T", help=_SINCE)
@click.option("--until", type=Timestamp(), metavar="T", help="Only calls before then.")
@click.option(
    "--principal",
    metavar="NAME|ID",
    help="Runs of this user of `opsmcp serve`, by name or by id; else yours.",
)
@click.option("--limit", type=click.IntRange(1, 100), default=50, help="Most runs; 50.")
@click.option("--cursor", metavar="C", help="Go on where the list before ended.")
@shared_options
def command(
    shared: Shared,
    run: str | None,
    output: bool,
    as_json: bool,
    principal: str | None,
    **filters: Any,
) -> int:
    """Show recent runs, or one.

    RUN is the handle of a run, as `opsmcp call` and `opsmcp runs` print it. In a pipe: handle,
    verdict, start, seconds (empty where not known), tool and arguments, separated by tabs, newest
    first.
    """
    if output and (run is None or as_json):
        raise click.UsageError("--output is for one RUN, and without --json")

    async def work(context: CallContext) -> int:
        shown_by = list_runs if run is None else get_run_output if output else get_run
        context.require(context.principal, Action.READ, shown_by.ROW.subject)
        await context.executions.look(_LOOK_SECONDS)
        whose = principal or context.principal
        if run is None:
            again = _words(filters, principal, as_json=as_json) + shared.words()
            await _list(context, whose, filters, again, as_json=as_json)
        else:
            record = await context.executions.history.get(run, whose)
            await _show_one(context, record, shared.words(), output=output, as_json=as_json)
        return 0

    return run_with_context(shared, work)


def _words(filters: Mapping[str, Any], principal: str | None, *, as_json: bool) -> list[str]:
    """The same list, as it is asked for on a command line, but for where it goes on."""
    fields = {**filters, "principal": principal, "cursor": None}
    shown = [
        word
        for name, value in fields.items()
        if value is not None
        for word in (f"--{name}", value.isoformat() if isinstance(value, datetime) else str(value))
    ]
    return ["opsmcp", "runs", *shown, *(["--json"] if as_json else [])]


async def _list(
    context: CallContext,
    whose: Principal | str,
    filters: Mapping[str, Any],
    again: list[str],
    *,
    as_json: bool,
) -> None:
    page = await context.executions.history.list(
        whose,
        operation=filters["tool"],
        verdict=Verdict(filters["verdict"]) if filters["verdict"] else None,
        since=filters["since"],
        until=filters["until"],
        limit=filters["limit"],
        cursor=filters["cursor"],
    )
    if as_json:
        more = {"next_cursor": page.cursor} if page.cursor else {}
        damaged = {"damaged": list(page.damaged)} if page.damaged else {}
        show_json({"runs": [_entry(record) for record in page.runs], **damaged, **more})
        return
    columns = ("run", "verdict", "started", "took", "tool", "arguments")
    show_table(columns, [_row(record) for record in page.runs], empty="There are no such runs.")
    if page.damaged:
        tell(clean(list_runs.damaged_runs(page.damaged)))
    if page.cursor:
        tell(f"There are more: {shlex.join([*again, '--cursor', page.cursor])}")


def _entry(record: RunRecord) -> dict[str, object]:
    return {
        "run": record.run,
        "operation": record.tool,
        "verdict": str(record.verdict),
        "started_at": record.created_at.isoformat(),
        "duration_seconds": record.duration_seconds,
        "arguments": dict(record.arguments),
        "principal": record.principal,
        "principal_id": record.principal_id,
    }


def _row(record: RunRecord) -> tuple[Cell, ...]:
    arguments = " ".join(f"{name}={value}" for name, value in record.arguments.items())
    started = record.created_at.astimezone()
    took = record.duration_seconds
    seconds = "" if took is None else f"{took:.1f}"
    return (
        Cell(record.run, "bold"),
        Cell(str(record.verdict), verdict_style(record.verdict)),
        Cell(started.isoformat(sep=" ", timespec="seconds"), brief=f"{started:%m-%d %H:%M:%S}"),
        Cell(seconds, brief=f"{seconds} s" if seconds else "not known"),
        Cell(record.tool),
        Cell(arguments),
    )


async def _show_one(
    context: CallContext, record: RunRecord, words: list[str], *, output: bool, as_json: bool
) -> None:
    syntax = CommandSyntax(words)
    if output:
        for line in _output(record):
            click.echo(line)
        return
    text = await run_text(context, record, context.principal, syntax=syntax)
    if as_json:
        data = await run_data(context, record, context.principal, text, syntax=syntax)
        show_json({**data, "definition": record.definition})
    else:
        show_text(text, verdict_style(record.verdict))


def _output(record: RunRecord) -> Iterator[str]:
    """Each step's output under a heading that says whose it is."""
    for task in record.result.tasks:
        for node in task.nodes:
            for step in node.steps:
                yield clean(f"--- {task.name} / {node.node} / {step.name}: {step.verdict}")
                yield clean(step.output).rstrip("\n")
                if step.lost_bytes:
                    yield f"[{size_in_words(step.lost_bytes)} more were not kept]"
