"""`opsmcp audit`: the audit trail, checked and read; nothing is written."""

import click

from opsmcp_server.cli.audit.key import key_command
from opsmcp_server.cli.audit.show import show_command
from opsmcp_server.cli.audit.verify import verify_command

__all__ = ["command"]


@click.group("audit")
def command() -> None:
    """Check the audit trail, find lines in it, and show the key that signs it."""


command.add_command(verify_command)
command.add_command(show_command)
command.add_command(key_command)
