"""The view for a pipe: the answer on stdout, everything else as lines on stderr."""

import sys
from functools import partial

import click
from rich.console import Console

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.view import WIDEST_LINE, BufferedView, barred, fold, rows_of
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Plain"]


class Plain(BufferedView):
    """Lines, nothing that moves. With `silence`, the answer and notes only."""

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
