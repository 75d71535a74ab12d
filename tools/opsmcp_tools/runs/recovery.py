"""Taking up: runs that exist already, and that nobody follows, are followed from here on.

Those in the journal whose process is gone, and those that an opsmcp with another journal started.
There is always room for them. Knows nothing of calls.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from anyio.abc import TaskGroup

from opsmcp_tools.journal.protocol import Journal
from opsmcp_tools.journal.writer import Writes
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import Clock, RunRecord, RunSettings
from opsmcp_tools.runs.concurrency_limit import Admission
from opsmcp_tools.runs.follower import Live
from opsmcp_tools.runs.lifecycle import Carrier

__all__ = ["TakingUp"]

_LEARNABLE = timedelta(hours=1)
"""How long after its deadline an opsmcp with the source of a run might still learn of its end."""

_logger = logging.getLogger(__name__)


class TakingUp:
    """Takes up runs, into a task group that somebody else owns."""

    def __init__(
        self,
        journal: Journal,
        writes: Writes,
        carrier: Carrier,
        admission: Admission,
        *,
        settings: RunSettings,
        clock: Clock,
        source: str,
        masker: Masker,
    ) -> None:
        """Prepare; `source` is what the source of this process is called."""
        self._journal = journal
        self._writes = writes
        self._carrier = carrier
        self._admission = admission
        self._settings = settings
        self._clock = clock
        self._source = source
        self._masker = masker

    async def take_up(self, group: TaskGroup, run: str | None = None) -> bool:
        """Follow the unfinished runs (or the one) that no live process follows any more.

        Those of another source can only be ended, once nobody else will.
        """
        try:
            claimed = await self._writes.do(self._journal.claim, self._is_to_take_up, run)
        except JournalUnusable as error:
            _logger.warning("unfinished runs were not taken up: %s", error)
            return False
        # Nothing is awaited until all are followed: the next claim, whose turn it is, must see it.
        for record in claimed:
            ours = record.source == self._source
            self.take(record, group, self._carrier.resume if ours else self._carrier.give_up)
        return bool(claimed)

    def _is_to_take_up(self, record: RunRecord) -> bool:
        """Whether a run is to be taken from the journal; called in a thread."""
        if record.run in self._carrier.live:
            return False
        late = timedelta(seconds=self._settings.deadline_of(record.tool)) + _LEARNABLE
        return record.source == self._source or self._clock.now() - record.created_at > late

    def take(
        self, record: RunRecord, group: TaskGroup, carry: Callable[[Live], Awaitable[None]]
    ) -> None:
        """Follow a run that exists already, whether there is room for it or not."""
        live = self._carrier.live[record.run] = Live(record, self._masker, self._clock)
        self._admission.take(record.principal)

        async def follow() -> None:
            try:
                await carry(live)
            finally:
                self._admission.leave(record.principal)

        group.start_soon(follow)
