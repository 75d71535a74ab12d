"""Shapes: outputs that have a structure, which is cut as such: JSON, YAML and tables. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from opsmcp_tools.excerpt import Excerpt, Room
from opsmcp_tools.log import error_lines

__all__ = ["read_table", "read_yaml", "shrunk_json"]

_MOST_JSON = 2 * 1024 * 1024
"""Larger ones are read as lines: parsing them costs more time and memory than they are worth."""

_DEEPEST = 40
_LEVELS = (
    (200, 2_000, 12),
    (50, 500, 10),
    (20, 200, 8),
    (12, 120, 7),
    (8, 80, 6),
    (5, 60, 5),
    (3, 50, 4),
    (2, 40, 3),
    (1, 30, 2),
)
"""Items of a list or object, characters of a text, depth: the first that fits is taken."""

_FEWEST_ROWS = 6
_MOST_SAMPLED = 300
_SAME_COLUMNS = 0.7
_YAML_LINE = re.compile(r"\s*(?:- )*[\w./@-]+:(?:\s|$)|\s*- |\s*#|---$")
_YAML_KEY = re.compile(r"\s*(?:- )?[A-Za-z][\w./-]*:(?:\s|$)")
_RULE = re.compile(r"[-+|=\s]+")


@dataclass(frozen=True, slots=True)
class _Level:
    items: int
    characters: int
    depth: int


def shrunk_json(text: str, room: Room) -> str | None:
    """The JSON with long lists, texts and deep parts cut until it fits; None if it is not JSON."""
    if len(text) > _MOST_JSON or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    bad = set[int]()
    if not _find_errors(data, bad, _DEEPEST):
        bad.clear()
    for level in _LEVELS:
        shrunk = json.dumps(_shrunk(data, _Level(*level), bad), ensure_ascii=False, indent=1)
        if room.holds(shrunk):
            return shrunk
    return None


def _find_errors(value: object, bad: set[int], depth: int) -> bool:
    """Whether there is an error in the value; puts the parts that hold one into `bad`."""
    if isinstance(value, str):
        return next(error_lines([value[:500].replace("\n", " ")]), None) is not None
    if not isinstance(value, (dict, list)) or not depth:
        return False
    container = cast("dict[str, object] | list[object]", value)
    parts = container.values() if isinstance(container, dict) else container
    found = [part for part in parts if _find_errors(part, bad, depth - 1)]
    if found:
        bad.add(id(container))
    return bool(found)


def _shrunk(value: Any, level: _Level, bad: set[int], depth: int = 0) -> Any:
    if isinstance(value, str):
        left = len(value) - level.characters
        return f"{value[: level.characters]}… ({left:,} characters left out)" if left > 0 else value
    if isinstance(value, list):
        items = cast("list[Any]", value)
        deep = depth >= level.depth and items
        return _too_deep(len(items), "items") if deep else _shrunk_list(items, level, bad, depth)
    if isinstance(value, dict):
        keys = cast("dict[str, Any]", value)
        deep = depth >= level.depth and keys
        return _too_deep(len(keys), "keys") if deep else _shrunk_object(keys, level, bad, depth)
    return value


def _too_deep(size: int, what: str) -> str:
    return f"… ({size:,} {what} left out)"


def _shrunk_list(value: list[Any], level: _Level, bad: set[int], depth: int) -> list[Any]:
    taken = _first_and_bad([id(item) in bad for item in value], level.items)
    shown = [_shrunk(value[number], level, bad, depth + 1) for number in taken]
    left = len(value) - len(taken)
    return [*shown, f"… ({left:,} of {len(value):,} items left out)"] if left else shown


def _shrunk_object(
    value: dict[str, Any], level: _Level, bad: set[int], depth: int
) -> dict[str, Any]:
    # Objects with few keys say most by their keys: a list's limit would hide what it is.
    names = list(value)
    taken = _first_and_bad([id(value[name]) in bad for name in names], max(8, level.items))
    shown = {
        names[number][:200]: _shrunk(value[names[number]], level, bad, depth + 1)
        for number in taken
    }
    left = len(value) - len(taken)
    return {**shown, "…": f"{left:,} of {len(value):,} keys left out"} if left else shown


def _first_and_bad(bad: Sequence[bool], most: int) -> list[int]:
    """Up to `most` places in their order: those that are bad first, then from the beginning."""
    ranked = sorted(range(len(bad)), key=lambda number: (not bad[number], number))
    return sorted(ranked[:most])


def read_table(lines: Sequence[str]) -> Excerpt | None:
    """The rows in the order in which they matter; None if this is no table with a header."""
    header = _header(lines)
    if header is None:
        return None
    odd = [number for number in error_lines(lines) if number >= header]
    rows = list(range(header, len(lines)))
    half = len(rows) // 2
    both_ends = (n for pair in zip(rows[:half], reversed(rows), strict=False) for n in pair)
    order = dict.fromkeys([*range(header), *odd, *both_ends, *rows])
    return Excerpt(lines, list(order), vital=header, unit="lines")


def _header(lines: Sequence[str]) -> int | None:
    """How many lines the header has."""
    if len(lines) < _FEWEST_ROWS:
        return None
    sizes = Counter(len(line.split()) for line in lines[1:_MOST_SAMPLED] if line.strip())
    if not sizes:
        return None
    columns, rows = sizes.most_common(1)[0]
    titles = [word for word in lines[0].split() if word != "|"]
    if len(titles) < 2 or rows < _SAME_COLUMNS * sizes.total() or abs(columns - len(titles)) > 2:
        return None
    if sum(not title[0].islower() for title in titles) * 2 < len(titles) or _is_sentence(lines[0]):
        return None
    return 2 if _RULE.fullmatch(lines[1]) else 1


def _is_sentence(line: str) -> bool:
    return any(mark in line for mark in ":=[]") or sum(char.isdigit() for char in line) > 3


def read_yaml(lines: Sequence[str]) -> Excerpt | None:
    """The lines, those less deep first, and errors with what they belong to; None if no YAML."""
    sample = [line for line in lines[:_MOST_SAMPLED] if line.strip()]
    if len(sample) < _FEWEST_ROWS:
        return None
    keys = sum(_YAML_KEY.match(line) is not None for line in sample)
    fitting = sum(_YAML_LINE.match(line) is not None for line in sample)
    if fitting < 0.9 * len(sample) or keys < 0.5 * len(sample) or not any(map(_depth, sample)):
        return None
    depths = [_depth(line) for line in lines]
    wrong = [n for found in error_lines(lines) for n in (found, *_ancestors(depths, found))]
    by_depth = sorted(range(len(lines)), key=depths.__getitem__)
    order = dict.fromkeys([*wrong, *by_depth])
    return Excerpt(lines, list(order), vital=len(set(wrong)), unit="lines")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _ancestors(depths: Sequence[int], number: int) -> Iterator[int]:
    depth = depths[number]
    for above in range(number - 1, max(-1, number - 200), -1):
        if depths[above] < depth:
            yield above
            depth = depths[above]
        if not depth:
            return
