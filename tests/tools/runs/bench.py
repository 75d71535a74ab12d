"""Executions on a scripted source, a real journal and a clock that jumps."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from opsmcp_pipelines.models import Step, Task
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.model.run_record import RunRecord, RunSettings
from opsmcp_tools.model.tool import Hints, Principal, Tool
from opsmcp_tools.runs.events import Event, EventHook, SlowHook
from opsmcp_tools.runs.executions import Executions
from tests.fakes.clock import JumpingClock
from tests.fakes.scripted_source import ScriptedSource

ANNA, BEN = Principal("anna"), Principal("ben")
SAY = Tool(
    name="say",
    title="Say",
    description="Says something.",
    operation=Task("say", "ops-system", steps=(Step("s", "echo hello"),)),
    hints=Hints(read_only=True, destructive=False, idempotent=True),
    inputs=(),
    bound=(),
    input_schema={},
)
CALL = CheckedCall({"message": "hello"}, {"message": "hello", "mood": "calm"})


@dataclass
class Bench:
    source: ScriptedSource
    journal: Journal
    executions: Executions
    clock: JumpingClock
    events: list[Event] = field(default_factory=list[Event])

    async def start(self, tool: Tool = SAY, call: CheckedCall = CALL) -> RunRecord:
        return await self.executions.start(tool, call, ANNA)

    async def run_to_end(self, tool: Tool = SAY) -> RunRecord:
        started = await self.start(tool)
        return await self.executions.wait(started.run, 10_000)


@asynccontextmanager
async def bench(
    state_dir: Path,
    source: ScriptedSource,
    *,
    settings: RunSettings | None = None,
    clock: JumpingClock | None = None,
    hooks: Sequence[EventHook | SlowHook] = (),
) -> AsyncGenerator[Bench, None]:
    """Everything running; stopped as a process would be, when left."""
    clock = clock or JumpingClock()
    events: list[Event] = []
    with open_journal(state_dir) as journal, anyio.fail_after(60):
        executions = Executions(
            source,
            journal,
            settings=settings or RunSettings(),
            clock=clock,
            hooks=[*hooks, events.append],
        )
        async with anyio.create_task_group() as group:
            group.start_soon(clock.drive)
            await group.start(executions.run)
            yield Bench(source, journal, executions, clock, events)
            group.cancel_scope.cancel()
