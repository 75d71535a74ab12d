"""Executions with the real client, against the fake Ops server on a real socket."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.models import OperationKey, OperationKind, Pipeline, TaskRef
from opsmcp_pipelines.ops.settings import OpsSettings
from opsmcp_pipelines.ops.source import open_ops_source
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.run_record import RunRecord, RunSettings, SystemClock
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.runs.executions import Executions
from tests.fakes.ops_server import FakeOps, Fault, fake_ops
from tests.fakes.ops_state import (
    good_step,
    make_pipeline,
    make_task,
    pipeline_status,
    task_status,
)
from tests.tools.runs.bench import ANNA, SAY

_BED_FAIL = Pipeline(
    "bed-fail",
    "ops-system",
    tasks=(TaskRef("bad", "bed-fail"), TaskRef("skipped", "bed-echo"), TaskRef("always", "t")),
)
_BED_ECHO = Pipeline("bed-echo", "ops-system", tasks=(TaskRef("say", "bed-echo"),))
_CALL = CheckedCall({}, {"host": "local", "message": "m"})


async def _run(ops: FakeOps, called: Pipeline | Tool, state_dir: Path) -> RunRecord | None:
    record = None
    settings = RunSettings(first_poll_seconds=0.01, search_pauses_seconds=(0, 0.01))
    tool = called if isinstance(called, Tool) else replace(SAY, operation=called)
    with open_journal(state_dir) as journal, anyio.fail_after(60):
        async with open_ops_source(OpsSettings(ops.url, ops.token)) as source:
            executions = Executions(source, journal, settings=settings, clock=SystemClock())
            async with anyio.create_task_group() as group:
                await group.start(executions.run)
                started = await executions.start(tool, _CALL, ANNA)
                record = await executions.wait(started.run, 8)
                group.cancel_scope.cancel()
    return record


@pytest.mark.parametrize(
    ("pipeline", "recording", "verdict"),
    [
        (_BED_ECHO, "run-pipeline-good-local", Verdict.SUCCEEDED),
        (_BED_FAIL, "run-pipeline-failing-task", Verdict.FAILED),
        (_BED_ECHO, "run-pipeline-host-unknown", Verdict.NOTHING_RAN),
    ],
)
async def test_a_run_is_followed_to_its_true_end(
    pipeline: Pipeline, recording: str, verdict: Verdict, tmp_path: Path
) -> None:
    async with fake_ops() as ops:
        ops.play(pipeline.name, recording)
        record = await _run(ops, pipeline, tmp_path)
        assert record and record.verdict is verdict


@pytest.mark.parametrize(
    ("fault", "made", "verdict"),
    [
        (Fault.EMPTY, True, Verdict.SUCCEEDED),
        (Fault.DROP, True, Verdict.SUCCEEDED),
        (Fault.GARBLED, True, Verdict.SUCCEEDED),
        (Fault.EMPTY, False, Verdict.UNKNOWN),
        (Fault.DROP, False, Verdict.UNKNOWN),
    ],
)
async def test_a_start_whose_answer_is_lost_is_looked_for_and_not_repeated(
    fault: Fault, made: bool, verdict: Verdict, tmp_path: Path
) -> None:
    async with fake_ops() as ops:
        ops.fail("pipelineruns", fault, method="POST", after=made)
        record = await _run(ops, _BED_ECHO, tmp_path)
        assert record
        assert (record.verdict, len(ops.posts), len(ops.runs)) == (verdict, 1, int(made))


async def _called(ops: FakeOps, name: str) -> Tool:
    """A tool of what the server holds now."""
    async with open_ops_source(OpsSettings(ops.url, ops.token)) as source:
        key = OperationKey(OperationKind.PIPELINE, "ops-system", name)
        found = (await source.read()).definition(key)
        assert found is not None
        assert await source.read_definition(key) == found
        return replace(SAY, operation=found.operation, tasks=found.tasks)


@pytest.mark.parametrize("changed", [True, False])
async def test_a_definition_that_changed_at_the_server_is_told(
    changed: bool, tmp_path: Path
) -> None:
    async with fake_ops() as ops:
        ops.replace("tasks", make_task("look", "uptime"))
        ops.replace("pipelines", make_pipeline("look-on", "look"))
        done = task_status({"local": [good_step("step-1")]})
        ops.script("look-on", [pipeline_status({"look": done})])
        tool = await _called(ops, "look-on")
        if changed:
            ops.replace("tasks", make_task("look", "reboot"))
        record = await _run(ops, tool, tmp_path)
    assert record and record.verdict is Verdict.SUCCEEDED
    assert ("has another definition of it now" in record.result.reason) is changed
