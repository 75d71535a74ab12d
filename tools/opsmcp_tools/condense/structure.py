"""JSON and YAML: which lines matter, by the structure that the indentation shows. Pure, and linear.

JSON is written as YAML first, which has its structure in its lines. YAML is not parsed: what a
program prints is often cut, mixed or not quite YAML, and a parser is slow.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from opsmcp_tools.condense.excerpt import Excerpt
from opsmcp_tools.condense.log_kinds import template_of
from opsmcp_tools.condense.odd_rows import odd_cells
from opsmcp_tools.condense.trouble import error_lines

__all__ = ["json_lines", "read_structure", "read_yaml"]

_MOST_JSON = 2 * 1024 * 1024
"""Larger ones are read as lines: parsing them costs more time and memory than they are worth."""

_DEEPEST = 40
_WIDEST = 100
"""Characters of an object or list that is written in one line."""

_FEWEST_LINES, _MOST_LINES = 6, 50_000
"""Of more, the structure is not worth the time that it takes."""

_MOST_SAMPLED = 300
_NEARLY_ALL_FIT, _MOST_FIT = 0.9, 0.8
"""How many lines look like YAML; fewer are enough where most are indented."""

_LINE = re.compile(r"\s*(?:- )*[\w./@:'\"-]+(?: [A-Z][\w-]*){0,2}:(?:\s|$)|\s*- |\s*#|---$")
_KEY = re.compile(r"\s*(?:- )?['\"]?([A-Za-z][\w./:-]*(?: [A-Z][\w-]*){0,2})['\"]?:(?:\s+(.*)|$)")
_PLAIN_KEY = re.compile(r"[\w./@-]{1,200}")
_DOCUMENT = "---"

_DEEPER, _NEXT_KEY, _NEXT_ITEM = 1.0, 0.1, 0.4
"""What it takes from the importance of a line to be deeper, a later key, or a later item. For keys
squared: an object with a few keys says most by all of them, one with many is a list.
"""

_BEFORE, _AFTER = 4, 8
_MOST_WRONG, _MOST_ALIKE = 20, 3
_FEWEST_VALUES = 20
"""Only among so many values of one key can one be odd."""


@dataclass(slots=True)
class _Node:
    """A line with lines below it."""

    depth: int
    rank: float
    below: int = 0


def json_lines(text: str) -> list[str] | None:
    """The lines of a JSON text as YAML; None if it is not JSON, or a single value."""
    if len(text) > _MOST_JSON or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return _written(json.loads(text), _DEEPEST)[1]
    except (ValueError, RecursionError):
        return None


def read_yaml(lines: Sequence[str]) -> Excerpt | None:
    """What matters of lines that are YAML by their looks; None if they are not."""
    sample = [line for line in lines[:_MOST_SAMPLED] if line.strip()]
    if len(sample) < _FEWEST_LINES or len(lines) > _MOST_LINES:
        return None
    keys = sum(_KEY.match(line) is not None for line in sample)
    fitting = sum(_LINE.match(line) is not None for line in sample)
    indented = sum(map(bool, map(_depth, sample)))
    needed = _MOST_FIT if 2 * indented > len(sample) else _NEARLY_ALL_FIT
    if fitting < needed * len(sample) or keys < 0.5 * len(sample) or not indented:
        return None
    return read_structure(lines)


def read_structure(lines: Sequence[str]) -> Excerpt:
    """The lines: errors and odd values with what they belong to, then the first items of each list.

    A line matters less the deeper it is, the more keys of the same object come before it, and much
    less the more items of the same list do.
    """
    depths = list(map(_depth, lines))
    telling = [*_some_of_each_kind(lines, error_lines(lines)), *_odd_values(lines, depths)]
    vital = [n for found in telling for n in (found, *_ancestors(depths, found))]
    near = (n for found in telling[:_MOST_WRONG] for n in _around(found, len(lines)))
    ranks = _ranks(lines, depths)
    order = dict.fromkeys([*vital, *near, *sorted(range(len(lines)), key=ranks.__getitem__)])
    return Excerpt(lines, list(order), vital=len(set(vital)))


def _written(value: object, depth: int, *, may_be_flat: bool = True) -> tuple[bool, list[str]]:
    """Whether it is written in one line as JSON, and its lines.

    The items of a long list are not, so that what is odd in one of them can be found.
    """
    if isinstance(value, str) and "\n" in value and len(value) > _WIDEST:
        return False, ["|", *value.split("\n")]
    if not isinstance(value, (dict, list)) or not value or not depth:
        return True, [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        names = [it if _PLAIN_KEY.fullmatch(it) else json.dumps(it[:200]) for it in named]
        heads, parts, ends = [f"{name}:" for name in names], list(named.values()), "{}"
    else:
        parts = cast("list[Any]", value)
        heads, ends = [""] * len(parts), "[]"
    short = isinstance(value, dict) or len(parts) < _FEWEST_VALUES
    written = [_written(part, depth - 1, may_be_flat=short) for part in parts]
    if may_be_flat and all(flat for flat, _ in written) and len(parts) * 2 < _WIDEST:
        whole = [f"{head} {it[0]}".lstrip() for head, (_, it) in zip(heads, written, strict=True)]
        if sum(map(len, whole)) + 2 * len(whole) <= _WIDEST:
            return True, [f"{ends[0]}{', '.join(whole)}{ends[1]}"]
    return False, list(chain.from_iterable(map(_indented, heads, written)))


def _indented(head: str, written: tuple[bool, list[str]]) -> Iterator[str]:
    """The lines of a key's value, or of an item of a list."""
    flat, lines = written
    begins_here = flat or lines[0] == "|" or not head
    yield f"{head or '-'} {lines[0]}" if begins_here else head
    yield from (f"  {line}" for line in lines[begins_here:])


def _some_of_each_kind(lines: Sequence[str], numbers: Iterable[int]) -> Iterator[int]:
    seen = defaultdict[str, int](int)
    for number in numbers:
        kind = template_of(lines[number])
        seen[kind] += 1
        if seen[kind] <= _MOST_ALIKE:
            yield number


def _odd_values(lines: Sequence[str], depths: Sequence[int]) -> Iterator[int]:
    """Lines whose value few others of the same key at the same depth have."""
    columns = defaultdict[tuple[int, str], list[tuple[int, str]]](list)
    for number, (line, depth) in enumerate(zip(lines, depths, strict=True)):
        found = _KEY.match(line)
        if found and found[2]:
            columns[depth, found[1]].append((number, found[2]))
    for (_, key), cells in columns.items():
        if len(cells) >= _FEWEST_VALUES:
            yield from (cells[place][0] for place in odd_cells(key, [it for _, it in cells]))


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
