"""What the authors of an operation wrote, as lines for people and as a hash.

Covers the operation and its tasks whole: every field, scripts and labels included, also what opsmcp
itself does not use. Covers nothing live (hosts, clusters) and nothing of the settings, so that it
changes when a definition does, and only then. Pure.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_tools.safe_text.characters import show_hidden

__all__ = ["definition_hash", "definition_lines"]

_HASH_DIGITS = 32


def definition_lines(operation: Operation, tasks: Sequence[Task]) -> tuple[str, ...]:
    """The definition for people: a script line by line, and nothing in it that cannot be seen.

    What an author wrote stands deeper than the names around it, so that it cannot pass for them.
    """
    return tuple(_lines(_content(operation, tasks), ""))


def definition_hash(operation: Operation, tasks: Sequence[Task]) -> str:
    """128 bits in hexadecimal digits."""
    text = json.dumps(_content(operation, tasks), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]


def _content(operation: Operation, tasks: Sequence[Task]) -> dict[str, Any]:
    content = {str(operation.key.kind): _plain(operation)}
    if isinstance(operation, Pipeline):
        content["runs"] = _plain(tasks)
    return content


def _plain(value: object) -> Any:
    """As JSON has it. The models hold dataclasses, mappings, sequences and plain values only."""
    if is_dataclass(value) and not isinstance(value, type):
        said = ((item, _plain(getattr(value, item.name))) for item in fields(value))
        # What was left out is left out, so that a new field of the models changes no hash.
        return {i.name: plain for i, plain in said if plain not in (i.default, None, [], {})}
    if isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value)
        return {key: _plain(named[key]) for key in sorted(named)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return value


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _entry(f"{indent}{show_hidden(key)}:", item, indent)
        return
    for item in value:
        if isinstance(item, dict):
            first, *rest = _lines(item, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield head
        yield from _lines(value, f"{indent}  ")
    elif isinstance(value, str) and "\n" in value:
        yield f"{head} |"
        for line in value.split("\n"):
            yield f"{indent}  {_shown(line)}"
    else:
        yield f"{head} {_shown(value) if isinstance(value, str) else json.dumps(value)}"


def _shown(text: str) -> str:
    return "\t".join(map(show_hidden, text.split("\t")))
