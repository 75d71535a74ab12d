"""Runs of the embedded engine are kept once, in the journal, also when opsmcp ends meanwhile."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import anyio
import jsonschema
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.embedded.source import (
    EmbeddedSettings,
    EmbeddedSource,
    open_embedded_source,
)
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import StepResult, Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.model.run_record import RunRecord, RunSettings, SystemClock
from opsmcp_tools.model.tool import Hints, Tool
from opsmcp_tools.results.output_schema import OUTPUT_SCHEMA
from opsmcp_tools.results.structured import structured
from opsmcp_tools.results.summary import headline
from opsmcp_tools.runs.executions import Executions
from tests.pipelines.embedded.test_source import ticks
from tests.tools.runs.bench import ANNA

_MANIFEST = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: two, namespace: ops-system}
spec:
  host: localhost
  steps:
    - {name: first, content: seq 100000}
    - {name: second, content: echo here; sleep 60}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: quick, namespace: ops-system}
spec: {host: localhost, steps: [{name: say, content: echo hello}]}
"""


@dataclass
class _Process:
    """What one opsmcp is made of, as far as runs go."""

    source: EmbeddedSource
    journal: Journal
    executions: Executions

    async def start(self, name: str) -> RunRecord:
        key = OperationKey(OperationKind.TASK, "ops-system", name)
        definition = (await self.source.read()).definition(key)
        assert definition is not None
        tool = Tool(
            name=name,
            title=name,
            description=name,
            operation=definition.operation,
            tasks=definition.tasks,
            hints=Hints(read_only=True, destructive=False, idempotent=True),
            inputs=(),
            bound=(),
            input_schema={},
        )
        return await self.executions.start(tool, CheckedCall({}, {}), ANNA)

    async def kept(self, run: str, done: Callable[[RunRecord], bool]) -> RunRecord:
        """The run as another process would read it, once it is so."""
        async for _ in ticks(20):
            record = self.journal.get(run)
            if record is not None and done(record):
                return record
        raise AssertionError("it was not kept so")


@asynccontextmanager
async def _process(folder: Path) -> AsyncGenerator[_Process]:
    (folder / "all.yaml").write_text(_MANIFEST, "utf-8")
    environ = {"PATH": os.environ["PATH"]}  # noqa: TID251 - what steps are found by
    settings = EmbeddedSettings(environ, manifests=(folder,), bundled=False)
    followed = RunSettings(requests_per_second=0.0, first_poll_seconds=0.05)
    with open_journal(folder / "state") as journal:
        async with open_embedded_source(settings) as source, anyio.create_task_group() as group:
            executions = Executions(source, journal, settings=followed, clock=SystemClock())
            await group.start(executions.run)
            yield _Process(source, journal, executions)
            group.cancel_scope.cancel()


def _steps(record: RunRecord) -> tuple[StepResult, ...]:
    return record.result.tasks[0].nodes[0].steps


async def test_a_run_is_kept_by_the_journal_and_forgotten_by_the_engine(tmp_path: Path) -> None:
    async with _process(tmp_path) as it:
        started = await it.start("quick")
        record = await it.executions.wait(started.run, 20)
        kept = it.journal.get(started.run)
        assert kept is not None and kept.result == record.result
        assert (kept.verdict, kept.source_run) == (Verdict.SUCCEEDED, started.source_run)
        assert _steps(kept)[0].output == "hello\n"
        async for _ in ticks(20):
            if await it.source.find_run(record.operation, record.run, checkpoint) is None:
                return
    raise AssertionError("the engine keeps it, too")


async def test_each_step_that_ended_is_kept_whole_before_the_next_one_ends(tmp_path: Path) -> None:
    async with _process(tmp_path) as it:
        started = await it.start("two")
        record = await it.kept(started.run, lambda found: bool(found.result.tasks))
        first = _steps(record)[0]
        assert (first.verdict, first.output_bytes) == (Verdict.SUCCEEDED, len(first.output))
        assert first.output.endswith("\n100000\n")
        assert (record.verdict, record.source_run) == (Verdict.RUNNING, started.source_run)


async def test_when_opsmcp_stops_its_runs_end_and_the_journal_says_how(tmp_path: Path) -> None:
    async with _process(tmp_path) as it:
        started = await it.start("two")
        await it.executions.look(20)
        await it.kept(started.run, lambda found: bool(found.result.tasks))
    with open_journal(tmp_path / "state") as journal:
        record = journal.get(started.run)
    assert record is not None
    assert record.verdict is Verdict.ABORTED
    assert "opsmcp was stopped" in record.result.reason
    assert [step.verdict for step in _steps(record)] == [Verdict.SUCCEEDED, Verdict.ABORTED]


async def test_what_a_killed_opsmcp_left_is_ended_by_the_next_with_what_was_kept(
    tmp_path: Path,
) -> None:
    """The journal as it was in the middle, as `kill -9` leaves it."""
    async with _process(tmp_path) as it:
        started = await it.start("two")
        kept = await it.kept(started.run, lambda found: bool(found.result.tasks))
    with open_journal(tmp_path / "state") as journal:
        journal.add(_renamed(kept))
        journal.progressed(_renamed(kept))
    async with _process(tmp_path) as it:
        record = await it.executions.wait("r-left", 20)
    assert record.verdict is Verdict.ABORTED
    assert kept.observed_at is not None
    lived = (kept.observed_at - kept.created_at).total_seconds()
    assert record.result.reason == (
        "opsmcp ended in the middle of it; none of its processes was found any more; "
        f"it was last seen {lived:.1f} s after its start"
    )
    # Not up to when somebody looked: that can be days later.
    assert (record.duration_seconds, record.ended_at) == (round(lived, 3), kept.observed_at)
    first, *rest = _steps(record)
    assert (first.verdict, first.output) == (Verdict.SUCCEEDED, _steps(kept)[0].output)
    assert all(step.verdict is Verdict.ABORTED for step in rest)


async def test_of_a_killed_run_that_nobody_saw_no_duration_is_made_up(tmp_path: Path) -> None:
    async with _process(tmp_path) as it:
        started = await it.executions.wait((await it.start("two")).run, 0)
    long_ago = started.created_at - timedelta(days=2)
    with open_journal(tmp_path / "state") as journal:
        journal.add(replace(started, run="r-left", created_at=long_ago))
    async with _process(tmp_path) as it:
        record = await it.executions.wait("r-left", 20)
    assert record.duration_seconds is None
    told = structured(record, "", mark="m")
    assert told["duration_seconds"] is None
    jsonschema.validate(told, OUTPUT_SCHEMA)
    assert record.result.reason.endswith("; how long it went on is not known")
    assert headline(record) == "aborted: two after a time that is not known (run r-left)"


def _renamed(record: RunRecord) -> RunRecord:
    return replace(record, run="r-left")
