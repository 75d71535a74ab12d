"""What goes wrong while tools are made costs one tool, or nothing: the last good ones stay."""

import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import anyio
import pytest

from opsmcp_pipelines.catalogue import Contents, Problem
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.models import COPILOT_LABEL, OperationKind, Step, Task, Variable
from opsmcp_server.app import open_services
from opsmcp_server.calls.current_tools import CurrentTools
from opsmcp_server.config.load import load
from opsmcp_server.protocol.adoption import Adoption
from opsmcp_server.protocol.services import Services
from tests.pipelines.test_discovery import Scripted
from tests.server.conftest import Ground


def _task(name: str, desc: str = "show it") -> Task:
    labels = {COPILOT_LABEL: "enabled"}
    return Task(name, "ops-system", desc, labels=labels, steps=(Step("s", "echo"),))


@asynccontextmanager
async def _adopting(
    ground: Ground,
    scripted: Scripted,
    kinds: Mapping[str, str] | None = None,
    operation_seconds: float = 60.0,
) -> AsyncGenerator[Services]:
    """Services whose tools come from the script alone."""
    environ = ground.environ()
    async with open_services(load(environ, cwd=ground.root), environ) as opened:
        tools = CurrentTools(Discovery(scripted, interval_seconds=0.01), "the script")
        calls, settings = replace(opened.calls, tools=tools), opened.clients.tool_settings
        settings = replace(settings, kinds={} if kinds is None else kinds)
        clients = replace(opened.clients, calls=calls, tool_settings=settings)
        services = Services(calls, clients)
        async with anyio.create_task_group() as group:
            group.start_soon(Adoption(clients, group, operation_seconds=operation_seconds).run)
            with anyio.fail_after(60):
                await services.calls.tools.first_read.wait()
            yield services
            group.cancel_scope.cancel()


def _names(services: Services) -> list[str]:
    toolbox = services.calls.tools.toolbox
    return [tool.name for tool in toolbox.tools] if toolbox else []


async def _until(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        await anyio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_an_error_that_nobody_foresaw_costs_the_one_tool(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(_task("broken"), desc=cast("str", 7))
    async with _adopting(ground, Scripted([Contents(tasks=(broken, _task("good")))])) as services:
        assert _names(services) == ["good"]
        assert services.calls.tools.toolbox is not None
        (withheld,) = services.calls.tools.toolbox.withheld
    assert (withheld.operation, withheld.reason[:21]) == ("broken", "opsmcp itself failed ")
    assert "no tool could be made of task ops-system/broken" in caplog.text


async def test_a_catalogue_that_cannot_be_adopted_keeps_the_last_tools_and_is_tried_again(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Problem("x", OperationKind.TASK, cast("str", None))
    worse = Contents(tasks=(_task("two"),), problems=(bad, bad, replace(bad, reason="y")))
    better = Contents(tasks=(_task("three"),))
    scripted = Scripted([Contents(tasks=(_task("one"),)), worse])
    async with _adopting(ground, scripted) as services:
        await _until(lambda: "catalogue 2 could not be adopted" in caplog.text)
        assert _names(services) == ["one"]
        scripted.answers = [better]
        await _until(lambda: _names(services) == ["three"])


class _Slow(dict[str, str]):
    """Kinds of variables that are never found for those of one operation."""

    def __init__(self) -> None:
        super().__init__()
        self.found = threading.Event()
        self.asked = 0

    def get(self, key: str, default: Any = None, /) -> Any:
        if key.startswith("slow."):
            self.asked += 1
            self.found.wait()
        return default


async def test_an_operation_that_takes_too_long_is_withheld_and_not_tried_again(
    ground: Ground,
) -> None:
    slow, kinds = replace(_task("slow"), variables=(Variable("v"),)), _Slow()
    first = Contents(tasks=(slow, _task("good")))
    scripted = Scripted([first, Contents(tasks=(slow, _task("good"), _task("more")))])
    # Far more than the others need on a busy machine.
    async with _adopting(ground, scripted, kinds, operation_seconds=2) as services:
        await _until(lambda: _names(services) == ["good", "more"])
        assert services.calls.tools.toolbox is not None
        (withheld,) = services.calls.tools.toolbox.withheld
        asked = kinds.asked
        kinds.found.set()
        scripted.answers = [Contents(tasks=(replace(slow, desc="another"),))]
        await _until(lambda: _names(services) == ["slow"])
    assert withheld.operation == "slow"
    assert withheld.reason == "it takes longer than 20 seconds to check"
    assert asked == 1
