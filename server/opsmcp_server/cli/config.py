"""`opsmcp config`: the effective settings and where each came from."""

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import read_config
from opsmcp_server.cli.terminal import Cell, show_table

__all__ = ["command"]


@click.command("config")
@shared_options
def command(shared: Shared) -> int:
    """Show the effective configuration and where it comes from.

    Secrets are shown as "(hidden)". In a pipe: setting, value and origin, separated by tabs.
    """
    entries = read_config(shared).entries()
    rows = [
        (Cell(entry.setting, "bold"), Cell(entry.value), Cell(entry.origin, _style(entry.origin)))
        for entry in entries
    ]
    show_table(("setting", "value", "from"), rows)
    return 0


def _style(origin: str) -> str:
    return "dim" if origin == "default" else "green"
