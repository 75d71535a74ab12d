"""The view for a terminal: Markdown as it comes, and a live line for each call.

Whatever comes is cleaned here, as whole lines, before it is drawn; nothing is read as rich's
markup, and links show their address. The first column is opsmcp's own.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.folded_output import WIDEST_LINE, fold
from opsmcp_server.copilot.terminal.indented import Indented
from opsmcp_server.copilot.terminal.live_line import Status
from opsmcp_server.copilot.terminal.markdown_blocks import Blocks
from opsmcp_server.process.output_bar import BAR, bar_rows
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Screen"]

_FRAMES_A_SECOND = 10
_NARROWEST = 10
_MOST_LINES = 4
_INDENT = 2
_MARGIN = 8
"""Columns that what moves leaves free: a line that a narrower window wraps is not found again."""


class Screen:
    """A terminal: finished Markdown stays, the unfinished end and the live lines move.

    With `silence`, the answer and notes only.
    """

    def __init__(self, words: Words, *, silence: bool) -> None:
        """Draw on stdout."""
        self._console = Console(highlight=False)
        self._words = words
        self._silence = silence
        self._blocks = Blocks()
        self._thinking = Status(words, time.monotonic)
        self._running: dict[str, Status] = {}
        self._live: Live | None = None
        self._is_quiet = False
        self._held: list[RenderableType] = []
        """What is to be shown once the person has answered."""

    def asked(self, question: str) -> None:
        """Show nothing: it stands there as it was typed."""

    def thinking(self) -> None:
        """Show that the model is waited for."""
        self._thinking.begin(self._words("thinking"))
        self._begin()

    def text(self, piece: str) -> None:
        """Draw the blocks that are complete; the rest at the next frame."""
        if self._silence:
            return
        self._thinking.hide()
        for block in self._blocks.add(piece):
            self._draw(block)
        self._begin()

    def end_text(self, text: str, *, final: bool) -> None:
        """Draw what is left; in silence, the answer at once."""
        done = self._blocks.add(text) if self._silence and final else []
        self._still()
        for block in [*done, *self._blocks.end()]:
            self._draw(block)

    def _draw(self, block: str) -> None:
        self._print(Indented(Markdown(clean(block), hyperlinks=False)))

    def _print(self, shown: RenderableType) -> None:
        if self._is_quiet:
            self._held.append(shown)
        else:
            self._console.print(shown)

    def calling(self, title: str) -> None:
        """Show the call in a live line of its own."""
        self._thinking.hide()
        status = Status(self._words, time.monotonic)
        status.begin(self._words("calling", tool=clean_line(title, WIDEST_LINE)))
        self._running[title] = status
        self._begin()

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """Show how far it is."""
        status = self._running.get(title)
        if status is not None:
            status.change(clean_line(message, WIDEST_LINE) or _share(title, progress, total))
            self._begin()

    def called(self, title: str, outcome: Outcome) -> None:
        """Leave the call and the beginning of its result on the screen."""
        self._running.pop(title, None)
        if not self._running:
            self._still()
        if not self._silence or outcome.goes_on:
            self._print(self._result(title, outcome))

    def _result(self, title: str, outcome: Outcome) -> RenderableType:
        mark, style = ("✓", "green") if outcome.good else ("✗", "red")
        mark, style = ("…", "cyan") if outcome.goes_on else (mark, style)
        head = Text.assemble((f"{mark} ", style), (clean_line(title, WIDEST_LINE), "bold"))
        rows = (row for line in fold(outcome, self._words) for row in self._rows(line))
        lines = [Text(row, style="dim", overflow="fold") for row in rows]
        return Group(head, *(Padding(line, (0, 0, 0, _INDENT)) for line in lines))

    def _rows(self, line: str) -> list[str]:
        """The line; one behind a bar as rows that each have it."""
        if not line.startswith(BAR):
            return [line]
        return bar_rows(line.removeprefix(BAR), self._console.width - _INDENT)

    def note(self, text: str) -> None:
        """Say it in a line of its own."""
        line = Text(f"• {clean_line(text, WIDEST_LINE)}", style="yellow", overflow="fold")
        self._print(line)

    def rest(self) -> None:
        """Take the live region down."""
        for block in self._blocks.end():
            self._draw(block)
        self._running.clear()
        self._still()

    @contextmanager
    def quiet(self) -> Generator[None]:
        """Nothing moves or comes for as long as the block lasts: a person is asked."""
        self._still()
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False
            while self._held:
                self._console.print(self._held.pop(0))
            for status in self._running.values():
                status.restart()
            if self._running:
                self._begin()

    def _still(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            self._thinking.hide()
            live.stop()

    def _begin(self) -> None:
        if self._live is None and not self._is_quiet:
            self._live = Live(
                console=self._console,
                get_renderable=self._moving,
                refresh_per_second=_FRAMES_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _moving(self) -> RenderableType:
        """The unfinished text, as much of its end as fits, and the live lines."""
        lines = clean(self._blocks.tail).splitlines()[-max(1, self._console.height // 2) :]
        width = max(_NARROWEST, self._console.width - _MARGIN)
        tail = [Indented(Text(line[-width * 3 :], overflow="fold")) for line in lines]
        statuses = [self._thinking, *self._running.values()][: _MOST_LINES + 1]
        live = (part for status in statuses for part in status.shown())
        return Constrain(Group(*tail, *live), width)


def _share(title: str, progress: float, total: float | None) -> str:
    """In place of words that a server did not find."""
    done = f" {100 * progress / total:.0f} %" if total and 0 <= progress <= total else ""
    return f"{clean_line(title, WIDEST_LINE)}{done}"
