"""From the start of a process to the first list of the bundled tools, beside a bare server."""

import statistics
import time

from benchmarks.measure import Row
from benchmarks.pair import BARE, OURS, Stage, stage
from benchmarks.wire import StdioServer

_ROUNDS = 15


def run() -> list[Row]:
    times: tuple[list[float], list[float]] = ([], [])
    with stage(0) as both:
        both.learn()
        for _ in range(_ROUNDS):
            times[0].append(_seconds(both, OURS["stdio"]))
            times[1].append(_seconds(both, [*BARE["stdio"], str(both.known)]))
    ours, bare = (statistics.median(taken) for taken in times)
    detail = f"{ours * 1000:.0f} ms beside {bare * 1000:.0f} ms"
    return [Row("cold start to first list / bare SDK server", ours / bare, 1.15, detail=detail)]


def _seconds(both: Stage, arguments: list[str]) -> float:
    begin = time.perf_counter()
    server = StdioServer(arguments, both.environ)
    server.request("tools/list")
    taken = time.perf_counter() - begin
    server.close()
    return taken
