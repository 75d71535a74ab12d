from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.errors import SourceRefused
from opsmcp_pipelines.models import Step, Task
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import Repeat, RunRecord, RunSettings
from opsmcp_tools.model.tool import Bound, Hints, Tool
from opsmcp_tools.results.advice import advise
from opsmcp_tools.runs.new_record import digest_of
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.runs.bench import ANNA, BEN, CALL, SAY, Bench, bench

CHANGING = replace(SAY, hints=Hints(read_only=False, destructive=True, idempotent=False))


async def _started(it: Bench, count: int) -> list[RunRecord]:
    records: list[RunRecord] = []

    async def start() -> None:
        records.append(await it.start())

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(start)
    return records


async def test_twenty_identical_calls_are_one_run(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        records = await _started(it, 20)
        assert len({record.run for record in records}) == len(it.source.started) == 1
        assert [record.repeated for record in records].count(Repeat.NO) == 1


async def test_reading_again_reads_anew(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(ended())) as it:
        first, second = await it.run_to_end(), await it.run_to_end()
        assert first.run != second.run


async def test_a_change_made_again_within_the_window_is_that_run(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(ended())) as it:
        first = await it.run_to_end(CHANGING)
        second = await it.start(CHANGING)
        assert (second.run, second.repeated, second.verdict) == (
            first.run,
            Repeat.CALL,
            Verdict.SUCCEEDED,
        )
        it.clock.seconds += 61
        assert (await it.start(CHANGING)).run != first.run


async def test_a_key_decides_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        first = await it.executions.start(CHANGING, CALL, ANNA, key="a")
        other = await it.executions.start(CHANGING, CALL, ANNA, key="b")
        again = await it.executions.start(CHANGING, CALL, ANNA, key="a")
        await it.executions.wait(first.run, 100)
        it.clock.seconds += 1000
        later = await it.executions.start(CHANGING, CALL, ANNA, key="a")
        assert first.run == again.run == later.run != other.run


async def test_a_key_used_again_with_other_arguments_is_said_to_be_so(tmp_path: Path) -> None:
    other = CheckedCall({"message": "bye"}, {"message": "bye"})
    async with bench(tmp_path, ScriptedSource(RUNNING, ended())) as it:
        first = await it.executions.start(CHANGING, CALL, ANNA, key="a")
        for ended_before in (False, True):
            again = await it.executions.start(CHANGING, other, ANNA, key="a")
            assert (again.run, again.repeated) == (first.run, Repeat.KEY)
            assert "or before the definition changed: message=hello." in advise(again)[0].to("en")
            if not ended_before:
                await it.executions.wait(first.run, 100)
        assert len(it.source.started) == 1


async def test_another_principal_has_a_run_of_its_own(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        mine = await it.start()
        assert (await it.executions.start(SAY, CALL, BEN)).run != mine.run


async def test_a_call_that_was_refused_may_be_made_again(tmp_path: Path) -> None:
    source = ScriptedSource(start_error=SourceRefused("too large"))
    async with bench(tmp_path, source) as it:
        for _ in range(2):
            with pytest.raises(ToolUnavailable):
                await it.start(CHANGING)
        assert len(source.started) == 2


async def test_a_run_of_another_process_answers_the_same_call(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as first:
        run = (await first.start(CHANGING)).run
        async with bench(tmp_path, ScriptedSource(RUNNING), clock=first.clock) as second:
            assert (await second.start(CHANGING)).run == run
            assert second.source.started == []


async def test_what_only_reads_never_waits_for_another_process(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as first:
        theirs = (await first.start()).run
        async with bench(tmp_path, ScriptedSource(RUNNING), clock=first.clock) as second:
            mine = (await second.start()).run
            assert mine != theirs
            assert (await second.start()).run == mine


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(days=-40)], ids=["on", "back"])
async def test_a_clock_that_is_set_changes_no_window_and_no_duration(
    jump: timedelta, tmp_path: Path
) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, ended())) as it:
        started = await it.start(CHANGING)
        it.clock.set_by(jump)
        done = await it.executions.wait(started.run, 1_000)
        assert done.duration_seconds is not None
        assert 0 < done.duration_seconds < 10
        assert max(it.journal.durations(done)) < 10
        await it.clock.sleep(50)
        assert (await it.start(CHANGING)).run == started.run
        await it.clock.sleep(20)
        assert (await it.start(CHANGING)).run != started.run


def test_secrets_are_not_in_the_digest_and_defaults_are() -> None:
    tool = replace(SAY, bound=(Bound("p", "hunter2", secret=True),))
    given = CheckedCall({}, {"a": "1", "p": "hunter2"}, frozenset({"hunter2"}))
    other = CheckedCall({"a": "1"}, {"a": "1", "p": "*"}, frozenset({"*"}))
    assert digest_of(tool, given, ANNA) == digest_of(tool, other, ANNA)
    assert digest_of(tool, given, ANNA) != digest_of(tool, CALL, ANNA)


def test_an_argument_counts_also_where_a_secret_has_the_same_value() -> None:
    tool = replace(SAY, bound=(Bound("p", "prod", secret=True),))
    anywhere = CheckedCall({}, {"p": "prod"}, frozenset({"prod"}))
    somewhere = CheckedCall({"a": "prod"}, {"a": "prod", "p": "prod"}, frozenset({"prod"}))
    assert digest_of(tool, anywhere, ANNA) != digest_of(tool, somewhere, ANNA)


def _mended(tool: Tool) -> Tool:
    """The same tool after its author changed the script."""
    task = Task("say", "ops-system", steps=(Step("s", "echo hello again"),))
    return replace(tool, operation=task)


async def test_a_call_of_a_definition_that_changed_is_another_call(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(ended())) as it:
        first = await it.run_to_end(CHANGING)
        second = await it.start(_mended(CHANGING))
        assert (second.run == first.run, second.repeated) == (False, Repeat.NO)


async def test_a_run_in_flight_does_not_answer_for_a_changed_definition(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        first = await it.start()
        assert (await it.start(_mended(SAY))).run != first.run


@pytest.mark.parametrize("key", ["", "k1"])
async def test_the_same_call_has_its_run_although_no_more_may_be_started(
    key: str, tmp_path: Path
) -> None:
    limits = RunSettings(limit=1)
    async with bench(tmp_path, ScriptedSource(ended(), RUNNING), settings=limits) as it:
        first = await it.executions.start(CHANGING, CALL, ANNA, key="k1")
        first = await it.executions.wait(first.run, 100)
        await it.start(CHANGING, CheckedCall({}, {"message": "other"}))
        again = await it.executions.start(CHANGING, CALL, ANNA, key=key)
        assert (again.run, again.repeated, again.verdict) == (
            first.run,
            Repeat.CALL,
            Verdict.SUCCEEDED,
        )
        assert it.clock.seconds < RunSettings().queue_seconds
        with pytest.raises(ToolUnavailable, match="nothing was started: 1 run is in flight"):
            await it.start(CHANGING, CheckedCall({}, {"message": "third"}))


async def test_the_same_call_that_another_process_made_while_this_waited_is_its_answer(
    tmp_path: Path,
) -> None:
    source = ScriptedSource(RUNNING)
    async with bench(tmp_path, source, settings=RunSettings(limit=1)) as it:
        await it.start(CHANGING, CheckedCall({}, {"message": "other"}))
        runs: list[str] = []

        async def call(here: Bench) -> None:
            runs.append((await here.start(CHANGING)).run)

        async with anyio.create_task_group() as group:
            group.start_soon(call, it)
            async with bench(tmp_path, ScriptedSource(RUNNING), clock=it.clock) as other:
                await call(other)
                await it.clock.sleep(30)
        assert runs == [runs[0]] * 2
