"""The beginning and the end of an output, cut where no secret is cut in two.

Pure. Whoever masks the text later knows a secret only as a whole, so a cut within one would show
half of it. It does not know secrets; it is told what replaces them.
"""

from collections.abc import Callable

__all__ = ["BoundedOutput"]

_LONGEST_LINE = 8 * 1024
"""Longer ones are cut, or a program that writes no line ends would show nothing."""

_AROUND_BYTES = 32 * 1024
"""How far around a cut is looked for a secret. Longer ones may be cut."""

_MOST_CUTS = 16
"""How many places for a cut are tried; where secrets stand at all of them, nothing is shown."""


class BoundedOutput:
    """Keeps the beginning and the end of an output, and counts all of it."""

    def __init__(self, limit_bytes: int, mask: Callable[[str], str] = str) -> None:
        """Show at most `limit_bytes`, half of them from each end.

        A little more is kept, to see what stands around the cuts. `mask` replaces secrets.
        """
        self._half = max(limit_bytes // 2, 1)
        self._kept_bytes = self._half + _AROUND_BYTES
        self._mask = mask
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Take what came next."""
        self.total += len(chunk)
        room = self._kept_bytes - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        if len(self._tail) > 2 * self._kept_bytes:
            del self._tail[: -self._kept_bytes]

    def text(self, *, so_far: bool = False) -> str:
        """What was kept, as text, secrets included; bytes that are not UTF-8 become U+FFFD.

        Cut at whole lines where lines are not very long. With `so_far`, the last line is left out
        until it is complete, or as much of its end as could be the beginning of a secret.
        """
        recent = self._tail
        if self.total == len(self._head) + len(self._tail):
            recent = self._head + self._tail
        end = self._end_so_far(recent) if so_far else len(recent)
        if self.total <= 2 * self._half:
            return recent[:end].decode(errors="replace")
        head = self._head[: self._end_before(self._head, self._half)]
        start = self._start_after(recent, len(recent) - self._half)
        tail = recent[start : max(start, end)]
        left_out = self.total - len(head) - (len(recent) - start)
        shown = head.decode(errors="replace"), tail.decode(errors="replace")
        return f"{shown[0]}\n[... {left_out} bytes left out ...]\n{shown[1]}"

    def _end_so_far(self, data: bytearray) -> int:
        line_end = data.rfind(b"\n", max(0, len(data) - _LONGEST_LINE)) + 1
        if line_end or len(data) <= _LONGEST_LINE:
            return line_end
        return self._end_before(data, len(data) - _LONGEST_LINE)

    def _end_before(self, data: bytearray, latest: int) -> int:
        for _ in range(_MOST_CUTS):
            line_end = data.rfind(b"\n", max(0, latest - _LONGEST_LINE), latest) + 1
            end = line_end or _between_characters(data, latest)
            if not self._cuts_secret(data, end):
                return end
            latest = end - _LONGEST_LINE
            if latest <= 0:
                break
        return 0

    def _start_after(self, data: bytearray, earliest: int) -> int:
        for _ in range(_MOST_CUTS):
            line_end = data.find(b"\n", earliest, earliest + _LONGEST_LINE) + 1
            start = line_end or _between_characters(data, earliest)
            if not self._cuts_secret(data, start):
                return start
            earliest = start + _LONGEST_LINE
            if earliest >= len(data):
                break
        return len(data)

    def _cuts_secret(self, data: bytearray, at: int) -> bool:
        before = data[max(0, at - _AROUND_BYTES) : at].decode(errors="replace")
        after = data[at : at + _AROUND_BYTES].decode(errors="replace")
        return self._mask(before + after) != self._mask(before) + self._mask(after)


def _between_characters(data: bytearray, at: int) -> int:
    """The same place, or the nearest before it that is not within a character of UTF-8."""
    whole = (place for place in range(at, max(at - 4, 0), -1) if data[place] & 0xC0 != 0x80)
    return next(whole, at)
