"""Starting: exactly one start per call, and the search for a run whose start was not answered.

Knows nothing of callers or the journal. A start is never sent twice, whatever happens, but to a
source that makes one run of both.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from opsmcp_pipelines.errors import (
    DefinitionChanged,
    NotFound,
    SourceError,
    SourceProtocolError,
    StartOutcomeUnknown,
)
from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.source import RunRef, Source, StartRequest
from opsmcp_tools.model.errors import (
    PlanChanged,
    RunOutcomeUnknown,
    TerminalHint,
    ToolGone,
    ToolUnavailable,
)
from opsmcp_tools.model.run_record import Clock, RunSettings
from opsmcp_tools.phrases.tool_names import PLAN_OPERATION

__all__ = ["Starter"]

_SILENT_SECONDS = 5.0
"""A start that was not answered for so long may still be acted on. Sooner, it broke or was bad."""

_LATER_PAUSE_SECONDS = 10.0

_CLEARED_AFTER = timedelta(minutes=10)
_CLEARED_EVERY = timedelta(minutes=30)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts runs on one source, and finds those whose start was not answered."""

    source: Source
    clock: Clock
    settings: RunSettings
    turn: Callable[[], Awaitable[None]]
    """Awaited before each request of a search: many lost starts must not overrun a source."""

    async def start_once(
        self, request: StartRequest, *, until_seconds: float, on_doubt: Callable[[], None]
    ) -> RunRef:
        """Start a run; where it is.

        Args:
            request: What to start.
            until_seconds: How long to look for a run while the source cannot be asked.
            on_doubt: Called when the start was not answered, before the run is looked for.

        Raises:
            PlanChanged: There is no run: it would not be what was decided on.
            ToolGone: There is no run: the source does not have the operation.
            ToolUnavailable: There is certainly no run.
            RunOutcomeUnknown: There may be one, and it was not found.
        """
        sent, sent_at = self.clock.monotonic(), self.clock.now()
        try:
            return await self.source.start(request)
        except (StartOutcomeUnknown, SourceProtocolError):
            _logger.warning("run %s: its start was not answered; looking for it", request.call_id)
        except DefinitionChanged as error:
            raise _plan_changed(error) from error
        except NotFound as error:
            raise ToolGone(f"nothing was started: {error}") from error
        except SourceError as error:
            raise ToolUnavailable(f"nothing was started: {error}") from error
        on_doubt()
        if self.source.traits.repeats_safely and (known := await self._start_again(request)):
            return known
        took = self.clock.monotonic() - sent
        may_act = self.settings.acts_until_seconds - took if took >= _SILENT_SECONDS else 0.0
        return await self.find_started(
            request.operation,
            request.call_id,
            at_least=may_act,
            until_seconds=until_seconds,
            since=sent_at,
        )

    async def _start_again(self, request: StartRequest) -> RunRef | None:
        """Where the run is, from a source that makes no second one; None if it does not answer."""
        for pause in self.settings.search_pauses_seconds:
            await self.clock.sleep(pause)
            with suppress(SourceError):
                return await self.source.start(request)
        return None

    async def find_unanswered(
        self, operation: OperationKey, call_id: str, *, until_seconds: float, sent_at: datetime
    ) -> RunRef:
        """Look for the run of a start whose process is gone: nobody knows how long it was silent.

        Raises:
            RunOutcomeUnknown: See `find_started`.
        """
        age = (self.clock.now() - sent_at).total_seconds()
        may_act = self.settings.acts_until_seconds - max(age, 0.0)
        return await self.find_started(
            operation, call_id, at_least=may_act, until_seconds=until_seconds, since=sent_at
        )

    async def find_started(
        self,
        operation: OperationKey,
        call_id: str,
        *,
        at_least: float = 0.0,
        until_seconds: float,
        since: datetime,
    ) -> RunRef:
        """Look for the run that a call may have made, several times: it may show up late.

        Args:
            operation: What was to be started.
            call_id: The call that it was for.
            at_least: How many seconds to go on although it is not found.
            until_seconds: How long to go on while the source cannot be asked.
            since: When it was to be started.

        Raises:
            RunOutcomeUnknown: It was not found, or the source could not be asked.
        """
        began, answers = self.clock.monotonic(), 0
        pauses = self.settings.search_pauses_seconds
        for number in count():
            await self.clock.sleep(pauses[number] if number < len(pauses) else _LATER_PAUSE_SECONDS)
            try:
                found = await self.source.find_run(operation, call_id, self.turn)
            except SourceError:
                enough = until_seconds
            else:
                if found:
                    return found
                answers, enough = answers + 1, at_least
            if number + 1 >= len(pauses) and self.clock.monotonic() - began >= enough:
                break
        cleared = _may_be_cleared(since, self.clock.now())
        raise RunOutcomeUnknown(
            f"its start was not answered; {_evidence(answers, cleared)}. It was not sent again"
        )


def _plan_changed(error: DefinitionChanged) -> PlanChanged:
    nothing = f"nothing was started: {error}"
    return PlanChanged(
        f"{nothing}. See what it does now ({PLAN_OPERATION}), then call it again",
        f"{nothing}.",
        TerminalHint("tools", "shows what there is now"),
    )


def _evidence(answers: int, cleared: bool) -> str:
    if not answers:
        return "the source could not be asked whether it made a run"
    times = "1 search" if answers == 1 else f"{answers} searches"
    but = "Ops may have cleared it away since" if cleared else "it may still appear"
    return f"no run of this call was found in {times}, but {but}"


def _may_be_cleared(since: datetime, now: datetime) -> bool:
    """Whether Ops has cleared away runs of that age since: at :00 and :30 those over 10 minutes."""
    ripe = since + _CLEARED_AFTER
    midnight = ripe.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - (midnight - ripe) // _CLEARED_EVERY * _CLEARED_EVERY <= now
