"""`opsmcp events pause` and `resume`: the stop switch of responders."""

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
    """Pause a responder, or all of them: new incidents are held, and nothing running is stopped.

    Every opsmcp with the same state.dir obeys within 2 seconds.
    """
    return _switch(shared, responder, paused=True)


@click.command("resume")
@click.argument("responder", required=False, metavar="[RESPONDER]")
@shared_options
def resume_command(shared: Shared, responder: str | None) -> int:
    """Resume a responder, or all of them. What is held is decided anew; breakers are closed."""
    return _switch(shared, responder, paused=False)


def _switch(shared: Shared, responder: str | None, *, paused: bool) -> int:
    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.READ, list_incidents.ROW.subject)
        names = [one.name for one in context.config.responders]
        if not names:
            raise WrongUse("the settings have no responders (docs/incidents.md)")
        if responder is not None and responder not in names:
            hint = suggest(responder, names) or f"; there are: {', '.join(names)}"
            raise WrongUse(f"there is no responder {quote(responder)}{hint}")
        from opsmcp_server.responding.records import Records
        from opsmcp_tools.incidents.brakes import EVERYBODY

        who = context.principal.name
        await Records(context).pause(responder or EVERYBODY, who, paused=paused)
        said = "paused: new incidents are held" if paused else "resumed"
        click.echo(f"{responder or 'all responders'} {said}")
        return 0

    return run_with_context(shared, work, follows_runs=False)
