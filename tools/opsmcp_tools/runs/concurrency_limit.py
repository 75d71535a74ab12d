"""ConcurrencyLimit: how many runs may be in flight, in all and of one principal, and who waits.

Those who wait are let in in the order in which they came, except that a principal who has reached
its own limit does not hold up the others. Knows nothing of runs or sources.
"""

from collections import Counter
from dataclasses import dataclass

import anyio

from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import Clock, RunSettings
from opsmcp_tools.phrases.tool_names import LIST_RUNS
from opsmcp_tools.runs.first_of import first_of

__all__ = ["ConcurrencyLimit"]


@dataclass(eq=False, slots=True)
class _Waiter:
    principal: str
    entered: anyio.Event


class ConcurrencyLimit:
    """Counts what is in flight. Every `enter` that returns needs a `leave`."""

    def __init__(self, settings: RunSettings, clock: Clock) -> None:
        """Begin with nothing in flight."""
        self._settings = settings
        self._clock = clock
        self._inside: Counter[str] = Counter()
        self._queue: list[_Waiter] = []

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._queue)

    def is_open_to(self, principal: str) -> bool:
        """Whether `enter` would return at once."""
        return self._has_room(principal) and not self._is_behind(principal)

    async def enter(self, principal: str) -> None:
        """Return when one more run of this principal may be in flight.

        Raises:
            ToolUnavailable: The queue is full, or the turn did not come in time.
        """
        if self.is_open_to(principal):
            self._inside[principal] += 1
            return
        if len(self._queue) >= self._settings.queue:
            raise self._full(principal, f"and {len(self._queue)} calls wait already")
        waiter = _Waiter(principal, anyio.Event())
        self._queue.append(waiter)
        try:
            seconds = self._settings.queue_seconds
            await first_of(waiter.entered.wait, lambda: self._clock.sleep(seconds))
        except BaseException:
            self._give_up(waiter)
            raise
        if not waiter.entered.is_set():
            self._give_up(waiter)
            raise self._full(principal, f"and none ended within {seconds:g} seconds")

    def force(self, principal: str) -> None:
        """Count a run that is in flight already, whatever the limits say."""
        self._inside[principal] += 1

    def leave(self, principal: str) -> None:
        """One run less of this principal; lets in who waits for it."""
        self._inside[principal] -= 1
        if not self._inside[principal]:
            del self._inside[principal]
        for waiter in tuple(self._queue):
            if self._has_room(waiter.principal):
                self._queue.remove(waiter)
                self._inside[waiter.principal] += 1
                waiter.entered.set()

    def _has_room(self, principal: str) -> bool:
        return (
            self._inside.total() < self._settings.limit
            and self._inside[principal] < self._settings.limit_per_principal
        )

    def _is_behind(self, principal: str) -> bool:
        return any(waiter.principal == principal for waiter in self._queue)

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._queue:
            self._queue.remove(waiter)
        elif waiter.entered.is_set():
            self.leave(waiter.principal)

    def _full(self, principal: str, more: str) -> ToolUnavailable:
        mine, everybody = self._inside[principal], self._inside.total()
        flying = "1 run is" if everybody == 1 else f"{everybody} runs are"
        return ToolUnavailable(
            f"nothing was started: {flying} in flight ({mine} of yours; at most "
            f"{self._settings.limit_per_principal} of one user and {self._settings.limit} in all), "
            f"{more}. Wait for one to end: {LIST_RUNS} verdict=running shows yours"
        )
