"""What becomes of a run when whoever called for it cancels or goes, over every transport."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.fakes.ops_server import fake_ops
from tests.fakes.ops_state import pipeline_status
from tests.own_settings import write_settings
from tests.server.conftest import Ground
from tests.server.harness import LINKS, Running, running, settings

SAYING = [link for link in LINKS if link not in ("http-modern", "memory-modern")]
"""Where a client says that it cancels; elsewhere it ends the connection, or the call itself."""


def _then(act: Callable[[], None]) -> Any:
    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        act()

    return on_progress


async def _cancelled_call(client: Client) -> str:
    """Call, cancel once the run is there, and return the run."""
    async with anyio.create_task_group() as group:
        cancel = _then(group.cancel_scope.cancel)
        with anyio.fail_after(60):
            await client.call_tool("get-gated", {}, progress_callback=cancel)
    runs = await client.call_tool("list_runs", {})
    return runs.structured_content["runs"][0]["run"]


async def _open(ground: Ground) -> None:
    with anyio.fail_after(60):  # a run that was stopped never comes to the gate
        await to_thread.run_sync(ground.open_gate, abandon_on_cancel=True)


async def _end_of(client: Client, run: str) -> str:
    result = await client.call_tool("get_run", {"run": run, "wait_seconds": 20})
    return result.structured_content["verdict"]


@pytest.mark.parametrize("link", SAYING)
async def test_a_cancelled_call_stops_its_run_where_that_is_set(link: str, ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RUN_ON_CANCEL="cancel")
    async with running(link, environ, ground.root) as run, run.connect() as client:
        verdict = await _end_of(client, await _cancelled_call(client))
    assert verdict == "cancelled"


@pytest.mark.parametrize("link", LINKS)
async def test_a_cancelled_call_only_stops_waiting_by_default(link: str, ground: Ground) -> None:
    async with running(link, ground.environ(), ground.root) as run, run.connect() as client:
        handle = await _cancelled_call(client)
        await _open(ground)
        verdict = await _end_of(client, handle)
    assert verdict == "succeeded"


async def _leave_during_a_call(run: Running, tool: str = "get-gated") -> None:
    called = anyio.Event()

    async def call(client: Client) -> None:
        with suppress(MCPError):
            await client.call_tool(tool, {}, progress_callback=_then(called.set))

    async with anyio.create_task_group() as group, run.connect() as client:
        group.start_soon(call, client)
        with anyio.fail_after(60):
            await called.wait()


@pytest.mark.parametrize("link", ["sse-legacy", "sse-modern", "http-legacy", "http-modern"])
async def test_a_connection_that_ends_stops_no_run(link: str, ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RUN_ON_CANCEL="cancel")
    async with running(link, environ, ground.root) as run:
        await _leave_during_a_call(run)
        async with run.connect() as client:
            runs = await client.call_tool("list_runs", {})
            await _open(ground)
            verdict = await _end_of(client, runs.structured_content["runs"][0]["run"])
    assert verdict == "succeeded"


async def test_a_run_on_ops_goes_on_while_nobody_is_there_and_is_taken_up(tmp_path: Path) -> None:
    """A closed stdio client ends opsmcp; the next one has the run before it takes calls."""
    async with fake_ops() as ops:
        states = [pipeline_status({}, "Running"), pipeline_status({}, "Failed")]
        ops.script("list-nodes", states, by_itself=False)
        environ = settings(tmp_path, OPS_SERVER=ops.url, OPS_TOKEN=ops.token)
        async with running("stdio-legacy", environ, tmp_path) as run:
            await _leave_during_a_call(run, "list-nodes")
            async with run.connect() as client:
                advance = _then(ops.advance)
                again = await client.call_tool("list-nodes", {}, progress_callback=advance)
    assert again.structured_content["verdict"] == "failed"
    assert "Nothing new was started" in again.structured_content["advice"]
    assert len(ops.posts) == 1


async def test_over_http_of_the_newer_era_a_cancelled_call_is_a_lost_connection(
    ground: Ground,
) -> None:
    environ = ground.environ(OPSMCP_RUN_ON_CANCEL="cancel")
    async with running("http-modern", environ, ground.root) as run, run.connect() as client:
        handle = await _cancelled_call(client)
        await _open(ground)
        verdict = await _end_of(client, handle)
    assert verdict == "succeeded"


async def test_a_run_of_another_opsmcp_is_not_stopped_and_that_is_said(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RUN_WAIT_SECONDS="0.2")
    async with (
        running("memory-legacy", environ, ground.root) as one,
        running("memory-legacy", environ, ground.root) as other,
        one.connect() as its,
        other.connect() as client,
    ):
        called = await its.call_tool("get-gated", {})
        handle = called.structured_content["run"]
        said = await client.call_tool("cancel_run", {"run": handle})
        await _open(ground)
        verdict = await _end_of(client, handle)
    assert said.is_error and "another opsmcp runs it" in str(said.content)
    assert verdict == "succeeded"


async def test_who_may_not_stop_runs_stops_none_by_cancelling(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RUN_ON_CANCEL="cancel")
    rule = "{name: no-stopping, operation: cancel_run, effect: deny}"
    write_settings(ground.root, f"policy: {{rules: [{rule}]}}\n")
    async with running("memory-legacy", environ, ground.root) as run, run.connect() as client:
        handle = await _cancelled_call(client)
        await _open(ground)
        verdict = await _end_of(client, handle)
    assert verdict == "succeeded"


async def test_get_run_waits_no_longer_than_calls_do(ground: Ground) -> None:
    async with (
        running("memory-modern", ground.environ(OPSMCP_RUN_WAIT_SECONDS="0"), ground.root) as run,
        run.connect() as client,
    ):
        called: Any = await client.call_tool("get-gated", {})
        handle = called.structured_content["run"]
        with anyio.fail_after(60):
            again: Any = await client.call_tool("get_run", {"run": handle, "wait_seconds": 45})
        await _open(ground)
    assert again.structured_content["verdict"] == "running"
