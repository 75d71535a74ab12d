"""Starting: exactly one start per call, and the search for a run whose start was not answered.

Knows nothing of callers or the journal. A start is never sent twice, whatever happens.
"""

import logging

from opsmcp_pipelines.errors import SourceError, SourceProtocolError, StartOutcomeUnknown
from opsmcp_pipelines.source import RunRef, Source, StartRequest
from opsmcp_tools.errors import RunOutcomeUnknown, ToolUnavailable
from opsmcp_tools.runs import Clock, RunSettings

__all__ = ["find_started", "start_once"]

_logger = logging.getLogger(__name__)


async def start_once(
    source: Source, request: StartRequest, *, clock: Clock, settings: RunSettings
) -> RunRef:
    """Start a run; where it is.

    Raises:
        ToolUnavailable: There is certainly no run.
        RunOutcomeUnknown: There may be one, and it was not found.
    """
    try:
        return await source.start(request)
    except (StartOutcomeUnknown, SourceProtocolError):
        _logger.warning("run %s: its start was not answered; looking for it", request.call_id)
    except SourceError as error:
        raise ToolUnavailable(f"nothing was started: {error}") from error
    return await find_started(source, request, clock=clock, settings=settings)


async def find_started(
    source: Source, request: StartRequest, *, clock: Clock, settings: RunSettings
) -> RunRef:
    """Look for the run that `request` may have made, a few times: it may show up late.

    Raises:
        RunOutcomeUnknown: It was not found, or the source could not be asked.
    """
    answers = 0
    for pause in settings.search_pauses_seconds:
        await clock.sleep(pause)
        try:
            found = await source.find_run(request)
        except SourceError:
            continue
        if found:
            return found
        answers += 1
    raise RunOutcomeUnknown(
        f"the start was sent and its answer was lost; {_evidence(answers)}. It was not sent again"
    )


def _evidence(answers: int) -> str:
    if answers:
        return f"no run of this call was found in {answers} searches, but it may still appear"
    return "the source could not be asked whether it made a run"
