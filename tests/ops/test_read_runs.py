"""Many runs are read from the lists of runs, at the cost of few requests."""

import anyio

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.ops.settings import OpsSettings
from opsmcp_pipelines.ops.source import open_ops_source
from opsmcp_pipelines.run import Status
from opsmcp_pipelines.source import RunRef, StartRequest
from tests.fakes.ops_server import fake_ops
from tests.fakes.ops_state import pipeline_status

_KEY = OperationKey(OperationKind.PIPELINE, "ops-system", "list-nodes")


async def test_runs_are_read_together() -> None:
    turns: list[int] = []

    async def turn() -> None:
        await anyio.lowlevel.checkpoint()
        turns.append(1)

    async with fake_ops() as ops, open_ops_source(OpsSettings(ops.url, ops.token)) as source:
        ops.script("list-nodes", [pipeline_status({}, "Running")], by_itself=False)
        refs = {await source.start(StartRequest(_KEY, f"r-{n}")) for n in range(130)}
        gone = RunRef(_KEY, "list-nodes-gone")
        reports = await source.read_runs(refs | {gone}, turn)
    assert reports.keys() == refs
    assert {report.status for report in reports.values()} == {Status.RUNNING}
    assert len(turns) == 2
