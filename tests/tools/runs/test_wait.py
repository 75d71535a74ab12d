from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.errors import NotFound, SourceUnavailable
from opsmcp_pipelines.run import (
    NodeReport,
    Run,
    RunReport,
    Status,
    StepReport,
    TaskReport,
    Verdict,
)
from opsmcp_pipelines.source import Cancelled
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_read import Page
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import ToolError, ToolUnavailable, UnknownRun
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.history import History
from opsmcp_tools.runs.live_run import LiveRun, State
from opsmcp_tools.runs.wait import wait_for_end
from tests.fakes.clock import JumpingClock
from tests.fakes.scripted_source import PENDING, RUNNING, ScriptedSource, ended
from tests.tools.results import records
from tests.tools.runs.bench import ANNA, BEN, CALL, SAY, Bench, bench


def _with_tasks(count: int) -> RunReport:
    tasks = tuple(TaskReport(f"t{n}", "t", Status.RUNNING) for n in range(count))
    return RunReport(Status.RUNNING, tasks)


async def test_waiting_ends_after_its_time_with_the_run_still_running(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        started = await it.start()
        record = await it.executions.wait(started.run, 45)
        assert (record.verdict, it.clock.seconds) == (Verdict.RUNNING, 45)


async def test_twenty_may_wait_for_one_run(tmp_path: Path) -> None:
    seen: list[Verdict] = []
    async with bench(tmp_path, ScriptedSource(PENDING, RUNNING, RUNNING, ended())) as it:
        started = await it.start()

        async def wait() -> None:
            seen.append((await it.executions.wait(started.run, 100)).verdict)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(wait)
        assert seen == [Verdict.SUCCEEDED] * 20
        assert it.source.looks == 4


async def test_twenty_different_calls_are_twenty_runs(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(PENDING, ended())) as it:

        async def call(number: int) -> None:
            started = await it.start(call=CheckedCall({}, {"message": str(number)}))
            await it.executions.wait(started.run, 100)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(call, number)
        page = await it.executions.history.list(ANNA, verdict=Verdict.SUCCEEDED)
        assert (len({record.run for record in page.runs}), page.cursor) == (20, None)


async def test_a_waiter_that_leaves_does_not_stop_the_run(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(PENDING, RUNNING, ended())) as it:
        started = await it.start()
        async with anyio.create_task_group() as group:
            group.start_soon(it.executions.wait, started.run, 100)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert (await it.executions.wait(started.run, 100)).verdict is Verdict.SUCCEEDED


async def test_a_caller_that_leaves_during_the_start_does_not_stop_it(tmp_path: Path) -> None:
    source = ScriptedSource()
    source.hold = anyio.Event()
    async with bench(tmp_path, source) as it:
        async with anyio.create_task_group() as group:
            group.start_soon(it.start)
            while not source.started:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        source.hold.set()
        record = await it.executions.wait(source.started[0].call_id, 100)
        assert record.verdict is Verdict.SUCCEEDED


async def test_progress_is_told_every_ten_seconds_when_nothing_moves(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        times: list[float] = []

        async def note(_: RunRecord) -> None:
            times.append(it.clock.seconds)

        started = await it.start()
        await it.executions.wait(started.run, 45, note)
        assert len(times) >= 4
        assert max(b - a for a, b in zip([0.0, *times], [*times, 45.0], strict=True)) <= 10


async def test_progress_is_told_every_ten_seconds_while_a_start_is_not_answered(
    tmp_path: Path,
) -> None:
    source = ScriptedSource()
    source.hold = anyio.Event()
    async with bench(tmp_path, source) as it:
        times: list[float] = []

        async def note(_: RunRecord) -> None:
            times.append(it.clock.seconds)

        record = await it.executions.start(SAY, CALL, ANNA, wait_seconds=45, on_progress=note)
        source.hold.set()
        assert (record.verdict, record.source_run) == (Verdict.RUNNING, "")
        assert times == [10, 20, 30, 40]


async def test_progress_is_told_once_a_second_when_much_moves(tmp_path: Path) -> None:
    looks = [_with_tasks(n) for n in range(1, 12)]
    async with bench(tmp_path, ScriptedSource(*looks)) as it:
        told: list[tuple[float, int]] = []

        async def note(record: RunRecord) -> None:
            told.append((it.clock.seconds, len(record.result.tasks)))

        started = await it.start()
        await it.executions.wait(started.run, 10, note)
        times = [seconds for seconds, _ in told]
        assert all(b - a >= 1 for a, b in zip(times, times[1:], strict=False))
        assert told[-1][1] == 11


async def test_a_run_belongs_to_its_principal(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        record = await it.run_to_end()
        assert (await it.executions.history.get(record.run, ANNA)).verdict is Verdict.SUCCEEDED
        assert await it.executions.history.list(BEN) == Page()
        with pytest.raises(UnknownRun):
            await it.executions.history.get(record.run, BEN)
        with pytest.raises(UnknownRun):
            await it.executions.wait("r-nothing", 1)


async def test_a_list_goes_on_where_the_page_ended(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        runs = [(await it.run_to_end()).run for _ in range(5)]
        first = await it.executions.history.list(ANNA, limit=2)
        await it.run_to_end()
        second = await it.executions.history.list(ANNA, limit=3, cursor=first.cursor)
        assert [record.run for record in (*first.runs, *second.runs)] == runs[::-1]
        assert second.cursor is None


@pytest.mark.parametrize("cursor", ["x", "-1", "", "9" * 30, "²"])
async def test_a_made_up_cursor_is_refused(cursor: str, tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        with pytest.raises(ToolError, match="cursor"):
            await it.executions.history.list(ANNA, cursor=cursor)


async def test_cancel_stops_a_run_where_the_source_can(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, can_cancel=True)) as it:
        started = await it.start()
        record, done = await it.executions.cancel(started.run, ANNA)
        assert (record.verdict, done) == (Verdict.CANCELLED, Cancelled.STOPPED)
        again, done = await it.executions.cancel(started.run, ANNA)
        assert (again.verdict, done) == (Verdict.CANCELLED, Cancelled.GOES_ON)


async def test_a_run_that_is_stopped_at_its_deadline_shows_its_steps_as_they_ended(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, can_cancel=True)) as it:
        record = await it.run_to_end()
    assert record.verdict is Verdict.STUCK
    assert record.result.reason.endswith("; it was stopped")
    assert record.result.tasks[0].verdict is Verdict.CANCELLED


async def test_a_run_that_ends_while_it_is_to_be_stopped_has_that_end(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, can_cancel=True)
    source.ends_first = True
    async with bench(tmp_path, source) as it:
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED


async def test_cancel_stops_a_run_that_is_being_started(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, can_cancel=True)
    source.hold = anyio.Event()
    async with bench(tmp_path, source) as it:
        started = await it.executions.start(SAY, CALL, ANNA, wait_seconds=1)
        source.hold.set()
        record, done = await it.executions.cancel(started.run, ANNA)
        assert (started.source_run, record.verdict, done) == (
            "",
            Verdict.CANCELLED,
            Cancelled.STOPPED,
        )


async def test_cancel_leaves_a_run_that_does_not_begin(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, can_cancel=True)
    source.hold = anyio.Event()
    async with bench(tmp_path, source) as it:
        started = await it.executions.start(SAY, CALL, ANNA, wait_seconds=1)
        record, done = await it.executions.cancel(started.run, ANNA)
        source.hold.set()
        assert (record.verdict, done) == (Verdict.RUNNING, Cancelled.GOES_ON)


async def test_cancel_says_so_where_the_source_cannot(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        started = await it.start()
        record, done = await it.executions.cancel(started.run, ANNA)
        assert (record.verdict, done) == (Verdict.RUNNING, Cancelled.GOES_ON)
        assert (await it.executions.wait(started.run, 100)).verdict is Verdict.SUCCEEDED


async def test_a_source_that_cannot_be_asked_to_cancel_is_told(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, can_cancel=True)
    source.cancel_error = SourceUnavailable("silent")
    async with bench(tmp_path, source) as it:
        started = await it.start()
        with pytest.raises(ToolUnavailable, match="was not cancelled: silent"):
            await it.executions.cancel(started.run, ANNA)


async def test_a_broken_journal_is_told_and_does_not_end_the_server(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        it.journal._open().reader.close()
        with pytest.raises(ToolUnavailable, match="runs cannot be looked up: the journal"):
            await it.executions.history.list(ANNA)
        assert (await it.start()).verdict is Verdict.RUNNING


async def test_a_call_that_is_abandoned_while_it_starts_is_stopped(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, can_cancel=True)
    source.hold, mine = anyio.Event(), object()
    async with bench(tmp_path, source) as it:
        async with anyio.create_task_group() as group:
            group.start_soon(_start_as, it, mine)
            while not source.started:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        it.executions.abandon(mine, ANNA)
        source.hold.set()
        record = await it.executions.wait(source.started[0].call_id, 100)
        assert record.verdict is Verdict.CANCELLED


@pytest.mark.parametrize("can_cancel", [False, True])
async def test_a_call_is_abandoned_as_far_as_its_source_can(
    can_cancel: bool, tmp_path: Path
) -> None:
    source = ScriptedSource(RUNNING, RUNNING, ended(), can_cancel=can_cancel)
    source.cancel_error = SourceUnavailable("silent")
    async with bench(tmp_path, source) as it:
        mine = object()
        started = await _start_as(it, mine)
        it.executions.abandon(mine, ANNA)
        assert (await it.executions.wait(started.run, 100)).verdict is Verdict.SUCCEEDED


async def test_who_joined_a_run_does_not_stop_it_for_who_made_it(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, can_cancel=True)) as it:
        mine, joined = object(), object()
        made = await _start_as(it, mine)
        assert (await _start_as(it, joined)).run == made.run
        it.executions.abandon(joined, ANNA)
        assert (await it.executions.wait(made.run, 100)).verdict is Verdict.RUNNING
        it.executions.abandon(mine, ANNA)
        assert (await it.executions.wait(made.run, 100)).verdict is Verdict.CANCELLED


async def test_a_run_that_somebody_else_waits_for_is_not_stopped_by_who_made_it(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, can_cancel=True)) as it:
        mine = object()
        made = await _start_as(it, mine)
        async with anyio.create_task_group() as group:
            group.start_soon(it.executions.wait, made.run, 1_000)
            await it.clock.sleep(1)
            it.executions.abandon(mine, ANNA)
        assert (await it.executions.wait(made.run, 1)).verdict is Verdict.RUNNING


async def _start_as(it: Bench, caller: object) -> RunRecord:
    return await it.executions.start(SAY, CALL, ANNA, caller=caller)


async def test_an_end_in_the_very_turn_in_which_somebody_begins_to_wait_is_seen() -> None:
    record = records.record(Verdict.RUNNING)
    live = LiveRun(record, Masker(), JumpingClock(), state=State.ACCEPTED)

    async def end() -> None:
        live.end(replace(record, result=Run(Verdict.SUCCEEDED)))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(partial(wait_for_end, live, clock=JumpingClock(), seconds=1_000))
            group.start_soon(end)


def _printed(*lines: str) -> RunReport:
    """A run that goes on, of one step that has printed these lines."""
    output = "".join(f"{line}\n" for line in lines)
    node = NodeReport("web-1", Status.RUNNING, (StepReport("s", Status.RUNNING, output),))
    return RunReport(Status.RUNNING, (TaskReport("say", "say", Status.RUNNING, (node,)),))


async def test_another_process_sees_how_long_a_run_goes_on_and_what_it_printed(
    tmp_path: Path,
) -> None:
    source = ScriptedSource(RUNNING, *[_printed("tick 1")] * 9, _printed("tick 1", "tick 2"))
    async with bench(tmp_path, source) as it:
        run = (await it.start()).run
        await it.executions.wait(run, 30)
        with open_journal(tmp_path) as journal:
            elsewhere = History(journal, {}, it.clock)
            seen = await elsewhere.find(run)
            listed = (await elsewhere.list(ANNA)).runs
    assert (seen.verdict, seen.duration_seconds) == (Verdict.RUNNING, 30)
    assert seen.result.tasks[0].nodes[0].steps[0].output == "tick 1\ntick 2\n"
    assert [record.duration_seconds for record in listed] == [30]


async def test_what_a_run_printed_before_its_process_died_is_not_lost_with_it(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(_printed("tick 1"))) as it:
        run = (await it.start()).run
        await it.executions.wait(run, 10)
    async with bench(tmp_path, ScriptedSource(NotFound("not found"))) as later:
        record = await later.executions.wait(run, 1000)
    assert record.verdict is Verdict.VANISHED
    assert record.result.tasks[0].nodes[0].steps[0].output == "tick 1\n"
