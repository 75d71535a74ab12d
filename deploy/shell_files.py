"""Writes what shells and `man` know of opsmcp, from the commands as they are parsed.

    python -m deploy.shell_files             completions and man pages, where the sources have them
    python -m deploy.shell_files --to DIR    the same into another directory

Man pages are made by click-man, of the dependency group `package`.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false

import argparse
from importlib.metadata import version
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from opsmcp_server.cli import root

__all__ = ["COMPLETIONS", "HERE", "completion", "main", "write_man_pages"]

HERE = Path(__file__).parent

COMPLETIONS = {"bash": "opsmcp.bash", "zsh": "_opsmcp", "fish": "opsmcp.fish"}
"""Shell to the file with its completion."""

_DATE = "2026-11-30"
"""Stands in the pages in place of the day on which they were made, so that they can be compared."""


def completion(shell: str) -> str:
    """The script that completes `opsmcp` in `shell`; it asks opsmcp for the words."""
    made = get_completion_class(shell)
    if made is None:
        raise LookupError(shell)
    return made(root, {}, "opsmcp", "_OPSMCP_COMPLETE").source().strip() + "\n"


def write_man_pages(folder: Path) -> None:
    """One page for opsmcp, one for each command and each command of a command."""
    from click_man.core import write_man_pages as write  # of the dependency group `package`

    for old in folder.glob("*.1"):
        old.unlink()
    with_commands = click.Group("opsmcp", _loaded(root), help=root.help, params=root.params)
    write("opsmcp", with_commands, version=version("opsmcp"), target_dir=str(folder), date=_DATE)
    for page in folder.glob("*.1"):
        page.write_text(_troff(page.read_text("utf-8")), "utf-8")


def _loaded(group: click.Group) -> dict[str, click.Command]:
    context = click.Context(group, resilient_parsing=True)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def _troff(page: str) -> str:
    r"""The page with what click leaves for terminals (`\b`) gone, and no trailing blanks."""
    lines = (line.rstrip() for line in page.split("\n") if line.strip() != "\b")
    return "\n".join(lines)


def main() -> None:
    """Write all of it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.shell_files")
    parser.add_argument("--to", type=Path, default=HERE)
    folder: Path = parser.parse_args().to
    for name in ("shell", "man"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for shell, name in COMPLETIONS.items():
        (folder / "shell" / name).write_text(completion(shell), "utf-8")
    write_man_pages(folder / "man")


if __name__ == "__main__":
    main()
