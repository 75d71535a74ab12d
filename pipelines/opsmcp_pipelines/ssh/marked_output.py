"""The standard output of a connection: noise of the login, the script's output, its end. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["End", "MarkedOutput"]

_LONGEST_LINE = 256
"""Of those with the mark."""

# Of every mark, so that they are compiled once and not for each connection.
_FIRST = re.compile(rb"(opsmcp-[0-9a-f]{16}) (?:ready|refused ([a-z]+))\n")
_LAST = re.compile(rb"(opsmcp-[0-9a-f]{16}) end ([0-9]{1,3}) (left)?\n")


@dataclass(frozen=True, slots=True)
class End:
    """The script ended: its exit status, and whether others of its session go on."""

    code: int
    left: bool


class MarkedOutput:
    """Takes what arrives, and passes on what the script printed.

    Attributes:
        ready: Whether the far side said that it waits for the word to start.
        refused: Why it said that it does not; empty if it did not say so.
        end: How the script ended; None while that is not known.
        noise: The end of what was printed where the far side never got to its first word.
    """

    def __init__(self, mark: bytes, on_output: Callable[[bytes], None]) -> None:
        """Wait for the lines with this mark."""
        self.ready = False
        self.refused = ""
        self.end: End | None = None
        self.noise = b""
        self._on_output = on_output
        self._held = b""
        self._mark = mark

    def add(self, chunk: bytes) -> None:
        """Take what came next. What comes after the end is nobody's."""
        if self.end is not None or self.refused:
            return
        self._held += chunk
        if not self.ready:
            self._until_ready()
        if self.ready:
            self._pass_on()

    def close(self) -> None:
        """Nothing more comes: what was held back for a mark is output."""
        if self.ready and self.end is None:
            self._on_output(self._held)
        elif not self.ready:
            self.noise = self._held
        self._held = b""

    def _until_ready(self) -> None:
        found = self._find(_FIRST)
        if found is None:
            self._held = self._held[-_LONGEST_LINE:]
            return
        self.refused = (found[2] or b"").decode()
        self.ready = not self.refused
        self._held = self._held[found.end() :]

    def _pass_on(self) -> None:
        if found := self._find(_LAST):
            self.end = End(int(found[2]), left=found[3] is not None)
            self._on_output(self._held[: found.start()])
            self._held = b""
            return
        safe = self._beginning_of_mark()
        if safe:
            self._on_output(self._held[:safe])
            self._held = self._held[safe:]

    def _find(self, line: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """The first such line that has our mark, and no other one."""
        return next((it for it in line.finditer(self._held) if it[1] == self._mark), None)

    def _beginning_of_mark(self) -> int:
        """Where a line with the mark may have begun, of which not all is there yet."""
        held, mark = self._held, self._mark
        whole = held.rfind(mark, max(0, len(held) - _LONGEST_LINE))
        if whole >= 0:
            return whole
        first = max(0, len(held) - len(mark) + 1)
        places = (at for at in range(first, len(held)) if mark.startswith(held[at:]))
        return next(places, len(held))
