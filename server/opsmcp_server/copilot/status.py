"""The live line: a spinner, what goes on, for how long, and how long it may still take."""

from collections.abc import Callable

from rich.console import RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from opsmcp_server.copilot.words import Words

__all__ = ["Status"]


class Status:
    """One line; empty while nothing goes on. Text that comes must be clean."""

    def __init__(self, words: Words, monotonic: Callable[[], float]) -> None:
        """Tell the time by `monotonic`, in seconds."""
        self._words = words
        self._now = monotonic
        self._spinner = Spinner("dots")
        self._text = ""
        self._begun = 0.0
        self._first: tuple[float, float] | None = None
        self._ends: float | None = None

    def begin(self, text: str) -> None:
        """Something begins now."""
        self._text, self._begun = text, self._now()
        self._first, self._ends = None, None

    def change(self, text: str, progress: float, total: float | None) -> None:
        """It is so far; its end is estimated as if it went on as since it was first told."""
        now = self._now()
        self._text = text or self._text
        self._first = self._first or (now, progress)
        then, before = self._first
        going = total is not None and progress > before and now > then
        left = (total - progress) * (now - then) / (progress - before) if total and going else -1
        self._ends = now + left if left > 0 else None

    def restart(self) -> None:
        """Count the time anew: so far a person thought."""
        self._begun = self._now()

    def hide(self) -> None:
        """Nothing goes on."""
        self._text = ""

    @property
    def text(self) -> str:
        """The line without its spinner."""
        if not self._text:
            return ""
        now = self._now()
        times = [self._words("elapsed", seconds=f"{now - self._begun:.0f}")]
        if self._ends is not None and self._ends > now:
            times.append(self._words("eta", seconds=f"{self._ends - now:.0f}"))
        # What is at the end is cut first.
        return f"{', '.join(times)}  {self._text}"

    def shown(self) -> list[RenderableType]:
        """The line as it is drawn: cut at the edge, never two of them."""
        if not self._text:
            return []
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, Text(self.text, style="dim", no_wrap=True, overflow="ellipsis"))
        return [grid]
