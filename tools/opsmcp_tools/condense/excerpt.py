"""Excerpt: the lines of a text that matter most, as many as a number of tokens allows. Pure.

Whoever makes one says in which order lines matter; this says what is left out, and where.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.token_estimate import CHARACTERS_PER_TOKEN, estimate_tokens

__all__ = ["Excerpt", "Room"]

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


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines and the order in which they matter.

    The first `vital` of `order` are the reason for the excerpt: the others only get the room that
    is left. `alike` is how many lines a line stands for; `focus` is the place in a line that has to
    be seen. Where `lines` are some of a text only, `places` are their numbers in it and `total` is
    how many lines it has.
    """

    lines: Sequence[str]
    order: Sequence[int]
    vital: int = 0
    alike: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    focus: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    places: Sequence[int] = ()
    total: int = 0
    language: Language = "en"

    def fit(self, room: Room) -> str | None:
        """The longest excerpt that fits, all vital lines in it if that can be; None if none can.

        Where all lines fit if the ends of long ones are cut, none is left out.
        """
        best = self._all_narrower(room)
        if best:
            return best
        for width, gaps in _LAYOUTS:
            taken = self._most(room, width, gaps=gaps)
            if taken:
                best = self._render(taken, width, gaps=gaps)
                if taken >= self.vital:
                    return best
        return best

    def _all_narrower(self, room: Room) -> str | None:
        if self._total * _FEWEST_TOKENS > room.tokens:
            return None
        shown = (self._render(len(self.order), width, gaps=True) for width in _ROOMY)
        return next(filter(room.holds, shown), None)

    def _most(self, room: Room, width: int, *, gaps: bool) -> int:
        """How many lines of the order fit."""
        low, high = 0, min(len(self.order), room.tokens)
        while low < high:
            middle = (low + high + 1) // 2
            if room.holds(self._render(middle, width, gaps=gaps)):
                low = middle
            else:
                high = middle - 1
        return low

    def _render(self, taken: int, width: int, *, gaps: bool) -> str:
        parts, expected = [self._head(taken)], 0
        for number in sorted(set(self.order[:taken])):
            place = self.places[number] if self.places else number
            if gaps and place > expected:
                parts.append(self._left_out(place - expected))
            parts.append(self._line(number, width))
            expected = place + 1
        if gaps and expected < self._total:
            parts.append(self._left_out(self._total - expected))
        return "\n".join(parts)

    @property
    def _total(self) -> int:
        return self.total or len(self.lines)

    def _head(self, taken: int) -> str:
        shown = len(set(self.order[:taken]))
        alike = words.OF_THIS_KIND() if self.alike else ""
        missing = words.KINDS_NOT_SHOWN(self.vital - taken) if taken < self.vital else ""
        return words.SHOWN(shown, self._total, alike, missing).to(self.language)

    def _left_out(self, count: int) -> str:
        said = words.LINES_LEFT_OUT if count > 1 else words.LINE_LEFT_OUT
        return said(count).to(self.language)

    def _line(self, number: int, width: int) -> str:
        line = _cut(self.lines[number], width, self.focus.get(number, 0))
        count = self.alike.get(number, 1)
        return f"{line}  [×{count:,}]" if count > 1 else line


def _cut(line: str, width: int, focus: int) -> str:
    """At most `width` characters of the line and two marks, around what has to be seen."""
    if len(line) <= width:
        return line
    start = max(0, min(focus - width // 4, len(line) - width))
    end = start + width
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"
