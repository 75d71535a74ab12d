"""`opsmcp stdio`: MCP on stdin and stdout."""

import sys

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.start import Failed, WrongUse
from opsmcp_server.protocol.services import Services
from opsmcp_server.transports.stdio import Overran, serve_stdio

__all__ = ["command"]


@click.command("stdio")
@shared_options
def command(shared: Shared) -> int:
    """Serve MCP on stdin and stdout, for a client on this machine.

    The client starts this command itself and ends it by closing stdin. Logs go to stderr.
    """
    for name in ("stdin", "stdout"):
        if getattr(sys, name) is None:
            raise WrongUse(f"{name} is closed; the client has to hold both ends of the protocol.")
    if sys.stdin.isatty():
        click.echo("opsmcp: waiting for an MCP client on stdin; Ctrl-C ends it", err=True)
    return run_with_services(shared, _serve, starts_runs=True, serves=True)


async def _serve(services: Services) -> int:
    services.calls.audit.serve("stdio")
    try:
        await serve_stdio(services)
    except Overran as error:
        raise Failed(str(error)) from error
    return 0
