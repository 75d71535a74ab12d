"""Arguments as a person types them: `name=value`, made what the tool's schema wants. Pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from opsmcp_server.copilot.base.shape import object_of
from opsmcp_tools.policy.shown_arguments import leaves
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["as_text", "call_line", "command_line", "parse"]

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


def as_text(value: object) -> str:
    """A value as a person would type it."""
    return value if isinstance(value, str) else json.dumps(value)


def call_line(tool: str, arguments: Mapping[str, object]) -> str:
    """A call on one line, for people."""
    return label(" ".join([tool, *_pairs(arguments)]), _LONGEST_LINE)


def command_line(tool: str, arguments: Mapping[str, object], options: Sequence[str]) -> str:
    """The command that makes this call in a terminal, with these options."""
    return shlex.join(["opsmcp", "call", tool, *_pairs(arguments), *options])


def _pairs(arguments: Mapping[str, object]) -> list[str]:
    return [f"{name}={as_text(value)}" for name, value in leaves(arguments)]
