"""`opsmcp token revoke`: the end of a token."""

from dataclasses import replace

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import read_config
from opsmcp_server.cli.terminal import tell
from opsmcp_server.cli.token.changes import audited, changing, find, now

__all__ = ["revoke_command"]


@click.command("revoke")
@click.argument("number", metavar="ID")
@shared_options
def revoke_command(shared: Shared, number: str) -> int:
    """End a token: a running server refuses it, and ends its streams, within a second."""
    config = read_config(shared)
    with changing(config.state.dir) as tokens:
        found = find(tokens, number)
        audited(config, "token.revoked", found)
        tokens[number] = replace(found, revoked=found.revoked or now())
    tell(f"token {number} of {found.principal.name} is revoked")
    return 0
