import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.errors import (
    SourceProtocolError,
    SourceRefused,
    SourceUnavailable,
    StartOutcomeUnknown,
)
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import RunRef, StartRequest
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import RunSettings
from opsmcp_tools.runs import events
from opsmcp_tools.runs.events import CallRefused, Event, RunEnded, RunProgressed, RunStarted
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.runs.bench import ANNA, CALL, SAY, bench
from tests.tools.runs.test_same_call import CHANGING

LOST = StartOutcomeUnknown("no answer")
AWAY = SourceUnavailable("silent")
FOUND = RunRef(SAY.operation.key, "say-found", "r-found")


async def test_a_start_carries_the_handle_and_all_variables(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        record = await it.start()
        (request,) = it.source.started
        assert request.call_id == record.run
        assert request.variables == {"message": "hello", "mood": "calm"}
        assert request.principal == "anna"
        assert record.source_run == "say-1"


async def test_the_intent_is_in_the_journal_before_anything_is_sent(tmp_path: Path) -> None:
    source = ScriptedSource()
    source.hold = anyio.Event()
    async with bench(tmp_path, source) as it, anyio.create_task_group() as group:
        group.start_soon(it.start)
        while not source.started:
            await anyio.lowlevel.checkpoint()
        kept = it.journal.get(source.started[0].call_id)
        assert kept and (kept.verdict, kept.source_run) == (Verdict.RUNNING, "")
        source.hold.set()


@pytest.mark.parametrize("error", [SourceUnavailable("refused"), SourceRefused("too large")])
async def test_a_refused_start_is_told_and_accounted_for(
    error: SourceUnavailable, tmp_path: Path
) -> None:
    async with bench(tmp_path, ScriptedSource(start_error=error)) as it:
        with pytest.raises(ToolUnavailable, match=f"nothing was started: {error}"):
            await it.start()
        (kept,) = (await it.executions.history.list(ANNA)).runs
        assert kept.verdict is Verdict.NOTHING_RAN
        assert isinstance(it.events[0], CallRefused)


@pytest.mark.parametrize("error", [LOST, SourceProtocolError("not Ops")])
@pytest.mark.parametrize("found", [(FOUND,), (None, SourceUnavailable("silent"), FOUND)])
async def test_a_start_without_an_answer_is_looked_for(
    error: StartOutcomeUnknown, found: tuple[RunRef | None, ...], tmp_path: Path
) -> None:
    async with bench(tmp_path, ScriptedSource(start_error=error, found=found)) as it:
        record = await it.run_to_end()
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-found")
        assert len(it.source.started) == 1


class _Once(ScriptedSource):
    """Makes one run of all starts of a call; what comes of each start is written down."""

    def __init__(self, *answers: SourceUnavailable | None, found: RunRef | None = None) -> None:
        super().__init__(found=(found,))
        self.traits = replace(self.traits, repeats_safely=True)
        self._answers = list(answers)

    async def start(self, request: StartRequest) -> RunRef:
        ref = await super().start(request)
        if error := self._answers.pop(0) if self._answers else AWAY:
            raise error
        return replace(ref, name="say-once")


@pytest.mark.parametrize("answers", [(LOST, None), (LOST, AWAY, LOST, None)])
async def test_a_start_that_makes_no_second_run_is_sent_again(
    answers: tuple[SourceUnavailable | None, ...], tmp_path: Path
) -> None:
    source = _Once(*answers)
    async with bench(tmp_path, source) as it:
        record = await it.run_to_end()
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-once")
        assert {request.call_id for request in source.started} == {record.run}
        assert (len(source.started), source.searched) == (len(answers), [])


async def test_where_it_is_not_answered_again_either_its_run_is_looked_for(tmp_path: Path) -> None:
    """What is refused the second time may have begun the first time."""
    async with bench(tmp_path, _Once(LOST, found=FOUND)) as it:
        record = await it.run_to_end()
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-found")


async def test_a_run_that_cannot_be_found_is_unknown_and_not_started_again(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(start_error=LOST)) as it:
        record = await it.start()
        assert record.verdict is Verdict.UNKNOWN
        assert "no run of this call was found in 4 searches" in record.result.reason
        assert (len(it.source.started), it.clock.seconds) == (1, 10)


async def test_a_source_that_cannot_be_asked_is_asked_until_the_deadline(tmp_path: Path) -> None:
    source = ScriptedSource(start_error=LOST, found=(AWAY,))
    async with bench(tmp_path, source, settings=RunSettings(deadline_seconds=300)) as it:
        record = await it.start()
        assert record.verdict is Verdict.UNKNOWN
        assert "the source could not be asked whether it made a run" in record.result.reason
        assert (len(it.source.started), it.clock.seconds) == (1, 300)


@pytest.mark.parametrize(
    ("away", "words"),
    [(20, "but it may still appear"), (190, "but Ops may have cleared it away since")],
)
async def test_a_run_that_is_not_found_once_the_source_is_back_may_have_been_cleared_away(
    away: int, words: str, tmp_path: Path
) -> None:
    source = ScriptedSource(start_error=LOST, found=(*[AWAY] * away, None))
    async with bench(tmp_path, source, settings=RunSettings(deadline_seconds=3600)) as it:
        record = await it.start()
        assert record.verdict is Verdict.UNKNOWN
        assert f"no run of this call was found in 1 search, {words}" in record.result.reason


async def test_many_lost_starts_are_looked_for_within_the_budget(tmp_path: Path) -> None:
    settings = RunSettings(requests_per_second=2, search_pauses_seconds=(0.0,))
    source = ScriptedSource(start_error=LOST)
    async with bench(tmp_path, source, settings=settings) as it:
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(it.start, SAY, CheckedCall({}, {"message": str(number)}))
        assert len(source.searched) == 20
        assert it.clock.seconds >= 9


async def test_a_start_that_a_silent_server_may_still_do_is_looked_for_longer(
    tmp_path: Path,
) -> None:
    source = ScriptedSource(start_error=LOST, found=(*[None] * 7, FOUND))
    async with bench(tmp_path, source) as it:
        source.before_start = lambda: it.clock.sleep(20)
        record = await it.run_to_end()
        assert (record.verdict, record.source_run) == (Verdict.SUCCEEDED, "say-found")
        assert it.clock.seconds == 20 + 10 + 4 * 10


async def test_a_call_has_its_handle_in_time_although_its_start_is_not_answered(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(start_error=LOST, found=(AWAY, AWAY, FOUND))) as it:
        begun = await it.executions.start(SAY, CALL, ANNA, wait_seconds=2)
        assert (begun.verdict, begun.source_run, it.clock.seconds) == (Verdict.RUNNING, "", 2)
        assert begun.result.reason == "its start was not answered; it is being looked for"
        record = await it.executions.wait(begun.run, 100)
        assert (record.verdict, record.result.reason) == (Verdict.SUCCEEDED, "")


async def test_nothing_is_started_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        it.journal._open().writer.close()
        with pytest.raises(ToolUnavailable, match="nothing was started: the journal"):
            await it.start()
        assert it.source.started == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [("PRAGMA max_page_count = 1", "the disk is full"), ("PRAGMA query_only = 1", "may not be")],
)
async def test_nothing_is_started_when_the_disk_is_full_or_read_only(
    statement: str, words: str, tmp_path: Path
) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        it.journal._open().writer.execute(statement)
        with pytest.raises(ToolUnavailable, match=f"nothing was started: the journal .*{words}"):
            for number in range(100):
                await it.start(call=CheckedCall({}, {"message": str(number)}))
                it.source.started.clear()
        assert it.source.started == []


async def test_a_run_whose_end_cannot_be_written_is_still_answered(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        started = await it.start()
        it.journal._open().writer.close()
        record = await it.executions.wait(started.run, 100)
        assert record.verdict is Verdict.SUCCEEDED
        assert await it.executions.history.get(record.run, ANNA) == record


async def test_an_end_that_could_not_be_written_is_written_when_that_is_possible(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        started = await it.start(CHANGING)
        opened = it.journal._open()
        with closing(sqlite3.connect(":memory:")) as broken:
            it.journal._opened = opened._replace(writer=broken)
            await it.executions.wait(started.run, 100)
        it.journal._opened = opened
        again = await it.start(CHANGING)
        assert again.run == started.run
        await it.clock.sleep(100)
        kept = it.journal.get(started.run)
        assert kept and kept.verdict is Verdict.SUCCEEDED
        assert (await it.start(CHANGING)).run != started.run


async def test_a_run_that_opsmcp_itself_fails_on_ends_and_the_others_go_on(tmp_path: Path) -> None:
    source = ScriptedSource(RUNNING, RUNNING, ended())
    async with bench(tmp_path, source) as it:
        source.read_errors = [ValueError("a bug")]
        failed = await it.run_to_end()
        assert failed.verdict is Verdict.UNKNOWN
        assert failed.result.reason.startswith("opsmcp itself failed")
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED


async def test_who_listens_and_fails_does_not_end_a_run(tmp_path: Path) -> None:
    def fail(_event: Event) -> None:
        raise ValueError("a bug")

    async with bench(tmp_path, ScriptedSource(RUNNING, ended()), hooks=[fail]) as it:
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED


class _Slow:
    """Takes its time for each event: real time, as what it waits for is outside."""

    def __init__(self, seconds: float, fails: bool = False) -> None:
        self.seconds, self.fails = seconds, fails
        self.told: list[type[Event]] = []

    async def deliver(self, event: Event, /) -> None:
        await anyio.sleep(self.seconds)
        self.told.append(type(event))
        if self.fails:
            raise ValueError("a bug")


async def test_what_a_slow_hook_is_told_is_delivered_before_the_process_ends(
    tmp_path: Path,
) -> None:
    slow, failing = _Slow(0.2), _Slow(0.1, fails=True)
    async with bench(tmp_path, ScriptedSource(RUNNING, ended()), hooks=[slow, failing]) as it:
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED
        assert slow.told != [RunStarted, RunProgressed, RunEnded]
    assert slow.told == failing.told == [RunStarted, RunProgressed, RunEnded]


async def test_a_hook_that_never_comes_back_holds_up_no_run_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_DRAIN_SECONDS", 0.1)
    hung, quick = _Slow(1_000), _Slow(0)
    with anyio.fail_after(60):
        async with bench(tmp_path, ScriptedSource(RUNNING, ended()), hooks=[hung, quick]) as it:
            assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED
    assert hung.told == []
    assert quick.told == [RunStarted, RunProgressed, RunEnded]


async def test_secret_values_are_masked_in_what_is_kept(tmp_path: Path) -> None:
    call = CheckedCall({"a": "plain", "b": "hunter2"}, {}, frozenset({"hunter2"}))
    async with bench(tmp_path, ScriptedSource(ended(output="it is hunter2\n"))) as it:
        started = await it.start(call=call)
        record = await it.executions.wait(started.run, 100)
        assert record.arguments == {"a": "plain", "b": "***"}
        assert record.result.tasks[0].nodes[0].steps[0].output == "it is ***\n"


async def test_events_tell_the_life_of_a_run(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, ended())) as it:
        await it.run_to_end()
        assert [type(event) for event in it.events] == [RunStarted, RunProgressed, RunEnded]


async def test_nothing_can_be_started_after_the_end(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource()) as it:
        pass
    with pytest.raises(ToolUnavailable):
        await it.start()
