"""Lines that stand out whatever their level: rare ones, and those where something stopped or began.

Pure, and linear in the lines.
"""

import re
from collections import Counter
from collections.abc import Sequence
from heapq import nlargest
from itertools import pairwise
from statistics import median

from opsmcp_tools.condense.line_format import seconds_of_day
from opsmcp_tools.condense.log_kinds import read_kinds
from opsmcp_tools.condense.trouble import Weight

__all__ = ["breaks", "lines_by_weight", "rare_lines"]

_RARE = 2
_MOST_STARTS = 20
_MOST_GAPS = 10
_SHORTEST_GAP_SECONDS, _TIMES_USUAL = 10, 20
_DAY = 86_400
_START_OR_END = re.compile(
    r"\b(?:re)?(?:start|boot|load)(?:ed|ing|up)?\b|\bshut(?:ting)?[ -]?down\b|\bstopp(?:ed|ing)\b"
    r"|\bterminat|\bexit(?:ed|ing)?\b|\blistening on\b|\binitiali[sz]|\b(?:upgrad|deploy|rollout)"
    r"|启动|停止|重启|升级",
    re.IGNORECASE,
)


def rare_lines(lines: Sequence[str]) -> list[int]:
    """The numbers of the lines of whose kind there are one or two, in their order."""
    kinds = (kind for kind in read_kinds(lines).kinds if kind.count <= _RARE)
    found = {number for kind in kinds for number in (kind.first, kind.last)}
    return [number for number in sorted(found) if lines[number].strip()]


def breaks(lines: Sequence[str]) -> list[int]:
    """The lines before and after the longest gaps in time, and those of a start or an end.

    A gap is at least ten seconds long and twenty times as long as usual.
    """
    starts = [
        number
        for kind in read_kinds(lines).kinds
        if kind.count <= _MOST_STARTS and _START_OR_END.search(kind.message)
        for number in (kind.first, kind.last)
    ]
    return sorted({*starts, *_gaps(lines)})


def lines_by_weight(lines: Sequence[str]) -> Counter[Weight]:
    """How many lines tell of an error, of a warning, and of neither."""
    found = Counter[Weight]()
    for kind in read_kinds(lines).kinds:
        found[kind.weight] += kind.count
    return found


def _gaps(lines: Sequence[str]) -> list[int]:
    read = ((number, seconds_of_day(line)) for number, line in enumerate(lines))
    timed = [(number, seconds) for number, seconds in read if seconds is not None]
    steps = [
        ((after - before) % _DAY, first, second)
        for (first, before), (second, after) in pairwise(timed)
        # Half a day and more: lines that are not quite in their order.
        if (after - before) % _DAY < _DAY // 2
    ]
    usual = median(seconds for seconds, _, _ in steps) if steps else 0
    least = max(_SHORTEST_GAP_SECONDS, _TIMES_USUAL * usual)
    longest = nlargest(_MOST_GAPS, (step for step in steps if step[0] >= least))
    return [number for _, first, second in longest for number in (first, second)]
