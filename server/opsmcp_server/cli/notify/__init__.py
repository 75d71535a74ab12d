"""`opsmcp notify`: messages to channels, for whoever sets one up or looks after it."""

import click

from opsmcp_server.cli.notify.outbox import outbox_command, retry_command
from opsmcp_server.cli.notify.send_test import test_command

__all__ = ["command"]


@click.group("notify")
def command() -> None:
    """Try a channel; show what was sent to channels, and what could not be.

    `opsmcp serve` sends it, once `events.channels` of the settings says where messages go.
    """


command.add_command(test_command)
command.add_command(outbox_command)
command.add_command(retry_command)
