"""`opsmcp events replay`: what each responder would have done, and why. Never acts."""

from datetime import datetime
from pathlib import Path

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, Timestamp, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.protocol.builtin_tools import list_incidents
from opsmcp_tools.policy.decision import Action

__all__ = ["replay_command"]


@click.command("replay")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.option("--sender", metavar="NAME", help="The sender that FILE is a body of.")
@click.option(
    "--since",
    type=Timestamp(),
    metavar="TIME",
    help="Recorded signals since then: 2h, 7d or an ISO time.",
)
@click.option("--dry", is_flag=True, help="Accepted; it never acts.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def replay_command(
    shared: Shared,
    file: Path | None,
    sender: str | None,
    since: datetime | None,
    dry: bool,
    as_json: bool,
) -> int:
    """Show what each responder would have done with signals, and why. Never acts.

    The signals are those of FILE, which holds what a sender posts (`-`: standard input), or those
    that were recorded --since. Limits, cooldowns and breakers are left aside, as they depend on
    what runs then.
    """
    if (file is None) == (since is None):
        raise click.UsageError("give either FILE or --since")

    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.READ, list_incidents.ROW.subject)
        from opsmcp_server.intake.recorded import read_body, recorded
        from opsmcp_server.responding.replay import replayed

        if file is not None:
            signals = await read_body(context, file, sender)
        else:
            signals = await recorded(context, since)
        found = await replayed(context, signals)
        if as_json:
            show_json({"replayed": [one.data() for one in found]})
            return 0
        columns = ("responder", "key", "signals", "would", "why")
        rows = (
            (
                Cell(one.responder or "-", "bold"),
                Cell(one.key),
                Cell(str(one.count)),
                Cell(one.would),
                Cell(one.why),
            )
            for one in found
        )
        show_table(columns, rows, empty="There are no signals.")
        return 0

    return run_with_context(shared, work, follows_runs=False)
