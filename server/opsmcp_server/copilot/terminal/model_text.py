"""The model's text: cut into blocks that can be drawn for good, and drawn further in than opsmcp's.

A block ends at a blank line outside of a fence. What has no end is cut at a line, a fence then
closed and opened again, so that no answer makes the terminal draw the same text again and again.

A question of opsmcp begins in the first column, and so does its prompt. Nothing of the model
stands there: not a row that is wrapped, not a table that is too wide, not what a terminal counts
wider than rich does: the terminal itself cuts such a row.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Markdown, TableElement
from rich.segment import ControlType, Segment
from rich.table import Table

from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Blocks", "Indented", "Written"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LONGEST_BLOCK = 4_000
_LONGEST_LINE = 16_000
_GLIMPSED_LINES = 40

_INDENT = 4
"""Further in than the lines of a result, which stand under its name."""

_CONTROL = [(ControlType.BELL,)]
"""rich does not count the columns of a segment that has any."""

_CUT = Segment("\x1b[?7l", None, _CONTROL)
_WRAP = Segment("\x1b[?7h", None, _CONTROL)


class Blocks:
    """Takes pieces of Markdown and gives whole blocks. Pure, and linear."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: list[str] = []
        self._length = 0
        self._line = ""
        self._fence = self._opener = ""

    def add(self, piece: str) -> list[str]:
        """The blocks that this piece completes."""
        *whole, self._line = (self._line + piece).split("\n")
        if len(self._line) > _LONGEST_LINE:
            whole.append(self._line)
            self._line = ""
        parts = (part for line in whole for part in _parts(line))
        return [block for part in parts for block in self._add_line(part)]

    def _add_line(self, line: str) -> list[str]:
        self._lines.append(line)
        self._length += len(line) + 1
        self._note_fence(line)
        is_end = not self._fence and not line.strip()
        return self._cut() if is_end or self._length > _LONGEST_BLOCK else []

    def _note_fence(self, line: str) -> None:
        found = _FENCE.match(line)
        if found is None:
            return
        if not self._fence:
            self._fence, self._opener = found[1], line
        elif found[1].startswith(self._fence) and not line.strip().strip(self._fence[0]):
            self._fence = ""

    def _cut(self) -> list[str]:
        lines = [*self._lines, self._fence] if self._fence else self._lines
        block = "\n".join(lines)
        self._lines = [self._opener] if self._fence else []
        self._length = len(self._opener) if self._fence else 0
        return [block] if block.strip() else []

    @property
    def tail(self) -> str:
        """The end of what is not yet complete, for a glimpse."""
        return "\n".join([*self._lines[-_GLIMPSED_LINES:], self._line])

    def end(self) -> list[str]:
        """What is left."""
        done = self._add_line(self._line) if self._line else []
        done += self._cut()
        self.__init__()
        return done


def _parts(line: str) -> list[str]:
    places = range(0, max(1, len(line)), _LONGEST_LINE)
    return [line[place : place + _LONGEST_LINE] for place in places]


class _WholeTable(TableElement):
    """A table that breaks the words for which there is no room; rich leaves their ends out."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class Written(Markdown):
    """Markdown of which nothing is left out."""

    elements: ClassVar = {**Markdown.elements, "table_open": _WholeTable}


@dataclass(frozen=True)
class Indented:
    """Markdown or text of a model, drawn within what is left of the columns."""

    text: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The rows, cleaned once more: Markdown can spell any character."""
        indent = min(_INDENT, options.max_width - 1)
        within = options.update_width(options.max_width - indent)
        cuts = console.is_terminal and not console.is_dumb_terminal
        for row in console.render_lines(self.text, within, pad=False):
            yield from [_CUT] if cuts else []
            yield Segment(" " * indent)
            yield from (Segment(_in_one_row(part.text), part.style) for part in row)
            yield from [_WRAP] if cuts else []
            yield Segment.line()


def _in_one_row(text: str) -> str:
    is_plain = text.isascii() and text.isprintable()  # mostly, and cheap
    return text if is_plain else clean(text).replace("\n", " ")
