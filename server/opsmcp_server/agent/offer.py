"""What a model is offered: the operations of its responder that policy lists, and a few of our own.

Whatever else it names is not there. Which of them only read is known here, because the others are
asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools import get_run, get_run_output, list_inventory
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_server.responding.operations import MOST_OFFERED, may_offer
from opsmcp_tools.incidents.responder import Agent, Responder
from opsmcp_tools.model.tool import JsonObject, Tool
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.schema import input_schema

__all__ = ["FINISH", "Offer", "offer"]

FINISH = "finish"

_LONGEST_DESCRIPTION = 1_000
_OWN = (get_run.ROW, get_run_output.ROW, list_inventory.ROW)
_CHANGES = "Not known to only read: it is not started at once, and what it comes to is told later."
_DIAGNOSIS = "What is wrong and why you think so, with the lines that show it; what should be done."


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools, by name."""

    tools: Mapping[str, Tool]
    own: Mapping[str, BuiltIn]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, `finish` too."""
        return (*self.tools, *self.own, FINISH)

    def definitions(self, *, reads: bool, changes: bool) -> list[JsonObject]:
        """The tools as the Chat Completions API has them.

        Args:
            reads: Whether another run may be started that only reads.
            changes: Whether another change may be asked for.
        """
        wanted = {True: reads, False: changes}
        tools = (tool for tool in self.tools.values() if wanted[tool.hints.read_only])
        own = (
            _function(row.name, row.description, input_schema(row.inputs))
            for row in self.own.values()
        )
        return [*map(_operation, tools), *own, _finish()]


async def offer(context: CallContext, responder: Responder, agent: Agent) -> Offer:
    """What this responder's model may call now.

    Raises:
        ToolUnavailable: The catalogue was never read.
    """
    toolbox, principal = await context.tools.current(), responder.principal

    def listed() -> Iterator[Tool]:
        for tool in toolbox.tools:
            denied = context.decide(principal, Action.LIST, tool).denied
            if tool.name != FINISH and not denied and may_offer(agent, tool):
                yield tool

    tools = {tool.name: tool for tool, _ in zip(listed(), range(MOST_OFFERED), strict=False)}
    own = {
        row.name: row
        for row in _OWN
        if context.decide(principal, Action.LIST, row.subject).effect is Effect.ALLOW
    }
    return Offer(MappingProxyType(tools), MappingProxyType(own))


def _operation(tool: Tool) -> JsonObject:
    said = clean_line(tool.description, _LONGEST_DESCRIPTION) or tool.title
    described = said if tool.hints.read_only else f"{said} {_CHANGES}"
    return _function(tool.name, described, tool.input_schema)


def _finish() -> JsonObject:
    diagnosis = {"type": "string", "description": _DIAGNOSIS}
    schema = {"type": "object", "properties": {"diagnosis": diagnosis}, "required": ["diagnosis"]}
    return _function(FINISH, "Hand over to people, with your diagnosis.", schema)


def _function(name: str, description: str, schema: Mapping[str, Any]) -> JsonObject:
    parameters = {key: value for key, value in schema.items() if not key.startswith("$")}
    whole: JsonObject = {"type": "object", "properties": {}, **parameters}
    function = {"name": name, "description": description, "parameters": whole}
    return {"type": "function", "function": function}
