from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio
import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_server.protocol.run_updates import RunUpdates
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.events import CallRefused, Event, RunEnded, RunProgressed, RunStarted
from tests.fakes.clock import JumpingClock
from tests.tools.results import records

RUN, OUTPUT = "ops://runs/r-1", "ops://runs/r-1/output"


@dataclass
class Watchers:
    watched: Sequence[str]
    clock: JumpingClock
    told: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def is_watched(self, address: str) -> bool:
        return address in self.watched

    async def resource_updated(self, address: str) -> None:
        await anyio.lowlevel.checkpoint()
        if address in self.watched:
            self.told.append((self.clock.seconds, address))


@asynccontextmanager
async def news(*watched: str) -> AsyncGenerator[tuple[RunUpdates, Watchers]]:
    clock = JumpingClock()
    watchers = Watchers(watched, clock)
    made = RunUpdates(watchers, clock)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(clock.drive)
            group.start_soon(made.run)
            yield made, watchers
            group.cancel_scope.cancel()


def record(run: str = "r-1") -> RunRecord:
    return replace(records.record(Verdict.RUNNING), run=run)


async def test_a_run_that_moves_all_the_time_makes_news_once_a_second() -> None:
    async with news(RUN) as (made, watchers):
        for _ in range(100):
            made(RunProgressed(record()))
            await watchers.clock.sleep(0.1)
        await watchers.clock.sleep(1)
    times = [at for at, _ in watchers.told]
    assert 10 <= len(times) <= 11
    assert all(b - a >= 0.99 for a, b in zip(times, times[1:], strict=False))
    assert times[-1] >= 9.9


async def test_the_end_of_a_run_is_told_at_once() -> None:
    async with news(RUN, OUTPUT) as (made, watchers):
        made(RunProgressed(record()))
        await watchers.clock.sleep(0.1)
        made(RunEnded(record()))
        await watchers.clock.sleep(5)
    assert [at for at, address in watchers.told if address == RUN] == [0.0, pytest.approx(0.1)]
    assert {address for _, address in watchers.told} == {RUN, OUTPUT}


async def test_a_start_that_is_refused_late_is_told_as_an_end() -> None:
    async with news(RUN) as (made, watchers):
        made(CallRefused("say", "anna", "nothing was started", "r-1"))
        await watchers.clock.sleep(5)
    assert watchers.told == [(0.0, RUN)]


@pytest.mark.parametrize(
    "event",
    [
        CallRefused("say", "anna", "no"),
        RunProgressed(record("r-2")),
        RunEnded(record("r-2")),
        RunStarted(record()),
    ],
)
async def test_what_nobody_watches_makes_no_news(event: Event) -> None:
    async with news(RUN) as (made, watchers):
        made(event)
        await watchers.clock.sleep(5)
    assert watchers.told == []
    assert watchers.clock.slept == [5]


async def test_runs_do_not_wait_for_each_other() -> None:
    async with news(RUN, "ops://runs/r-2") as (made, watchers):
        made(RunProgressed(record()))
        await watchers.clock.sleep(0.5)
        made(RunProgressed(record("r-2")))
        await watchers.clock.sleep(5)
    assert watchers.told == [(0.0, RUN), (0.5, "ops://runs/r-2")]


async def test_a_run_elsewhere_is_attended_once_and_only_while_it_is_watched() -> None:
    waits: list[float] = []
    async with news(RUN) as (made, watchers):

        async def wait(_run: str, seconds: float) -> bool:
            waits.append(seconds)
            await watchers.clock.sleep(seconds)
            watchers.watched = ()
            return False

        await watchers.clock.sleep(0)
        made.attend("r-1", wait)
        made.attend("r-1", wait)
        await watchers.clock.sleep(100)
    assert waits == [10]
    assert watchers.told == []
