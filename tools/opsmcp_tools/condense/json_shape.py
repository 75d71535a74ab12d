"""JSON, cut by its structure: long lists, long texts and deep parts. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from opsmcp_tools.condense.excerpt import Room
from opsmcp_tools.condense.trouble import error_lines
from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language

__all__ = ["shrunk_json"]

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

_WIDEST = 100
"""Characters of what is written in one line."""


@dataclass(frozen=True, slots=True)
class _Level:
    items: int
    characters: int
    depth: int
    language: Language


def shrunk_json(text: str, room: Room, language: Language = "en") -> str | None:
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
        shrunk = _shrunk(data, _Level(*level, language), bad)
        # Writing it for readers takes longer than seeing that it does not fit.
        if room.holds(json.dumps(shrunk, ensure_ascii=False)):
            written = _written(shrunk)
            if room.holds(written):
                return written
    return None


def _written(value: Any, indent: str = "\n") -> str:
    """As JSON, what is short in one line."""
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=False)
    deeper = indent + " "
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {_written(part, deeper)}"
            for key, part in pairs
        ]
        ends = "{}"
    else:
        parts, ends = [_written(part, deeper) for part in cast("list[Any]", value)], "[]"
    short = f"{ends[0]}{', '.join(parts)}{ends[1]}"
    if len(short) <= _WIDEST and "\n" not in short:
        return short
    return f"{ends[0]}{deeper}{f',{deeper}'.join(parts)}{indent}{ends[1]}"


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
        mark = words.CHARACTERS_LEFT_OUT(left).to(level.language) if left > 0 else ""
        return f"{value[: level.characters]}{mark}"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        mark = words.ITEMS_TOO_DEEP(len(items)).to(level.language)
        deep = depth >= level.depth and items
        return mark if deep else _shrunk_list(items, level, bad, depth)
    if isinstance(value, dict):
        keys = cast("dict[str, Any]", value)
        mark = words.KEYS_TOO_DEEP(len(keys)).to(level.language)
        deep = depth >= level.depth and keys
        return mark if deep else _shrunk_object(keys, level, bad, depth)
    return value


def _shrunk_list(value: list[Any], level: _Level, bad: set[int], depth: int) -> list[Any]:
    taken = _first_and_bad([id(item) in bad for item in value], level.items)
    shown = [_shrunk(value[number], level, bad, depth + 1) for number in taken]
    left = len(value) - len(taken)
    mark = words.ITEMS_LEFT_OUT(left, len(value)).to(level.language)
    return [*shown, mark] if left else shown


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
    mark = words.KEYS_LEFT_OUT(left, len(value)).to(level.language)
    return {**shown, "…": mark} if left else shown


def _first_and_bad(bad: Sequence[bool], most: int) -> list[int]:
    """Up to `most` places in their order: those that are bad first, then from the beginning."""
    ranked = sorted(range(len(bad)), key=lambda number: (not bad[number], number))
    return sorted(ranked[:most])
