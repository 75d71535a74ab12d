"""From the start of a process to the first list of the bundled tools, beside a bare server."""

from benchmarks.measure import Row, alternate
from benchmarks.pair import BARE, OURS, stage
from benchmarks.wire import StdioServer

_ROUNDS = 15


def run() -> list[Row]:
    with stage(0) as both:
        both.learn()
        bare = [*BARE["stdio"], str(both.known)]

        def start(arguments: list[str]) -> None:
            server = StdioServer(arguments, both.environ)
            server.request("tools/list")
            server.close()

        ours, theirs = alternate(lambda: start(OURS["stdio"]), lambda: start(bare), _ROUNDS)
    detail = f"{ours * 1000:.0f} ms beside {theirs * 1000:.0f} ms"
    return [Row("cold start to first list / bare SDK server", ours / theirs, 1.15, detail=detail)]
