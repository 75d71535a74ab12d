"""Markdown that arrives in pieces, cut into blocks that can be drawn for good. Pure, and linear.

A block ends at a blank line outside of a fence. What has no end is cut at a line, a fence then
closed and opened again, so that no answer makes the terminal draw the same text again and again.
"""

import re

__all__ = ["Blocks"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LONGEST_BLOCK = 4_000
_LONGEST_LINE = 16_000


class Blocks:
    """Takes pieces of text and gives whole blocks."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: list[str] = []
        self._length = 0
        self._line: list[str] = []
        self._line_length = 0
        self._fence = ""
        self._opener = ""

    def add(self, piece: str) -> list[str]:
        """The blocks that this piece completes."""
        done: list[str] = []
        *whole, rest = piece.split("\n")
        for part in whole:
            line = "".join([*self._line, part])
            self._line, self._line_length = [], 0
            done += self._add_line(line)
        self._line.append(rest)
        self._line_length += len(rest)
        if self._line_length > _LONGEST_LINE:
            line = "".join(self._line)
            self._line, self._line_length = [], 0
            done += self._add_line(line)
        return done

    def _add_line(self, line: str) -> list[str]:
        self._lines.append(line)
        self._length += len(line) + 1
        self._note_fence(line)
        if not self._fence and not line.strip():
            return self._cut()
        return self._cut() if self._length > _LONGEST_BLOCK else []

    def _note_fence(self, line: str) -> None:
        found = _FENCE.match(line)
        if found is None:
            return
        if not self._fence:
            self._fence, self._opener = found[1], line
        elif found[1].startswith(self._fence) and not line.strip().strip(self._fence[0]):
            self._fence = ""

    def _cut(self) -> list[str]:
        lines = [*self._lines, self._fence] if self._fence else self._lines
        block = "\n".join(lines)
        self._lines = [self._opener] if self._fence else []
        self._length = len(self._opener) if self._fence else 0
        return [block] if block.strip() else []

    @property
    def tail(self) -> str:
        """The end of what is not yet complete, for a glimpse."""
        line = "".join(self._line)
        return "\n".join([*self._lines[-40:], line])

    def end(self) -> list[str]:
        """What is left."""
        done = self._add_line("".join(self._line)) if any(self._line) else []
        done += self._cut()
        self.__init__()
        return done
