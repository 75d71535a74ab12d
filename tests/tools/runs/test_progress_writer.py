"""How often the progress of a run is kept: seldom, and only if there is something new."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import anyio

from opsmcp_pipelines.run import NodeResult, Run, StepResult, TaskResult, Verdict
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.progress_writer import ProgressWriter
from tests.fakes.clock import JumpingClock
from tests.tools.runs.bench import SAY

_GOING_ON = RunRecord(
    run="r-1",
    tool="say",
    operation=SAY.operation.key,
    principal="anna",
    principal_id="local:anna",
    arguments=MappingProxyType({}),
    source="the fake",
    source_run="say-1",
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
    result=Run(Verdict.RUNNING),
)


def _after(output: str) -> RunRecord:
    step = StepResult("s", Verdict.RUNNING, output, len(output))
    node = NodeResult("web-1", Verdict.RUNNING, (step,))
    tasks = (TaskResult("t", "t", Verdict.RUNNING, (node,)),)
    return replace(_GOING_ON, result=Run(Verdict.RUNNING, tasks))


class _Kept:
    """Counts what is written, each time so many seconds by the clock; perhaps in vain."""

    def __init__(self, clock: JumpingClock, *, takes: float = 0.0, fails: bool = False) -> None:
        self.times = 0
        self._clock, self._takes, self._fails = clock, takes, fails

    def __call__(self, _record: RunRecord) -> None:
        self.times += 1
        self._clock.seconds += self._takes
        if self._fails:
            raise JournalUnusable("the disk is full")


async def _times(
    kept: _Kept, clock: JumpingClock, seconds: int, *, changing: bool = True, local: bool = False
) -> int:
    """How often a run is kept that is looked at once a second."""
    writer = ProgressWriter(kept, JournalWriter(), clock, _GOING_ON, each_step=local)
    for number in range(seconds):
        clock.seconds = max(clock.seconds, float(number))
        await writer.observe(_after(f"tick {number if changing else 0}\n"))
    return kept.times


async def test_a_run_is_kept_every_few_seconds_not_at_every_look() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock), clock, 31) == 10


async def test_a_short_run_is_kept_at_its_end_only() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock), clock, 3) == 0


async def test_a_run_that_does_not_change_is_kept_once() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock), clock, 60, changing=False) == 1


async def test_a_run_that_may_die_with_its_process_gives_signs_of_life() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock), clock, 60, changing=False, local=True) == 6


async def test_what_takes_long_to_keep_is_kept_less_often() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock, takes=1.0), clock, 63) == 3


async def test_a_journal_that_cannot_be_written_does_not_end_the_watching() -> None:
    clock = JumpingClock()
    assert await _times(_Kept(clock, fails=True), clock, 7) == 2


async def test_a_run_is_kept_when_nobody_else_writes() -> None:
    clock, writes, release = JumpingClock(), JournalWriter(), threading.Event()
    kept = _Kept(clock)
    writer = ProgressWriter(kept, writes, clock, _GOING_ON)
    clock.seconds = 10
    async with anyio.create_task_group() as group:
        group.start_soon(writes.do, release.wait, 20.0)
        while not writes.busy:
            await anyio.lowlevel.checkpoint()
        await writer.observe(_after("tick\n"))
        assert kept.times == 0
        release.set()
    await writer.observe(_after("tick\n"))
    assert kept.times == 1


def test_what_is_kept_of_a_run_that_goes_on_is_small_and_gone_with_its_end(tmp_path: Path) -> None:
    words = "".join(f"{n * 2654435761 % 2**32:x}\n" for n in range(200_000))
    with open_journal(tmp_path) as journal:
        journal.add(_GOING_ON)
        journal.progressed(_after(words))
        found = journal.get("r-1")
        assert found is not None
        kept = found.result.tasks[0].nodes[0].steps[0]
        assert words.endswith(kept.output)
        assert 0 < len(kept.output) < 20_000 < kept.lost_bytes
        over = replace(_GOING_ON, result=Run(Verdict.SUCCEEDED), ended_at=_GOING_ON.created_at)
        journal.finish(over)
        journal.progressed(_after("late\n"))
        assert journal.get("r-1") == over
