"""Waiting with a run for a while, and telling whoever waits how it moves.

Knows nothing of sources: it only sees what the follower has observed.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from math import inf

from opsmcp_tools.model.run_record import Clock, RunRecord
from opsmcp_tools.runs.first_of import first_of
from opsmcp_tools.runs.live_run import LiveRun

__all__ = ["Progress", "wait_for_end", "wait_until"]

Progress = Callable[[RunRecord], Awaitable[None]]
"""Called with the run as it is; what it raises ends the waiting, not the run."""

_AT_LEAST_EVERY_SECONDS = 10.0
_AT_MOST_EVERY_SECONDS = 1.0


async def wait_for_end(
    live: LiveRun, *, clock: Clock, seconds: float, on_progress: Progress | None = None
) -> None:
    """Return when the run has ended, or after `seconds`.

    Calls `on_progress` on every visible change, but at most once a second, and at least every 10
    seconds.
    """
    await wait_until(
        lambda: live.record.ended, live, clock=clock, seconds=seconds, on_progress=on_progress
    )


async def wait_until(
    over: Callable[[], bool],
    live: LiveRun,
    *,
    clock: Clock,
    seconds: float,
    on_progress: Progress | None = None,
) -> None:
    """As `wait_for_end`, for something else that only a visible change of the run can bring."""
    with live.waiting():
        await _wait(over, live, clock, seconds, on_progress)


async def _wait(
    over: Callable[[], bool],
    live: LiveRun,
    clock: Clock,
    seconds: float,
    on_progress: Progress | None,
) -> None:
    last = clock.monotonic()
    end = last + seconds
    notified = live.record.result
    while not over() and (now := clock.monotonic()) < end:
        change = live.next_change()
        updates = live.record.result != notified
        due = last + (_AT_MOST_EVERY_SECONDS if updates else _AT_LEAST_EVERY_SECONDS)
        if on_progress and now >= due:
            notified, last = live.record.result, now
            await on_progress(live.record)
            continue
        pause = min(end, due if on_progress else inf) - now
        if pause < inf:
            await first_of(change.wait, partial(clock.sleep, pause))
        else:
            await change.wait()
