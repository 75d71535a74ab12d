"""Which unfinished runs are recovered: each by one process, and all that nobody follows."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord, RunSettings
from opsmcp_tools.runs.new_record import digest_of
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.journal.test_sqlite_journal import _record
from tests.tools.runs.bench import ANNA, CALL, SAY, Bench, bench

RECOVERING = RunSettings(recover_seconds=30)


async def _leave_runs(state_dir: Path, count: int = 3) -> Sequence[str]:
    async with bench(state_dir, ScriptedSource(RUNNING)) as it:
        return [(await it.start(call=_call(number))).run for number in range(count)]


def _call(number: int) -> CheckedCall:
    return CheckedCall({}, {"message": str(number)})


def _change(state_dir: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(state_dir / "journal.db")) as database, database:
        database.execute(statement, values)


async def _verdicts(it: Bench, runs: Sequence[str]) -> set[Verdict]:
    return {(await it.executions.wait(run, 100)).verdict for run in runs}


async def test_a_damaged_run_does_not_keep_the_others_from_being_recovered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, damaged, last = await _leave_runs(tmp_path)
    _change(tmp_path, "UPDATE runs SET expected = 'x' WHERE run = ?", damaged)
    async with bench(tmp_path, ScriptedSource(ended()), settings=RECOVERING) as it:
        assert await _verdicts(it, (first, last)) == {Verdict.SUCCEEDED}
        await it.clock.sleep(100)
    assert caplog.text.count(f"holds a damaged run: {damaged}") == 1


def test_a_claim_that_fails_half_way_takes_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path) as gone:
        for number in range(3):
            gone.add(_record(f"r-{number}"))
    # As a lock, a full disk or an error of the disk would, after the first run.
    _change(
        tmp_path,
        "CREATE TRIGGER t BEFORE UPDATE ON runs WHEN new.run = 'r-1' "
        "BEGIN SELECT RAISE(FAIL, 'trouble'); END",
    )
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        with pytest.raises(JournalUnusable):
            journal.claim(_any)
        _change(tmp_path, "DROP TRIGGER t")
        assert [record.run for record in other.claim(_any)] == ["r-0", "r-1", "r-2"]


def _any(_record: RunRecord) -> bool:
    return True


async def test_a_run_of_this_process_that_it_does_not_follow_is_recovered(tmp_path: Path) -> None:
    digest = digest_of(SAY, CALL, ANNA)
    ghost = replace(_record("r-ghost"), operation=SAY.operation.key, digest=digest)
    async with bench(tmp_path, ScriptedSource(), settings=RECOVERING) as it:
        it.journal.add(replace(ghost, source=it.source.label))
        await it.clock.sleep(30)
        assert (await it.executions.wait("r-ghost", 200)).verdict is Verdict.UNKNOWN
        assert it.source.searched[0] == "r-ghost"
        assert (await it.start()).run != "r-ghost"


async def test_what_many_ask_for_at_once_is_recovered_once(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        (run,) = await _leave_runs(tmp_path, 1)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(it.executions.wait, run, 100)
        assert it.source.looks == 3


async def test_a_run_of_a_source_that_is_not_used_any_more_ends_as_unknown(
    tmp_path: Path,
) -> None:
    (run,) = await _leave_runs(tmp_path, 1)
    elsewhere = ScriptedSource(ended())
    elsewhere.label = "another source"
    async with bench(tmp_path, elsewhere, settings=RECOVERING) as it:
        await it.clock.sleep(1800 + 3600)
        assert (await it.executions.history.get(run, ANNA)).verdict is Verdict.RUNNING
        await it.clock.sleep(60)
        kept = it.journal.get(run)
        assert kept and kept.verdict is Verdict.UNKNOWN
        assert "it was a run of the scripted source, which is not" in kept.result.reason
        assert elsewhere.looks == 0
