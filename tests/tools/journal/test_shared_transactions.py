"""Writes that wait for their turn share one transaction; none is told before it is durable."""

import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

_RECORD = RunRecord(
    run="r-0",
    tool="say",
    operation=OperationKey(OperationKind.TASK, "ops-system", "say"),
    principal="anna",
    principal_id="anna",
    arguments={},
    source="the embedded engine",
    source_run="",
    created_at=datetime(2026, 11, 22, 9, tzinfo=UTC),
    result=Run(Verdict.RUNNING),
)


class _Disk:
    """A journal, how many of its runs others see, and a first write that holds up all others."""

    def __init__(self, journal: Journal, path: Path) -> None:
        self.journal, self._path = journal, path
        self.writer = JournalWriter(journal.together)
        self.seen: list[int] = []
        self.failed: list[str] = []

    def durable(self) -> int:
        with closing(sqlite3.connect(self._path)) as other:
            return other.execute("SELECT count(*) FROM runs").fetchone()[0]

    async def do(self, write: Callable[..., object], *values: Any) -> None:
        try:
            await self.writer.do(write, *values)
        except JournalUnusable as error:
            self.failed.append(str(error))
        self.seen.append(self.durable())

    async def all_at_once(self, *writes: Sequence[Any]) -> None:
        """All of them, each with its values, while another one is at work."""
        gate = threading.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self.writer.do, gate.wait, 20.0)
            while not self.writer.busy:
                await checkpoint()
            for write, *values in writes:
                group.start_soon(self.do, write, *values)
            while self.writer._turn.statistics().tasks_waiting < len(writes):
                await checkpoint()
            gate.set()


@asynccontextmanager
async def _disk(folder: Path) -> AsyncGenerator[_Disk]:
    with open_journal(folder) as journal:
        journal.require()
        yield _Disk(journal, folder / "journal.db")


def _run(number: int) -> RunRecord:
    return replace(_RECORD, run=f"r-{number}", digest=f"d-{number}")


def _damaged(_record: RunRecord) -> None:
    raise JournalUnusable("this one is damaged")


async def test_all_that_wait_are_durable_when_the_first_of_them_is_told(tmp_path: Path) -> None:
    async with _disk(tmp_path) as it:
        await it.all_at_once(*((it.journal.add, _run(number)) for number in range(60)))
        assert it.seen == [60] * 60


async def test_starts_and_ends_share_a_transaction(tmp_path: Path) -> None:
    async with _disk(tmp_path) as it:
        over = replace(_run(1), result=Run(Verdict.SUCCEEDED), ended_at=_run(1).created_at)
        await it.all_at_once((it.journal.add, _run(1)), (it.journal.finish, over))
        kept = it.journal.get("r-1")
    assert kept is not None and kept.verdict is Verdict.SUCCEEDED


async def test_one_that_fails_costs_no_other(tmp_path: Path) -> None:
    async with _disk(tmp_path) as it:
        adds = [(it.journal.add, _run(number)) for number in range(9)]
        await it.all_at_once(*adds[:4], (_damaged, _run(0)), *adds[4:])
        assert it.failed == ["this one is damaged"]
        assert it.durable() == 9


async def test_of_the_same_calls_that_wait_together_one_is_a_run(tmp_path: Path) -> None:
    answers: list[RunRecord | None] = []
    async with _disk(tmp_path) as it:

        def add(of: RunRecord) -> None:
            answers.append(it.journal.add(of, of.created_at))

        same = (replace(_run(number), digest="d") for number in range(5))
        await it.all_at_once(*((add, one) for one in same))
        assert it.durable() == 1
    assert [one and one.run for one in answers] == [None, *["r-0"] * 4]


async def test_what_is_cancelled_while_it_waits_is_not_written(tmp_path: Path) -> None:
    gate = threading.Event()
    async with _disk(tmp_path) as it, anyio.create_task_group() as group:
        group.start_soon(it.writer.do, gate.wait, 20.0)
        while not it.writer.busy:
            await checkpoint()
        with anyio.move_on_after(0.01):
            await it.writer.do(it.journal.add, _run(1))
        gate.set()
        await it.writer.do(it.journal.add, _run(2))
        assert it.durable() == 1


@pytest.mark.parametrize("size", [1, 3])
async def test_nothing_is_kept_of_a_transaction_that_is_not_finished(
    tmp_path: Path, size: int
) -> None:
    async with _disk(tmp_path) as it:
        with pytest.raises(RuntimeError), it.journal.together():
            for number in range(size):
                it.journal.add(_run(number))
            raise RuntimeError
        assert it.durable() == 0
        it.journal.add(_run(7))
        assert it.durable() == 1
