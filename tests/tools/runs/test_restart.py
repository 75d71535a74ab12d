from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import RunRef
from opsmcp_tools.model.run_record import RunSettings
from tests.fakes.clock import JumpingClock
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.runs.bench import ANNA, SAY, bench

FOUND = RunRef(SAY.operation.key, "say-found", "r-found")


async def _leave_a_run(state_dir: Path) -> str:
    async with bench(state_dir, ScriptedSource(RUNNING)) as it:
        return (await it.start()).run


async def _leave_an_unanswered_start(state_dir: Path) -> str:
    source = ScriptedSource()
    source.hold = anyio.Event()
    async with bench(state_dir, source) as it, anyio.create_task_group() as group:
        group.start_soon(it.start)
        while not source.started:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return source.started[0].call_id


async def test_an_unfinished_run_is_recovered(tmp_path: Path) -> None:
    run = await _leave_a_run(tmp_path)
    async with bench(tmp_path, ScriptedSource(RUNNING, ended())) as it:
        record = await it.executions.wait(run, 100)
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-1")
        assert it.source.started == []


@pytest.mark.parametrize(
    ("found", "verdict"), [(FOUND, Verdict.SUCCEEDED), (None, Verdict.UNKNOWN)]
)
async def test_a_start_that_was_never_answered_is_looked_for_after_a_restart(
    found: RunRef | None, verdict: Verdict, tmp_path: Path
) -> None:
    run = await _leave_an_unanswered_start(tmp_path)
    async with bench(tmp_path, ScriptedSource(found=(found,))) as it:
        assert (await it.executions.wait(run, 100)).verdict is verdict
        assert it.source.searched[0] == run
        assert it.source.started == []


async def test_a_start_that_ops_may_still_do_is_looked_for_longer_after_a_restart(
    tmp_path: Path,
) -> None:
    run = await _leave_an_unanswered_start(tmp_path)
    clock = JumpingClock()
    clock.seconds = 4
    source = ScriptedSource(found=(*[None] * 7, FOUND))
    async with bench(tmp_path, source, clock=clock) as it:
        record = await it.executions.wait(run, 100)
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-found")
        assert it.clock.seconds > 45


@pytest.mark.parametrize(
    ("restarted", "words"),
    [(29 * 60, "but it may still appear"), (30 * 60, "but Ops may have cleared it away since")],
)
async def test_a_run_that_ops_may_have_cleared_away_before_it_was_found_is_said_to_be_so(
    restarted: float, words: str, tmp_path: Path
) -> None:
    run = await _leave_an_unanswered_start(tmp_path)
    clock = JumpingClock()
    clock.seconds = restarted
    async with bench(tmp_path, ScriptedSource(), clock=clock) as it:
        record = await it.executions.wait(run, 100)
        assert record.verdict is Verdict.UNKNOWN
        assert f"no run of this call was found in 4 searches, {words}" in record.result.reason


async def test_the_deadline_goes_on_over_a_restart(tmp_path: Path) -> None:
    run = await _leave_a_run(tmp_path)
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        it.clock.seconds = 5_000.0
    async with bench(tmp_path, ScriptedSource(RUNNING), clock=it.clock) as it:
        assert (await it.executions.wait(run, 40)).verdict is Verdict.STUCK


async def test_a_run_that_is_recovered_under_a_wrong_clock_still_has_its_end(
    tmp_path: Path,
) -> None:
    run = await _leave_a_run(tmp_path)
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        it.clock.set_by(timedelta(days=40))
    async with bench(tmp_path, ScriptedSource(RUNNING, ended()), clock=it.clock) as it:
        assert (await it.executions.wait(run, 40)).verdict is Verdict.SUCCEEDED


async def test_a_run_that_a_live_process_follows_is_left_to_it(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as first:
        run = (await first.start()).run
        async with bench(tmp_path, ScriptedSource(), clock=first.clock) as second:
            record = await second.executions.wait(run, 100)
            assert record.verdict is Verdict.SUCCEEDED
            assert second.source.looks == 0


async def test_a_run_is_recovered_when_the_process_that_followed_it_goes(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(ended())) as second:
        run = await _leave_a_run(tmp_path)
        assert (await second.executions.history.get(run, ANNA)).verdict is Verdict.RUNNING
        assert (await second.executions.wait(run, 100)).verdict is Verdict.SUCCEEDED


async def test_a_run_of_a_process_that_goes_is_recovered_although_nobody_asks(
    tmp_path: Path,
) -> None:
    settings = RunSettings(recover_seconds=30)
    async with bench(tmp_path, ScriptedSource(ended()), settings=settings) as second:
        run = await _leave_a_run(tmp_path)
        await second.clock.sleep(60)
        record = second.journal.get(run)
        assert record and record.verdict is Verdict.SUCCEEDED


async def test_runs_of_another_source_are_left_alone(tmp_path: Path) -> None:
    run = await _leave_a_run(tmp_path)
    other = ScriptedSource(ended())
    other.label = "another source"
    async with bench(tmp_path, other) as it:
        assert (await it.executions.wait(run, 3)).verdict is Verdict.RUNNING
        assert other.looks == 0
