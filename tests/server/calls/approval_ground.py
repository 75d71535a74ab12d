"""An opsmcp whose policy wants the approval of somebody else before a thing is deleted."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opsmcp_server.calls.call_requests import CallRequests, Decision
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.model.run_record import SystemClock
from opsmcp_tools.model.tool import Principal
from tests.own_settings import write_settings
from tests.server.conftest import Ground, make_ground
from tests.server.harness import Running, running, services_of

ANNA, BOB, EVE = Principal("anna"), Principal("bob"), Principal("eve")

POLICY = """\
policy:
  groups: {on-call: [anna, bob], others: [carl]}
  rules:
    - name: eve reads
      effect: deny
      principal: [eve, carl]
      read_only: false
    - name: deletes
      effect: approve
      operation: delete-*
      reason: two people look at what is deleted
      approve: {from: [on-call, others], count: COUNT, expires: 30m}
"""


class ShiftedClock(SystemClock):
    """The real time, moved by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def write_policy(ground: Ground, text: str = POLICY, count: int = 1) -> None:
    write_settings(ground.root, text.replace("COUNT", str(count)))


def make_approving(root: Path) -> Ground:
    ground = make_ground(root)
    write_policy(ground)
    return ground


@asynccontextmanager
async def opsmcp(ground: Ground, link: str = "memory-modern") -> AsyncGenerator[Running]:
    """An opsmcp of these settings in this process."""
    async with running(link, ground.environ(), ground.root) as run:
        yield run


def requests_of(run: Running) -> CallRequests:
    return services_of(run).calls.requests.get()


async def ask(client: Any, name: str = "x") -> str:
    """Call what needs approval; the handle of the request."""
    answer = await client.call_tool("delete-thing", {"name": name})
    assert answer.structured_content["verdict"] == "waiting", answer
    return str(answer.structured_content["run"])


async def approve(run: Running, handle: str, who: Principal = ANNA, comment: str = "") -> Decision:
    return await decide(run, handle, who, comment, approves=True)


async def decide(
    run: Running, handle: str, who: Principal, comment: str = "", *, approves: bool
) -> Decision:
    """Decide as somebody whose identity is proven, on what is there now."""
    requests = requests_of(run)
    shown: Request = await requests.find(handle)
    return await requests.decide(shown, who, approves=approves, comment=comment)


async def end_of(client: Any, handle: str) -> Any:
    """What `get_run` answers of a request in the end."""
    while True:
        answer = await client.call_tool("get_run", {"run": handle, "wait_seconds": 45})
        if answer.structured_content["verdict"] not in ("waiting", "running"):
            return answer
