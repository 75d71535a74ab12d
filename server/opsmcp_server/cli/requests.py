"""`opsmcp requests`: the calls that wait for approval, or one with its plan and its timeline."""

from collections.abc import Iterator

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import plan_lines, request_details, request_entry
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table, show_text
from opsmcp_server.protocol.builtin_tools import get_run
from opsmcp_tools.approval_requests.request import Entry, Request, State
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["command", "show_request"]

_STATES = ("open", "all", *(str(state) for state in State))


@click.command("requests")
@click.argument("request", required=False, metavar="[ID]")
@click.option(
    "--state",
    type=click.Choice(_STATES),
    default="open",
    help="Only these; open are those that are not over.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def command(shared: Shared, request: str | None, state: str, as_json: bool) -> int:
    """Show the calls that wait for approval, or one.

    ID is the handle of a request, as a call that waits is answered with it. In a pipe: handle,
    state, until when it waits, who asked, tool and arguments, separated by tabs, newest first.
    """

    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.READ, get_run.ROW.subject)
        requests = context.requests.get()
        if request is None:
            wanted = State(state) if state in tuple(State) else None
            found = await requests.list(wanted)
            found = tuple(one for one in found if state != "open" or one.state.is_open)
            _list(found, as_json=as_json)
            return 0
        one = await requests.find(request)
        if as_json:
            show_json(request_details(one))
        else:
            show_request(one)
        return 0

    return run_with_context(shared, work)


def _list(found: tuple[Request, ...], *, as_json: bool) -> None:
    if as_json:
        show_json({"requests": [request_entry(one) for one in found]})
        return
    columns = ("request", "state", "until", "asked by", "tool", "arguments")
    show_table(columns, map(_row, found), empty="No call waits for approval.")


def _row(request: Request) -> tuple[Cell, ...]:
    until = request.expires_at.astimezone()
    arguments = " ".join(f"{name}={value}" for name, value in request.arguments.items())
    return (
        Cell(request.id, "bold"),
        Cell(str(request.state)),
        Cell(until.isoformat(sep=" ", timespec="seconds"), brief=f"{until:%m-%d %H:%M}"),
        Cell(request.requester.name),
        Cell(request.tool),
        Cell(arguments),
    )


def show_request(request: Request) -> None:
    """All of a request, for somebody who decides on it or wants to know what became of it."""
    show_text(clean(f"{request.id}: {request.state}"), "bold")
    for line in _lines(request):
        click.echo(clean(line))


def _lines(request: Request) -> Iterator[str]:
    if request.why:
        yield clean_line(request.why, 600)
    if request.run:
        yield f"run {request.run}"
    approvers = request.approvers
    yield f"asked by {request.requester.name}; {clean_line(request.reason, 300)} ({request.rule})"
    until = request.expires_at.astimezone()
    yield (
        f"{approvers.count} of {', '.join(approvers.groups)} may approve it until "
        f"{until.isoformat(sep=' ', timespec='seconds')}"
    )
    yield ""
    yield request.question
    yield ""
    yield f"What would be run, with the values in their places (plan {request.plan_hash}):"
    yield from plan_lines(request.plan)
    yield ""
    yield from map(_entry, request.log)


def _entry(entry: Entry) -> str:
    at = entry.at.astimezone().isoformat(sep=" ", timespec="seconds")
    change = entry.after if entry.before != entry.after else f"still {entry.after}"
    why = f": {quote(entry.why, 600)}" if entry.why else ""
    return f"{at}  {change}  by {entry.by}{why}"
