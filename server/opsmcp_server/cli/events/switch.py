"""`opsmcp events pause` and `resume`: the stop switch of responders and schedules."""

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import WrongUse
from opsmcp_server.protocol.builtin_tools import list_incidents
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import quote

__all__ = ["pause_command", "resume_command"]


@click.command("pause")
@click.argument("responder", required=False, metavar="[RESPONDER]")
@shared_options
def pause_command(shared: Shared, responder: str | None) -> int:
    """Pause a responder, a schedule (schedule:NAME), or all of both.

    New incidents are held, no inspection begins, and nothing running is stopped. Every opsmcp with
    the same state.dir obeys within 2 seconds.
    """
    return _switch(shared, responder, paused=True)


@click.command("resume")
@click.argument("responder", required=False, metavar="[RESPONDER]")
@shared_options
def resume_command(shared: Shared, responder: str | None) -> int:
    """Resume a responder, a schedule, or all. What is held is decided anew; breakers are closed."""
    return _switch(shared, responder, paused=False)


def _switch(shared: Shared, responder: str | None, *, paused: bool) -> int:
    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.READ, list_incidents.ROW.subject)
        config = context.config
        names = [one.name for one in config.responders] + [one.sender for one in config.schedules]
        if not names:
            raise WrongUse("the settings have no responders and no schedules (docs/incidents.md)")
        if responder is not None and responder not in names:
            hint = suggest(responder, names) or f"; there are: {', '.join(names)}"
            raise WrongUse(f"there is no responder or schedule {quote(responder)}{hint}")
        from opsmcp_server.responding.records import Records
        from opsmcp_tools.incidents.brakes import EVERYBODY

        who, audit, which = context.principal, context.audit, responder or "all"
        if paused:
            # A stop is not waited for: it has to work where nothing can be written any more.
            audit.note("responder.paused", who, responder=which)
        else:
            await audit.record("responder.resumed", who, responder=which)
        await Records(context).pause(responder or EVERYBODY, who.name, paused=paused)
        said = "paused: nothing new is begun" if paused else "resumed"
        click.echo(f"{responder or 'all responders and schedules'} {said}")
        return 0

    return run_with_context(shared, work, follows_runs=False)
