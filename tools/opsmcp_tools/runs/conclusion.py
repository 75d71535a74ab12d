"""How runs are over: recorded first, then told to whoever waits and to the hooks.

What cannot be recorded is told all the same, held in memory, and recorded later. Knows nothing of
how a run came to its end.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVarTuple

import anyio

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.model.errors import JournalUnusable, ToolError
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.events import CallRefused, RunEnded
from opsmcp_tools.runs.live_run import LiveRun, State

__all__ = ["Conclusions"]

_Values = TypeVarTuple("_Values")

_WRITE_AGAIN_SECONDS = 10.0
"""How long until the end of a run that could not be recorded is written again."""

_MOST_ENDS = 1_000

_logger = logging.getLogger(__name__)


class Conclusions:
    """Ends runs, each once."""

    def __init__(self, context: RunContext) -> None:
        """Nothing has ended yet."""
        self._context = context
        self.last: dict[str, tuple[datetime, float]] = {}
        """By the digests of calls, when their last runs ended here, as told and monotonic."""

    async def refuse(self, live: LiveRun, error: ToolError) -> None:
        """End a call that never became a run. What the journal does not have, it does not get."""
        reason = live.masker.text(str(error))
        refusal = type(error)(reason, live.masker.text(error.in_terminal), error.look)
        result = replace(live.record.result, verdict=Verdict.NOTHING_RAN, reason=reason)
        record = replace(live.record, result=result, ended_at=live.now())
        refused = CallRefused(
            record.tool, record.principal, reason, record.run, record.principal_id
        )
        if live.state is State.INTENDED:
            live.refuse(record, refusal)
            self._context.hooks.emit(replace(refused, run=""))
        else:
            await self._conclude(record, partial(live.refuse, record, refusal), refused)

    async def end(self, live: LiveRun, result: Run, at: datetime | None = None) -> None:
        """End a run as `result` says, now, or `at` a time that is known better."""
        now = live.now()
        record = replace(live.record, result=result, ended_at=at or now, observed_at=now)
        self._note_end(record.digest, at or now)
        await self._conclude(record, partial(live.end, record), RunEnded(record))

    def _note_end(self, digest: str, at: datetime) -> None:
        self.last.pop(digest, None)
        self.last[digest] = at, self._context.clock.monotonic()
        if len(self.last) > _MOST_ENDS:
            del self.last[next(iter(self.last))]

    async def _conclude(
        self, record: RunRecord, conclude: Callable[[], None], event: RunEnded | CallRefused
    ) -> None:
        """Record the end, then tell it. What cannot be recorded is told, and recorded later.

        Recorded first, so that the next call of the same kind finds the run over.
        """
        # Shielded, because whoever was waiting may leave the program as soon as it is told.
        recorded = False
        with anyio.CancelScope(shield=True):
            recorded = await self.write(self._context.journal.finish, record)
            conclude()
        self._context.hooks.emit(event)
        while not recorded:
            await self._context.clock.sleep(_WRITE_AGAIN_SECONDS)
            recorded = await self.write(self._context.journal.finish, record)

    async def write(self, write: Callable[[*_Values], object], *values: *_Values) -> bool:
        """Write to the journal. A run goes on when that fails; it is held in memory meanwhile."""
        try:
            await self._context.writer.do(write, *values)
        except JournalUnusable as error:
            _logger.warning("what became of a run was not recorded yet: %s", error)
            return False
        return True
