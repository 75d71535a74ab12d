"""The view for a terminal: Markdown as it comes, and a live line for each call.

Whatever comes is cleaned here, as whole lines, before it is drawn; nothing is read as rich's
markup, and links show their address. The first column is opsmcp's own.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

import anyio
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.padding import Padding
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.model_text import Blocks, Indented, Written
from opsmcp_server.copilot.terminal.view import WIDEST_LINE, BufferedView, fold, rows_of
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["LiveLines", "Screen"]

_FRAMES_A_SECOND = 10
_NARROWEST = 10
_MOST_LINES = 5
_INDENT = 2
_MARGIN = 8
"""Columns that what moves leaves free: a line that a narrower window wraps is not found again."""

_THINKING = ""
"""What the live line of the model is kept under; those of calls, under their titles."""


class _Elapsed(ProgressColumn):
    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> Text:
        return Text(self._words("elapsed", seconds=f"{task.elapsed or 0:.0f}"), style="dim")


class LiveLines:
    """A line for each thing that goes on: a spinner, for how long, and how far it is."""

    def __init__(self, words: Words, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Tell the time by `monotonic`, in seconds."""
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        said = TextColumn("{task.description}", style="dim", markup=False, table_column=rest)
        columns = (SpinnerColumn(style=None), _Elapsed(words), said)
        self._progress = Progress(*columns, get_time=monotonic, expand=True)
        self._ids: dict[str, TaskID] = {}

    def begin(self, key: str, text: str) -> None:
        """Something begins now; nothing is said twice of what goes on already."""
        if key not in self._ids:
            self._ids[key] = self._progress.add_task(clean_line(text, WIDEST_LINE), total=None)

    def change(self, key: str, text: str) -> None:
        """It is so far."""
        if key in self._ids:
            self._progress.update(self._ids[key], description=clean_line(text, WIDEST_LINE))

    def end(self, key: str) -> None:
        """It does not go on."""
        if key in self._ids:
            self._progress.remove_task(self._ids.pop(key))

    def restart(self) -> None:
        """Count the time anew: so far a person thought."""
        for one in self._ids.values():
            self._progress.reset(one)

    def __contains__(self, key: str) -> bool:
        """Whether it goes on."""
        return key in self._ids

    def __bool__(self) -> bool:
        """Whether anything does."""
        return bool(self._ids)

    def __rich__(self) -> RenderableType:
        """The first of them, each cut at the edge."""
        return self._progress.make_tasks_table(self._progress.tasks[:_MOST_LINES])


class Screen(BufferedView):
    """A terminal: finished Markdown stays, the unfinished end and the live lines move.

    With `silence`, the answer and notes only.
    """

    def __init__(self, words: Words, *, silence: bool) -> None:
        """Draw on stdout."""
        super().__init__()
        self._console = Console(highlight=False)
        self._words = words
        self._silence = silence
        self._blocks = Blocks()
        self._lines = LiveLines(words)
        self._live: Live | None = None
        self._moves = anyio.Event()

    async def animate(self) -> None:
        """Draw the frames: here, not in a thread, which would draw while something is printed."""
        while True:
            await self._moves.wait()
            if self._live is None:
                self._moves = anyio.Event()
            else:
                self._live.refresh()
                await anyio.sleep(1 / _FRAMES_A_SECOND)

    def thinking(self) -> None:
        """Show that the model is waited for."""
        self._lines.begin(_THINKING, self._words("thinking"))
        self._move()

    def text(self, piece: str) -> None:
        """Draw the blocks that are complete; the rest at the next frame."""
        if not self._silence:
            self._lines.end(_THINKING)
            self._draw(self._blocks.add(piece))
            self._move()

    def end_text(self, text: str, *, final: bool) -> None:
        """Draw what is left; in silence, the answer at once."""
        done = self._blocks.add(text) if self._silence and final else []
        self._still()
        self._draw([*done, *self._blocks.end()])

    def calling(self, title: str) -> None:
        """Show the call in a live line of its own."""
        self._lines.end(_THINKING)
        self._lines.begin(title, self._words("calling", tool=title))
        self._move()

    def progress(self, title: str, message: str, progress: float, total: float | None) -> None:
        """Show how far it is, in words or else as a share."""
        if title in self._lines:
            share = f" {100 * progress / total:.0f} %" if total and 0 <= progress <= total else ""
            self._lines.change(title, clean_line(message, WIDEST_LINE) or f"{title}{share}")
            self._move()

    def called(self, title: str, outcome: Outcome) -> None:
        """Leave the call and the beginning of its result on the screen."""
        self._lines.end(title)
        if not self._lines:
            self._still()
        if not self._silence or outcome.goes_on:
            self._print(self._result(title, outcome))

    def note(self, text: str) -> None:
        """Say it in a line of its own."""
        self._print(self._text(f"• {clean_line(text, WIDEST_LINE)}", "yellow"))

    def answer(self, text: str) -> None:
        """Show it."""
        self._print(self._text(text))

    def rest(self) -> None:
        """Take the live region down."""
        self._draw(self._blocks.end())
        self._lines = LiveLines(self._words)
        self._still()

    @contextmanager
    def quiet(self) -> Generator[None]:
        """Nothing moves or comes for as long as the block lasts: a person is asked."""
        self._still()
        with super().quiet():
            yield
        self._lines.restart()
        if self._lines:
            self._move()

    def _draw(self, blocks: list[str]) -> None:
        for block in blocks:
            self._print(Indented(Written(clean(block), hyperlinks=False)))

    def _print(self, shown: RenderableType) -> None:
        self.draw(partial(self._console.print, shown))

    def _result(self, title: str, outcome: Outcome) -> RenderableType:
        mark, style = ("✓", "green") if outcome.good else ("✗", "red")
        mark, style = ("…", "cyan") if outcome.goes_on else (mark, style)
        head = self._text(f"{mark} {clean_line(title, WIDEST_LINE)}", "bold")
        head.stylize(style, 0, 1)
        lines = "\n".join(fold(outcome, self._words))
        return Group(head, Padding(self._text(lines, "dim", _INDENT), (0, 0, 0, _INDENT)))

    def _text(self, text: str, style: str = "", indent: int = 0) -> Text:
        return Text("\n".join(rows_of(text, self._console.width - indent)), style)

    def _still(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            self._lines.end(_THINKING)
            live.stop()

    def _move(self) -> None:
        if self._live is None and not self.is_quiet:
            self._live = Live(
                console=self._console,
                get_renderable=self._moving,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
            self._moves.set()

    def _moving(self) -> RenderableType:
        """The unfinished text, as much of its end as fits, and the live lines."""
        lines = clean(self._blocks.tail).splitlines()[-max(1, self._console.height // 2) :]
        width = max(_NARROWEST, self._console.width - _MARGIN)
        tail = [Indented(Text(line[-width * 3 :], overflow="fold")) for line in lines]
        return Constrain(Group(*tail, self._lines), width)
