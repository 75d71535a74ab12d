"""The last look at a built tool: would it harm the list that it is shown in?

One malformed tool makes some SDKs and clients refuse the whole list, so each is checked the way
they would break: the name, the schema, what JSON can hold, the size. Pure.
"""

import json
import re
from collections.abc import Callable
from typing import cast

from opsmcp_tools.model.tool import JsonObject, Tool

__all__ = ["canonical", "find_fault"]

MAX_BYTES = 16 * 1024
_NAME = re.compile(r"[a-z0-9-]{1,48}")
_PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES = frozenset({"string", "integer", "boolean", "number", "array", "object"})
_COMBINED = ("anyOf", "oneOf", "allOf", "not", "if", "$ref", "$defs")


def find_fault(tool: Tool) -> str:
    """Why `tool` must not be listed, in words for its operator; empty when it may be."""
    return next((fault for check in _CHECKS if (fault := check(tool))), "")


def canonical(shown: JsonObject) -> bytes | None:
    """One sequence of bytes for one content; None for what JSON cannot hold."""
    try:
        text = json.dumps(
            shown, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode("utf-8")
    except (TypeError, ValueError):
        return None


def _check_name(tool: Tool) -> str:
    return "" if _NAME.fullmatch(tool.name) else "its tool name is not usable"


def _check_description(tool: Tool) -> str:
    return "" if tool.description and tool.title else "no description"


def _check_names_of_properties(tool: Tool) -> str:
    names = [item.name for item in (*tool.inputs, *tool.bound)]
    if len(set(names)) != len(names):
        return "a variable is declared twice"
    bad = next((name for name in names if not _PROPERTY_NAME.fullmatch(name)), None)
    return "" if bad is None else "a variable has a name that clients do not accept"


def _check_input_schema(tool: Tool) -> str:
    schema = tool.input_schema
    properties = schema.get("properties")
    if schema.get("type") != "object" or any(key in schema for key in _COMBINED):
        return "its input schema is not a flat object"
    if not isinstance(properties, dict):
        return "its input schema has no properties"
    known = cast("dict[str, object]", properties)
    if not all(_is_property(value) for value in known.values()):
        return "a property of its input schema is not a schema"
    required = cast("object", schema.get("required", []))
    if not isinstance(required, list) or not set(cast("list[str]", required)) <= set(known):
        return "its input schema requires what it does not have"
    return ""


def _is_property(value: object) -> bool:
    return isinstance(value, dict) and cast("JsonObject", value).get("type") in _TYPES


def _check_size(tool: Tool) -> str:
    found = canonical({"input": tool.input_schema, "text": tool.description + tool.title})
    if found is None:
        return "its schema cannot be written as JSON"
    return "" if len(found) <= MAX_BYTES else f"its definition is larger than {MAX_BYTES} bytes"


_CHECKS: tuple[Callable[[Tool], str], ...] = (
    _check_name,
    _check_description,
    _check_names_of_properties,
    _check_input_schema,
    _check_size,
)
