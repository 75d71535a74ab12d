"""What is known of runs after Ops has forgotten them, and after a restart."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import TextContent

from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import good_step, make_pipeline, make_task, pipeline_status, task_status
from tests.server.harness import connected, settings

_OUTPUT = "".join(f"line {number}\n" for number in range(200)) + "the disk is worn out\n"


@asynccontextmanager
async def _opsmcp(ops: FakeOps, folder: Path) -> AsyncGenerator[Client]:
    environ = settings(folder, OPS_SERVER=ops.url, OPS_TOKEN=ops.token)
    async with connected("memory-modern", environ, folder) as client:
        yield client


@asynccontextmanager
async def _server() -> AsyncGenerator[FakeOps]:
    async with fake_ops() as ops:
        ops.replace("tasks", make_task("show-disk", "df"))
        ops.replace("pipelines", make_pipeline("show-disk", "show-disk", variables={}))
        done = task_status({"web-1": [good_step("step-1", _OUTPUT)]})
        ops.script("show-disk", [pipeline_status({"show-disk": done})])
        yield ops


async def test_output_is_searched_in_the_journal_when_ops_has_forgotten_the_run(
    tmp_path: Path,
) -> None:
    async with _server() as ops:
        async with _opsmcp(ops, tmp_path) as client:
            run = (await client.call_tool("show-disk", {})).structured_content["run"]
        ops.runs.clear()
        ops.requests.clear()
        async with _opsmcp(ops, tmp_path) as client:
            record = await client.call_tool("get_run", {"run": run})
            found = await client.call_tool("get_run_output", {"run": run, "search": "WORN"})
    assert record.structured_content["verdict"] == "succeeded"
    assert "the disk is worn out" in found.structured_content["output"]
    assert "line 3\n" not in found.structured_content["output"]
    assert not [seen for seen in ops.requests if "runs" in seen.path]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, 1),
        ({"since": "1h"}, 1),
        ({"until": "1h"}, 0),
        ({"operation": "show-disk", "verdict": "succeeded"}, 1),
        ({"operation": "other"}, 0),
        ({"verdict": "failed"}, 0),
    ],
)
async def test_runs_are_listed_by_tool_verdict_and_time(
    given: dict[str, Any], count: int, tmp_path: Path
) -> None:
    async with _server() as ops, _opsmcp(ops, tmp_path) as client:
        await client.call_tool("show-disk", {})
        listed = await client.call_tool("list_runs", given)
    assert len(listed.structured_content["runs"]) == count


async def test_the_text_of_a_list_says_when_each_run_started(tmp_path: Path) -> None:
    async with _server() as ops, _opsmcp(ops, tmp_path) as client:
        await client.call_tool("show-disk", {})
        listed = await client.call_tool("list_runs", {})
    (run,) = listed.structured_content["runs"]
    started = datetime.fromisoformat(run["started_at"]).astimezone(UTC)
    took = f"{run['duration_seconds']:.1f} s"
    line = f"{run['run']}  succeeded  {started:%Y-%m-%d %H:%M:%S} UTC  {took}  show-disk"
    assert [part.text for part in listed.content if isinstance(part, TextContent)] == [line]


async def test_a_time_that_is_none_is_told_what_is(tmp_path: Path) -> None:
    async with _server() as ops, _opsmcp(ops, tmp_path) as client:
        refused = await client.call_tool("list_runs", {"since": "yesterday"})
    assert refused.is_error
    assert "since: it must be like 30m, 2h, 7d (ago)" in str(refused.content)
