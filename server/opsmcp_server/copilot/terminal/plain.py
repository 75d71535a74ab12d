"""The view for a pipe: the answer on stdout, everything else as lines on stderr."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.folded_output import WIDEST_LINE, fold
from opsmcp_server.process.output_bar import bar_rows
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Plain"]


class Plain:
    """Lines, nothing that moves. With `silence`, the answer and notes only."""

    def __init__(self, words: Words, *, silence: bool) -> None:
        """Write to the standard streams."""
        self._words = words
        self._silence = silence
        self._is_quiet = False
        self._held: list[str] = []
        """What is to be said on stderr once the person has answered."""

    def asked(self, question: str) -> None:
        """Show nothing: the person knows."""

    def thinking(self) -> None:
        """Show nothing."""

    def text(self, piece: str) -> None:
        """Wait until it is known what it is."""

    def end_text(self, text: str, *, final: bool) -> None:
        """Write the answer; what the model says between its calls goes to stderr, behind a bar."""
        text = clean(text).strip()
        if text and final:
            click.echo(text)
        elif text and not self._silence:
            self._say("\n".join(self._behind_bar(text)))

    def _behind_bar(self, text: str) -> list[str]:
        """The rows of the model's text: none can pass for a line of opsmcp."""
        columns = Console(stderr=True).width if sys.stderr.isatty() else sys.maxsize
        return [row for line in text.splitlines() for row in bar_rows(line.expandtabs(), columns)]

    def calling(self, title: str) -> None:
        """Say what is called."""
        if not self._silence:
            self._say(f"> {clean_line(title, WIDEST_LINE)}")

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """Show nothing."""

    def called(self, title: str, outcome: Outcome) -> None:
        """Show the beginning of the result; of a run that is left behind also in silence."""
        if not self._silence or outcome.goes_on:
            for line in fold(outcome, self._words):
                self._say(f"  {line}")

    def note(self, text: str) -> None:
        """Say it on stderr."""
        self._say(f"opsmcp: {clean_line(text, WIDEST_LINE)}")

    def rest(self) -> None:
        """Nothing moves."""

    def _say(self, line: str) -> None:
        if self._is_quiet:
            self._held.append(line)
        else:
            click.echo(line, err=True)

    @contextmanager
    def quiet(self) -> Generator[None]:
        """Nothing comes for as long as the block lasts: a person is asked."""
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False
            while self._held:
                self._say(self._held.pop(0))
