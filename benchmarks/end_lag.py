"""From the true end of a run at the Ops server to the client's result, on a real socket.

All runs go on at the same time, each of an opsmcp of its own, so that each is alone for it. Beside
it what the blocking endpoint of Ops does, which looks every 3 seconds. The first run of a task, of
which nothing is known, cannot be seen to end within 0.6 seconds by one look a second; it gets two.
"""

import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
from mcp import Client

from benchmarks.measure import Row
from benchmarks.ops_life import Work, blocking_lag
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.protocol.handlers import build_server
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.run_record import RunRecord
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import make_task

_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_SHORT_SECONDS = 5.0
_PAST_RUNS = 3


@dataclass
class _Seen:
    """What came of one run."""

    work: Work
    lag: float
    looks: int


def run() -> list[Row]:
    pipelines = [Work(f"pipeline-{n}", seconds, True) for n, seconds in enumerate(_SECONDS)]
    tasks = [Work(f"task-{n}", seconds, False) for n, seconds in enumerate(_SECONDS)]
    known = [Work(f"known-{n}", seconds, False) for n, seconds in enumerate(_SECONDS)]
    with tempfile.TemporaryDirectory() as folder:
        seen = anyio.run(_measure, Path(folder), pipelines + tasks + known, frozenset(known))
    groups = {"pipelines": pipelines, "tasks": tasks, "tasks known before": known}
    return [row for name, works in groups.items() for row in _rows(name, seen, works)]


def _rows(name: str, seen: Sequence[_Seen], works: Sequence[Work]) -> list[Row]:
    mine = [one for one in seen if one.work in works]
    short = [one.lag for one in mine if one.work.seconds <= _SHORT_SECONDS]
    blocking = [blocking_lag(work.ends) for work in works]
    seconds = sum(one.work.ends for one in mine)
    median = statistics.median(one.lag for one in mine)
    detail = f"blocking endpoint {statistics.median(blocking):.2f} s, worst {max(blocking):.2f} s"
    looks = sum(one.looks for one in mine)
    return [
        Row(f"{name}: end to the client's result, median", median, 0.3, "s", detail),
        Row(f"{name}: likewise, worst of up to {_SHORT_SECONDS:g} s", max(short), 0.5, "s"),
        Row(f"{name}: likewise, worst", max(one.lag for one in mine), 0.6, "s"),
        Row(f"{name}: looks for each second of a run", looks / seconds, 1.0),
    ]


async def _measure(folder: Path, works: Sequence[Work], known: frozenset[Work]) -> list[_Seen]:
    async with fake_ops() as ops:
        ops.replace("pipelines", *(work.manifest() for work in works if work.pipeline))
        ops.replace("tasks", make_task("work", "sleep"))
        for work in works:
            if not work.pipeline:
                ops.put("tasks", work.manifest())
            ops.time(work.name, lambda _variables, work=work: work.timeline())
        seen: list[_Seen] = []

        async def measure(work: Work) -> None:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                seen.append(await _one(ops, Path(own), work, known=work in known))

        async with anyio.create_task_group() as group:
            for work in works:
                group.start_soon(measure, work)
        return seen


async def _one(ops: FakeOps, folder: Path, work: Work, *, known: bool) -> _Seen:
    environ = {
        "OPS_SERVER": ops.url,
        "OPS_TOKEN": ops.token,
        "OPSMCP_STATE_DIR": str(folder),
        "OPSMCP_EXPOSE_TASKS": "all",
        "OPSMCP_RUN_WAIT_SECONDS": "90",
        "OPSMCP_CONSENT_UNAVAILABLE": "trust-client",
    }
    if known:
        _remember(folder, f"the Ops server at {ops.url}", work)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(
            open_services(load(environ, cwd=folder), environ)
        )
        client = await stack.enter_async_context(
            Client(build_server(services), read_timeout_seconds=120)
        )
        result = await client.call_tool(work.name, {})
        now = ops.state.clock()
    if result.is_error:
        raise RuntimeError(f"the run did not succeed: {result.content}")
    (made,) = (run for run in ops.runs if run.name.startswith(f"{work.name}-"))
    looks = sum(seen.method == "GET" and seen.path.endswith(made.name) for seen in ops.requests)
    return _Seen(work, now - made.born - work.ends, looks)


def _remember(folder: Path, source: str, work: Work) -> None:
    """Let the journal hold past runs of the operation."""
    with open_journal(folder) as journal:
        for number in range(_PAST_RUNS):
            at = datetime.now(UTC) - timedelta(hours=number + 1)
            record = RunRecord(
                run=f"r-{number}",
                tool=work.name,
                operation=OperationKey(OperationKind.TASK, "ops-system", work.name),
                principal="anna",
                principal_id="local:anna",
                arguments={},
                source=source,
                source_run="past",
                created_at=at,
                result=Run(Verdict.RUNNING),
            )
            journal.add(record)
            ended_at = at + timedelta(seconds=work.ends + 0.1 * number)
            journal.finish(replace(record, result=Run(Verdict.SUCCEEDED), ended_at=ended_at))
