"""How many runs may be in flight, and who waits for a turn."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import RunSettings
from opsmcp_tools.runs.concurrency_limit import ConcurrencyLimit
from tests.fakes.clock import JumpingClock


def concurrency_limit(**limits: float) -> tuple[ConcurrencyLimit, JumpingClock]:
    clock = JumpingClock()
    return ConcurrencyLimit(RunSettings(**limits), clock), clock  # pyright: ignore[reportArgumentType]


async def test_who_waits_is_let_in_when_one_leaves() -> None:
    door, _ = concurrency_limit(limit=1, limit_per_principal=1, queue=2)
    await door.enter("anna")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(door.enter, "bob")
            await checkpoint()
            await checkpoint()
            assert door.waiting == 1
            door.leave("anna")
    assert door.waiting == 0


async def test_a_principal_at_its_limit_does_not_hold_up_others() -> None:
    door, _ = concurrency_limit(limit=3, limit_per_principal=1, queue=2)
    await door.enter("anna")
    async with anyio.create_task_group() as group:
        group.start_soon(door.enter, "anna")
        await checkpoint()
        await checkpoint()
        await door.enter("bob")
        assert door.waiting == 1
        group.cancel_scope.cancel()
    assert door.waiting == 0


async def test_a_full_queue_says_how_many_are_in_flight() -> None:
    door, _ = concurrency_limit(limit=1, limit_per_principal=1, queue=0)
    await door.enter("anna")
    with pytest.raises(ToolUnavailable, match="1 run is in flight"):
        await door.enter("bob")


async def test_a_turn_that_does_not_come_in_time_is_refused() -> None:
    door, clock = concurrency_limit(limit=1, limit_per_principal=1, queue=1, queue_seconds=10)
    await door.enter("anna")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(clock.drive)
            with pytest.raises(ToolUnavailable, match="none ended within 10 seconds"):
                await door.enter("bob")
            group.cancel_scope.cancel()
    assert door.waiting == 0
