"""Many runs are read from the lists of runs, at the cost of few requests."""

from collections.abc import AsyncGenerator

import anyio
import pytest

from opsmcp_pipelines.errors import SourceProtocolError
from opsmcp_pipelines.models import Definition, OperationKey, OperationKind, Pipeline
from opsmcp_pipelines.ops.settings import OpsSettings
from opsmcp_pipelines.ops.source import OpsSource, open_ops_source
from opsmcp_pipelines.run import Status
from opsmcp_pipelines.source import RunRef, StartRequest
from tests.fakes.ops_server import FakeOps
from tests.fakes.ops_state import good_step, pipeline_status, task_status

_KEY = OperationKey(OperationKind.PIPELINE, "ops-system", "list-nodes")
_DEFINITION = Definition(Pipeline("list-nodes", "ops-system"), ())
_MIB = 1024 * 1024


@pytest.fixture
async def source(ops: FakeOps) -> AsyncGenerator[OpsSource]:
    settings = OpsSettings(ops.url, ops.token, max_body_bytes=32 * _MIB)
    async with open_ops_source(settings) as opened:
        yield opened


async def _free() -> None:
    await anyio.lowlevel.checkpoint()


async def _start(source: OpsSource, count: int) -> set[RunRef]:
    return {await source.start(StartRequest(_DEFINITION, f"r-{n}")) for n in range(count)}


def _pages(ops: FakeOps) -> list[str]:
    return [seen.query for seen in ops.requests if seen.method == "GET"]


async def test_runs_are_read_together(ops: FakeOps, source: OpsSource) -> None:
    turns: list[int] = []

    async def turn() -> None:
        await anyio.lowlevel.checkpoint()
        turns.append(1)

    ops.script("list-nodes", [pipeline_status({}, "Running")], by_itself=False)
    refs = await _start(source, 130)
    gone = RunRef(_KEY, "list-nodes-gone", "r-gone")
    reports = await source.read_runs(refs | {gone}, turn)
    assert reports.keys() == refs
    assert {report.status for report in reports.values()} == {Status.RUNNING}
    assert len(turns) == len(_pages(ops)) == 2


async def test_old_runs_behind_many_newer_ones_are_left_to_be_asked_for(
    ops: FakeOps, source: OpsSource
) -> None:
    old = await _start(source, 4)
    for _ in range(500):
        ops.state.create_run("pipelineruns", "ops-system", {"pipelineRef": "list-nodes"}, 10)
    new = await _start(source, 10)
    assert (await source.read_runs(old | new, _free)).keys() == new
    assert len(_pages(ops)) == 2


async def test_a_list_of_nothing_tells_of_no_run(ops: FakeOps, source: OpsSource) -> None:
    refs = await _start(source, 3)
    ops.runs.clear()
    assert await source.read_runs(refs, _free) == {}


async def test_pages_become_smaller_when_runs_carry_much_output(
    ops: FakeOps, source: OpsSource
) -> None:
    done = task_status({"web-1": [good_step("s", "x" * _MIB)]})
    ops.script("list-nodes", [pipeline_status({"list": done})])
    refs = await _start(source, 40)
    with pytest.raises(SourceProtocolError, match="more than 33554432 bytes"):
        await source.read_runs(refs, _free)
    for _ in range(2):
        ops.requests.clear()
        reports = await source.read_runs(refs, _free)
        assert reports.keys() == refs
    sizes = {query.partition("page_size=")[2].partition("&")[0] for query in _pages(ops)}
    assert sizes == {"5"}
