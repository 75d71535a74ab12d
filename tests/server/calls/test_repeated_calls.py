"""The same call made again: over the real server, in both eras, and by two processes at once."""

from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.server.conftest import Ground
from tests.server.harness import ERAS, running

_KEY = "opsmcp/idempotency-key"


async def _call(client: Client, results: list[Any], key: str = "") -> None:
    meta: Any = {_KEY: key} if key else None
    results.append(await client.call_tool("delete-thing", {"name": "web"}, meta=meta))


def _runs(results: list[Any]) -> set[str]:
    return {result.structured_content["run"] for result in results}


@pytest.fixture
def environ(ground: Ground) -> dict[str, str]:
    return ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")


@pytest.mark.parametrize("era", ERAS)
async def test_twenty_identical_calls_at_once_are_one_run(
    era: str, environ: dict[str, str], ground: Ground
) -> None:
    results: list[Any] = []
    async with running(f"http-{era}", environ, ground.root) as run, run.connect() as client:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(_call, client, results)
        listed = await client.call_tool("list_runs", {})
    assert len(_runs(results)) == len(listed.structured_content["runs"]) == 1
    told = [result for result in results if "Nothing new was started" in str(result.content)]
    assert len(told) == 19
    assert all(not result.is_error for result in results)


@pytest.mark.parametrize("era", ERAS)
async def test_the_key_in_meta_decides_by_itself(
    era: str, environ: dict[str, str], ground: Ground
) -> None:
    results: dict[str, list[Any]] = {"a": [], "b": []}
    async with running(f"http-{era}", environ, ground.root) as run, run.connect() as client:
        async with anyio.create_task_group() as group:
            for key in "aabb":
                group.start_soon(_call, client, results[key], key)
        await _call(client, results["a"], "a")
    one, other = _runs(results["a"]), _runs(results["b"])
    assert (len(one), len(other), one & other) == (1, 1, set())


async def test_two_processes_that_share_a_state_make_one_run_of_the_same_call(
    environ: dict[str, str], ground: Ground
) -> None:
    results: list[Any] = []
    async with running("stdio-modern", environ, ground.root) as run, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(run.connect()) for _ in range(2)]
        async with anyio.create_task_group() as group:
            for client in clients * 10:
                group.start_soon(_call, client, results)
        listed = await clients[0].call_tool("list_runs", {})
    assert len(results) == 20
    assert len(_runs(results)) == len(listed.structured_content["runs"]) == 1
