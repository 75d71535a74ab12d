"""Calls beside those of a bare SDK server, one after the other, on both transports.

A built-in tool, beside a bare tool that gives the same result without looking at anything: what
finding, policy, checks and masking cost, as calls per second. And an operation that runs `echo` on
the embedded engine, beside a bare tool that starts the same command: what the durable journal, the
following of the run and the answer cost, in milliseconds on top of the process that both start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import Row
from benchmarks.pair import Stage, stage
from benchmarks.wire import TRANSPORTS, Server

_AIM, _AIM_MS = 0.8, 10.0
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of call: `arguments` are others each time, or the call would get the run there is."""

    tool: str
    arguments: Callable[[int], dict[str, Any]]
    in_a_row: int
    bare: tuple[str, ...] = ()

    def seconds(self, server: Server, first: int) -> float:
        """How long so many calls in a row take."""
        begin = time.perf_counter()
        for number in range(first, first + self.in_a_row):
            answer = server.call(self.tool, self.arguments(number))
            if b'"isError":true' in answer or b'"error"' in answer[:60]:
                raise RuntimeError(f"{self.tool} failed: {answer[:300]!r}")
        return time.perf_counter() - begin


_KINDS = (
    _Kind("list_inventory", lambda _number: {"kind": "clusters"}, 150),
    _Kind(
        "op-0001",
        lambda number: {"namespace": "shop", "pod": f"web-{number}"},
        20,
        ("--run",),
    ),
)


def run() -> list[Row]:
    rows: list[Row] = []
    with stage(100) as both:
        for kind in _KINDS:
            both.learn((kind.tool, kind.arguments(0)))
            rows += [_compare(both, transport, kind) for transport in TRANSPORTS]
    return rows


def _compare(both: Stage, transport: str, kind: _Kind) -> Row:
    with both.pair(transport, "modern", *kind.bare) as pair:
        best = [float("inf"), float("inf")]
        for turn in range(1 + _ROUNDS):
            for index, server in enumerate((pair.ours, pair.bare)):
                # The best: whatever else runs on the machine only adds.
                taken = kind.seconds(server, 1 + turn * kind.in_a_row)
                best[index] = min(best[index], taken)
    ours, bare = (seconds / kind.in_a_row * 1000 for seconds in best)
    detail = f"{ours:.2f} ms beside {bare:.2f} ms"
    if kind.bare:
        return Row(f"a run on top of its process, {transport}", ours - bare, _AIM_MS, "ms", detail)
    name = f"calls a second, {transport} / bare SDK server"
    return Row(name, bare / ours, _AIM, detail=detail, least=True)
