"""Runs as they were recorded on a real Ops server, followed to an end that Ops never gave them."""

from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_pipelines.errors import NotFound
from opsmcp_pipelines.models import Pipeline, TaskRef
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.model.run_record import RunRecord
from tests.fakes.scripted_source import ScriptedSource, TerminalHint
from tests.pipelines.verdict.recorded import reports
from tests.recorded_ops import names
from tests.tools.runs.bench import SAY, bench

_STUCK = {
    "run-pipeline-output-1600KiB": "output over 1.5 MiB, which Ops cannot store",
    "run-task-output-1600KiB": "output over 1.5 MiB, which Ops cannot store",
    "run-task-output-4000KiB": "output over 1.5 MiB, which Ops cannot store",
    "run-pipeline-other-namespace": "nothing runs operations in its namespace",
    "run-pipeline-cluster-unreachable": "its cluster cannot be reached",
    "run-pipeline-other-cluster-pod-pending": "it was handed to another cluster",
}
_RESTART = "run-controller-restart"


async def _follow(recording: str, folder: Path, *more: TerminalHint, part: str = "") -> RunRecord:
    seen = reports(recording, part)
    tool = SAY
    if "pipeline" in recording + part:
        tasks = tuple(TaskRef(task.name, task.task) for task in seen[0][1])
        tool = replace(SAY, operation=Pipeline("p", "ops-system", tasks=tasks))
    async with bench(folder, ScriptedSource(*(report for report, _ in seen), *more)) as it:
        return await it.run_to_end(tool)


@pytest.mark.parametrize(("recording", "sign"), _STUCK.items(), ids=_STUCK)
async def test_what_never_ends_is_recognised_by_its_sign(
    recording: str, sign: str, tmp_path: Path
) -> None:
    record = await _follow(recording, tmp_path)
    assert record.verdict is Verdict.STUCK
    assert record.result.reason.startswith("it had not ended after 30 minutes; ")
    assert sign in record.result.reason


async def test_a_pipeline_that_the_controller_began_again_ran_twice(tmp_path: Path) -> None:
    record = await _follow(_RESTART, tmp_path, part="pipelinerun")
    assert record.verdict is Verdict.SUCCEEDED
    assert "what ran may have run twice" in record.result.reason


@pytest.mark.parametrize("recording", [it for it in names("run-pipeline") if it not in _STUCK])
async def test_no_other_run_is_said_to_have_run_twice(recording: str, tmp_path: Path) -> None:
    assert "twice" not in (await _follow(recording, tmp_path)).result.reason


async def test_a_run_that_ops_clears_away_keeps_what_was_seen(tmp_path: Path) -> None:
    gone = NotFound("not found")
    record = await _follow("run-pipeline-output-1600KiB", tmp_path, gone)
    assert record.verdict is Verdict.VANISHED
    assert [task.name for task in record.result.tasks] == ["big"]
