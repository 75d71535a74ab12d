"""Pacing: when to look at a run again. Pure.

A look costs a request, and nobody is told when a run ends, so looks are placed where an end is
likely: where past runs of the operation ended, and at the ticks in which the controller of Ops
works. It moves a pipeline every 3 seconds, counted from when it first took note of the run
(controllers/pipelinerun_controller.go); seen from outside, its states change only at those moments.
"""

from collections.abc import Sequence

__all__ = ["Pace"]

_TICK_SECONDS = 3.0
_FIRST_TICK = (2.7, 4.2)
"""When Ops takes note of a new pipeline run; a beginning at another age says nothing of ticks."""

_AT_A_TICK = (0.05, 1.4, 2.75)
"""The looks of one tick, after the moment of the last change: right after it, midway, before it."""

_CALM_SECONDS = 1.5
_CALMEST_SECONDS = 3.0
_CLOSE_SECONDS = 0.3
_LATE_SECONDS = 5.0
_ENDLESS = float("inf")

_UNKNOWN = ((1.0, 0.25), (10.0, 0.45), (60.0, 1.0))
"""Without any knowledge: up to which age which pause. Quick at first, since most runs are short."""


class Pace:
    """The pauses between the looks at one run.

    Ages are in seconds since the call. Over its life a run costs about one look a second; a short
    one, or the first of its operation, up to three.
    """

    def __init__(
        self,
        durations: Sequence[float] = (),
        *,
        ticking: bool = False,
        first_seconds: float = 0.25,
        frugal: bool = True,
    ) -> None:
        """Prepare.

        Args:
            durations: How long past runs of the operation took, in seconds.
            ticking: Whether its states change at ticks.
            first_seconds: The shortest pause.
            frugal: False where a look costs next to nothing.
        """
        self._first = first_seconds
        self._frugal = frugal
        self._ticking = ticking
        self._waiting = ticking
        self._tick: float | None = None
        self._window = _window(durations)

    def see(self, age: float, *, changed: bool, pending: bool) -> None:
        """Take note of a look at `age`: whether anything was new, and whether it has not begun."""
        began, self._waiting = self._waiting and not pending, self._ticking and pending
        if not changed:
            return
        if self._tick is None:
            if began and _FIRST_TICK[0] <= age <= _FIRST_TICK[1]:
                self._tick = age
        elif (age - self._tick) % _TICK_SECONDS > _TICK_SECONDS / 2:
            # Seen earlier in the tick than any change before: the tick is no later than this.
            self._tick = age

    def pause_seconds(self, age: float, jitter: float = 0.5) -> float:
        """How long to wait before the next look at a run of this age; `jitter` from 0 to 1."""
        spread = 0.9 + 0.1 * jitter
        if not self._frugal:
            return max(self._first, min(age / 10, 0.25)) * spread
        start, end, gap = self._window
        if self._waiting and age < _FIRST_TICK[1] and start > _FIRST_TICK[0]:
            return self._until_it_begins(age)
        if age < start - 0.05:
            calm = min(max(_CALM_SECONDS, age / 3), _CALMEST_SECONDS)
            return min(calm * spread, start - age)
        if self._tick is not None and age < max(60.0, end):
            return self._until_next_tick(age)
        if end < _ENDLESS:
            known = gap if age < end else _late(age, after=end)
            return min(known, _unknown(age)) * spread
        return max(self._first, _unknown(age)) * spread

    def _until_it_begins(self, age: float) -> float:
        if age < 0.4:
            return self._first
        expected = _FIRST_TICK[0] + 0.1
        return min(1.0, expected - age) if age < expected - 0.01 else 0.2

    def _until_next_tick(self, age: float) -> float:
        into = (age - (self._tick or 0.0)) % _TICK_SECONDS
        following = next((at for at in _AT_A_TICK if at > into + 0.02), None)
        if following is None:
            following = _AT_A_TICK[0] + _TICK_SECONDS
        return following - into


def _window(durations: Sequence[float]) -> tuple[float, float, float]:
    """From which age to which an end is likely, and the pause in between."""
    if not durations:
        return 0.0, _ENDLESS, 0.0
    start, end = 0.9 * min(durations) - 0.3, 1.1 * max(durations) + 0.5
    looks = max(4.0, 0.6 * end)
    gap = min(max((end - start) / looks, _CLOSE_SECONDS), 1.0)
    return max(0.0, start), end, gap


def _late(age: float, *, after: float) -> float:
    """It takes longer than ever before."""
    return min(max(1.0, (age - after) / 20), _LATE_SECONDS)


def _unknown(age: float) -> float:
    known = next((pause for until, pause in _UNKNOWN if age < until), None)
    return known if known is not None else min(age / 60, _LATE_SECONDS)
