"""What the authors of an operation wrote, as plain data and as a hash.

Covers the operation and its tasks whole: every field, scripts included. Covers nothing live (hosts,
clusters) and nothing of the settings, so that it changes when a definition does, and only then.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from opsmcp_pipelines.models import Operation, Pipeline, Task

__all__ = ["definition_hash", "definition_text"]

_HASH_DIGITS = 32


def definition_text(operation: Operation, tasks: Sequence[Task]) -> str:
    """The definition as indented JSON: one text for one content, fit for comparing by lines."""
    return json.dumps(_content(operation, tasks), indent=1, sort_keys=True, ensure_ascii=False)


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
        return {str(key): _plain(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return value
