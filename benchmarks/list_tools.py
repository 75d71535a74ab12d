"""Lists of 1,000 and 5,000 tools, beside a bare SDK server that serves the same tools.

And the memory of both at 1,000 tools, after both listed them in the newer era.
"""

from collections.abc import Iterator

from benchmarks.measure import Row, alternate
from benchmarks.pair import Pair, Stage, stage
from benchmarks.wire import ERAS, TRANSPORTS

_SIZES = {1_000: 9, 5_000: 3}
"""How many tools, and how often each list is asked for."""

_AIM, _AIM_MEMORY = 0.2, 1.15


def run() -> list[Row]:
    return [row for size in _SIZES for row in _rows(size)]


def _rows(size: int) -> Iterator[Row]:
    with stage(size) as both:
        both.learn()
        for transport in TRANSPORTS:
            for era in ERAS:
                yield from _compare(both, size, transport, era)


def _compare(both: Stage, size: int, transport: str, era: str) -> Iterator[Row]:
    with both.pair(transport, era) as pair:
        pair.ours.request("tools/list")
        pair.bare.request("tools/list")
        ours, bare = alternate(
            lambda: pair.ours.request("tools/list"),
            lambda: pair.bare.request("tools/list"),
            _SIZES[size],
        )
        detail = f"{ours * 1000:.1f} ms beside {bare * 1000:.1f} ms"
        name = f"list of {size:,} tools, {transport} {era} / bare SDK server"
        yield Row(name, ours / bare, _AIM, detail=detail)
        if size == min(_SIZES) and era == "modern":
            yield _memory(pair, size, transport)


def _memory(pair: Pair, size: int, transport: str) -> Row:
    ours, bare = pair.ours.memory() / 2**20, pair.bare.memory() / 2**20
    detail = f"{ours:.0f} MiB beside {bare:.0f} MiB"
    name = f"memory with {size:,} tools, {transport} / bare SDK server"
    return Row(name, ours / bare, _AIM_MEMORY, detail=detail)
