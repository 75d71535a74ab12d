"""A call on its way, what became of asking about it, and its arguments as a person types them.

A tool may take the name and arguments of another call. Pure.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from opsmcp_server.copilot.base.outcome import object_of, text_of
from opsmcp_server.copilot.servers.tools import Offered
from opsmcp_tools.policy.shown_arguments import leaves
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["Call", "as_text", "call_line", "command_line", "parse"]

_LONGEST_LINE = 200


def parse(words: Sequence[str], properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments; None when one is not of the form name=value."""
    arguments: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name:
            return None
        arguments[name] = _read_value(value, properties.get(name))
    return arguments


def _read_value(text: str, schema: object) -> object:
    """The text as a number or flag where the schema wants one; the server judges the rest."""
    kind: object = object_of(schema).get("type")
    if kind == "integer" and text.lstrip("-").isdecimal() and len(text) < 20:
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "number":
        with suppress(ValueError):
            number = float(text)
            return number if isfinite(number) else text
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


@dataclass(slots=True)
class Call:
    """A call that is to be made, is made, or was refused."""

    offered: Offered
    arguments: dict[str, Any]
    is_edited: bool = False
    """Whether the person changed it; then it is asked about in any case."""

    answer: Literal["", "agreed", "declined", "unattended", "too long"] = ""
    edited: dict[str, Any] | None = None
    foreign: tuple[str, ...] = ()
    """The arguments that may come from what others wrote."""

    run: str = ""
    left: bool = False
    """Whether nobody waits for it any more."""

    answered: bool = False
    """Whether its server has answered it, be it with the handle of a run that goes on."""

    @property
    def title(self) -> str:
        """The call on one line."""
        return call_line(self.offered.tool.name, self.arguments)

    @property
    def settled(self) -> bool:
        """Whether it is not to be made: the person said no or changed it, or cannot be asked."""
        return self.answer not in ("", "agreed") or self.edited is not None

    @property
    def named(self) -> tuple[str, Mapping[str, Any]]:
        """The operation that is called, and its arguments."""
        if not self.offered.runs_another:
            return self.offered.tool.name, self.arguments
        return text_of(self.arguments.get("name")), object_of(self.arguments.get("arguments"))

    @property
    def names(self) -> list[str]:
        """The arguments that a person can change: all that are known of the operation."""
        return list(self.named[1] if self.offered.runs_another else self.offered.properties)

    def change(self, line: str) -> dict[str, Any] | None:
        """The arguments with what `name=value` says; None when it says nothing that fits."""
        name, separator, value = line.partition("=")
        changed = parse([f"{name.strip()}={value.strip()}"], self.offered.properties)
        if not (separator and changed) or name.strip() not in self.names:
            return None
        if self.offered.runs_another:
            changed = {"arguments": {**self.named[1], **changed}}
        return {**self.arguments, **changed}
