from collections.abc import Sequence
from contextlib import ExitStack

import anyio
import pytest

from opsmcp_pipelines.errors import SourceError, SourceUnavailable
from opsmcp_pipelines.source import RunRef
from opsmcp_tools.runs.poller import Poller, RateLimiter
from tests.fakes.clock import JumpingClock
from tests.fakes.scripted_source import RUNNING, ScriptedSource
from tests.tools.runs.bench import SAY


def _refs(count: int) -> list[RunRef]:
    return [RunRef(SAY.operation.key, f"say-{number}", f"r-{number}") for number in range(count)]


async def _read_all(poller: Poller, clock: JumpingClock, refs: Sequence[RunRef]) -> int:
    """Read all at the same time; how many could not be read."""
    failed: list[SourceError] = []

    async def read(ref: RunRef) -> None:
        try:
            await poller.read(ref)
        except SourceError as error:
            failed.append(error)

    with anyio.fail_after(5), ExitStack() as stack:
        for ref in refs:
            stack.enter_context(poller.polling(ref))
        async with anyio.create_task_group() as driver:
            driver.start_soon(clock.drive)
            async with anyio.create_task_group() as group:
                for ref in refs:
                    group.start_soon(read, ref)
            driver.cancel_scope.cancel()
    return len(failed)


@pytest.mark.parametrize(("runs", "lists"), [(1, 0), (6, 0), (7, 1), (50, 1)])
async def test_many_runs_are_read_from_one_list(runs: int, lists: int) -> None:
    clock, source = JumpingClock(), ScriptedSource(RUNNING)
    poller = Poller(source, clock=clock, requests_per_second=20)
    assert await _read_all(poller, clock, _refs(runs)) == 0
    assert source.lists == lists


async def test_a_list_that_cannot_be_read_is_not_asked_for_by_everybody() -> None:
    clock, source = JumpingClock(), ScriptedSource(SourceUnavailable("away"))
    poller = Poller(source, clock=clock, requests_per_second=20)
    assert await _read_all(poller, clock, _refs(30)) == 30
    assert source.lists == 1


async def test_requests_keep_within_the_budget() -> None:
    clock = JumpingClock()
    rate = RateLimiter(20, clock)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(clock.drive)
            for _ in range(100):
                await rate.turn()
            group.cancel_scope.cancel()
    assert clock.seconds == pytest.approx(4.45, abs=0.1)
