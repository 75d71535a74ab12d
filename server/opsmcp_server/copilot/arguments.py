"""Arguments as a person types them: `name=value`, made what the tool's schema wants. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from opsmcp_server.copilot.shape import list_of, object_of
from opsmcp_tools.text import label

__all__ = ["call_line", "command_line", "flat_values", "parse"]

_LONGEST_LINE = 200


def parse(words: Sequence[str], properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments; None when one is not of the form name=value."""
    given: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name:
            return None
        given[name] = _read_value(value, properties.get(name))
    return given


def _read_value(text: str, schema: object) -> object:
    """The text as a number or flag where the schema wants one; the server judges the rest."""
    kind: object = object_of(schema).get("type")
    if kind == "integer" and text.lstrip("-").isdecimal() and len(text) < 20:
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "number":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def flat_values(arguments: Mapping[str, object]) -> dict[str, str]:
    """Argument to its value as text; what is nested comes as `outer.inner`."""
    flat: dict[str, str] = {}
    for name, value in arguments.items():
        if _is(value, dict):
            inner = flat_values(object_of(value))
            flat |= {f"{name}.{key}": text for key, text in inner.items()}
        elif _is(value, list):
            inner = flat_values({str(place): item for place, item in enumerate(list_of(value))})
            flat |= {f"{name}.{key}": text for key, text in inner.items()}
        elif isinstance(value, bool):
            flat[name] = str(value).lower()
        elif value is not None:
            flat[name] = str(value)
    return flat


def _is(value: object, kind: type) -> bool:
    """Without narrowing: the parts of what a stranger sent stay unknown."""
    return isinstance(value, kind)


def call_line(tool: str, arguments: Mapping[str, object]) -> str:
    """A call on one line, for people."""
    return label(" ".join([tool, *_pairs(arguments)]), _LONGEST_LINE)


def command_line(tool: str, arguments: Mapping[str, object]) -> str:
    """The command that makes this call in a terminal."""
    return shlex.join(["opsmcp", "call", tool, *_pairs(arguments)])


def _pairs(arguments: Mapping[str, object]) -> list[str]:
    return [f"{name}={value}" for name, value in flat_values(arguments).items()]
