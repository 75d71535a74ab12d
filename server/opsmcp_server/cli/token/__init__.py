"""`opsmcp token`: personal tokens of `opsmcp serve`, made, listed, rotated and revoked.

A running server sees what is changed here within a second. A token is shown once; what is kept of
it is its hash.
"""

import click

from opsmcp_server.cli.token.create import create_command
from opsmcp_server.cli.token.header import header_command
from opsmcp_server.cli.token.listing import list_command
from opsmcp_server.cli.token.revoke import revoke_command
from opsmcp_server.cli.token.rotate import rotate_command

__all__ = ["command"]


@click.group("token")
def command() -> None:
    """Make, list, rotate and revoke personal tokens of `opsmcp serve`."""


for _one in (create_command, list_command, revoke_command, rotate_command, header_command):
    command.add_command(_one)
