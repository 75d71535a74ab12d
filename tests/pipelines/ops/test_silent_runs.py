"""What Ops leaves out without a word is never taken for good: definition, run and verdict whole."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.ops.settings import OpsSettings
from opsmcp_pipelines.ops.source import open_ops_source
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.run_record import RunRecord, RunSettings, SystemClock
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.runs.executions import Executions
from tests.fakes.ops_server import FakeOps, Fault
from tests.fakes.silent_runs import SILENT, SilentRun
from tests.tools.runs.bench import ANNA, SAY

_SETTINGS = RunSettings(first_poll_seconds=0.01, search_pauses_seconds=(0, 0.01))


@asynccontextmanager
async def _executions(
    ops: FakeOps, run: SilentRun, folder: Path
) -> AsyncGenerator[tuple[Executions, Tool]]:
    name = run.operation["metadata"]["name"]
    kind = "pipelines" if "tasks" in run.operation["spec"] else "tasks"
    ops.replace("pipelines")
    ops.replace("tasks", *run.tasks)
    ops.replace("hosts", *run.hosts)
    ops.put(kind, run.operation)
    ops.script(name, [{"runStatus": "Running"}, *run.before, run.status])
    with open_journal(folder) as journal, anyio.fail_after(60):
        async with open_ops_source(OpsSettings(ops.url, ops.token)) as source:
            contents = await source.read()
            definition = contents.definition(_key(kind, name))
            assert definition is not None
            tool = replace(SAY, operation=definition.operation, tasks=definition.tasks)
            executions = Executions(
                source, journal, settings=_SETTINGS, clock=SystemClock(), contents=lambda: contents
            )
            async with anyio.create_task_group() as group:
                await group.start(executions.run)
                yield executions, tool
                group.cancel_scope.cancel()


def _key(kind: str, name: str) -> OperationKey:
    return OperationKey(OperationKind(kind.removesuffix("s")), "ops-system", name)


async def _end(executions: Executions, tool: Tool, run: SilentRun) -> RunRecord:
    call = CheckedCall({}, {"host": "web-1", **run.variables})
    started = await executions.start(tool, call, ANNA)
    return await executions.wait(started.run, 10)


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT)
async def test_what_is_left_out_is_never_taken_for_good(
    run: SilentRun, ops: FakeOps, tmp_path: Path
) -> None:
    async with _executions(ops, run, tmp_path) as (executions, tool):
        end = await _end(executions, tool, run)
    assert end.verdict == run.verdict
    assert run.reason in end.result.reason
    assert bool(end.result.reason) is bool(run.reason)


async def test_another_process_judges_a_run_alike(ops: FakeOps, tmp_path: Path) -> None:
    run = SILENT["a selected host that refused the login"]
    async with _executions(ops, run, tmp_path) as (executions, tool):
        end = await _end(executions, tool, run)
    with open_journal(tmp_path) as journal:
        kept = journal.get(end.run)
    assert kept is not None
    assert kept.expected == end.expected
    assert [host.name for host in kept.expected[0].place.hosts] == ["db-1", "db-2"]


async def test_a_start_that_is_answered_with_another_run_is_never_that_run(
    ops: FakeOps, tmp_path: Path
) -> None:
    run = SILENT["a last step that may fail and did"]
    other = '{"code":0,"data":{"metadata":{"name":"last-other"},"spec":{"taskRef":"last"}}}'
    async with _executions(ops, run, tmp_path) as (executions, tool):
        ops.fail("taskruns", Fault.RAW, method="POST", text=other)
        end = await _end(executions, tool, run)
    assert (end.verdict, end.source_run) == ("unknown", "")


@pytest.mark.parametrize(
    "spec", [{"taskRef": "another"}, {"variables": {"opsmcp_call_id": "r-another"}}]
)
async def test_a_run_of_somebody_else_under_our_name_is_not_ours(
    spec: dict[str, object], ops: FakeOps, tmp_path: Path
) -> None:
    run = SILENT["a last step that may fail and did"]
    async with _executions(ops, run, tmp_path) as (executions, tool):
        call = CheckedCall({}, {"host": "web-1"})
        ops.fail("taskruns/", Fault.PANIC, times=1)
        started = await executions.start(tool, call, ANNA)
        ops.runs[0].item["spec"] |= spec
        end = await executions.wait(started.run, 10)
    assert end.verdict == "unknown"
    assert "is not the run of this call" in end.result.reason
