"""Cancelling a run: as far as its source can, for whoever asks or has gone away."""

import logging
from collections.abc import Awaitable, Callable
from math import inf

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.source import Cancelled
from opsmcp_tools.model.errors import ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.events import CancelAsked
from opsmcp_tools.runs.history import History
from opsmcp_tools.runs.live_run import LiveRun
from opsmcp_tools.runs.wait import wait_until

__all__ = ["Cancellation"]

_CANCEL_SECONDS = 5.0
"""How long a cancel waits for the run to begin, and for it to end."""

_logger = logging.getLogger(__name__)


class Cancellation:
    """Cancels runs of one source."""

    def __init__(
        self,
        context: RunContext,
        history: History,
        wait: Callable[[str, float], Awaitable[RunRecord]],
        settled: Callable[[LiveRun, float], Awaitable[RunRecord]],
    ) -> None:
        """Prepare; `wait` and `settled` are as `Executions` has them."""
        self._context = context
        self._history = history
        self._wait = wait
        self._settled = settled

    async def cancel(self, run: str, principal: Principal) -> tuple[RunRecord, Cancelled]:
        """End a run as far as its source can; the run as it is then, and what was done.

        Raises:
            UnknownRun: This principal has no such run.
            ToolUnavailable: The source could not be asked.
        """
        record, done = await self._cancel(run, principal)
        self._context.hooks.emit(CancelAsked(record, principal, done))
        return record, done

    async def _cancel(self, run: str, principal: Principal) -> tuple[RunRecord, Cancelled]:
        record = await self._history.head(run, principal)
        if record.ended or not self._context.source.traits.cancels:
            return record, Cancelled.GOES_ON
        live = self._context.live.get(run)
        if live is not None:
            await wait_until(
                lambda: live.is_settled, live, clock=self._context.clock, seconds=_CANCEL_SECONDS
            )
            record = live.record
        if record.ended or not record.source_run:
            return record, Cancelled.GOES_ON
        try:
            done = await self._context.source.cancel(record.ref)
        except SourceError as error:
            raise ToolUnavailable(f"{run} was not cancelled: {error}") from error
        followed = self._context.live.get(run)
        if followed is not None:
            followed.hurry()
        acted = done is not Cancelled.GOES_ON or followed is not None
        return await self._wait(run, _CANCEL_SECONDS if acted else 0.0), done

    def abandoned_by(self, caller: object) -> LiveRun | None:
        """The run that this caller made and nobody else waits for, if its source can end it."""
        made = (live for live in self._context.live.values() if live.caller is caller)
        live = next(made, None)
        wanted = live is None or live.is_waited_for or not self._context.source.traits.cancels
        return None if wanted else live

    async def abandon(self, live: LiveRun, principal: Principal) -> None:
        """Cancel it once it has begun."""
        try:
            record = await self._settled(live, inf)
            await self.cancel(record.run, principal)
        except ToolError as error:
            _logger.warning("run %s could not be stopped: %s", live.record.run, error)
