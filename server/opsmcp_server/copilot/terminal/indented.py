"""The model's text on a terminal: further in than whatever opsmcp says, on every row.

A question of opsmcp begins in the first column, and so does its prompt. Nothing of the model
stands there: not a row that is wrapped, not a table that is too wide, not what a terminal counts
wider than rich does: the terminal itself cuts such a row.
"""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import ControlType, Segment

from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Indented"]

_INDENT = 4
"""Further in than the lines of a result, which stand under its name."""

_CONTROL = [(ControlType.BELL,)]
"""rich does not count the columns of a segment that has any."""

_CUT = Segment("\x1b[?7l", None, _CONTROL)
_WRAP = Segment("\x1b[?7h", None, _CONTROL)


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
    return clean(text).replace("\n", " ")
