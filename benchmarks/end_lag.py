"""From the true end of a run at the Ops server to the client's result."""

import statistics
import tempfile
from pathlib import Path

import anyio
from mcp import Client

from benchmarks.measure import Row
from opsmcp_server.app import open_services
from opsmcp_server.config import load
from opsmcp_server.handlers import build_server
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import good_step, pipeline_status, task_status

_RUN_SECONDS = (0.5, 2.0, 5.0, 9.0)
_OPERATION = "list-nodes"


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        lags, looks = anyio.run(_measure, Path(folder))
    detail = (
        f"median {statistics.median(lags):.2f} s over runs of {_RUN_SECONDS} s, "
        f"{looks / sum(_RUN_SECONDS):.1f} looks a second"
    )
    return [Row("run's end to the client's result, worst", max(lags), 0.5, "s", detail)]


async def _measure(folder: Path) -> tuple[list[float], int]:
    async with fake_ops() as ops:
        environ = {"OPS_SERVER": ops.url, "OPS_TOKEN": ops.token, "OPSMCP_STATE_DIR": str(folder)}
        done = task_status({"node-1": [good_step("list", "node-1 Ready")]})
        going = pipeline_status({}, "Running")
        ended = pipeline_status({"list-cluster-nodes": done})
        ops.script(_OPERATION, [going, ended], by_itself=False)
        async with (
            open_services(load(environ, cwd=folder), environ) as services,
            Client(build_server(services)) as client,
        ):
            lags = [await _one(ops, client, seconds) for seconds in _RUN_SECONDS]
        return lags, sum(seen.method == "GET" and "runs/" in seen.path for seen in ops.requests)


async def _one(ops: FakeOps, client: Client, seconds: float) -> float:
    """One run that ends after `seconds`: how many seconds later the client knew."""
    moments: list[float] = []

    async def end() -> None:
        await anyio.sleep(seconds)
        ops.advance()
        moments.append(anyio.current_time())

    async def call() -> None:
        result = await client.call_tool(_OPERATION, {})
        moments.append(anyio.current_time())
        if result.is_error:
            raise RuntimeError(f"the run did not succeed: {result.content}")

    async with anyio.create_task_group() as group:
        group.start_soon(end)
        group.start_soon(call)
    return moments[1] - moments[0]
