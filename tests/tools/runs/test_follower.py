from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_pipelines.errors import NotFound, SourceUnavailable
from opsmcp_pipelines.models import Pipeline, TaskRef
from opsmcp_pipelines.run import RunReport, Status, Verdict
from opsmcp_pipelines.source import RunRef
from opsmcp_tools.model.run_record import RunSettings
from tests.fakes.scripted_source import PENDING, RUNNING, ScriptedSource, TerminalHint, ended
from tests.tools.runs.bench import SAY, bench

GONE, AWAY = NotFound("not found"), SourceUnavailable("the source is silent")
INVALID = RunReport(Status.INVALID)
PIPELINE = replace(SAY, operation=Pipeline("p", "ops-system", tasks=(TaskRef("say", "say"),)))

_ENDS: dict[str, tuple[tuple[TerminalHint, ...], str]] = {
    "good": ((PENDING, RUNNING, ended()), "succeeded"),
    "failed": ((PENDING, ended(Status.FAILED)), "failed"),
    "good after faults": ((AWAY, PENDING, AWAY, AWAY, ended()), "succeeded"),
    "seen late": ((GONE, GONE, PENDING, ended()), "succeeded"),
    "never seen": ((GONE,), "vanished"),
    "deleted": ((RUNNING, GONE), "vanished"),
    "deleted after a fault": ((RUNNING, AWAY, GONE), "vanished"),
    "never begins": ((PENDING,), "stuck"),
    "never ends": ((RUNNING,), "stuck"),
    "dispatched": ((RunReport(Status.DISPATCHED),), "stuck"),
    "silent for ever": ((AWAY,), "stuck"),
    "a task without its definition": ((INVALID, RUNNING), "invalid"),
}


@pytest.mark.parametrize(("looks", "verdict"), _ENDS.values(), ids=_ENDS)
async def test_every_run_ends(
    looks: tuple[TerminalHint, ...], verdict: str, tmp_path: Path
) -> None:
    async with bench(tmp_path, ScriptedSource(*looks)) as it:
        record = await it.run_to_end()
        assert record.verdict == verdict
        assert bool(record.result.reason) is not record.verdict.good


async def test_an_invalid_pipeline_is_looked_at_again(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(INVALID, ended())) as it:
        assert (await it.run_to_end(PIPELINE)).verdict is Verdict.SUCCEEDED


async def test_a_pipeline_that_stays_invalid_is_invalid(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(INVALID)) as it:
        assert (await it.run_to_end(PIPELINE)).verdict is Verdict.INVALID
        assert (it.source.looks, it.clock.seconds) == (2, 3.5)


async def test_what_was_seen_of_a_deleted_run_is_kept(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, GONE)) as it:
        record = await it.run_to_end()
        assert [task.name for task in record.result.tasks] == ["say"]


async def test_the_deadline_is_a_setting(tmp_path: Path) -> None:
    settings = RunSettings(deadline_seconds=60)
    async with bench(tmp_path, ScriptedSource(PENDING), settings=settings) as it:
        record = await it.run_to_end()
        assert record.duration_seconds == 60
        assert "it had not ended after 60 seconds; it never began" in record.result.reason


async def test_a_silent_source_is_asked_less_and_less(tmp_path: Path) -> None:
    settings = RunSettings(deadline_seconds=600)
    async with bench(tmp_path, ScriptedSource(AWAY), settings=settings) as it:
        await it.run_to_end()
        assert it.source.looks < 35


class _Telling(ScriptedSource):
    """Says always, and at once, that something has changed."""

    told = 0

    async def changed(self, ref: RunRef) -> None:
        assert ref.operation == SAY.operation.key
        self.told += 1


async def test_a_source_that_says_that_a_run_changed_is_looked_at_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, _Telling(PENDING, RUNNING, ended())) as it:
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED
        assert (it.source.looks, it.clock.seconds) == (3, 0.0)


async def test_a_source_that_says_so_for_nothing_is_looked_at_as_any(tmp_path: Path) -> None:
    source = _Telling(RUNNING, RUNNING, RUNNING, ended())
    async with bench(tmp_path, source) as it:
        assert (await it.run_to_end()).verdict is Verdict.SUCCEEDED
        assert (source.told, source.looks) == (2, 4)
        assert it.clock.seconds > 0
