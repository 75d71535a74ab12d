"""Which of many equal things are told: the first ones of a while, and how many there were besides.

Pure, with the clock as an argument. So strangers, and programs that repeat a call, do not fill the
audit trail.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

__all__ = ["Counted", "Told"]

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """Whether one is told by itself, and how many were not since the last time."""

    itself: bool
    besides: int = 0


@dataclass(slots=True)
class _Seen:
    since: float
    told: int = 0
    besides: int = 0


class Counted:
    """Tells the first `free` of each key in `seconds`; the others are counted."""

    def __init__(self, seconds: float, *, free: int = 1) -> None:
        """Begin with nothing seen."""
        self._seconds, self._free = seconds, free
        self._seen: dict[Hashable, _Seen] = {}

    def take(self, key: Hashable, now: float) -> Told:
        """Take one, at a time that never goes back, in seconds."""
        seen = self._seen.get(key)
        besides = 0
        if seen is None or now - seen.since >= self._seconds:
            besides = seen.besides if seen else 0
            self._seen.pop(key, None)
            seen = self._seen[key] = _Seen(now)
            if len(self._seen) > _MOST_KEYS:
                del self._seen[next(iter(self._seen))]
        if seen.told < self._free:
            seen.told += 1
            return Told(itself=True, besides=besides)
        seen.besides += 1
        return Told(itself=False, besides=besides)

    def left(self, before: float) -> Iterator[tuple[Hashable, int]]:
        """Keys whose while began before that time, with those that were only counted; forgotten."""
        for key, seen in list(self._seen.items()):
            if seen.since <= before:
                del self._seen[key]
                if seen.besides:
                    yield key, seen.besides
