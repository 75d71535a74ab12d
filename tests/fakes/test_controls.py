"""The controls of the fake Ops server do what other tests rely on."""

from collections.abc import AsyncGenerator

import anyio
import pytest

from opsmcp_pipelines.errors import SourceUnavailable
from opsmcp_pipelines.models import Definition, OperationKey, OperationKind, Pipeline
from opsmcp_pipelines.ops.source import OpsSettings, OpsSource, open_ops_source
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import StartRequest
from opsmcp_pipelines.verdict.judge import judge
from tests.fakes.ops_server import FakeOps, Fault
from tests.fakes.ops_state import (
    good_step,
    make_pipeline,
    make_task,
    pipeline_status,
    step_status,
    task_status,
)

_KEY = OperationKey(OperationKind.PIPELINE, "ops-system", "two-hosts")
_REQUEST = StartRequest(
    Definition(Pipeline("two-hosts", "ops-system"), ()), "r-1", {"host": "ssh2"}
)


@pytest.fixture
async def source(ops: FakeOps) -> AsyncGenerator[OpsSource]:
    ops.replace("tasks", make_task("look", "id", "uptime"))
    ops.replace("pipelines", make_pipeline("two-hosts", "look"))
    settings = OpsSettings(server=ops.url, token=ops.token)
    async with open_ops_source(settings) as opened:
        yield opened


async def test_by_default_a_run_succeeds_on_the_host_that_was_given(source: OpsSource) -> None:
    ref = await source.start(_REQUEST)
    runs = [judge(await source.read_run(ref)) for _ in range(3)]
    assert [run.verdict for run in runs] == [Verdict.RUNNING, Verdict.RUNNING, Verdict.SUCCEEDED]
    assert runs[-1].tasks[0].nodes[0].node == "ssh2"
    assert [step.name for step in runs[-1].tasks[0].nodes[0].steps] == ["step-1", "step-2"]


async def test_a_scripted_run_ends_as_its_script_says(ops: FakeOps, source: OpsSource) -> None:
    steps = [good_step("a", "fine\n"), step_status("b", "Failed", "no space\n")]
    bad = task_status({"ssh2": steps, "ssh3": [good_step("a")]}, "Failed")
    ops.script("two-hosts", [pipeline_status({"look": bad})])
    run = judge(await source.read_run(await source.start(_REQUEST)))
    assert run.verdict is Verdict.FAILED
    assert "step 'b' failed on ssh2" in run.reason


async def test_a_run_can_be_moved_on_by_hand(ops: FakeOps, source: OpsSource) -> None:
    ops.play("two-hosts", "run-pipeline-host-unknown", by_itself=False)
    ref = await source.start(_REQUEST)
    for _ in range(3):
        assert judge(await source.read_run(ref)).verdict is Verdict.RUNNING
    for _ in range(10):
        ops.advance()
    assert judge(await source.read_run(ref)).verdict is Verdict.NOTHING_RAN


async def test_while_it_is_down_nothing_is_done(ops: FakeOps, source: OpsSource) -> None:
    with ops.down(), pytest.raises(SourceUnavailable):
        await source.start(_REQUEST)
    assert ops.runs == []
    assert (await source.read()).pipelines[0].name == "two-hosts"


async def test_a_request_that_hangs_goes_on_when_released(ops: FakeOps, source: OpsSource) -> None:
    ops.fail("pipelineruns", Fault.HANG)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(source.start, _REQUEST)
            await ops.until_hanging()
            assert ops.runs == []
            ops.release()
    assert len(ops.runs) == 1


async def test_faults_can_be_limited_to_a_method_and_healed(
    ops: FakeOps, source: OpsSource
) -> None:
    ops.fail("pipelineruns", Fault.EMPTY, method="GET", times=100)
    ref = await source.start(_REQUEST)
    with pytest.raises(SourceUnavailable):
        await source.read_run(ref)
    ops.heal()
    await source.read_run(ref)
    assert [seen.method for seen in ops.requests] == ["POST", "GET", "GET"]
