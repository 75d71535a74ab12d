"""`opsmcp events list`: the signals that came in, the newest first."""

from datetime import datetime

import click
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.events.record import open_record
from opsmcp_server.cli.options import Shared, Timestamp, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.tool import JsonObject

__all__ = ["list_command"]

_MOST = 10_000


@click.command("list")
@click.option("--sender", default="", metavar="S", help="Only of this sender.")
@click.option(
    "--since", type=Timestamp(), metavar="T", help="Only since then: 30m, 2h, 7d ago, or a time."
)
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=50, metavar="N", help="At most so many; 50."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that was sent.")
@shared_options
def list_command(
    shared: Shared, sender: str, since: datetime | None, limit: int, as_json: bool
) -> int:
    """List the signals that came in, the newest first.

    In a pipe: when it was received, sender, status, severity, kind and key, separated by tabs.
    `opsmcp events senders` tells what was refused.
    """

    async def work(context: CallContext) -> int:
        record = await open_record(context)
        found: tuple[Signal, ...] = ()
        if record is not None:
            found = await to_thread.run_sync(
                lambda: record.signals(sender=sender, since=since, limit=limit)
            )
        if as_json:
            show_json({"signals": [_data(one) for one in found]})
            return 0
        columns = ("received", "sender", "status", "severity", "kind", "key")
        empty = "No signal is there. `opsmcp events senders` tells what was refused."
        show_table(columns, map(_row, found), empty=empty)
        return 0

    return run_with_context(shared, work, follows_runs=False)


def _row(signal: Signal) -> tuple[Cell, ...]:
    at = signal.received_at.astimezone()
    return (
        Cell(at.isoformat(sep=" ", timespec="seconds"), brief=f"{at:%m-%d %H:%M:%S}"),
        Cell(signal.sender),
        Cell(signal.status),
        Cell(signal.severity),
        Cell(signal.kind, "bold"),
        Cell(signal.key),
    )


def _data(signal: Signal) -> JsonObject:
    return {
        "sender": signal.sender,
        "delivery_id": signal.delivery_id,
        "key": signal.key,
        "status": signal.status,
        "severity": signal.severity,
        "kind": signal.kind,
        "at": signal.at.isoformat(),
        "received_at": signal.received_at.isoformat(),
        "labels": dict(signal.labels),
        "annotations": dict(signal.annotations),
        "data": dict(signal.data),
        "trusted": signal.trusted,
        "cut": list(signal.cut),
    }
