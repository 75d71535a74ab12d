"""YAML: which lines of it matter, by its structure as the indentation shows it. Pure, and linear.

It is not parsed: what a program prints is often cut, mixed or not quite YAML, and a parser is slow.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsmcp_tools.condense.excerpt import Excerpt
from opsmcp_tools.condense.trouble import error_lines

__all__ = ["read_yaml"]

_FEWEST_LINES = 6
_MOST_LINES = 50_000
"""Of more, the structure is not worth the time that it takes."""

_MOST_SAMPLED = 300
_LINE = re.compile(r"\s*(?:- )*[\w./@:'\"-]+:(?:\s|$)|\s*- |\s*#|---$")
_KEY = re.compile(r"\s*(?:- )?['\"]?[A-Za-z][\w./:-]*['\"]?:(?:\s|$)")
_DOCUMENT = "---"

_DEEPER, _NEXT_KEY, _NEXT_ITEM = 1.0, 0.1, 0.4
"""What it takes from the importance of a line to be deeper, a later key, or a later item. For keys
squared: an object with a few keys says most by all of them, one with many is a list.
"""

_BEFORE, _AFTER = 4, 8
_MOST_WRONG = 20


@dataclass(slots=True)
class _Node:
    """A line with lines below it."""

    depth: int
    rank: float
    below: int = 0


def read_yaml(lines: Sequence[str]) -> Excerpt | None:
    """The lines: errors with what they belong to, then the first items of each list; None if none.

    A line matters less the deeper it is, the more keys of the same object come before it, and much
    less the more items of the same list do.
    """
    sample = [line for line in lines[:_MOST_SAMPLED] if line.strip()]
    if len(sample) < _FEWEST_LINES or len(lines) > _MOST_LINES:
        return None
    keys = sum(_KEY.match(line) is not None for line in sample)
    fitting = sum(_LINE.match(line) is not None for line in sample)
    if fitting < 0.9 * len(sample) or keys < 0.5 * len(sample) or not any(map(_depth, sample)):
        return None
    depths = list(map(_depth, lines))
    errors = list(error_lines(lines))
    wrong = [n for found in errors for n in (found, *_ancestors(depths, found))]
    near = (n for found in errors[:_MOST_WRONG] for n in _around(found, len(lines)))
    ranks = _ranks(lines, depths)
    order = dict.fromkeys([*wrong, *near, *sorted(range(len(lines)), key=ranks.__getitem__)])
    return Excerpt(lines, list(order), vital=len(set(wrong)))


def _depth(line: str) -> int:
    """How deep a line is: an item of a list is deeper than a key that begins in its column."""
    if line == _DOCUMENT:
        return -1
    rest = line.lstrip(" ")
    return 2 * (len(line) - len(rest)) + rest.startswith("- ")


def _ranks(lines: Sequence[str], depths: Sequence[int]) -> list[float]:
    ranks, above = list[float](), [_Node(-2, 0.0)]
    for line, depth in zip(lines, depths, strict=True):
        if not line.strip():
            ranks.append(above[-1].rank + _NEXT_ITEM)
            continue
        while above[-1].depth >= depth:
            above.pop()
        parent = above[-1]
        item = line == _DOCUMENT or depth % 2 == 1
        later = parent.below * _NEXT_ITEM if item else parent.below**2 * _NEXT_KEY
        rank = parent.rank + _DEEPER + later
        parent.below += 1
        above.append(_Node(depth, rank))
        ranks.append(rank)
    return ranks


def _around(number: int, lines: int) -> range:
    return range(max(0, number - _BEFORE), min(lines, number + _AFTER))


def _ancestors(depths: Sequence[int], number: int) -> Iterator[int]:
    depth = depths[number]
    for above in range(number - 1, max(-1, number - 200), -1):
        if depths[above] < depth:
            yield above
            depth = depths[above]
        if depth <= 0:
            return
