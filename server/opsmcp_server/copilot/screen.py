"""The views: a terminal with Markdown and one live line, and plain lines for a pipe.

Whatever comes is cleaned here, as whole lines, before it is drawn; nothing is read as rich's
markup, and links show their address.
"""

import sys
import time

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from opsmcp_server.copilot.blocks import Blocks
from opsmcp_server.copilot.calling import Outcome
from opsmcp_server.copilot.view import View
from opsmcp_server.copilot.words import Words
from opsmcp_tools.characters import clean_line
from opsmcp_tools.text import clean

__all__ = ["Plain", "Screen", "open_view"]

_FOLDED_LINES = 8
_WIDEST_LINE = 500
_FRAMES_A_SECOND = 10


def open_view(words: Words, *, silence: bool) -> "View":
    """What suits stdout: a terminal or a pipe."""
    return Screen(words, silence=silence) if sys.stdout.isatty() else Plain(words, silence=silence)


def fold(outcome: Outcome, words: Words) -> list[str]:
    """The first lines of a result, and how to see the rest."""
    lines = [line for line in clean(outcome.text).splitlines() if line.strip()]
    shown = [clean_line(line, _WIDEST_LINE) for line in lines[:_FOLDED_LINES]]
    left = len(lines) - len(shown)
    if left:
        key = "folded-run" if outcome.run else "folded"
        shown.append(words(key, lines=left, run=clean_line(outcome.run, 60)))
    return shown


class Plain:
    """The answer on stdout, everything else on stderr."""

    def __init__(self, words: Words, *, silence: bool) -> None:
        """With `silence`, the answer and notes only."""
        self._words = words
        self._silence = silence
        self._texts: list[str] = []

    def thinking(self) -> None:
        """Show nothing."""

    def text(self, piece: str) -> None:
        """Keep it until it is known what it is."""
        self._texts.append(piece)

    def end_text(self, *, final: bool) -> None:
        """Write the answer; what the model says between its calls goes to stderr."""
        text = clean("".join(self._texts)).strip()
        self._texts = []
        if text and (final or not self._silence):
            click.echo(text, err=not final)

    def calling(self, title: str) -> None:
        """Say what is called."""
        if not self._silence:
            click.echo(f"> {clean_line(title, _WIDEST_LINE)}", err=True)

    def progress(self, message: str, progress: float, total: float | None) -> None:
        """Show nothing."""

    def called(self, title: str, outcome: Outcome) -> None:
        """Show the beginning of the result."""
        if not self._silence:
            for line in fold(outcome, self._words):
                click.echo(f"  {line}", err=True)

    def note(self, text: str) -> None:
        """Say it on stderr."""
        click.echo(f"opsmcp: {clean_line(text, _WIDEST_LINE)}", err=True)

    def rest(self) -> None:
        """Show nothing."""


class Screen:
    """A terminal: finished Markdown stays, the unfinished end and one line below it move."""

    def __init__(self, words: Words, *, silence: bool) -> None:
        """With `silence`, the answer and notes only."""
        self.console = Console(highlight=False)
        self._words = words
        self._silence = silence
        self._blocks = Blocks()
        self._held: list[str] = []
        self._status = _Status(words)
        self._live: Live | None = None
        self._running: dict[str, None] = {}

    def thinking(self) -> None:
        """Show that the model is waited for."""
        self._status.begin(self._words("thinking"))
        self._begin()

    def text(self, piece: str) -> None:
        """Draw the blocks that are complete; the rest at the next frame."""
        if self._silence:
            self._held.append(piece)
            return
        self._status.hide()
        for block in self._blocks.add(piece):
            self._draw(block)
        if self._live is None:
            self._begin()

    def end_text(self, *, final: bool) -> None:
        """Draw what is left."""
        held, self._held = self._held, []
        done = self._blocks.add("".join(held)) if final else []
        for block in [*done, *self._blocks.end()]:
            self._draw(block)
        self._status.hide()

    def _draw(self, block: str) -> None:
        self.console.print(Markdown(clean(block), hyperlinks=False))

    def calling(self, title: str) -> None:
        """Show the call in the live line."""
        self._running[title] = None
        self._status.begin(self._words("calling", tool=title))
        self._begin()

    def progress(self, message: str, progress: float, total: float | None) -> None:
        """Show how far it is."""
        if message:
            self._status.change(clean_line(message, _WIDEST_LINE), progress, total)

    def called(self, title: str, outcome: Outcome) -> None:
        """Leave the call and the beginning of its result on the screen."""
        self._running.pop(title, None)
        if not self._silence:
            mark, style = ("✓", "green") if outcome.good else ("✗", "red")
            mark, style = ("…", "cyan") if outcome.verdict == "running" else (mark, style)
            self._line(Text.assemble((f"{mark} ", style), (clean_line(title, 300), "bold")))
            for line in fold(outcome, self._words):
                self._line(Text(f"  {line}", style="dim"))
        if not self._running:
            self._status.hide()

    def _line(self, text: Text) -> None:
        self.console.print(text, overflow="fold")

    def note(self, text: str) -> None:
        """Say it in a line of its own."""
        self._line(Text(f"• {clean_line(text, _WIDEST_LINE)}", style="yellow"))

    def rest(self) -> None:
        """Take the live region down."""
        for block in self._blocks.end():
            self._draw(block)
        self._held.clear()
        self._running.clear()
        self.pause()

    def pause(self) -> None:
        """Give the terminal to somebody else, until something moves again."""
        live, self._live = self._live, None
        if live is not None:
            self._status.hide()
            live.stop()

    def _begin(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self.console,
                get_renderable=self._moving,
                refresh_per_second=_FRAMES_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _moving(self) -> RenderableType:
        """The unfinished text, as much of its end as fits, and the live line."""
        lines = clean(self._blocks.tail).splitlines()[-max(1, self.console.height // 2) :]
        width = max(10, self.console.width)
        tail = [Text(line[-width * 3 :], overflow="fold") for line in lines]
        return Group(*tail, *self._status.shown())


class _Status:
    """The live line: a spinner, what goes on, the time, and how much is left."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._spinner = Spinner("dots")
        self._text = ""
        self._begun = 0.0
        self._ratio = 0.0

    def begin(self, text: str) -> None:
        self._text, self._begun, self._ratio = text, time.monotonic(), 0.0

    def change(self, text: str, progress: float, total: float | None) -> None:
        self._text = text
        self._ratio = progress / total if total and 0 < progress <= total else 0.0

    def hide(self) -> None:
        self._text = ""

    def shown(self) -> list[RenderableType]:
        if not self._text:
            return []
        seconds = time.monotonic() - self._begun
        line = f"{clean_line(self._text, _WIDEST_LINE)}  {seconds:.0f} s"
        if self._ratio:
            left = seconds / self._ratio - seconds
            line += "  " + self._words("eta", seconds=f"{left:.0f}")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, Text(line, style="dim", no_wrap=True, overflow="ellipsis"))
        return [grid]
