"""Which of many equal things are told: the first ones of a while, and how many there were besides.

Pure, with the clock as an argument. So strangers, and programs that repeat a call, do not fill the
audit trail.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Counted", "Told"]

_MOST_KEYS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """Whether one is told by itself, and how many were not since the last time.

    `what` was made of the first one of its while.
    """

    what: T
    itself: bool
    besides: int = 0


@dataclass(slots=True)
class _Seen(Generic[T]):
    since: float
    what: T
    told: int = 0
    besides: int = 0


class Counted(Generic[T]):
    """Tells the first `free` of each key in `seconds`; the others are counted."""

    def __init__(self, seconds: float, *, free: int = 1) -> None:
        """Begin with nothing seen."""
        self._seconds, self._free = seconds, free
        self._seen: dict[Hashable, _Seen[T]] = {}

    def take(self, key: Hashable, now: float, make: Callable[[], T]) -> Told[T]:
        """Take one, at a time in seconds that never goes back; `make` is called for a first one."""
        seen = self._seen.get(key)
        besides = 0
        if seen is None or now - seen.since >= self._seconds:
            besides = seen.besides if seen else 0
            self._seen.pop(key, None)
            seen = self._seen[key] = _Seen(now, make())
            if len(self._seen) > _MOST_KEYS:
                del self._seen[next(iter(self._seen))]
        if seen.told < self._free:
            seen.told += 1
            return Told(seen.what, itself=True, besides=besides)
        seen.besides += 1
        return Told(seen.what, itself=False, besides=besides)

    def left(self, now: float) -> Iterator[tuple[T, int]]:
        """What was only counted in whiles that are over by now, and how often; it is forgotten."""
        for key, seen in list(self._seen.items()):
            if now - seen.since >= self._seconds:
                del self._seen[key]
                if seen.besides:
                    yield seen.what, seen.besides
