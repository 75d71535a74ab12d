"""Runs that an opsmcp with another journal started."""

from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_pipelines.errors import NotFound
from opsmcp_pipelines.models import Operation
from opsmcp_pipelines.run import RunReport, Status, Verdict
from opsmcp_tools.model.run_record import RunRecord
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.runs.bench import ANNA, SAY, bench

EMPTY = RunReport(Status.SUCCEEDED)


async def _started_elsewhere(tmp_path: Path) -> RunRecord:
    async with bench(tmp_path / "elsewhere", ScriptedSource(RUNNING)) as it:
        return replace(await it.start(), expected=())


async def test_it_is_followed_to_its_end_and_kept(tmp_path: Path) -> None:
    record = await _started_elsewhere(tmp_path)
    source = ScriptedSource(RUNNING, ended())
    async with bench(tmp_path / "here", source) as it:
        await it.executions.join(record, SAY.operation)
        end = await it.executions.wait(record.run, 100)
        assert (end.verdict, source.started) == (Verdict.SUCCEEDED, [])
        assert (await it.executions.history.get(record.run, ANNA)).verdict is Verdict.SUCCEEDED
        kept = it.journal.get(record.run)
    assert kept and kept.verdict is Verdict.SUCCEEDED


async def test_one_that_is_asked_for_twice_at_once_is_followed_once(tmp_path: Path) -> None:
    record = await _started_elsewhere(tmp_path)
    source = ScriptedSource(RUNNING, ended())
    async with bench(tmp_path / "here", source) as it:
        for _ in range(2):
            await it.executions.join(record, SAY.operation)
        await it.executions.wait(record.run, 100)
        await it.clock.sleep(60)
        assert (await it.executions.history.find(record.run)).verdict is Verdict.SUCCEEDED
        assert source.looks == 2
        assert (await it.start()).source_run


@pytest.mark.parametrize("operation", [SAY.operation, None])
async def test_a_run_that_says_it_did_well_and_shows_nothing_is_not_believed(
    operation: Operation | None, tmp_path: Path
) -> None:
    record = await _started_elsewhere(tmp_path)
    async with bench(tmp_path / "here", ScriptedSource(EMPTY)) as it:
        await it.executions.join(record, operation)
        end = await it.executions.wait(record.run, 100)
        assert (end.verdict, len(end.result.tasks)) == (Verdict.UNKNOWN, operation is not None)


async def test_one_that_its_source_has_forgotten_has_vanished(tmp_path: Path) -> None:
    record = await _started_elsewhere(tmp_path)
    async with bench(tmp_path / "here", ScriptedSource(NotFound("gone"))) as it:
        await it.executions.join(record, SAY.operation)
        assert (await it.executions.wait(record.run, 100)).verdict is Verdict.VANISHED
