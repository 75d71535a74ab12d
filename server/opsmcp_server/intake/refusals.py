"""What was refused or left out, counted for the operator: by sender and reason, and now and then.

Strangers decide how often something is refused, so it is counted in memory and written at most
every few seconds, and logged at most once an hour for each sender and reason.
"""

import logging
from collections import Counter
from collections.abc import Mapping

from opsmcp_tools.model.run_record import Clock

__all__ = ["NOBODY", "Refusals"]

logger = logging.getLogger(__name__)

NOBODY = ""
"""The sender of what came for a name that no sender has."""

_TOLD_SECONDS = 3600.0


class Refusals:
    """Counts that are not written yet."""

    def __init__(self, clock: Clock) -> None:
        """There are none."""
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Counter()
        self._told: dict[tuple[str, str], float] = {}

    def add(self, sender: str, reason: str, count: int = 1) -> None:
        """Count some. Reasons are constants, so that there are few."""
        which = (sender, reason)
        self._counts[which] += count
        now = self._clock.monotonic()
        if now - self._told.get(which, -_TOLD_SECONDS) >= _TOLD_SECONDS:
            self._told[which] = now
            who = f"sender {sender}" if sender else "a sender that the settings do not have"
            logger.warning("%s: %s; `opsmcp events senders` tells how often", who, reason)

    def take(self) -> Mapping[tuple[str, str], int]:
        """The counts; none are left."""
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Keep what could not be written."""
        self._counts.update(counts)
