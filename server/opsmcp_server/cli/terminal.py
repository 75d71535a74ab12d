"""Tables, colour and a progress line on a terminal; tab-separated lines or JSON in a pipe.

Text of operations never steers the terminal: cells are cleaned here, longer text by `summary`
before it comes here, and nothing is read as rich's markup. rich is imported only when there is a
terminal to draw on.
"""

import json
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

import click

from opsmcp_pipelines.run import Verdict
from opsmcp_server.cli.start import Failed
from opsmcp_server.process.output_bar import bar_rows
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import unfenced

__all__ = [
    "Cell",
    "can_ask",
    "confirm",
    "progress_line",
    "require_agreement",
    "show_json",
    "show_table",
    "show_text",
    "tell",
    "verdict_status",
    "verdict_style",
    "wrapped",
]

_WIDEST_CELL = 500
_WIDEST_FIRST = 30
_WIDEST_SHORT = 14
_NARROWEST = 20
_GAP = 2
"""Columns between two cells of a row."""


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

    A terminal is told `empty` when there are no rows. Cells are cut at `widest` characters. Without
    names of columns, a terminal gets no header either.
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
    """Nothing of a cell is left out, and no word is broken: a narrow terminal gets a list."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    names = columns or [""] * len(rows[0])
    widths = _widths(names, rows, console.width - _GAP * (len(names) - 1))
    if widths is None:
        for row in rows:
            _draw_record(row, console.width)
        return
    # The line under the titles takes one column of each gap.
    padding = (0, _GAP - 1 if columns else _GAP, 0, 0)
    box = SIMPLE_HEAD if columns else None
    table = Table(
        box=box, show_header=bool(columns), show_edge=False, pad_edge=False, padding=padding
    )
    for name, width in zip(names, widths, strict=True):
        table.add_column(name, width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    console.print(table)


def _widths(
    names: Sequence[str], rows: Sequence[Sequence[Cell]], room: int
) -> Sequence[int] | None:
    """How wide each column is: what its longest word needs, and of the rest a fair share.

    None when there is not room enough for the words.
    """
    texts = [[name, *(row[place].text for row in rows)] for place, name in enumerate(names)]
    wanted = [max(map(_length, column)) for column in texts]
    # What stands first is typed again, and short cells are read at a glance: they stay whole.
    whole = [_WIDEST_FIRST, *[_WIDEST_SHORT] * (len(names) - 1)]
    widths = [
        want if want <= most else max(_longest_word(text) for text in column)
        for want, most, column in zip(wanted, whole, texts, strict=True)
    ]
    spare = room - sum(widths)
    if spare < 0:
        return None
    order = sorted(range(len(names)), key=lambda place: wanted[place] - widths[place])
    for number, place in enumerate(order):
        more = min(wanted[place] - widths[place], spare // (len(names) - number))
        widths[place] += more
        spare -= more
    return widths


def _length(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _longest_word(text: str) -> int:
    """How many columns its longest word takes. Chinese has no blanks and breaks anywhere."""
    return max((_length(word) if word.isascii() else 2 for word in text.split()), default=1)


def _draw_record(cells: Sequence[Cell], columns: int) -> None:
    """One row of a table as a few rows of a narrow terminal, indented below the first."""
    from rich.console import Console
    from rich.text import Text

    for number, row in enumerate(_filled(cells, columns)):
        indent = " " * _GAP if number else ""
        if len(row) > 1:
            parts = [Text(cell.text, style=cell.style) for cell in row]
        else:
            parts = [Text(part, style=row[0].style) for part in wrapped(row[0].text, len(indent))]
        between = " " * _GAP if len(row) > 1 else f"\n{indent}"
        Console().print(Text(indent) + Text(between).join(parts), soft_wrap=True)


def _filled(cells: Sequence[Cell], columns: int) -> list[list[Cell]]:
    """As many cells in each row as it has room for; one that is longer than a row is alone."""
    rows: list[list[Cell]] = []
    room = 0
    for cell in cells:
        needed = _GAP + _length(cell.text)
        if needed > room:
            rows.append([])
            room = columns
        if cell.text:
            rows[-1].append(cell)
            room -= needed
    return [row for row in rows if row]


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

        for row in wrapped(first):
            Console().print(Text(row, style=style), soft_wrap=True)
        first = ""
    shown = rest if not first else text
    columns = shutil.get_terminal_size().columns
    for line, is_output in unfenced(shown):
        for row in bar_rows(line.expandtabs(), columns) if is_output else wrapped(line):
            click.echo(row)


def tell(text: str) -> None:
    """What a person is told beside the answer, on stderr; a terminal breaks no word of it."""
    for line in text.split("\n"):
        for row in wrapped(line, on=sys.stderr):
            click.echo(row, err=True)


def wrapped(line: str, indent: int = 0, *, on: TextIO | None = None) -> list[str]:
    """The rows of a line on this terminal, broken between words; in a pipe the line as it is.

    A word that is longer than a row stays whole: the terminal breaks it, and it can be copied.
    """
    stream = on or sys.stdout
    if not stream.isatty():
        return [line]
    columns = max(_NARROWEST, _columns(stream) - indent)
    margin = line[: len(line) - len(line.lstrip(" -"))]
    rows = textwrap.wrap(
        line,
        columns,
        subsequent_indent=" " * len(margin),
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return rows or [""]


def _columns(stream: TextIO) -> int:
    """How wide a terminal is; of stderr also where stdout is a pipe."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except OSError:
        return shutil.get_terminal_size().columns
    return shutil.get_terminal_size((size.columns or 80, size.lines)).columns


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


def require_agreement(question: str, refusal: str, again: str, why: str = "") -> None:
    """Return when the person at the terminal agrees to what was shown.

    Args:
        question: What the person is asked.
        refusal: What is so if nobody agrees.
        again: The command that agrees without a question, for whoever has no terminal.
        why: Why a person has to agree, where that is not plain.

    Raises:
        Failed: The answer is no, or there is nobody to ask.
    """
    if not can_ask():
        raise Failed(
            f"{refusal}: a person has to agree{f' ({why})' if why else ''}, and there is no "
            f"terminal to ask on. To agree: {again}"
        )
    if not confirm(question):
        raise Failed(refusal)


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


def verdict_style(verdict: Verdict) -> str:
    """The rich style of a verdict."""
    if verdict is Verdict.RUNNING:
        return "bold cyan"
    return "bold green" if verdict.good else "bold red"


def verdict_status(verdict: Verdict) -> int:
    """The exit status: 0 only for a run that ended and did its work."""
    return 0 if verdict is Verdict.SUCCEEDED else 1
