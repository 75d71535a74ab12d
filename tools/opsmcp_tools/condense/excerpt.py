"""Excerpt: the lines of a text that matter most, as many as a number of tokens allows. Pure.

Whoever makes one says in which order lines matter; this says what is left out, and where.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.token_estimate import CHARACTERS_PER_TOKEN, estimate_tokens

__all__ = ["Excerpt", "Room", "fullest"]

Layout = TypeVar("Layout")

_LAYOUTS = ((400, True), (200, True), (120, True), (120, False), (80, False), (60, False))
"""Characters of a line, and whether each gap is marked: what matters most decides how roomy."""

_ROOMY = (200, 160, 130, 100)
_FEWEST_TOKENS = 10
"""What no line of so many characters takes less than."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much a text may take."""

    tokens: int
    characters: int

    def holds(self, text: str) -> bool:
        """Whether it fits."""
        # The quick half first: counting tokens looks at every character.
        most = min(self.characters, CHARACTERS_PER_TOKEN * self.tokens)
        return len(text) <= most and estimate_tokens(text) <= self.tokens


def fullest(
    room: Room,
    layouts: Iterable[Layout],
    render: Callable[[int, Layout], str],
    *,
    vital: int,
    most: int,
) -> tuple[int, Layout] | None:
    """How many lines fit in the first layout that has room for the vital ones, and that layout.

    Where none has, the last in which any line fits; None if none does.
    """
    best = None
    for layout in layouts:
        taken = bisect_left(
            range(1, min(most, room.tokens) + 1),
            True,
            key=lambda count: not room.holds(render(count, layout)),
        )
        best = (taken, layout) if taken else best
        if taken >= vital:
            break
    return best


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines and the order in which they matter.

    The first `vital` of `order` are the reason for the excerpt: the others only get the room that
    is left. `alike` is how many lines a line stands for; `is_json` says that they were JSON.
    """

    lines: Sequence[str]
    order: Sequence[int]
    vital: int = 0
    alike: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    language: Language = "en"
    is_json: bool = False

    def fit(self, room: Room) -> str | None:
        """The longest excerpt that fits, all vital lines in it if that can be; None if none can.

        Where all lines fit if the ends of long ones are cut, none is left out.
        """
        best = self._all_narrower(room)
        if best:
            return best
        found = fullest(room, _LAYOUTS, self._render, vital=self.vital, most=len(self.order))
        return self._render(*found) if found else None

    def _all_narrower(self, room: Room) -> str | None:
        if len(self.lines) * _FEWEST_TOKENS > room.tokens:
            return None
        shown = (self._render(len(self.order), (width, True)) for width in _ROOMY)
        return next(filter(room.holds, shown), None)

    def _render(self, taken: int, layout: tuple[int, bool]) -> str:
        (width, gaps), parts, expected = layout, [self._head(taken)], 0
        for number in sorted(set(self.order[:taken])):
            if gaps and number > expected:
                parts.append(self._left_out(number - expected))
            parts.append(self._line(number, width))
            expected = number + 1
        if gaps and expected < len(self.lines):
            parts.append(self._left_out(len(self.lines) - expected))
        return "\n".join(parts)

    def _head(self, taken: int) -> str:
        shown = len(set(self.order[:taken]))
        alike = words.OF_THIS_KIND() if self.alike else ""
        missing = words.KINDS_NOT_SHOWN(self.vital - taken) if taken < self.vital else ""
        form = words.JSON_AS_YAML() if self.is_json else ""
        return words.SHOWN(shown, len(self.lines), form, alike, missing).to(self.language)

    def _left_out(self, count: int) -> str:
        said = words.LINES_LEFT_OUT if count > 1 else words.LINE_LEFT_OUT
        return said(count).to(self.language)

    def _line(self, number: int, width: int) -> str:
        line = self.lines[number]
        line = line if len(line) <= width else f"{line[:width]}…"
        count = self.alike.get(number, 1)
        return f"{line}  [×{count:,}]" if count > 1 else line
