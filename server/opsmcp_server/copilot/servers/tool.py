"""A tool as a server offers it, under the name by which the model calls it.

Servers are strangers: texts are cleaned and bounded, a hint that is missing counts as the worst.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from opsmcp_server.copilot.base.shape import object_of
from opsmcp_server.copilot.servers.connection import Server
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_server.protocol.results import EFFECT, NOT_KNOWN
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Offered"]

_LONGEST_TITLE = 80
_LONGEST_DESCRIPTION = 1_000


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the model may call it: `name` is unique among all servers."""

    name: str
    server: Server
    tool: types.Tool

    @property
    def reads_only(self) -> bool:
        """Whether its server says that it changes nothing."""
        hints = self.tool.annotations
        return hints is not None and hints.read_only_hint is True

    @property
    def destroys(self) -> bool:
        """Whether it can destroy something; yes unless its server denies it."""
        hints = self.tool.annotations
        return not self.reads_only and (hints is None or hints.destructive_hint is not False)

    @property
    def effect_is_unknown(self) -> bool:
        """Whether its server says that it does not know whether it changes something."""
        return (self.tool.meta or {}).get(EFFECT) == NOT_KNOWN

    @property
    def runs_another(self) -> bool:
        """Whether its arguments are the name and arguments of a call, which it makes."""
        return self.built_in is not None and self.built_in.respond is None

    @property
    def built_in(self) -> BuiltIn | None:
        """The tool of opsmcp's own that it is; None for an operation."""
        return registry.find(self.tool.name)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Argument to its schema."""
        return object_of(self.tool.input_schema.get("properties"))

    @property
    def title(self) -> str:
        """A name for people."""
        return clean_line(self.tool.title or self.tool.name, _LONGEST_TITLE)

    @property
    def description(self) -> str:
        """What it does, on one line."""
        return clean_line(self.tool.description or "", _LONGEST_DESCRIPTION)

    def definition(self) -> dict[str, Any]:
        """The tool as the Chat Completions API has it."""
        parameters = {key: value for key, value in self.tool.input_schema.items() if key[0] != "$"}
        function: dict[str, Any] = {
            "name": self.name,
            "description": self.description or self.title,
            "parameters": {"type": "object", "properties": {}, **parameters},
        }
        return {"type": "function", "function": function}
