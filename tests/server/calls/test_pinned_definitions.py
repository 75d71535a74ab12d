"""Pinned definitions while opsmcp runs: an approval is noticed without a restart."""

from typing import Any

import anyio
import mcp_types as types

from opsmcp_server.protocol.services import Services
from opsmcp_tools.policy.approvals import Approval, Approvals, find_changes
from opsmcp_tools.toolbox.build import build_toolbox
from tests.server.conftest import Ground
from tests.server.harness import running

CALL: Any = ("show-greeting", {"who": "world"})


async def approve(services: Services) -> None:
    """What `opsmcp approve-catalogue --yes` does in another process."""
    catalogue = (await services.calls.tools.current()).catalogue
    toolbox = build_toolbox(catalogue, services.clients.tool_settings)
    changes = find_changes(toolbox.tools, Approvals())
    services.clients.approvals.add(
        {one.tool.operation.key: Approval(one.tool.definition, one.lines) for one in changes}
    )


async def test_an_approval_makes_a_tool_of_what_was_withheld(ground: Ground) -> None:
    told = anyio.Event()

    async def on_message(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    environ = ground.environ(OPSMCP_POLICY_PIN="true")
    async with (
        running("memory-legacy", environ, ground.root) as run,
        run.connect(message_handler=on_message) as client,
    ):
        assert run.services is not None
        before = await client.call_tool(*CALL)
        await approve(run.services)
        with anyio.fail_after(60):
            await told.wait()
        after = await client.call_tool(*CALL)
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert before.is_error and "not approved" in str(before.content)
    assert not after.is_error
    assert "show-greeting" in names
