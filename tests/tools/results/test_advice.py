from dataclasses import replace
from types import MappingProxyType

import pytest

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Pipeline
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.model.run_record import MASK, RunRecord
from opsmcp_tools.model.tool import Hints, Input, Tool
from opsmcp_tools.results.advice import advise
from opsmcp_tools.results.next_step_syntax import CommandSyntax
from tests.tools.results.records import GOOD, record


def _tool(name: str, *required: str, read_only: bool = False, destructive: bool = False) -> Tool:
    return Tool(
        name=name,
        title=name,
        description="",
        operation=Pipeline(name, "ops-system"),
        hints=Hints(read_only=read_only, destructive=destructive, idempotent=True),
        inputs=tuple(Input(item, Kind.TOKEN, {}, required=True) for item in required),
        bound=(),
        input_schema={},
    )


_TOOLS = {
    tool.name: tool
    for tool in (
        _tool("cordon-node", "node"),
        _tool("uncordon-node", "node"),
        _tool("stop-app", "app"),
        _tool("start-app", "app", "size"),
        _tool("restart-pod", "pod"),
        _tool("delete-pod", "pod", "namespace", destructive=True),
        _tool("list-pods", "namespace", read_only=True),
        _tool("describe-pod", "pod", read_only=True),
        _tool("get-node", "node", read_only=True),
        _tool("get-app", read_only=True),
    )
}


def _ran(tool: str, verdict: Verdict = GOOD, **arguments: str) -> RunRecord:
    return replace(record(verdict), tool=tool, arguments=MappingProxyType(arguments))


_CERTAIN = {
    "an inverse and a check": (
        _ran("cordon-node", node="n1"),
        ("Look at what it changed: get-node node=n1", "To undo it: uncordon-node node=n1"),
    ),
    "an inverse that needs more is none": (_ran("stop-app", app="web"), ()),
    "a check after a restart": (
        _ran("restart-pod", pod="web-1"),
        ("Look at what it changed: describe-pod pod=web-1",),
    ),
    "a look at those that are left after one was destroyed": (
        _ran("delete-pod", pod="web-1", namespace="shop"),
        ("Look at what it changed: list-pods namespace=shop",),
    ),
    "nothing after reading": (_ran("describe-pod", pod="web-1"), ()),
    "nothing where a value is secret": (_ran("cordon-node", node=MASK), ()),
    "an inverse also where the tool itself is gone": (
        _ran("drain-node", node="n1"),
        ("To undo it: uncordon-node node=n1",),
    ),
}


@pytest.mark.parametrize(("run", "advice"), _CERTAIN.values(), ids=_CERTAIN)
def test_a_tool_is_named_only_where_it_is_certain(run: RunRecord, advice: tuple[str, ...]) -> None:
    assert tuple(said.to("en") for said in advise(run, _TOOLS.get)) == advice


def test_in_a_terminal_a_tool_is_named_as_a_command() -> None:
    said = advise(_ran("cordon-node", node="n 1"), _TOOLS.get, CommandSyntax())
    assert said[0].to("en") == "Look at what it changed: opsmcp call get-node 'node=n 1'"


def test_what_became_of_an_uncertain_change_can_be_looked_at() -> None:
    said = advise(_ran("restart-pod", Verdict.VANISHED, pod="web-1"), _TOOLS.get)
    advice = [one.to("en") for one in said]
    assert advice[0] == "Look at what it changed: describe-pod pod=web-1"
    assert advice[1].startswith("Do not repeat the call")
