"""A row of the registry: what a built-in tool is, and all that others may ask of it.

Its arguments are declared and checked like those of every other tool. What it answers about a run
is text, and data where it was asked for, as with every call; a tool whose answer is data gives both
and says the same in both.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.named_call import (
    NO_CALL,
    NamedCall,
    named_call_schema,
    read_named_call,
)
from opsmcp_server.protocol.results import annotations
from opsmcp_tools.arguments.check import check_inputs
from opsmcp_tools.model.tool import Hints, Input, JsonObject, Principal
from opsmcp_tools.policy.decision import Action, BuiltInTool
from opsmcp_tools.toolbox.schema import input_schema

__all__ = ["Arguments", "BuiltInRequest", "BuiltIn", "Respond"]

Arguments = Mapping[str, str]

_READING = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)


@dataclass(frozen=True, slots=True)
class BuiltInRequest:
    """What a built-in tool was asked: by whom, with which arguments, and whether for data, too."""

    principal: Principal
    arguments: Arguments
    call: NamedCall = NO_CALL
    data: bool = False


Respond = Callable[[CallContext, BuiltInRequest], Awaitable[types.CallToolResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """A tool that is opsmcp's own."""

    name: str
    title: str
    description: str
    inputs: tuple[Input, ...] = ()
    takes_call_of: str = ""
    """Where its arguments are the name and arguments of a call: what that name is."""
    respond: Respond | None
    """None: it answers like the call that it takes, which is prepared and run like any other."""
    hints: Hints = _READING
    reaches_unlisted: bool = False
    """Whether it is for operations that are not listed, so listed only when there are some."""
    answers_run: bool = False
    """Whether its answer is the result of a run."""
    for_incidents: bool = False
    """Whether it is listed only where the settings have responders."""
    is_polled: bool = False
    """Whether the same call is made again on purpose."""

    @property
    def subject(self) -> BuiltInTool:
        """The tool as policy knows it."""
        # One that does not respond decides nothing: policy is asked again about the operation.
        return BuiltInTool(self.name, read_only=self.hints.read_only or self.respond is None)

    def definition(self, output_schema: JsonObject | None = None) -> types.Tool:
        """As clients list it; `output_schema` is that of runs, where results are data."""
        takes = self.takes_call_of
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=named_call_schema(takes) if takes else input_schema(self.inputs),
            output_schema=output_schema if self.answers_run else None,
            annotations=annotations(self.title, self.hints),
        )

    def check(
        self,
        context: CallContext,
        principal: Principal,
        arguments: Mapping[str, object],
        *,
        data: bool = False,
    ) -> BuiltInRequest:
        """What `respond` takes; with `data`, the answer has structured content, too.

        Raises:
            ToolError: With what to change.
        """
        context.require(principal, Action.RUN, self.subject)
        if self.takes_call_of:
            return BuiltInRequest(principal, {}, read_named_call(self.name, arguments), data)
        language = context.config.tools.language
        checked = check_inputs(self.name, self.inputs, arguments, language=language)
        defaults = {item.name: item.default for item in self.inputs if item.default is not None}
        return BuiltInRequest(principal, {**defaults, **checked}, data=data)
