"""What the chat shows: which lines of a result, in which rows, and the view for a pipe.

What a bar marks is output of strangers: it cannot pass for what opsmcp says. Nor can the rest of a
line that is wrapped: it stands further in than a line begins.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile

import anyio
import click
from rich.console import Console
from rich.text import Text

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.process.output_bar import BAR, bar_rows
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean, unfenced

__all__ = ["WIDEST_LINE", "BufferedView", "Plain", "View", "barred", "fold", "rows_of"]

WIDEST_LINE = 500
"""Characters of a line that are shown."""

_FOLDED_LINES = 8
_CLOSING_LINES = 4
"""At the end of a run's result opsmcp says what to do next."""

_TAB = 8
_NARROWEST = 10
_HANGING = 4
"""Columns by which a line that is wrapped goes on further in than one begins."""


class View:
    """Hears what happens, in the order in which it does, and shows none of it. Text comes raw."""

    def asked(self, question: str) -> None:
        """The person asked something."""

    def thinking(self) -> None:
        """The model was asked."""

    def text(self, piece: str) -> None:
        """A piece of the model's text."""

    def end_text(self, text: str, *, final: bool) -> None:
        """The text, of which all pieces came, has ended; `final` when it is the answer."""

    def calling(self, title: str) -> None:
        """A tool is called."""

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """The call of that title goes on; of `total`, when it is known, so much is done."""

    def called(self, title: str, outcome: Outcome) -> None:
        """A call has ended, or nobody waits for it any more."""

    def note(self, text: str) -> None:
        """A sentence of our own."""

    def answer(self, text: str) -> None:
        """What the person asked opsmcp itself for."""

    def rest(self) -> None:
        """Nothing goes on any more, whatever happened: take down what moves."""


class BufferedView(View):
    """A view that holds back what comes while a person is asked."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.is_quiet = False
        self._held: list[Callable[[], None]] = []

    async def animate(self) -> None:
        """Move what moves, until this is cancelled."""
        await anyio.sleep_forever()

    def draw(self, draw: Callable[[], None]) -> None:
        """Do it now, or once the person has answered."""
        if self.is_quiet:
            self._held.append(draw)
        else:
            draw()

    @contextmanager
    def quiet(self) -> Generator[None]:
        """Nothing comes for as long as the block lasts."""
        self.is_quiet = True
        try:
            yield
        finally:
            self.is_quiet = False
            while self._held:
                self._held.pop(0)()


class Plain(BufferedView):
    """The view for a pipe: the answer on stdout, everything else as lines on stderr.

    With `silence`, the answer and notes only.
    """

    def __init__(self, words: Words, *, silence: bool) -> None:
        """Write to the standard streams."""
        super().__init__()
        self._words = words
        self._silence = silence

    def end_text(self, text: str, *, final: bool) -> None:
        """Write the answer; what the model says between its calls goes to stderr, behind a bar."""
        text = clean(text).strip()
        if text and final:
            click.echo(text)
        elif text and not self._silence:
            self._say(barred(text))

    def calling(self, title: str) -> None:
        """Say what is called."""
        if not self._silence:
            self._say(f"> {clean_line(title, WIDEST_LINE)}")

    def called(self, title: str, outcome: Outcome) -> None:
        """Show the beginning of the result; of a run that is left behind also in silence."""
        if not self._silence or outcome.goes_on:
            for line in fold(outcome, self._words):
                self._say(f"  {line}")

    def note(self, text: str) -> None:
        """Say it on stderr."""
        self._say(f"opsmcp: {clean_line(text, WIDEST_LINE)}")

    def answer(self, text: str) -> None:
        """Write it."""
        click.echo(text)

    def _say(self, text: str) -> None:
        columns = Console(stderr=True).width if sys.stderr.isatty() else sys.maxsize
        self.draw(partial(click.echo, "\n".join(rows_of(text, columns)), err=True))


def barred(text: str) -> str:
    """The text of a stranger, clean, behind a bar."""
    return "\n".join(f"{BAR}{line}" for line in clean(text).splitlines())


def fold(outcome: Outcome, words: Words) -> list[str]:
    """The lines of a result that are shown, with their columns, and how to see the rest."""
    lines = [line for line in unfenced(clean(outcome.text)) if line[0].strip()]
    begin, rest = lines[:_FOLDED_LINES], lines[_FOLDED_LINES:]
    end = _closing(rest) if outcome.run else []
    shown = [_line(outcome, *line) for line in begin]
    left = len(rest) - len(end)
    if left:
        key = "folded-run" if outcome.run else "folded"
        shown.append(words(key, lines=left, run=outcome.run))
    return shown + [_line(outcome, *line) for line in end]


def _closing(lines: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """What stands at the end and is no output."""
    backwards = reversed(lines[-_CLOSING_LINES:])
    return [*takewhile(lambda line: not line[1], backwards)][::-1]


def _line(outcome: Outcome, line: str, is_output: bool) -> str:
    bar = BAR if is_output or not outcome.is_ours else ""
    return f"{bar}{line.rstrip()}".expandtabs(_TAB)[:WIDEST_LINE]


def rows_of(text: str, columns: int) -> list[str]:
    """The rows that clean text takes on a screen of so many columns."""
    columns = max(_NARROWEST, columns)
    return [row for line in text.split("\n") for row in _rows(line.expandtabs(_TAB), columns)]


def _rows(line: str, columns: int) -> list[str]:
    if line.startswith(BAR):
        return bar_rows(line.removeprefix(BAR), columns)
    wrapped = Text(line).wrap(Console(), columns)
    if len(wrapped) < 2:
        return [line]
    head = wrapped[0].plain
    indent = len(line) - len(line.lstrip()) + _HANGING
    rest = Text(line[len(head) :].lstrip()).wrap(Console(), max(1, columns - indent))
    return [head, *(f"{' ' * indent}{row.plain}" for row in rest)]
