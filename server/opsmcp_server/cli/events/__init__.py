"""`opsmcp events`: what comes in from outside, for whoever sets up a sender or looks after it."""

import click

from opsmcp_server.cli.events.listing import list_command
from opsmcp_server.cli.events.replay import replay_command
from opsmcp_server.cli.events.send import send_command
from opsmcp_server.cli.events.senders import senders_command
from opsmcp_server.cli.events.switch import pause_command, resume_command

__all__ = ["command"]


@click.group("events")
def command() -> None:
    """Show what comes in from outside and what would be done; pause and resume that.

    `opsmcp serve` receives it, once `events.senders` of the settings names who may send.
    """


command.add_command(list_command)
command.add_command(senders_command)
command.add_command(send_command)
command.add_command(replay_command)
command.add_command(pause_command)
command.add_command(resume_command)
