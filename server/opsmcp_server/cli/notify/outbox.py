"""`opsmcp notify outbox` and `retry`: what is told to channels, and what could not be."""

import click
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.protocol.builtin_tools import list_incidents
from opsmcp_tools.incidents.outbox import Post, PostState
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["outbox_command", "retry_command"]

_MOST = 10_000


@click.command("outbox")
@click.option(
    "--state", type=click.Choice([str(one) for one in PostState]), help="Only these; all without."
)
@click.option("--channel", default="", metavar="C", help="Only to this channel.")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=50, metavar="N", help="At most so many; 50."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def outbox_command(
    shared: Shared, state: str | None, channel: str, limit: int, as_json: bool
) -> int:
    """List what is told to channels, the newest first: waiting, sending, sent, dead or dropped.

    Dead is what a channel refused, or what could not be delivered within a day. In a pipe: when it
    was made, channel, state, topic, what it is about, tries and why, separated by tabs.
    """

    async def work(context: CallContext) -> int:
        outbox = await _open(context)
        found: tuple[Post, ...] = ()
        if outbox is not None:
            found = await to_thread.run_sync(
                lambda: outbox.list(state=state or "", channel=channel, limit=limit)
            )
        if as_json:
            show_json({"posts": [_data(one) for one in found]})
            return 0
        columns = ("made", "channel", "state", "topic", "about", "tries", "why")
        show_table(columns, map(_row, found), empty="There is nothing of that kind.")
        return 0

    return run_with_context(shared, work, follows_runs=False)


@click.command("retry")
@click.argument("channel", required=False, default="", metavar="[CHANNEL]")
@shared_options
def retry_command(shared: Shared, channel: str) -> int:
    """Send again what is dead, to CHANNEL or to all, for example once its address was mended.

    `opsmcp serve` does so within its limits: two messages a minute.
    """

    async def work(context: CallContext) -> int:
        outbox = await _open(context)
        now = context.clock.now()
        count = await to_thread.run_sync(lambda: outbox.revive(channel, now)) if outbox else 0
        click.echo(f"{count} will be sent again.")
        return 0

    return run_with_context(shared, work, follows_runs=False)


async def _open(context: CallContext) -> SqliteOutbox | None:
    """The outbox, if there ever was an incident with this `state.dir`."""
    context.require(context.principal, Action.READ, list_incidents.ROW.subject)
    if not context.incidents.exists:
        return None
    return SqliteOutbox(await to_thread.run_sync(context.incidents.file))


def _row(post: Post) -> tuple[Cell, ...]:
    at = post.created_at.astimezone()
    return (
        Cell(at.isoformat(sep=" ", timespec="seconds"), brief=f"{at:%m-%d %H:%M:%S}"),
        Cell(post.channel, "bold"),
        Cell(post.state),
        Cell(post.topic),
        Cell(post.about),
        Cell(str(post.tries)),
        Cell(clean_line(post.why, 300)),
    )


def _data(post: Post) -> JsonObject:
    return {
        "id": post.id,
        "about": post.about,
        "transition": post.number,
        "channel": post.channel,
        "topic": str(post.topic),
        "state": str(post.state),
        "created_at": post.created_at.isoformat(),
        "due_at": post.due_at.isoformat(),
        "changed_at": post.changed_at.isoformat(),
        "tries": post.tries,
        "why": post.why,
    }
