"""`opsmcp config`: the effective settings and where each came from."""

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import read_config
from opsmcp_server.cli.terminal import Cell, show_table
from opsmcp_server.config.files.settings_file import FileUse

__all__ = ["command"]

_FILE_STYLES = {True: "green", False: "magenta"}


@click.command("config")
@shared_options
def command(shared: Shared) -> int:
    """Show the effective configuration and where it comes from.

    Files of settings come first, also one that lies here and is ignored because it was not trusted.
    Secrets are shown as "(hidden)". In a pipe: setting, value and origin, separated by tabs.
    """
    config = read_config(shared)
    rows = [
        (Cell("(file)", "bold"), Cell(str(file.path)), Cell(_state(file), _FILE_STYLES[file.used]))
        for file in config.settings_files
    ]
    rows += [
        (Cell(entry.setting, "bold"), Cell(entry.value), Cell(entry.origin, _style(entry.origin)))
        for entry in config.entries()
    ]
    show_table(("setting", "value", "from"), rows)
    return 0


def _state(file: FileUse) -> str:
    return f"used: {file.why}" if file.used else f"ignored: {file.why}"


def _style(origin: str) -> str:
    return "dim" if origin == "default" else "green"
