"""What opsmcp would do about a call, learnt from its tool for that; starts nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsmcp_server.copilot.base.shape import object_of
from opsmcp_server.copilot.calls.inner_call import named_call
from opsmcp_server.copilot.servers.connections import Hub
from opsmcp_server.copilot.servers.quiet_call import read
from opsmcp_server.copilot.servers.tool import Offered
from opsmcp_tools.phrases.tool_names import PLAN_OPERATION

__all__ = ["Foreseen", "foresee"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What can be told of a call; when it cannot, nothing is taken for granted."""

    is_asked: bool = False
    """Whether the server will ask a person itself."""

    reads_only: bool = False
    """Whether it only reads: a tool that runs another may stand for such a one."""


async def foresee(hub: Hub, offered: Offered, arguments: Mapping[str, Any]) -> Foreseen:
    """What the offering server says of the call beforehand."""
    planner = hub.sibling(offered.server, PLAN_OPERATION)
    if planner is None:
        return Foreseen()
    name, given = named_call(offered, arguments)
    plan = (await read(planner, {"name": name, "arguments": dict(given)})).data
    return Foreseen(
        is_asked=object_of(plan.get("decision")).get("effect") == "confirm",
        reads_only=plan.get("read_only") is True,
    )
