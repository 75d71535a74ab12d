"""ProgressWriter: how a run stands while it goes on, written down now and then for other processes.

A run that is costly to write is written less often, and none while others write. What nobody else
keeps is written with each step that ends, and as a sign of life also if nothing changed. Knows
nothing of ends: those are written by `conclusion`, whatever was written before.
"""

import logging
from collections.abc import Callable

from opsmcp_pipelines.run import Run
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import Clock, RunRecord

__all__ = ["ProgressWriter"]

_EVERY_SECONDS = 3.0
_SIGN_OF_LIFE_SECONDS = 10.0
"""How exactly it is known afterwards when a run ended whose process was killed."""

_SHARE_OF_TIME = 0.05
"""How much of the time may go into writing, where that takes long."""

_logger = logging.getLogger(__name__)


class ProgressWriter:
    """Writes the progress of one run."""

    def __init__(
        self,
        write: Callable[[RunRecord], object],
        writes: JournalWriter,
        clock: Clock,
        record: RunRecord,
        *,
        each_step: bool = False,
    ) -> None:
        """Begin with a run as it is written already; `write` is one of the `writes`.

        `each_step` is for runs that nobody else keeps, and that end with this process.
        """
        self._write = write
        self._writes = writes
        self._clock = clock
        self._each_step = each_step
        self._written = record.result
        self._due = clock.monotonic() + _EVERY_SECONDS
        self._earliest = self._wrote_at = clock.monotonic()

    async def observe(self, record: RunRecord) -> None:
        """Write the run if there is something to say, and it is time."""
        now = self._clock.monotonic()
        if not (self._is_time(record.result, now) and self._is_news(record.result, now)):
            return
        self._written, self._wrote_at = record.result, now
        try:
            await self._writes.do(self._write, record)
        except JournalUnusable as error:
            _logger.info("run %s: how it stands was not recorded: %s", record.run, error)
        took = self._clock.monotonic() - now
        self._earliest = now + took / _SHARE_OF_TIME
        self._due = max(now + _EVERY_SECONDS, self._earliest)

    def _is_news(self, run: Run, now: float) -> bool:
        silent = self._each_step and now - self._wrote_at >= _SIGN_OF_LIFE_SECONDS
        return silent or run != self._written

    def _is_time(self, run: Run, now: float) -> bool:
        if self._writes.busy or now < self._earliest:
            return False
        return now >= self._due or (
            self._each_step and _ended_steps(run) != _ended_steps(self._written)
        )


def _ended_steps(run: Run) -> int:
    nodes = (node for task in run.tasks for node in task.nodes)
    return sum(step.verdict.ended for node in nodes for step in node.steps)
