"""`plan_operation`: what a call would do, for MCP and for `opsmcp call --plan`. Starts nothing."""

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.named_call import name_is_argument
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.phrases.tool_names import PLAN_OPERATION

__all__ = ["PLAN_HASH", "ROW"]

PLAN_HASH = "opsmcp/plan-hash"
"""The key in `_meta` under which a call carries the hash of its plan."""


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    # Imported with the first plan: it would slow down every start.
    from opsmcp_server.calls import prepare as calls

    name, arguments = request.call
    with name_is_argument(PLAN_OPERATION):
        plan = await calls.plan(context, name, arguments, request.principal)
    mark = context.new_mark()
    text = context.masker.text(plan.text(mark))
    if not request.data:
        return text_result(text)
    return text_result(text, context.masker.value(plan.for_programs(text, mark)))


ROW = BuiltIn(
    name=PLAN_OPERATION,
    title="Plan operation",
    description="See what a call would do, on which hosts and with which scripts, before "
    "something important is changed. Starts nothing.",
    takes_call_of="The name of a tool that runs an operation.",
    respond=_respond,
)
