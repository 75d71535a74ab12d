"""A rule about places holds however a call spells them, and whatever its variable is called."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Variable
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.errors import InvalidArguments
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.policy.decision import Effect, Policy
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from tests.tools.policy.test_places import decided
from tests.tools.policy.test_rules import ANNA, policy_of

EVERYTHING = Exposure(pipelines="all", tasks="all")
STEPS = (Step("s", "true"),)


def made(*variables: Variable, results: Mapping[str, str] | None = None) -> Tool:
    """A task that runs on `web-0` and takes these; with results, the same within a pipeline."""
    task = Task("restart-it", "ops", "Restarts it.", "web-0", variables, STEPS)
    refs = (TaskRef("first", "restart-it", results=results or {}),)
    around = Pipeline("restart-all", "ops", "Restarts it.", variables=variables, tasks=refs)
    contents = Contents(pipelines=(around,) if results else (), tasks=(task,))
    catalogue = Catalogue(1, contents, datetime(2026, 11, 23, tzinfo=UTC))
    tool = build_toolbox(catalogue, ToolSettings(EVERYTHING)).find(
        around.name if results else task.name
    )
    assert tool is not None
    return tool


@pytest.fixture
def limits(tmp_path: Path) -> Policy:
    places = {"host": "db-*", "cluster": "prod*", "namespace": "kube-*"}
    rules = [{"effect": "deny", "arguments": {name: [fits]}} for name, fits in places.items()]
    return policy_of(tmp_path, [*rules, {"name": "rest", "effect": "allow"}])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "db-1") for name in ("target_host", "nodeName", "node_name", "hostName", "hosts")),
        *((name, "db-1") for name in ("host-list", "nodeNames", "targethost", "host2", "server")),
        *((name, "db-1") for name in ("vm", "machine_names", "src_host_1")),
        *((name, "prod-eu") for name in ("clusterName", "cluster_name", "clusters", "kubecluster")),
        *(
            (name, "kube-system")
            for name in ("namespace_name", "namespaces", "target-ns", "nsList")
        ),
    ],
)
def test_a_limit_holds_whatever_the_variable_is_called(
    limits: Policy, name: str, value: str
) -> None:
    subject = made(Variable(name))
    assert decided(limits, subject, **{name: value}) is Effect.DENY
    assert decided(limits, subject, **{name: "web-1"}) is Effect.ALLOW


@pytest.mark.parametrize("name", ["host_port", "nodePool", "cluster_ip", "columns", "dns", "kvm"])
def test_what_is_near_a_place_is_none(limits: Policy, name: str) -> None:
    assert decided(limits, made(Variable(name)), **{name: "db-1"}) is Effect.ALLOW


@pytest.mark.parametrize(
    "value",
    [
        "DB-1",
        "root@db-1",
        "web-1@db-1",
        "db-1:22",
        "DB-1.",
        "ssh://root@db-1:22/",
        "db-1/latest",
        "web-1,db-1",
        "web-1 root@DB-1",
        "web-1;db-1",
    ],
)
def test_a_limit_holds_however_a_machine_is_written(limits: Policy, value: str) -> None:
    assert decided(limits, made(Variable("hosts")), hosts=value) is Effect.DENY


@pytest.mark.parametrize(
    "value",
    [
        "all",
        "role=web",
        "*",
        "d[ab]-1",
        "{web,db}-1",
        "web:db",
        "db%2d1",
        "@file",
        "web/x@db-1",
        ",",
    ],
)
def test_a_limit_holds_where_any_machine_could_be_meant(limits: Policy, value: str) -> None:
    assert decided(limits, made(Variable("hosts")), hosts=value) is Effect.DENY


@pytest.mark.parametrize("value", ["PROD-EU", "dev,prod-eu", "dev prod-eu", "prod$x", "all"])
def test_a_limit_holds_however_a_cluster_is_written(limits: Policy, value: str) -> None:
    assert decided(limits, made(Variable("clusters")), clusters=value) is Effect.DENY


@pytest.mark.parametrize("value", ["Kube-System", "shop,kube-system", "kube-system/x", "all"])
def test_a_limit_holds_however_a_namespace_is_written(limits: Policy, value: str) -> None:
    assert decided(limits, made(Variable("namespaces")), namespaces=value) is Effect.DENY


@pytest.mark.parametrize("value", ["10.0.0.07", "10.7", "0xa000007", "10.0.0.7:22", "::ffff:a00:7"])
def test_a_limit_holds_however_an_address_is_written(tmp_path: Path, value: str) -> None:
    rule = {"effect": "deny", "arguments": {"host": "10.0.0.*"}}
    policy = policy_of(tmp_path, [rule, {"name": "rest", "effect": "allow"}])
    subject = made(Variable("server"))
    assert decided(policy, subject, server=value) is Effect.DENY
    assert decided(policy, subject, server="10.0.1.7") is Effect.ALLOW


@pytest.mark.parametrize(
    "value", ["dev-1,db-1", "dev-1@db-1", "dev-1:x", "dev-1%40db-1", "dev-[1]", "dev-1/x@db-1"]
)
def test_permission_covers_every_machine_that_is_touched(tmp_path: Path, value: str) -> None:
    rule = {"effect": "allow", "arguments": {"host": ["dev-*", "web-0"]}}
    policy, subject = policy_of(tmp_path, [rule]), made(Variable("hosts"))
    assert decided(policy, subject, hosts=value) is Effect.CONFIRM
    assert decided(policy, subject, hosts="dev-1,root@DEV-2:22") is Effect.ALLOW


@pytest.mark.parametrize(
    "pattern", ["DB-*", "root@db-*", "db-1:22", "db-1.", "web-9, db-1", "[a-d]B-1"]
)
def test_a_pattern_is_read_as_the_names_are(tmp_path: Path, pattern: str) -> None:
    policy = policy_of(tmp_path, [{"effect": "deny", "arguments": {"host": pattern}}])
    assert decided(policy, made(Variable("node")), node="Db-1") is Effect.DENY
    assert decided(policy, made(Variable("node")), node="web-1") is Effect.CONFIRM


def test_a_limit_is_not_about_an_operation_that_can_mean_no_such_place(limits: Policy) -> None:
    assert decided(limits, made(Variable("pod"))) is Effect.ALLOW


def test_the_argument_host_counts_where_the_task_names_its_own(limits: Policy) -> None:
    subject = made(Variable("host"), results={"unit": "s"})
    assert decided(limits, subject, host="db-1") is Effect.DENY
    assert decided(limits, subject) is Effect.ALLOW


def test_a_place_that_the_authors_wrote_counts(limits: Policy) -> None:
    subject = made(Variable("target_host", value="db-1"), results={"unit": "s"})
    assert decided(limits, subject) is Effect.DENY


def test_a_place_that_a_step_prints_could_be_any(limits: Policy) -> None:
    assert decided(limits, made(results={"target_host": "s"})) is Effect.DENY


def test_a_variable_of_several_machines_takes_a_list_and_no_selector() -> None:
    subject = made(Variable("hosts"), Variable("node_name"))
    assert check_arguments(subject, {"hosts": "web-1,web-2"}, ANNA).arguments["hosts"]
    for wrong in ({"hosts": "all"}, {"hosts": "role=web"}, {"node_name": "web-1,web-2"}):
        with pytest.raises(InvalidArguments):
            check_arguments(subject, wrong, ANNA)
