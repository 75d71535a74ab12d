"""A program that makes a batch of calls at the same time and waits for the ends of all its runs.

It is killed by the tests. Whatever the journal holds unfinished is recovered first.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from opsmcp_pipelines.models import OperationKey, Step, Task
from opsmcp_pipelines.ops.source import OpsSettings, open_ops_source
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import RunSettings
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.runs.executions import Executions
from tests.fakes.clock import FastClock
from tests.tools.runs.bench import ANNA, SAY

__all__ = ["CHANGE", "Batch", "run_batch"]

CHANGE = replace(
    SAY,
    operation=Task("say", "ops-system", steps=(Step("s", "echo hello"),)),
    hints=Hints(read_only=False, destructive=True, idempotent=False),
)
OPERATION: OperationKey = CHANGE.operation.key
_TIMES = 100


@dataclass(frozen=True)
class Batch:
    """Which calls to make where: each is another one for its `messages`."""

    url: str
    token: str
    state_dir: Path
    messages: tuple[str, ...]


def run_batch(batch: Batch) -> None:
    """Make the calls; return when all their runs have ended."""
    anyio.run(_run, batch)


async def _run(batch: Batch) -> None:
    async with _executions(batch) as executions, anyio.create_task_group() as group:
        for message in batch.messages:
            group.start_soon(_call, executions, message)


async def _call(executions: Executions, message: str) -> None:
    try:
        record = await executions.start(CHANGE, CheckedCall({}, {"message": message}), ANNA)
    except ToolUnavailable:
        return
    await executions.wait(record.run, 3_000)


@asynccontextmanager
async def _executions(batch: Batch) -> AsyncGenerator[Executions]:
    settings = OpsSettings(batch.url, batch.token, read_seconds=1, connections=50)
    with open_journal(batch.state_dir) as journal:
        async with open_ops_source(settings) as source, anyio.create_task_group() as group:
            executions = Executions(
                source, journal, settings=RunSettings(), clock=FastClock(_TIMES)
            )
            await group.start(executions.run)
            yield executions
            group.cancel_scope.cancel()
