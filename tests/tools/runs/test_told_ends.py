"""Ends of pipeline runs that the Ops server tells, on a real socket: a hint to look, never more.

Where the clock stands still, nobody looks by himself: what is seen then was told.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.models import Pipeline, TaskRef
from opsmcp_pipelines.ops.run_hints import RunHints
from opsmcp_pipelines.ops.settings import OpsSettings
from opsmcp_pipelines.ops.source import open_ops_source
from opsmcp_pipelines.platform_events import EventPage, PlatformEvent
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.run_record import Clock, RunRecord, RunSettings
from opsmcp_tools.runs.executions import Executions
from tests.fakes.clock import FastClock, StoppedClock
from tests.fakes.ops_events import FakeEvents
from tests.fakes.ops_server import FakeOps, Fault, fake_ops
from tests.fakes.ops_state import good_step, make_pipeline, make_task, pipeline_status, task_status
from tests.tools.runs.bench import ANNA, SAY

_WORK = replace(SAY, operation=Pipeline("work", "ops-system", tasks=(TaskRef("do", "do"),)))
_RUNNING = pipeline_status({"do": {"runStatus": "Running"}}, "Running")
_DONE = pipeline_status({"do": task_status({"web-1": [good_step("step-1")]})})
_SUBJECT = "ops.clusters.default.namespaces.ops-system.pipelineruns"


@dataclass
class _Following:
    ops: FakeOps
    executions: Executions

    @property
    def events(self) -> FakeEvents:
        return self.ops.state.events

    async def start(self, number: int = 1) -> RunRecord:
        call = CheckedCall({"n": str(number)}, {"host": "web-1", "n": str(number)})
        return await self.executions.start(_WORK, call, ANNA)

    async def until(self, *, looks: int) -> None:
        while self.looks() < looks:  # noqa: ASYNC110 - a request on a socket tells nobody
            await anyio.sleep(0.01)

    def looks(self) -> int:
        paths = [seen.path for seen in self.ops.requests if seen.method == "GET"]
        return sum("/pipelineruns/work-" in path for path in paths)

    def end_all(self) -> None:
        self.ops.advance()
        for run in self.ops.runs:
            self.events.tell_end("ops-system", run.name)


@asynccontextmanager
async def _following(
    folder: Path, clock: Clock, prepare: Callable[[FakeOps], None] = lambda ops: None
) -> AsyncGenerator[_Following]:
    async with fake_ops() as ops:
        ops.state.events.turn_on()
        prepare(ops)
        async with _executions(ops, folder, clock) as executions:
            yield _Following(ops, executions)


@asynccontextmanager
async def _executions(ops: FakeOps, folder: Path, clock: Clock) -> AsyncGenerator[Executions]:
    ops.replace("tasks", make_task("do", "true"))
    ops.replace("pipelines", make_pipeline("work", "do"))
    ops.script("work", [_RUNNING, _DONE], by_itself=False)
    settings = RunSettings(requests_per_second=0, recover_seconds=0)
    with open_journal(folder) as journal, anyio.fail_after(60):
        async with open_ops_source(OpsSettings(ops.url, ops.token)) as source:
            executions = Executions(source, journal, settings=settings, clock=clock)
            async with anyio.create_task_group() as group:
                await group.start(executions.run)
                yield executions
                group.cancel_scope.cancel()


async def test_the_end_of_a_pipeline_is_seen_when_it_is_told(tmp_path: Path) -> None:
    async with _following(tmp_path, StoppedClock()) as it:
        started = await it.start()
        await it.until(looks=1)
        it.end_all()
        record = await it.executions.wait(started.run, 60)
    assert (record.verdict, it.looks()) == (Verdict.SUCCEEDED, 2)


async def test_many_followers_share_one_stream(tmp_path: Path) -> None:
    async with _following(tmp_path, StoppedClock()) as it:
        started = [await it.start(number) for number in range(5)]
        await it.until(looks=5)
        it.end_all()
        records = [await it.executions.wait(one.run, 60) for one in started]
    assert {record.verdict for record in records} == {Verdict.SUCCEEDED}
    assert (it.looks(), it.events.most_open) == (10, 1)


async def test_events_of_other_runs_are_no_reason_to_look(tmp_path: Path) -> None:
    async with _following(tmp_path, StoppedClock()) as it:
        started = await it.start()
        await it.until(looks=1)
        for number in range(400):
            it.events.publish(f"{_SUBJECT}.other-{number}.status", "PipelineRun")
            it.events.store(f"{_SUBJECT}.work", {"no": "CloudEvent"})
        it.end_all()
        record = await it.executions.wait(started.run, 60)
    assert (record.verdict, it.looks()) == (Verdict.SUCCEEDED, 2)


async def test_an_event_of_a_run_that_goes_on_ends_nothing(tmp_path: Path) -> None:
    """A controller that is stopped publishes them, and so can anybody."""
    async with _following(tmp_path, StoppedClock()) as it:
        started = await it.start()
        await it.until(looks=1)
        subject = f"{_SUBJECT}.{it.ops.runs[0].name}.status"
        it.events.publish(subject, "PipelineRun", {"runStatus": "Successed"})
        await it.until(looks=2)
        record = await it.executions.wait(started.run, 0)
    assert record.verdict is Verdict.RUNNING


def _has_no_nats(ops: FakeOps) -> None:
    ops.state.events.connected = None


def _is_cut(ops: FakeOps) -> None:
    ops.state.events.connected = False


def _fails(fault: Fault) -> Callable[[FakeOps], None]:
    return lambda ops: ops.fail("/events/", fault, times=1000)


_BROKEN: dict[str, Callable[[FakeOps], None]] = {
    "there never was a NATS": _has_no_nats,
    "NATS is away": _is_cut,
    "silent": lambda ops: None,
    **{fault.name: _fails(fault) for fault in (Fault.EMPTY, Fault.HTML, Fault.DROP, Fault.HANG)},
}


@pytest.mark.parametrize("broken", _BROKEN.values(), ids=_BROKEN)
async def test_a_run_is_followed_as_ever_where_nothing_is_told(
    broken: Callable[[FakeOps], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with _following(tmp_path, FastClock(50), broken) as it:
        started = await it.start()
        await it.until(looks=2)
        it.ops.advance()
        record = await it.executions.wait(started.run, 600)
    assert record.verdict is Verdict.SUCCEEDED
    told = [one for one in caplog.messages if "followed without events" in one]
    assert len(told) <= 1, "an outage is told once"


class _Heard:
    """RunHints that hear what a test says, at the time that it says."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.told, self.page = anyio.create_memory_object_stream[EventPage](10)
        self.hints = RunHints("ops-system", self._read, lambda: self.seconds)

    async def _read(self, _pattern: str, _since: datetime | None, _wait: float) -> EventPage:
        return await self.page.receive()

    async def turn(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def tell(self, *runs: str) -> None:
        events = (
            PlatformEvent(f"{_SUBJECT}.{run}.status", f"id-{run}", "PipelineRun", None, {})
            for run in runs
        )
        await self.told.send(EventPage(tuple(events), 0, False, datetime.now(UTC)))
        await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def _heard() -> AsyncGenerator[_Heard]:
    it = _Heard()
    with anyio.fail_after(60), it.told, it.page:
        async with anyio.create_task_group() as group:
            group.start_soon(it.hints.hear, it.turn)
            group.start_soon(it.hints.hinted, "work-zzzzz")
            yield it
            group.cancel_scope.cancel()


async def test_ends_count_as_told_once_one_was() -> None:
    async with _heard() as it:
        assert not it.hints.hints_ends
        await it.tell()
        assert not it.hints.hints_ends
        await it.tell("other-aaaaa")
        assert it.hints.hints_ends


async def test_an_end_that_was_not_told_counts_and_so_does_the_next_that_is() -> None:
    async with _heard() as it:
        await it.tell("other-aaaaa")
        it.hints.note_end("work-aaaaa")
        assert it.hints.hints_ends, "its event may still come"
        it.seconds += 3
        assert not it.hints.hints_ends
        await it.tell("other-bbbbb")
        assert not it.hints.hints_ends, "those of others prove nothing then"
        await it.tell("work-bbbbb")
        it.hints.note_end("work-bbbbb")
        assert it.hints.hints_ends


async def test_an_event_that_comes_after_its_end_was_read_has_told_it() -> None:
    async with _heard() as it:
        it.hints.note_end("work-aaaaa")
        await it.tell("work-aaaaa")
        it.seconds += 3
        assert it.hints.hints_ends


async def test_what_was_told_between_two_looks_is_not_lost() -> None:
    async with _heard() as it:
        await it.tell("work-aaaaa")
        await it.hints.hinted("work-aaaaa")
        await it.tell("work-bbbbb")
        it.hints.note_read("work-bbbbb")
        with anyio.move_on_after(0) as nothing:
            await it.hints.hinted("work-bbbbb")
        assert nothing.cancelled_caught
