"""PollInterval: when to poll a run again. Pure.

A poll costs a request, and nobody is notified when a run ends, so polls are placed where an end is
likely: where past runs of the operation ended, and at the ticks in which the controller of Ops
works. It moves a pipeline every 3 seconds, counted from when it first took note of the run
(controllers/pipelinerun_controller.go); seen from outside, its states change only at those moments.
"""

from collections.abc import Sequence

__all__ = ["PollInterval"]

_POLLS_PER_SECOND = 1.0
_BURST = 3.0
"""What a run may cost, where it is known when to look: so many polls a second, and so many more."""

_TICK_SECONDS = 3.0
_FIRST_TICK = (2.7, 4.2)
"""When Ops takes note of a new pipeline run; a beginning at another age says nothing of ticks."""

_AT_A_TICK = (0.1, 0.5)
"""The polls of one tick, after the latest that it can be: right after it, and when it was late."""

_WITH_HINTS = (0.25,)
"""Where ends are told as well: one look a tick finds what was not told, a little later."""

_EXACT_SECONDS = 0.4
"""A tick that is known less exactly is looked for before the moment when it was seen, too."""

_CALM_SECONDS = 1.5
_CALMEST_SECONDS = 3.0
_CLOSE_SECONDS = 0.25
_UNSURE_SECONDS = 0.65
_LATE_SECONDS = 5.0
_ENDLESS = float("inf")

_FIRST_END = 3.1
"""Ops ends no task before. What nothing is to be seen of until then can be looked at afterwards."""

_UNKNOWN = ((6.0, 0.25), (12.0, 0.4), (60.0, 0.9))
"""Of a first run, from then on: up to which age which pause. Most runs are short."""


class PollInterval:
    """The pauses between the polls at one run.

    Ages are in seconds since the call. Over its life a run costs about one poll a second; in the
    first ten seconds of the first run of an operation that shows no ticks, two.
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
            frugal: False where a poll costs next to nothing.
        """
        self._first = first_seconds
        self._frugal = frugal
        self._ticking = ticking
        self._waiting = ticking
        self._polls = 0
        self._polled_at = 0.0
        self._changed_at = 0.0
        self._tick: float | None = None
        self._inexact = 0.0
        self._start, self._end = _window(durations)

    def note_poll(self, age: float, *, changed: bool, pending: bool) -> None:
        """Take note of a poll at `age`: whether anything was new, and whether it has not begun."""
        began, self._waiting = self._waiting and not pending, self._ticking and pending
        since_last, self._polled_at = age - self._polled_at, age
        self._polls += 1
        if not changed:
            return
        self._changed_at = age
        if self._tick is None:
            if began and _FIRST_TICK[0] <= age <= _FIRST_TICK[1]:
                self._tick, self._inexact = age, since_last
            return
        into = (age - self._tick) % _TICK_SECONDS
        if into > _TICK_SECONDS / 2:
            # Seen earlier in the tick than any change before: the tick is no later than this.
            self._tick, into = age, 0.0
        self._inexact = min(self._inexact, max(since_last - into, 0.0))

    def pause_seconds(self, age: float, jitter: float = 0.5, *, hinted: bool = False) -> float:
        """How long to wait before the next look at a run of this age.

        Args:
            age: Of the run.
            jitter: From 0 to 1.
            hinted: Whether its end is likely to be told.
        """
        spread = 0.9 + 0.1 * jitter
        if not self._frugal:
            return max(self._first, min(age / 10, 0.25)) * spread
        if self._waiting and age < _FIRST_TICK[1] and self._end > _FIRST_TICK[0]:
            return self._until_it_begins(age, _UNSURE_SECONDS * (2 if hinted else 1))
        if self._tick is not None and age < max(60.0, self._end):
            return self._until_next_tick(age, self._tick, _WITH_HINTS if hinted else _AT_A_TICK)
        if age < self._start - 0.05:
            calm = min(max(_CALM_SECONDS, age / 3), _CALMEST_SECONDS)
            return min(calm * spread, self._start - age)
        if age < self._end < _ENDLESS:
            return self._until_next_in_window(age) * spread
        if self._end < _ENDLESS:
            return min(_late(age, after=self._end), _unknown(age)) * spread
        return max(self._first, _unknown(age)) * spread

    def _until_it_begins(self, age: float, unsure_seconds: float) -> float:
        if age < _CLOSE_SECONDS:
            return self._first
        expected = _FIRST_TICK[0] + 0.1
        if age >= expected - 0.01:
            return 0.2
        # Nothing is known of runs that end before they are taken note of, but the first may be one.
        return min(expected - age, _ENDLESS if self._start else unsure_seconds)

    def _until_next_tick(self, age: float, tick: float, looks: tuple[float, ...]) -> float:
        into = (age - tick) % _TICK_SECONDS
        if self._is_over(age, into, looks[0]):
            return _TICK_SECONDS + looks[0] - into
        if self._inexact > _EXACT_SECONDS and looks is _AT_A_TICK:
            looks = (*looks, _TICK_SECONDS - self._inexact / 2)
        following = next((at for at in looks if at > into + 0.02), _TICK_SECONDS + looks[0])
        return following - into

    def _is_over(self, age: float, into: float, first_look: float) -> bool:
        """Whether nothing more is to be seen in this tick, or it is too early for an end."""
        if self._inexact > _EXACT_SECONDS:
            return False
        moved = age - self._changed_at <= into
        return (moved or age < self._start) and into >= first_look - 0.02

    def _until_next_in_window(self, age: float) -> float:
        """What may be spent is spread over the time in which the end is likely."""
        left = self._end - age
        saved = _BURST + _POLLS_PER_SECOND * age - self._polls
        return min(max(left / max(_POLLS_PER_SECOND * left + saved, 1.0), _CLOSE_SECONDS), 1.5)


def _window(durations: Sequence[float]) -> tuple[float, float]:
    """From which age to which an end is likely."""
    if not durations:
        return 0.0, _ENDLESS
    return max(0.0, 0.9 * min(durations) - 0.3), 1.1 * max(durations) + 0.5


def _late(age: float, *, after: float) -> float:
    """It takes longer than ever before."""
    return min(max(1.0, (age - after) / 20), _LATE_SECONDS)


def _unknown(age: float) -> float:
    if age < _CLOSE_SECONDS:
        return _CLOSE_SECONDS  # it may be refused
    if age < _FIRST_END - _CLOSE_SECONDS:
        return min(_CALM_SECONDS, _FIRST_END + 0.15 - age)  # which jitter shortens
    known = next((pause for until, pause in _UNKNOWN if age < until), None)
    return known if known is not None else min(age / 60, _LATE_SECONDS)
