"""What was refused or left out, counted for the operator: by sender and reason, and now and then.

Strangers decide how often something is refused, so it is counted in memory and written at most
every few seconds, and logged at most once an hour for each sender and reason.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping

import anyio

from opsmcp_server.calls.observed import Observers, SignalsRefused
from opsmcp_tools.incidents.store import SignalStore
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import Clock

__all__ = ["NOBODY", "Refusals"]

logger = logging.getLogger(__name__)

NOBODY = ""
"""The sender of what came for a name that no sender has."""

_TOLD_SECONDS = 3600.0
_WRITE_SECONDS = 2.0

_Counts = Mapping[tuple[str, str], int]
"""How often, by sender and reason."""


class Refusals:
    """Counts that are not written yet."""

    def __init__(
        self,
        open_store: Callable[[], SignalStore],
        writer: JournalWriter,
        clock: Clock,
        observers: Observers,
    ) -> None:
        """There are none. They are written to a store, and `observers` are told of each."""
        self._open_store = open_store
        self._writer = writer
        self._clock = clock
        self._observers = observers
        self._counts: Counter[tuple[str, str]] = Counter()
        self._told: dict[tuple[str, str], float] = {}

    def add(self, sender: str, reason: str, count: int = 1) -> None:
        """Count some; zero of them is fine. Reasons are constants, so that there are few."""
        if not count:
            return
        which = (sender, reason)
        self._counts[which] += count
        now = self._clock.monotonic()
        if now - self._told.get(which, -_TOLD_SECONDS) >= _TOLD_SECONDS:
            self._told[which] = now
            who = f"sender {sender}" if sender else "a sender that the settings do not have"
            logger.warning("%s: %s; `opsmcp events senders` tells how often", who, reason)
        self._observers(SignalsRefused(sender, reason, count))

    def take(self) -> _Counts:
        """The counts; none are left."""
        taken, self._counts = self._counts, Counter()
        return taken

    async def run(self) -> None:
        """Write them now and then until cancelled, and what is left at the end."""
        try:
            while True:
                await anyio.sleep(_WRITE_SECONDS)
                await self._write()
        finally:
            with anyio.CancelScope(shield=True):
                await self._write()

    async def _write(self) -> None:
        counts = self.take()
        if not counts:
            return
        try:
            await self._writer.do(self._record, counts)
        except JournalUnusable:
            self._counts.update(counts)

    def _record(self, counts: _Counts) -> None:
        self._open_store().refused(counts, self._clock.now())
