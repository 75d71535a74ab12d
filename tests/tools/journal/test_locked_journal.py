"""A journal that another process holds: what has to wait for it waits once, all else goes on."""

import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_read import Page
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalBusy, ToolUnavailable
from tests.fakes.scripted_source import RUNNING, ScriptedSource, ended
from tests.tools.runs.bench import ANNA, SAY, bench


@contextmanager
def _locked(state_dir: Path) -> Generator[None, None, None]:
    with closing(sqlite3.connect(state_dir / "journal.db")) as other, other:
        other.execute("BEGIN IMMEDIATE")
        yield


def _call(number: int) -> CheckedCall:
    return CheckedCall({}, {"message": str(number)})


async def test_reading_goes_on_while_many_starts_wait_for_the_lock(tmp_path: Path) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:
        turn = it.executions._context.writer._turn
        async with anyio.create_task_group() as group:
            with _locked(tmp_path):
                for number in range(60):
                    group.start_soon(it.start, SAY, _call(number))
                while turn.statistics().tasks_waiting < 59:
                    await checkpoint()
                assert to_thread.current_default_thread_limiter().borrowed_tokens <= 1
                assert await it.executions.history.list(ANNA) == Page()
        assert len(it.source.started) == 60


async def test_a_lock_that_stays_refuses_every_start(tmp_path: Path) -> None:
    refused: list[str] = []
    async with bench(tmp_path, ScriptedSource(RUNNING)) as it:

        async def start(number: int) -> None:
            with pytest.raises(ToolUnavailable, match="another process holds it locked") as error:
                await it.start(SAY, _call(number))
            refused.append(str(error.value))

        it.journal._open().writer.execute("PRAGMA busy_timeout = 10")
        with _locked(tmp_path):
            async with anyio.create_task_group() as group:
                for number in range(60):
                    group.start_soon(start, number)
        assert (len(refused), it.source.started) == (60, [])
        assert (await it.start()).verdict is Verdict.RUNNING


async def test_an_end_that_a_lock_keeps_from_the_journal_is_told_and_kept_later(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, ScriptedSource(RUNNING, RUNNING, ended())) as it:
        started = await it.start()
        it.journal._open().writer.execute("PRAGMA busy_timeout = 10")
        with _locked(tmp_path):
            assert (await it.executions.wait(started.run, 100)).verdict is Verdict.SUCCEEDED
        await it.clock.sleep(20)
        kept = it.journal.get(started.run)
        assert kept and kept.verdict is Verdict.SUCCEEDED


async def test_who_waits_while_a_write_finds_the_journal_locked_is_refused_with_it() -> None:
    writes, gate, tries, refused = JournalWriter(), threading.Event(), list[int](), list[int]()

    def write(number: int) -> None:
        tries.append(number)
        gate.wait(10)
        raise JournalBusy("locked")

    async def wait(number: int) -> None:
        with pytest.raises(JournalBusy, match="locked"):
            await writes.do(write, number)
        refused.append(number)

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(wait, number)
        while writes._turn.statistics().tasks_waiting < 49:
            await checkpoint()
        gate.set()
    assert (len(tries), len(refused)) == (1, 50)
    assert await writes.do(str, 7) == "7"
