"""`opsmcp events senders`: of each sender its address, what came, what was refused, and what to do.

For whoever set up a sender and waits for something to come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import click
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.events.record import open_record
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.config.sender import Sender
from opsmcp_server.intake.ops_events import Unread
from opsmcp_server.intake.proof import Flaw
from opsmcp_server.intake.receiver import Refusal
from opsmcp_tools.incidents.store import Refusals, SenderActivity
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["senders_command"]

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        Flaw.NO_PROOF: "it sends no `Authorization: Bearer ...`, or does not sign in the header "
        "that its type or `hmac` says",
        Flaw.WRONG_TOKEN: "its token is not the one that opsmcp has",
        Flaw.WRONG_SIGNATURE: "it signs with another secret or in another way, or something on the "
        "way changes the body",
        Flaw.OLD: "the clock of one side is wrong, it does not say when it signed, or somebody "
        "sends again what was sent before",
        Refusal.UNKNOWN: "the address that is called ends in a name that events.senders does not "
        "have",
        Refusal.RATE: "it is told to send again later; events.limits.signals_per_minute allows "
        "more",
        Refusal.HOST: "a sender without a secret calls this server by its own address, from no web "
        "page; give it a token or secret to call by any name",
        Refusal.LATE: "it is told to send again later",
        Unread.AWAY: "opsmcp serve tries again and again; its log says what is wrong: whether the "
        "Ops server or its NATS can be reached, and there is a stream `ops`",
        Unread.LOST: "more events came at once than the Ops server shows; name fewer `subjects`",
        Unread.SUBJECT: "somebody posts them under names that no inspection of Ops has",
        Refusal.UNRECORDED: "it is told to send again later; the log of opsmcp serve says why",
    }
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One sender; of one that the settings do not have only what is known of it."""

    name: str
    sender: Sender | None
    activity: SenderActivity | None
    refused: tuple[Refusals, ...]


@click.command("senders")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def senders_command(shared: Shared, as_json: bool) -> int:
    """Show of each sender what came, what was refused, and why.

    In a pipe: name, type, path of its address, number of signals of the last 30 days, when the last
    delivery was, and what was refused, separated by tabs.
    """

    async def work(context: CallContext) -> int:
        rows = await _rows(context)
        if as_json:
            show_json({"senders": [_data(row) for row in rows]})
            return 0
        columns = ("sender", "type", "address", "signals", "last", "refused or left out")
        empty = "The settings name no senders, in events.senders."
        show_table(columns, map(_cells, rows), empty=empty)
        for row in rows:
            for line in _advice(row):
                click.echo(line, err=True)
        return 0

    return run_with_context(shared, work, follows_runs=False)


async def _rows(context: CallContext) -> list[_Row]:
    record = await open_record(context)
    activity: dict[str, SenderActivity] = {}
    refusals: tuple[Refusals, ...] = ()
    if record is not None:
        activity = {one.sender: one for one in await to_thread.run_sync(record.activity)}
        refusals = await to_thread.run_sync(record.refusals)
    senders = context.config.events.senders
    names = dict.fromkeys([*senders, *activity, *(one.sender for one in refusals)])
    return [
        _Row(
            name,
            senders.get(name),
            activity.get(name),
            tuple(one for one in refusals if one.sender == name),
        )
        for name in names
    ]


def _cells(row: _Row) -> tuple[Cell, ...]:
    sender, activity = row.sender, row.activity
    return (
        Cell(row.name or "(no such sender)", "bold"),
        Cell(str(sender) if sender else "not in the settings"),
        Cell(_address(sender)),
        Cell(f"{activity.signals}" if activity else "0"),
        Cell(_time(activity.last_at) if activity else "never"),
        Cell("; ".join(f"{one.count} x {one.reason}" for one in row.refused)),
    )


def _address(sender: Sender | None) -> str:
    """Where it sends to; of one that is read, nothing."""
    return f"/events/{sender.name}" if sender and not sender.is_read else ""


def _time(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")


def _advice(row: _Row) -> Iterator[str]:
    for one in row.refused:
        if one.reason in _ADVICE:
            name = row.name or "(no such sender)"
            said = f"{name}: {one.reason}, last at {_time(one.last_at)}: {_ADVICE[one.reason]}"
            yield clean_line(said, 500)


def _data(row: _Row) -> JsonObject:
    activity = row.activity
    return {
        "name": row.name,
        "type": row.sender.type if row.sender else None,
        "has_secret": row.sender.has_secret if row.sender else None,
        "signals": activity.signals if activity else 0,
        "last_at": activity.last_at.isoformat() if activity else None,
        "refused": list(_refused(row.refused)),
    }


def _refused(refused: Iterable[Refusals]) -> Iterator[JsonObject]:
    for one in refused:
        advice = _ADVICE.get(one.reason, "")
        yield {
            "reason": one.reason,
            "count": one.count,
            "last_at": one.last_at.isoformat(),
            "advice": advice,
        }
