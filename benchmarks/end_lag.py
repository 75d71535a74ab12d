"""From the true end of a run at the Ops server to the client's result, on a real socket.

All runs go on at the same time, each of an opsmcp of its own, so that each is alone for it. Beside
it what the blocking endpoint of Ops does, which looks every 3 seconds. The first run of a task, of
which nothing is known, cannot be seen to end within 0.6 seconds by one look a second; it gets two.
"""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
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
_EVENT_SECONDS = (
    0.1,
    0.3,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    5.0,
    7.0,
    9.0,
    10.0,
    13.0,
    16.0,
    20.0,
    30.0,
)
"""Of the pipelines whose ends are told by events, and of those that are compared with them."""

_PAST_RUNS = 3


@dataclass
class _Seen:
    """What came of one run: how late its end was answered, and what was asked until then."""

    work: Work
    lag: float
    looks: int
    questions: int


class _Events(Enum):
    """What the Ops server tells of ends."""

    NONE = "no NATS"
    TOLD = "every end, and ends of others before"
    SILENT = "ends of others before, and nothing more"


def run() -> list[Row]:
    pipelines = [Work(f"pipeline-{n}", seconds, True) for n, seconds in enumerate(_SECONDS)]
    tasks = [Work(f"task-{n}", seconds, False) for n, seconds in enumerate(_SECONDS)]
    known = [Work(f"known-{n}", seconds, False) for n, seconds in enumerate(_SECONDS)]
    compared = [Work(f"end-{n}", seconds, True) for n, seconds in enumerate(_EVENT_SECONDS)]
    plain = dict.fromkeys(pipelines + tasks + known, _Events.NONE)
    seen = _measure_all(plain, frozenset(known))
    groups = {"pipelines": pipelines, "tasks": tasks, "tasks known before": known}
    rows = [row for name, works in groups.items() for row in _rows(name, seen, works)]
    told = {events: _measure_all(dict.fromkeys(compared, events)) for events in _Events}
    return rows + _event_rows(told)


def _measure_all(
    works: Mapping[Work, _Events], known: frozenset[Work] = frozenset()
) -> Sequence[_Seen]:
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(_measure, Path(folder), works, known)


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


def _event_rows(told: Mapping[_Events, Sequence[_Seen]]) -> list[Row]:
    """The same pipelines on three servers, so that each figure has the one to compare it with."""
    none, heard, silent = (told[events] for events in (_Events.NONE, _Events.TOLD, _Events.SILENT))
    asked = {
        events: sum(one.looks + one.questions for one in seen) for events, seen in told.items()
    }
    without = f"without events {_lags(none)}"
    return [
        Row("pipelines with events: end to result, p50", _p50(heard), 0.05, "s", without),
        Row("pipelines with events: end to result, p95", _p95(heard), 0.15, "s", without),
        Row(
            "pipelines with events: requests, as a part of those without",
            asked[_Events.TOLD] / asked[_Events.NONE],
            1.0,
            "",
            f"{asked[_Events.TOLD]}, without {asked[_Events.NONE]}",
        ),
        Row("events that fall silent: end to result, p50", _p50(silent), 0.45, "s", without),
        Row("events that fall silent: end to result, p95", _p95(silent), 0.6, "s", without),
    ]


def _lags(seen: Sequence[_Seen]) -> str:
    return f"p50 {_p50(seen):.2f} s, p95 {_p95(seen):.2f} s"


def _p50(seen: Sequence[_Seen]) -> float:
    return statistics.median(one.lag for one in seen)


def _p95(seen: Sequence[_Seen]) -> float:
    return statistics.quantiles((one.lag for one in seen), n=20)[-1]


async def _measure(
    folder: Path, works: Mapping[Work, _Events], known: frozenset[Work]
) -> list[_Seen]:
    seen: list[_Seen] = []

    async def measure(work: Work, events: _Events) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            async with fake_ops() as ops:
                _prepare(ops, work, events)
                seen.append(await _one(ops, Path(own), work, known=work in known))

    async with anyio.create_task_group() as group:
        for work, events in works.items():
            group.start_soon(measure, work, events)
    return seen


def _prepare(ops: FakeOps, work: Work, events: _Events) -> None:
    ops.replace("tasks", make_task("work", "sleep"))
    ops.replace("pipelines", *([work.manifest()] if work.pipeline else []))
    if not work.pipeline:
        ops.put("tasks", work.manifest())
    ops.time(work.name, lambda _variables: work.timeline())
    if events is not _Events.NONE:
        ops.state.events.turn_on(tells_ends=events is _Events.TOLD)
        subject = "ops.clusters.default.namespaces.ops-system.pipelineruns.other-abcde.status"
        ops.state.events.publish(subject, "PipelineRun", {}, ago=100.0)


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
    (made,) = ops.runs
    looks = sum(seen.method == "GET" and seen.path.endswith(made.name) for seen in ops.requests)
    return _Seen(work, now - made.born - work.ends, looks, ops.state.events.queries)


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
