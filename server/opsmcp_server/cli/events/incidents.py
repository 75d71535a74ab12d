"""`opsmcp incidents`: what signals say is wrong and what was done about it; or one, whole."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.fence_marks import new_mark
from opsmcp_server.cli.options import Shared, Timestamp, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import Failed
from opsmcp_server.cli.terminal import Cell, show_json, show_table, show_text
from opsmcp_server.protocol.builtin_tools import list_incidents
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.safe_text.cleaning import clean, fence

if TYPE_CHECKING:
    from opsmcp_server.responding.records import Records
    from opsmcp_tools.incidents.conversation import Conversation
    from opsmcp_tools.incidents.incident import Incident

__all__ = ["incidents"]

_STATES = ("all", *list_incidents.STATES)


@click.command("incidents")
@click.argument("incident", required=False, metavar="[ID]")
@click.option(
    "--state",
    type=click.Choice(_STATES),
    default="open",
    help="Only these; open are those that are not closed.",
)
@click.option("--responder", metavar="NAME", default="", help="Only those of this responder.")
@click.option(
    "--since",
    type=Timestamp(),
    metavar="TIME",
    help="Only those seen since then: 2h, 7d or an ISO time.",
)
@click.option("--limit", type=click.IntRange(1, 500), default=500, help="Most incidents; 500.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def incidents(
    shared: Shared,
    incident: str | None,
    state: str,
    responder: str,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> int:
    """Show what is wrong and what was done about it; or one.

    In a pipe: handle, state, severity, when it was seen last, responder, key and why it is so,
    separated by tabs, newest first.
    """

    async def work(context: CallContext) -> int:
        from opsmcp_server.responding.records import Records

        context.require(context.principal, Action.READ, list_incidents.ROW.subject)
        records = Records(context)
        if incident is not None:
            return await _show_one(records, incident, as_json=as_json)
        wanted = "" if state == "all" else state
        found = await records.list(state=wanted, responder=responder, since=since, limit=limit + 1)
        _show_all([one for _, one in found[:limit]], as_json=as_json)
        if len(found) > limit:
            click.echo(f"opsmcp: there are more; these are the newest {limit}", err=True)
        return 0

    return run_with_context(shared, work, follows_runs=False)


def _show_all(found: list["Incident"], *, as_json: bool) -> None:
    from opsmcp_server.responding.incident_data import incident_entry

    if as_json:
        show_json({"incidents": [incident_entry(one) for one in found]})
        return
    columns = ("incident", "state", "severity", "last seen", "responder", "key", "why")
    show_table(columns, map(_row, found), empty="There are no such incidents.")


def _row(one: "Incident") -> tuple[Cell, ...]:
    seen = one.last_seen.astimezone()
    return (
        Cell(one.id, "bold"),
        Cell(str(one.outcome or one.state)),
        Cell(str(one.severity)),
        Cell(seen.isoformat(sep=" ", timespec="seconds"), brief=f"{seen:%m-%d %H:%M}"),
        Cell(one.responder),
        Cell(clean_line(one.key, 200)),
        Cell(clean_line(one.why, 300)),
    )


async def _show_one(records: "Records", incident: str, *, as_json: bool) -> int:
    from opsmcp_server.responding.incident_data import conversation_data, incident_details

    found = await records.get(incident)
    if found is None:
        raise Failed(f"there is no incident {quote(incident)}; opsmcp incidents --state all")
    talk = await records.conversation(incident)
    if as_json:
        said = {"conversation": conversation_data(talk)} if talk else {}
        show_json({**incident_details(found), **said})
        return 0
    show_text(clean(f"{found.id}: {found.outcome or found.state}"), "bold")
    for line in _lines(found):
        click.echo(clean(line))
    if talk is not None:
        _show_conversation(talk)
    return 0


def _show_conversation(talk: "Conversation") -> None:
    """What a model was told, said and called: behind bars, as strangers have written in it."""
    click.echo(f"\nmodel: {talk.turns} answers, {talk.tokens} tokens, {len(talk.runs)} runs")
    for line in talk.lines():
        click.echo(f"{line.who}:")
        show_text(fence(clean(line.text), new_mark()))


def _lines(one: "Incident") -> Iterator[str]:
    if one.why:
        yield clean_line(one.why, 600)
    said = "still says that it is so" if one.firing else "says that it is over"
    yield f"{one.severity} from {one.signal.sender}, which {said}; signals: {one.count}"
    yield f"responder {one.responder}, key {quote(one.key, 300)}"
    if one.operation:
        yield f"operation {one.operation}"
    if one.arguments:
        yield "arguments " + " ".join(f"{name}={value}" for name, value in one.arguments.items())
    if one.request:
        yield f"request {one.request}"
    if one.runs:
        yield f"runs {' '.join(one.runs)}"
    yield ""
    for name, value in one.signal.labels.items():
        yield f"  {clean_line(name, 60)}: {clean_line(value, 200)}"
    yield ""
    for entry in one.log:
        at = entry.at.astimezone().isoformat(sep=" ", timespec="seconds")
        change = entry.after if entry.before != entry.after else f"still {entry.after}"
        yield f"{at}  {change}: {clean_line(entry.why, 600)}"
