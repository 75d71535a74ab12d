"""Readings: what of an output is another at every look, and tells nobody that something changed.

A load, a clock, the processes that happen to be busiest, and measured amounts that moved a little.
Counts, states and names are compared as they are. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Lines", "without_readings"]

_ALWAYS_DIFFERENT = re.compile(
    r"(?i)\bload(?: averages?)?:|^\s*(?:time|date|clock|now)\b\s*[:=]"
    r"|^\s*(?:\w{3},? ){1,2}.{0,12}\d\d:\d\d:\d\d"
)
_MEASURED = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)"
    r"(?=(?: of +\d+(?:\.\d+)?)? ?(?:(%)|(?:[KMGT]i?B?|B|ms|s|processes)\b))"
)
"""A number with a unit; the second group is there of a share."""
_LITTLE = 0.2
_FEW_POINTS = 10.0
_NEARLY_FULL = 90.0
"""From this share on, each point matters."""
_PROCESSOR, _MEMORY = ("%CPU", "CPU%"), ("%MEM", "MEM%")
_BUSY_PROCESSOR, _LARGE_MEMORY = 80.0, 20.0
_SHOWN_OF_COMMAND = 60


def without_readings(lines: Sequence[str]) -> list[str]:
    """The lines without loads, clocks and processes that use little; of others only the command."""
    kept, header = list[str](), ""
    for line in lines:
        if _lists_processes(line):
            header = line
            continue
        header = header if line.strip() else ""
        used = _used(header, line)
        if used is not None:
            kept += [f"busy process: {_command(header, line)}"] if used else []
        elif not _ALWAYS_DIFFERENT.search(line):
            kept.append(line)
    return kept


class Lines:
    """The lines of an output, asked whether they hold another line in all that matters."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Take them; of those with measured amounts, what is measured is kept apart."""
        self._exact = frozenset(lines)
        self._near = defaultdict[str, list[list[_Amount]]](list)
        for line in lines:
            key, amounts = _measured(line)
            self._near[key].append(amounts)

    def hold(self, line: str) -> bool:
        """Whether the line is among them, its amounts about the same."""
        if line in self._exact:
            return True
        key, amounts = _measured(line)
        others = self._near.get(key, []) if amounts else []
        return any(all(map(_about, amounts, other)) for other in others)


@dataclass(frozen=True, slots=True)
class _Amount:
    value: float
    share: bool


def _measured(line: str) -> tuple[str, list[_Amount]]:
    """The line without its measured amounts, and these."""
    found = [_Amount(float(one[1]), bool(one[2])) for one in _MEASURED.finditer(line)]
    return " ".join(_MEASURED.sub("#", line).split()), found


def _about(one: _Amount, other: _Amount) -> bool:
    """Whether nobody would call that a change."""
    moved, most = abs(one.value - other.value), max(one.value, other.value)
    if one.share:
        return moved == 0 or (moved <= _FEW_POINTS and most < _NEARLY_FULL)
    return moved <= _LITTLE * most


def _lists_processes(line: str) -> bool:
    columns = line.split()
    return "PID" in columns and any(name in columns for name in _PROCESSOR)


def _used(header: str, line: str) -> bool | None:
    """Whether a process below that header uses much; None if the line is no such row."""
    cells = dict(zip(header.split(), line.split(), strict=False))
    processor, memory = _number(cells, _PROCESSOR), _number(cells, _MEMORY)
    if processor is None:
        return None
    return processor >= _BUSY_PROCESSOR or (memory is not None and memory >= _LARGE_MEMORY)


def _command(header: str, line: str) -> str:
    at = header.find("COMMAND")
    text = line[at:] if at >= 0 else line.split()[-1]
    return text.strip()[:_SHOWN_OF_COMMAND]


def _number(cells: dict[str, str], names: Sequence[str]) -> float | None:
    text = next((cells[name] for name in names if name in cells), "")
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None
