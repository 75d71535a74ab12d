"""A live line: a spinner, for how long something goes on, and how far its server says it is."""

from collections.abc import Callable

from rich.console import RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from opsmcp_server.copilot.base.words import Words

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

    def begin(self, text: str) -> None:
        """Something begins now."""
        self._text, self._begun = text, self._now()

    def change(self, text: str) -> None:
        """It is so far."""
        self._text = text or self._text

    def restart(self) -> None:
        """Count the time anew: so far a person thought."""
        self._begun = self._now()

    def hide(self) -> None:
        """Nothing goes on."""
        self._text = ""

    @property
    def text(self) -> str:
        """The line without its spinner; what is at its end is cut first."""
        if not self._text:
            return ""
        seconds = self._words("elapsed", seconds=f"{self._now() - self._begun:.0f}")
        return f"{seconds}  {self._text}"

    def shown(self) -> list[RenderableType]:
        """The line as it is drawn: cut at the edge, never two of them."""
        if not self._text:
            return []
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, Text(self.text, style="dim", no_wrap=True, overflow="ellipsis"))
        return [grid]
