"""Events of the audit trail that may come again and again: some are lines, the others are counted.

Strangers set the pace of refusals, and programs that of their calls: neither may fill the trail.
Nothing is lost of it: the lines of an event, and the sum of their `count`, are how often it was.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from math import inf

import anyio

from opsmcp_tools.audit.counted import Counted
from opsmcp_tools.audit.line import AuditEvent, Outcome
from opsmcp_tools.model.caller import Caller
from opsmcp_tools.model.run_record import Clock

__all__ = ["REPEAT_SECONDS", "Repeats"]

REPEAT_SECONDS = 60.0
"""How long equal refusals are one line."""

_REFUSED_OF_ADDRESS, _REFUSED_OF_ALL = 20, 600
"""How many requests that did not get in are lines of their own in that time: of one address, and in
all."""

Make = Callable[[], AuditEvent]


class Repeats:
    """Decides what becomes a line."""

    def __init__(self, note: Callable[[AuditEvent], None], clock: Clock) -> None:
        """Write lines by `note`."""
        self._note, self._clock = note, clock
        self._equal: dict[float, Counted[AuditEvent]] = {}
        self._of_address = Counted[str](REPEAT_SECONDS, free=_REFUSED_OF_ADDRESS)
        self._of_all = Counted[str](REPEAT_SECONDS, free=_REFUSED_OF_ALL)

    def take(self, key: Hashable, seconds: float, make: Make) -> None:
        """Write one of equal keys in so many seconds."""
        counted = self._equal.setdefault(seconds, Counted(seconds))
        told = counted.take(key, self._clock.monotonic(), make)
        if told.itself:
            self._note(_with_count(told.what, told.besides))

    def kept_out(self, address: str, make: Make) -> None:
        """Write that a request from this address did not get in."""
        if self._is_told(self._of_address, address) and self._is_told(self._of_all, ""):
            self._note(make())

    def _is_told(self, counted: Counted[str], address: str) -> bool:
        told = counted.take(address, self._clock.monotonic(), lambda: address)
        if told.besides:
            self._limited(address, told.besides)
        return told.itself

    def _limited(self, address: str, count: int) -> None:
        caller, details = Caller(address=address), {"count": count}
        now, failed = self._clock.now(), Outcome.FAILURE
        self._note(AuditEvent("auth.limited", now, failed, "too many", None, caller, details))

    async def run(self) -> None:
        """Write what was only counted, once its time is over, until cancelled."""
        while True:
            await anyio.sleep(REPEAT_SECONDS)
            self._tell_left(self._clock.monotonic())

    def close(self) -> None:
        """Write what was only counted so far."""
        self._tell_left(inf)

    def _tell_left(self, now: float) -> None:
        for addresses in (self._of_address, self._of_all):
            for address, count in addresses.left(now):
                self._limited(address, count)
        for equal in self._equal.values():
            for event, count in equal.left(now):
                # The line is the last of them, and counts those before it.
                self._note(_with_count(replace(event, at=self._clock.now()), count - 1))


def _with_count(event: AuditEvent, count: int) -> AuditEvent:
    return replace(event, details={**event.details, "count": count})
