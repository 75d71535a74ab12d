"""What it costs to be watched: a call with metrics and with traces, and all metrics of 500 tools.

In processor time of the server, which depends less on what else the machine does. The call is that
of a built-in tool, which does nothing but answer; traces go to a port where nobody listens.
"""

import statistics
import time
from collections.abc import Mapping

from benchmarks.measure import Row
from benchmarks.pair import OURS, Stage, stage
from benchmarks.process import Usage
from benchmarks.wire import HttpServer
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.metrics import Metrics
from tests.loopback import free_port

_CALLS, _ROUNDS = 300, 7
_TOOLS = 500
_VERDICTS = ("succeeded", "failed", "unknown")


def run() -> list[Row]:
    watched = {
        "metrics": {"OPSMCP_SERVER_METRICS_ADDRESS": f"127.0.0.1:{free_port()}"},
        "traces": {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
    }
    with stage(20) as both:
        servers = {name: _start(both, more) for name, more in {"off": {}, **watched}.items()}
        spent: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(_ROUNDS):
            for name, server in servers.items():
                spent[name].append(_milliseconds(server))
        for server in servers.values():
            server.close()
    off = statistics.median(spent["off"])
    rows = [
        Row(f"a call with {name} on top of one without", on - off, aim, "ms", f"{off:.2f} ms")
        for name, aim in (("metrics", 0.2), ("traces", 1.0))
        for on in [statistics.median(spent[name])]
    ]
    return [*rows, _scrape()]


def _start(both: Stage, more: Mapping[str, str]) -> HttpServer:
    server = HttpServer(OURS["http"], {**both.environ, **more}, "modern")
    for _ in range(50):
        server.call("list_inventory", {"kind": "clusters"})
    return server


def _milliseconds(server: HttpServer) -> float:
    """Processor time of one call."""
    before = Usage.of(server.pid)
    for _ in range(_CALLS):
        server.call("list_inventory", {"kind": "clusters"})
    return Usage.of(server.pid).since(before).processor_seconds / _CALLS * 1000


def _scrape() -> Row:
    metrics = Metrics()
    for number in range(_TOOLS):
        tool = f"op-{number:04}"
        for verdict in _VERDICTS:
            metrics.count(families.RUNS, tool, verdict)
        metrics.observe(families.RUN_DURATION, 1.0, tool)
        for error in ("", "tool_error"):
            labels = ("tools/call", tool, error, "tcp", "2026-07-28")
            metrics.observe(families.OPERATION_DURATION, 1.0, *labels)
    spent, text = list[float](), b""
    for _ in range(_ROUNDS):
        began = time.process_time()
        text = metrics.write()
        spent.append((time.process_time() - began) * 1000)
    detail = f"{len(text) / 1e6:.1f} MB, in a thread"
    return Row(f"all metrics with {_TOOLS} tools", min(spent), 50.0, "ms", detail)
