"""The list of 200 tools, beside a bare SDK server that serves the same tools.

And the memory of both, after both listed them in the newer era.
"""

from collections.abc import Iterator

from benchmarks.measure import Row, alternate
from benchmarks.pair import Pair, Stage, stage
from benchmarks.wire import ERAS, TRANSPORTS

_TOOLS, _ROUNDS = 200, 7
"""How many tools, and how often each list is asked for."""

_AIM, _AIM_MEMORY = 0.2, 1.15


def run() -> list[Row]:
    with stage(_TOOLS) as both:
        both.learn()
        return [
            row
            for transport in TRANSPORTS
            for era in ERAS
            for row in _compare(both, transport, era)
        ]


def _compare(both: Stage, transport: str, era: str) -> Iterator[Row]:
    with both.pair(transport, era) as pair:
        pair.ours.request("tools/list")
        pair.bare.request("tools/list")
        ours, bare = alternate(
            lambda: pair.ours.request("tools/list"),
            lambda: pair.bare.request("tools/list"),
            _ROUNDS,
        )
        detail = f"{ours * 1000:.1f} ms beside {bare * 1000:.1f} ms"
        name = f"list of {_TOOLS:,} tools, {transport} {era} / bare SDK server"
        yield Row(name, ours / bare, _AIM, detail=detail)
        if era == "modern":
            yield _memory(pair, transport)


def _memory(pair: Pair, transport: str) -> Row:
    ours, bare = pair.ours.memory() / 2**20, pair.bare.memory() / 2**20
    detail = f"{ours:.0f} MiB beside {bare:.0f} MiB"
    name = f"memory with {_TOOLS:,} tools, {transport} / bare SDK server"
    return Row(name, ours / bare, _AIM_MEMORY, detail=detail)
