"""`list_inventory`: what exists now."""

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import choice
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.inventory import inventory, inventory_text
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY

__all__ = ["ROW"]


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    toolbox = await context.tools.current()
    data = inventory(context, toolbox, request.principal, request.arguments.get("kind"))
    return text_result(inventory_text(data), data)


ROW = BuiltIn(
    name=LIST_INVENTORY,
    title="List inventory",
    description="The clusters, hosts and operations that exist now.",
    inputs=(choice("kind", "Only these.", ("clusters", "hosts", "operations")),),
    respond=_respond,
)
