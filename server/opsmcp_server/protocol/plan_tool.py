"""`plan_operation`: what a call would do, for MCP and for `opsmcp call --plan`. Starts nothing."""

from collections.abc import Mapping

import mcp_types as types

from opsmcp_server.calls import prepare as calls
from opsmcp_server.calls.services import Services
from opsmcp_server.protocol.named_call import named_call_schema, read_named_call
from opsmcp_server.protocol.results import annotations, text_result
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments, UnknownTool
from opsmcp_tools.model.tool import Hints, Principal
from opsmcp_tools.policy.decision import Action, BuiltInTool

__all__ = ["PLAN_HASH", "PLAN_OPERATION", "PlanOperation"]

PLAN_OPERATION = "plan_operation"
PLAN_HASH = "opsmcp/plan-hash"
"""The key in `_meta` under which a call carries the hash of its plan."""

_TITLE = "Plan operation"
_READING = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)


class PlanOperation:
    """The built-in tool. Its arguments are a call, so they are not declared one by one."""

    name = PLAN_OPERATION
    hints = _READING

    def definition(self) -> types.Tool:
        """As clients list it."""
        return types.Tool(
            name=self.name,
            title=_TITLE,
            description="See what a call would do, on which hosts and with which scripts, before "
            "something important is changed. Starts nothing.",
            input_schema=named_call_schema("The name of a tool that runs an operation."),
            annotations=annotations(_TITLE, self.hints),
        )

    async def answer(
        self,
        services: Services,
        principal: Principal,
        arguments: Mapping[str, object],
        *,
        data: bool = False,
    ) -> types.CallToolResult:
        """The plan; with `data`, the answer has structured content beside the text.

        Raises:
            ToolError: With what to change.
        """
        services.require(principal, Action.RUN, BuiltInTool(self.name))
        name, given = read_named_call(self.name, arguments)
        try:
            plan = await calls.plan(services, name, given, principal)
        except UnknownTool as error:
            raise InvalidArguments(self.name, [ArgumentProblem("name", str(error))]) from None
        mark = services.new_mark()
        text = services.masker.text(plan.text(mark))
        if not data:
            return text_result(text)
        return text_result(text, services.masker.value(plan.for_programs(text, mark)))
