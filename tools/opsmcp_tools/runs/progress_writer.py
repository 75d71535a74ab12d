"""ProgressWriter: how a run stands while it goes on, written down now and then for other processes.

What is written is small, a run that is costly to write is written less often, and none while others
write. Knows nothing of ends: those are written by `lifecycle`, whatever was written before.
"""

import logging
from collections.abc import Callable

from opsmcp_tools.journal.writer import Writes
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import Clock, RunRecord

__all__ = ["ProgressWriter"]

_EVERY_SECONDS = 3.0
_SHARE_OF_TIME = 0.05
"""How much of the time may go into writing, where that takes long."""

_logger = logging.getLogger(__name__)


class ProgressWriter:
    """Writes the progress of one run."""

    def __init__(
        self, write: Callable[[RunRecord], object], writes: Writes, clock: Clock, record: RunRecord
    ) -> None:
        """Begin with a run as it is written already; `write` is one of the `writes`."""
        self._write = write
        self._writes = writes
        self._clock = clock
        self._written = record.result
        self._due = clock.monotonic() + _EVERY_SECONDS

    async def observe(self, record: RunRecord) -> None:
        """Write the run if it has changed, and it is time."""
        now = self._clock.monotonic()
        if now < self._due or self._writes.busy or record.result == self._written:
            return
        self._written = record.result
        try:
            await self._writes.do(self._write, record)
        except JournalUnusable as error:
            _logger.info("run %s: how it stands was not recorded: %s", record.run, error)
        took = self._clock.monotonic() - now
        self._due = now + max(_EVERY_SECONDS, took / _SHARE_OF_TIME)
