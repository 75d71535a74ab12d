"""Condensing 10 MiB, in seconds: an ordinary log, and the kinds of text that cost most."""

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.measure import Row
from opsmcp_tools.condense.choose import condense

_BYTES = 10 * 1024 * 1024
_JSON_BYTES = 2 * 1024 * 1024
_MOST_SECONDS = 0.3
_MOST_MEMORY = 12.0
_ROUNDS = 3
_WORDS = ("cache", "database", "queue", "proxy")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def run() -> list[Row]:
    text = _log(_BYTES)
    whole = _seconds(text)
    tenth = _seconds(text[: _BYTES // 10])
    rows = [
        Row("condensing 10 MiB", whole, _MOST_SECONDS, "s", f"{len(text.splitlines()):,} lines"),
        Row("condensing 10 MiB / 1 MiB", whole / tenth, 20.0),
        Row("memory for condensing, beside the text", _memory(text) / len(text), _MOST_MEMORY),
    ]
    for name, build in _HARD.items():
        hard = build()
        size = f"{len(hard) / 2**20:.1f} Mi characters, {hard.count(chr(10)) + 1:,} lines"
        rows.append(Row(f"condensing {name}", _seconds(hard), _MOST_SECONDS, "s", size))
    return rows


def _log(size: int) -> str:
    chance = _chance()
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


def _chance() -> random.Random:
    return random.Random(1)  # noqa: S311 - texts, the same every time


def _distinct(before: str, letters: int) -> str:
    """Lines that differ in more than numbers."""
    chance, count = _chance(), _BYTES // (len(before) + letters + 1)
    return "\n".join(before + "".join(chance.choices(_LETTERS, k=letters)) for _ in range(count))


def _rubbish() -> str:
    return _chance().randbytes(_BYTES).decode("utf-8", "replace")


def _json() -> str:
    item = {"name": "web-000", "state": "error", "note": "x" * 50}
    return json.dumps([item] * (_JSON_BYTES // len(json.dumps(item)) - 1))


_HARD: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "millions of empty lines": lambda: "\n" * _BYTES,
        "millions of short lines": lambda: _distinct("", 3),
        "200,000 distinct lines": lambda: _distinct("", 50),
        "200,000 distinct errors": lambda: _distinct("ERROR ", 46),
        "the same error over and over": lambda: "error\n" * (_BYTES // 6),
        "one line": lambda: "x" * (_BYTES // 2) + " ERROR refused " + "y" * (_BYTES // 2),
        "binary rubbish": _rubbish,
        "colours": lambda: "\x1b[31mred\x1b[0m\n" * (_BYTES // 13),
        "a progress bar": lambda: "\r".join(f"{n}%" for n in range(_BYTES // 9)),
        "a table": lambda: (
            "NAME READY STATUS AGE\n" + "web-0 1/1 CrashLoopBackOff 3d\n" * (_BYTES // 30)
        ),
        "JSON": _json,
    }
)


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
