"""Recovery: runs that exist already, and that nobody follows, are followed from here on.

Those in the journal whose process is gone, and those that an opsmcp with another journal started.
There is always room for them. Knows nothing of calls.
"""

import logging
from datetime import timedelta

from anyio.abc import TaskGroup

from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.lifecycle import Lifecycle, Way
from opsmcp_tools.runs.live_run import LiveRun, State

__all__ = ["Recovery"]

_LEARNABLE = timedelta(hours=1)
"""How long after its deadline an opsmcp with the source of a run might still learn of its end."""

_logger = logging.getLogger(__name__)


class Recovery:
    """Recovers runs, into a task group that somebody else owns."""

    def __init__(self, context: RunContext, lifecycle: Lifecycle) -> None:
        """Prepare; nothing is recovered yet."""
        self._context = context
        self._lifecycle = lifecycle
        self._source = context.source.label

    async def recover(self, group: TaskGroup, run: str | None = None) -> bool:
        """Follow the unfinished runs (or the one) that no live process follows any more.

        Those of another source can only be ended, once nobody else will.
        """
        try:
            claim = self._context.journal.claim
            claimed = await self._context.writer.do(claim, self._is_to_recover, run)
        except JournalUnusable as error:
            _logger.warning("unfinished runs were not recovered: %s", error)
            return False
        # Nothing is awaited until all are followed: the next claim, whose turn it is, must see it.
        for record in claimed:
            ours = record.source == self._source
            self.follow(record, group, self._lifecycle.recover if ours else self._lifecycle.give_up)
        return bool(claimed)

    def _is_to_recover(self, record: RunRecord) -> bool:
        """Whether a run is to be claimed from the journal; called in a thread."""
        if record.run in self._context.live:
            return False
        late = timedelta(seconds=self._context.settings.deadline_of(record.tool)) + _LEARNABLE
        return record.source == self._source or self._context.clock.now() - record.created_at > late

    def follow(self, record: RunRecord, group: TaskGroup, way: Way) -> None:
        """Follow a run that exists already, whether there is room for it or not."""
        state = State.ACCEPTED if record.source_run else State.RECORDED
        self._context.limit.force(record.principal_id)
        live = LiveRun(record, self._context.masker, self._context.clock, state=state)
        self._lifecycle.launch(group, live, way)
