"""What stands on a terminal, with its colours, as a small SVG that needs nothing from elsewhere."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from pyte.screens import Char

__all__ = ["draw"]

_COLOURS = {
    "default": "#d4d7dd",
    "black": "#1b1e26",
    "red": "#e06c75",
    "green": "#8fc379",
    "brown": "#e2b95b",
    "blue": "#6ea8e8",
    "magenta": "#c58ae0",
    "cyan": "#5cc1cd",
    "white": "#d4d7dd",
    "brightblack": "#8d94a3",
}
_PAPER, _INK = "#1b1e26", _COLOURS["default"]
_SIZE, _WIDTH, _LINE, _MARGIN = 14, 8.43, 19, 16
"""Pixels: of the letters, a column, a line and the margin."""

_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def draw(rows: Sequence[Sequence[Char]], title: str) -> str:
    """The rows as SVG; `title` is for those who cannot see it."""
    width = round(max(map(len, rows)) * _WIDTH) + 2 * _MARGIN
    height = len(rows) * _LINE + 2 * _MARGIN
    parts = "\n".join(part for number, row in enumerate(rows) for part in _row(number, row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{_PAPER}"/>\n'
        f'<g font-family="{_FONTS}" font-size="{_SIZE}" fill="{_INK}">\n{parts}\n</g>\n</svg>\n'
    )


def _row(number: int, row: Sequence[Char]) -> Iterator[str]:
    column = 0
    for (colour, paper, bold), chars in groupby(row, _look):
        text = "".join(char.data for char in chars)
        shown = text.strip()
        first = column + len(text) - len(text.lstrip())
        if shown and paper != _PAPER:
            yield _block(number, column, len(text), paper)
        if shown:
            yield _text(number, first, shown, colour, bold=bold)
        column += len(text)


def _look(char: Char) -> tuple[str, str, bool]:
    colour = _COLOURS.get(char.fg, f"#{char.fg}")
    paper = _PAPER if char.bg == "default" else _COLOURS.get(char.bg, f"#{char.bg}")
    if char.data == " " and paper == _PAPER:
        return _INK, _PAPER, False
    return colour, paper, char.bold


def _block(number: int, column: int, length: int, colour: str) -> str:
    x, y = _MARGIN + column * _WIDTH, _MARGIN + number * _LINE
    area = f'width="{length * _WIDTH:.1f}" height="{_LINE}"'
    return f'<rect x="{x:.1f}" y="{y}" {area} fill="{colour}"/>'


def _text(number: int, column: int, text: str, colour: str, *, bold: bool) -> str:
    x, y = _MARGIN + column * _WIDTH, _MARGIN + number * _LINE + _SIZE
    look = "" if colour == _INK else f' fill="{colour}"'
    look += ' font-weight="bold"' if bold else ""
    inked = escape(text, quote=False).replace(" ", "\u00a0")
    return f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * _WIDTH:.1f}"{look}>{inked}</text>'
