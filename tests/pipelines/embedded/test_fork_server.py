"""The process that forks supervisors is ended, whenever its start is cancelled."""

import gc
import os

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.embedded.engine.fork_server import ForkServer

_ENVIRON = {"PATH": os.environ["PATH"]}  # noqa: TID251 - what Python is found by


async def _cancelled_after(checkpoints: int) -> None:
    async def fork_ahead() -> None:
        server = ForkServer(_ENVIRON, group)
        try:
            await server.fork_ahead()
        finally:
            with anyio.CancelScope(shield=True):
                await server.stop()

    async with anyio.create_task_group() as group:
        group.start_soon(fork_ahead)
        for _ in range(checkpoints):
            await checkpoint()
        group.cancel_scope.cancel()


@pytest.mark.parametrize("checkpoints", range(8))
def test_a_start_that_is_cancelled_leaves_no_process(checkpoints: int) -> None:
    anyio.run(_cancelled_after, checkpoints)
    gc.collect()  # a process that nobody waited for warns here


async def test_an_end_that_is_cancelled_leaves_no_process() -> None:
    async with anyio.create_task_group() as group:
        server = ForkServer(_ENVIRON, group)
        await server.fork_ahead()
        process = server._process
        assert process is not None
        with anyio.CancelScope() as scope:
            scope.cancel()
            await server.stop()
        assert process.returncode is not None


async def test_while_one_supervisor_is_at_work_the_next_is_made_ready() -> None:
    async with anyio.create_task_group() as group:
        server = ForkServer(_ENVIRON, group)
        try:
            first = await server.fork()
            with anyio.fail_after(60):
                while server._ahead is None:
                    await checkpoint()
            ready = server._ahead
            assert await server.fork() is ready
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await server.stop()
        first.close()
        ready.close()
