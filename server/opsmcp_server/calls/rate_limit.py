"""Token buckets: so many a minute, and some of them at once. Pure: the time is given."""

from dataclasses import dataclass, field

__all__ = ["RateLimit"]

_MOST_BUCKETS = 10_000


@dataclass
class RateLimit:
    """A limit for each of many, by a key. `per_minute` 0: none; `burst` 0: a third of that.

    At most 10,000 are kept; the one that was not used for the longest goes, and begins anew.
    """

    per_minute: int
    burst: int = 0
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def wait_seconds(self, key: str, now: float) -> float:
        """How long until one more is allowed; 0 when it is now. Takes nothing."""
        if not self.per_minute:
            return 0.0
        missing = 1.0 - self._level(key, now)
        return max(0.0, missing) * 60.0 / self.per_minute

    def take(self, key: str, now: float) -> float:
        """Take one if there is one; else how long until there is, in seconds."""
        seconds = self.wait_seconds(key, now)
        if not seconds:
            self.spend(key, now)
        return seconds

    def spend(self, key: str, now: float, count: int = 1) -> None:
        """Take so many, also if there are fewer: what is missing has to come again first."""
        if not self.per_minute:
            return
        level = self._level(key, now) - count
        self._buckets.pop(key, None)
        self._buckets[key] = level, now
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]

    def _level(self, key: str, now: float) -> float:
        burst = float(self.burst) or max(1.0, self.per_minute / 3)
        level, at = self._buckets.get(key, (burst, now))
        return min(burst, level + (now - at) * self.per_minute / 60.0)
