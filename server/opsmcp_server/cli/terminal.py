"""Tables, colour and a progress line on a terminal; tab-separated lines or JSON in a pipe.

Text of operations never steers the terminal: cells are cleaned here, longer text by `summary`
before it comes here, and nothing is read as rich's markup. rich is imported only when there is a
terminal to draw on.
"""

import json
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import click

from opsmcp_server.process.output_bar import bar_rows
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import unfenced

__all__ = [
    "Cell",
    "can_ask",
    "confirm",
    "progress_line",
    "show_json",
    "show_table",
    "show_text",
]

_WIDEST_CELL = 500
_WIDEST_FIRST = 30
_WIDEST_SHORT = 14


class Cell(NamedTuple):
    """One cell of a table: text, a rich style for terminals, and what these show if it is less."""

    text: str
    style: str = ""
    brief: str = ""


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    empty: str = "",
    widest: int = _WIDEST_CELL,
) -> None:
    """A table on a terminal; in a pipe one line per row, columns separated by tabs, no header.

    A terminal is told `empty` when there are no rows. Cells are cut at `widest` characters.
    """
    if sys.stdout.isatty():
        drawn = [[_drawn(cell, widest) for cell in row] for row in rows]
        if drawn:
            _draw_table(columns, drawn)
        elif empty:
            click.echo(empty)
        return
    for row in rows:
        click.echo("\t".join(clean_line(cell.text, widest) for cell in row))


def _drawn(cell: Cell, widest: int) -> Cell:
    return Cell(clean_line(cell.brief or cell.text, widest), cell.style)


def _draw_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Nothing of a cell is left out."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(table.columns):
        longest = max(len(row[number].text) for row in rows)
        # What stands first is typed again, and short cells are read at a glance: they stay whole.
        whole = _WIDEST_SHORT if number else _WIDEST_FIRST
        column.no_wrap = longest <= whole
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    Console().print(table)


def show_text(text: str, style: str = "") -> None:
    """Text that is already clean; on a terminal its first line in `style`, outputs behind a bar.

    In a pipe outputs stay in their fences, because a model may read them there.
    """
    if not sys.stdout.isatty():
        if text:
            click.echo(text)
        return
    first, _, rest = text.partition("\n")
    if style and first:
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(first, style=style), soft_wrap=True)
        first = ""
    shown = rest if not first else text
    columns = shutil.get_terminal_size().columns
    for line, is_output in unfenced(shown):
        for row in bar_rows(line.expandtabs(), columns) if is_output else [line]:
            click.echo(row)


def show_json(data: object) -> None:
    """Indented JSON; on a terminal in ASCII, so that no character of a stranger steers it."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=sys.stdout.isatty()))


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """The person's answer; no also for Ctrl-C and the end of the input."""
    try:
        with _plain_interrupt():
            return click.confirm(question, default=False, err=True)
    except click.Abort:
        return False


@contextmanager
def _plain_interrupt() -> Generator[None]:
    """Let Ctrl-C end a blocking question; the event loop's handler would wait for its answer."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def progress_line(text: str) -> Generator[Callable[[str], None]]:
    """A line with a spinner and the time on stderr, if that is a terminal; yields what changes it.

    It is gone when the block ends.
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    # The words take the room that the others leave, and what does not fit is cut at their end.
    words = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)
    )
    columns = (SpinnerColumn(), TimeElapsedColumn(), words)
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        line = progress.add_task(clean_line(text, _WIDEST_CELL), total=None)

        def change(new: str) -> None:
            progress.update(line, description=clean_line(new, _WIDEST_CELL))

        yield change
