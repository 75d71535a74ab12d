"""Condensing 10 MiB of log, in seconds and beside only reading it line by line."""

import random
import time
import tracemalloc

from benchmarks.measure import Row
from opsmcp_tools.condense import condense

_BYTES = 10 * 1024 * 1024
_ROUNDS = 5
_WORDS = ("cache", "database", "queue", "proxy")


def run() -> list[Row]:
    text = _log(_BYTES)
    whole = _seconds(text)
    tenth = _seconds(text[: _BYTES // 10])
    return [
        Row("condensing 10 MiB", whole, 0.3, "s", f"{len(text.splitlines()):,} lines"),
        Row("condensing 10 MiB / 1 MiB", whole / tenth, 20.0),
        Row("memory for condensing, beside the text", _memory(text) / len(text), 12.0),
    ]


def _log(size: int) -> str:
    chance = random.Random(1)  # noqa: S311 - a log, the same every time
    lines, length = list[str](), 0
    while length < size:
        number = len(lines)
        level, what = ("ERROR", "refused") if number % 50 == 0 else ("INFO", "served")
        lines.append(
            f"2026-11-23T10:{number // 60 % 60:02}:{number % 60:02} {level} request {number} "
            f"{chance.getrandbits(64):016x} {what} by {chance.choice(_WORDS)} in {number % 997} ms"
        )
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:size]


def _seconds(text: str) -> float:
    """The best of some rounds: whatever else runs on the machine only adds."""
    times: list[float] = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        condense(text)
        times.append(time.perf_counter() - begin)
    return min(times)


def _memory(text: str) -> float:
    tracemalloc.start()
    condense(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak)
