"""Many starts at once: how long until the journal has all of them, each durable before it is sent.

Beside the same journal with a transaction for each, which is what it would take without sharing.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio

from benchmarks.measure import Row
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["run"]

_STARTS = 200
_ROUNDS = 5
_RECORD = RunRecord(
    run="r-0",
    tool="restart-service",
    operation=OperationKey(OperationKind.PIPELINE, "ops-system", "restart-service"),
    principal="anna",
    principal_id="anna",
    arguments={"service": "web"},
    source="the embedded engine",
    source_run="",
    created_at=datetime.now(UTC),
    result=Run(Verdict.RUNNING),
)

_Together = Callable[[], AbstractContextManager[object]]


def run() -> list[Row]:
    shared, alone = list[float](), list[float]()
    for _ in range(_ROUNDS):  # side by side: the machine is not the same a minute later
        shared.append(_seconds(lambda journal: journal.together))
        alone.append(_seconds(lambda _journal: None))
    mine, theirs = statistics.median(shared), statistics.median(alone)
    name = f"{_STARTS} starts at once: until the last is recorded"
    return [
        Row(name, 1000 * mine, 500.0, "ms", f"a transaction for each: {1000 * theirs:.0f} ms"),
        Row(f"{name}, of a transaction for each", mine / theirs, 0.5),
    ]


def _seconds(together: Callable[[Journal], _Together | None]) -> float:
    with tempfile.TemporaryDirectory() as folder, open_journal(Path(folder)) as journal:
        journal.require()
        return anyio.run(_all_at_once, journal, JournalWriter(together(journal)))


async def _all_at_once(journal: Journal, writer: JournalWriter) -> float:
    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for number in range(_STARTS):
            one = replace(_RECORD, run=f"r-{number}", digest=f"d-{number}")
            group.start_soon(writer.do, journal.add, one, one.created_at)
    return time.perf_counter() - began
