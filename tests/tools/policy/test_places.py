"""Where a call takes effect: what it names, what it leaves out, and what it is about."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Step, Task, Variable
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.policy.decision import Action, Effect, Policy
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from tests.tools.policy.test_rules import ANNA, DAY, policy_of, tool
from tests.tools.recorded import catalogue


def decided(policy: Policy, subject: Tool, **arguments: str) -> Effect:
    return policy.decide(ANNA, Action.RUN, subject, arguments, at=DAY).effect


def limit(folder: Path, effect: str, **arguments: Any) -> Policy:
    return policy_of(folder, [{"effect": effect, "arguments": arguments}])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"nodename": "prod-7"}, Effect.DENY),
        ({"nodename": "dev-7"}, Effect.CONFIRM),
    ],
)
def test_a_host_that_an_operation_is_about_counts_as_one(
    tmp_path: Path, arguments: dict[str, str], expected: Effect
) -> None:
    policy = limit(tmp_path, "deny", host="prod-*")
    assert decided(policy, tool("cordon-node"), **arguments) is expected


def test_permission_for_hosts_needs_all_of_them(tmp_path: Path) -> None:
    policy = limit(tmp_path, "allow", host=["dev-*", "anymaster"])
    assert decided(policy, tool("cordon-node"), nodename="dev-7") is Effect.ALLOW
    assert decided(policy, tool("cordon-node"), nodename="prod-7") is Effect.CONFIRM
    alone = limit(tmp_path, "allow", host="dev-*")
    assert decided(alone, tool("cordon-node"), nodename="dev-7") is Effect.CONFIRM


@pytest.mark.parametrize(
    ("left_out", "given", "denied"),
    [
        ("", "", True),  # The source's own cluster, and nobody knows how that is called.
        ("prod", "", True),
        ("dev", "", False),
        ("prod", "dev", False),
        ("dev", "prod", True),
    ],
)
def test_a_limit_on_a_cluster_holds_for_calls_that_could_mean_it(
    tmp_path: Path, left_out: str, given: str, denied: bool
) -> None:
    subject = tool("delete-pod")
    inputs = tuple(
        replace(item, left_out=left_out) if item.kind is Kind.CLUSTER else item
        for item in subject.inputs
    )
    arguments = {"cluster": given} if given else {}
    policy = limit(tmp_path, "deny", cluster="prod")
    effect = decided(policy, replace(subject, inputs=inputs), **arguments)
    assert (effect is Effect.DENY) is denied


def test_permission_for_a_cluster_does_not_hold_for_a_call_that_names_none(tmp_path: Path) -> None:
    policy = limit(tmp_path, "allow", cluster="dev")
    assert decided(policy, tool("delete-pod")) is Effect.CONFIRM
    assert decided(policy, tool("delete-pod"), cluster="dev") is Effect.ALLOW


def test_what_a_rule_could_allow_is_listed(tmp_path: Path) -> None:
    policy = limit(tmp_path, "deny", cluster="prod", host="prod-*")
    for name in ("delete-pod", "cordon-node"):
        assert policy.decide(ANNA, Action.LIST, tool(name)).effect is Effect.ALLOW


def copying(*variables: Variable) -> Tool:
    steps = (Step("s", "true"),)
    task = Task("copy-files", "ops", "copies", host="dev-0", variables=variables, steps=steps)
    contents = replace(catalogue().contents, pipelines=(), tasks=(task,))
    box = build_toolbox(
        replace(catalogue(), contents=contents), ToolSettings(exposure=Exposure(tasks="all"))
    )
    [made] = box.tools
    return made


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("deploy@prod-7:/srv/x", Effect.DENY),
        ("PROD-7:/srv/x", Effect.DENY),
        ("deploy@dev-7:/srv/x", Effect.CONFIRM),
        ("/srv/prod-7", Effect.CONFIRM),
    ],
)
def test_the_host_of_a_location_counts_as_one(tmp_path: Path, given: str, expected: Effect) -> None:
    policy = limit(tmp_path, "deny", host="prod-*")
    assert decided(policy, copying(Variable("src")), src=given) is expected


def test_every_item_of_a_list_counts(tmp_path: Path) -> None:
    policy = limit(tmp_path, "allow", host="dev-*")
    racks = copying(Variable("hosts"))
    assert decided(policy, racks, hosts="dev-1,dev-2") is Effect.ALLOW
    assert decided(policy, racks, hosts="dev-1,prod-2") is Effect.CONFIRM
    denied = limit(tmp_path, "deny", host="prod-*")
    assert decided(denied, racks, hosts="dev-1,prod-2") is Effect.DENY
    sources = copying(Variable("sources"))
    assert decided(denied, sources, sources="/srv/x,db@prod-1:/srv/y") is Effect.DENY
