"""More calls than may run at the same time: a turn later, or a clear answer now."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from mcp import Client

from tests.server.conftest import Ground
from tests.server.harness import Running, running


class _Call:
    """A call in the background; `begun` is set once its run is."""

    def __init__(self, client: Client) -> None:
        self.begun = anyio.Event()
        self.result: Any = None
        self._client = client

    async def __call__(self) -> None:
        self.result = await self._client.call_tool("get-gated", {}, progress_callback=self._note)

    async def _note(self, progress: float, total: float | None, message: str | None) -> None:
        self.begun.set()


@asynccontextmanager
async def _busy(ground: Ground, queue: int) -> AsyncGenerator[tuple[Running, Client]]:
    """An opsmcp with room for one run, which is taken until the gate is opened."""
    environ = ground.environ(OPSMCP_RUN_LIMIT="1", OPSMCP_RUN_QUEUE=str(queue))
    async with (
        running("memory-modern", environ, ground.root) as run,
        run.connect() as client,
        anyio.create_task_group() as group,
    ):
        await _begin(_Call(client), group)
        yield run, client


async def _begin(call: _Call, group: TaskGroup) -> None:
    group.start_soon(call)
    with anyio.fail_after(60):
        await call.begun.wait()


async def test_a_call_beyond_the_queue_is_told_why_at_once(ground: Ground) -> None:
    async with _busy(ground, queue=0) as (_, client):
        refused = await client.call_tool("show-greeting", {"who": "world"})
        await to_thread.run_sync(ground.open_gate)
    assert refused.is_error
    assert "nothing was started: 1 run is in flight (1 of yours" in str(refused.content)
    assert "list_runs verdict=running" in str(refused.content)


async def test_a_call_in_the_queue_runs_when_another_ends(ground: Ground) -> None:
    results: list[Any] = []
    async with _busy(ground, queue=1) as (run, client):

        async def call() -> None:
            results.append(await client.call_tool("show-greeting", {"who": "world"}))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            while not _waiting(run):
                await checkpoint()
            await to_thread.run_sync(ground.open_gate)
    (result,) = results
    assert result.structured_content["verdict"] == "succeeded"


async def test_the_same_call_needs_no_room_of_its_own(ground: Ground) -> None:
    async with _busy(ground, queue=0) as (_, client):
        again = _Call(client)
        async with anyio.create_task_group() as group:
            await _begin(again, group)
            await to_thread.run_sync(ground.open_gate)
    assert "Nothing new was started" in str(again.result.content)


def _waiting(run: Running) -> int:
    assert run.services is not None
    return run.services.calls.executions._context.limit.waiting
