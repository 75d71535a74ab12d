"""Many runs in flight on one `opsmcp serve`: requests to Ops, lag, processor time and memory.

The server is a process of its own; the Ops server and the clients share this one.
"""

import math
import random
import statistics
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from benchmarks.measure import Row
from benchmarks.ops_life import Work
from benchmarks.process import Usage, serving
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import FakeRun, Timeline, make_pipeline, make_task

__all__ = ["connected", "run"]

_COUNTS = (1, 50)
_SHORTEST, _LONGEST = 1.0, 6.0
_OUTPUT = "a line of output, as long as lines are in the mean, with some words in it\n" * 100
_KEY = "opsmcp/idempotency-key"
_SETTINGS = {
    "OPSMCP_RUN_LIMIT_PER_PRINCIPAL": "1000",
    "OPSMCP_RUN_LIMIT": "1000",
    "OPSMCP_CONSENT_UNAVAILABLE": "trust-client",
    "OPSMCP_RUN_WAIT_SECONDS": "100",
}


@dataclass
class _Measured:
    """What came of runs that were in flight together."""

    count: int
    lags: list[float] = field(default_factory=list[float])
    requests: int = 0
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)


def run() -> list[Row]:
    rows: list[Row] = []
    for count in _COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            rows += _rows(anyio.run(_measure, Path(folder), count))
    return rows


def _rows(it: _Measured) -> list[Row]:
    name = f"{it.count} in flight"
    p95 = statistics.quantiles(it.lags, n=20)[-1] if it.count > 1 else it.lags[0]
    detail = (
        f"median {statistics.median(it.lags):.2f} s; "
        f"processor {100 * it.usage.processor_seconds / it.seconds:.0f} %, "
        f"memory {it.usage.peak_mib:.0f} MiB"
    )
    return [
        Row(f"{name}: end to the client's result, p95", p95, 2.0, "s", detail),
        Row(f"{name}: requests a second while they run", it.requests / it.seconds, 20.0),
    ]


async def _measure(folder: Path, count: int) -> _Measured:
    chance, measured = random.Random(count), _Measured(count)  # noqa: S311 - the same every time
    seconds = [
        math.exp(chance.uniform(math.log(_SHORTEST), math.log(_LONGEST))) for _ in range(count)
    ]
    async with fake_ops() as ops:
        ops.replace("tasks", make_task("work", "sleep"))
        variables = {"message": {"desc": "number and seconds"}}
        ops.replace("pipelines", make_pipeline("work", "work", variables=variables))
        ops.time("work", _timeline)
        environ = {"OPS_SERVER": ops.url, "OPS_TOKEN": ops.token, **_SETTINGS}
        async with serving(folder, environ) as (pid, url), connected(url) as client:
            await client.list_tools()
            before = Usage.of(pid)
            asked, began = len(ops.requests), anyio.current_time()

            async def call(number: int) -> None:
                meta: Any = {_KEY: str(number)}
                given = {"message": f"{number}-{seconds[number]:.3f}"}
                result = await client.call_tool("work", given, meta=meta)
                now = ops.state.clock()
                if result.is_error:
                    raise RuntimeError(f"the run did not succeed: {result.content}")
                made = _made(ops, given["message"])
                measured.lags.append(now - made.born - made.ages[-1])

            async with anyio.create_task_group() as group:
                for number in range(count):
                    group.start_soon(call, number)
            measured.seconds = anyio.current_time() - began
            gets = [seen for seen in ops.requests[asked:] if seen.method == "GET"]
            measured.requests = sum("runs" in seen.path for seen in gets)
            measured.usage = Usage.of(pid).since(before)
    return measured


def _timeline(variables: Mapping[str, str]) -> Timeline:
    return Work(
        "work", float(variables["message"].partition("-")[2]), pipeline=True, output=_OUTPUT
    ).timeline()


def _made(ops: FakeOps, message: str) -> FakeRun:
    return next(run for run in ops.runs if run.variables["message"] == message)


@asynccontextmanager
async def connected(url: str, token: str = "") -> AsyncGenerator[Client]:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(timeout=180, limits=limits, headers=headers) as http,
        Client(
            streamable_http_client(f"{url}/mcp", http_client=http), read_timeout_seconds=180
        ) as client,
    ):
        yield client


if __name__ == "__main__":
    for row in run():
        print(row)
