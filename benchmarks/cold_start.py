"""From the start of a process to the first list of the bundled tools, beside a bare server.

In processor time, which depends less on what else the machine does, and includes the end of the
process on both sides; and in resident memory, once the list is there.
"""

import resource
import statistics

from benchmarks.measure import Row
from benchmarks.pair import BARE, OURS, Stage, stage
from benchmarks.wire import StdioServer

_ROUNDS = 15


def run() -> list[Row]:
    seen: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    with stage(0) as both:
        both.learn()
        for _ in range(_ROUNDS):
            seen[0].append(_cost(both, OURS["stdio"]))
            seen[1].append(_cost(both, [*BARE["stdio"], str(both.known)]))
    seconds = tuple(statistics.median(cost[0] for cost in costs) for costs in seen)
    memory = tuple(statistics.median(cost[1] for cost in costs) for costs in seen)
    times = f"{seconds[0] * 1000:.0f} ms beside {seconds[1] * 1000:.0f} ms of processor time"
    sizes = f"{memory[0] / 1e6:.0f} MB beside {memory[1] / 1e6:.0f} MB"
    name = "cold start to first list / bare SDK server"
    return [
        Row(name, seconds[0] / seconds[1], 1.15, detail=times),
        Row(f"memory, {name}", memory[0] / memory[1], 1.1, detail=sizes),
    ]


def _cost(both: Stage, arguments: list[str]) -> tuple[float, float]:
    """Seconds of processor time, and bytes of memory."""
    before = _used()
    server = StdioServer(arguments, both.environ)
    server.request("tools/list")
    memory = server.memory()
    server.close()
    return _used() - before, memory


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime
