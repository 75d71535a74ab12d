"""What `host` means in a call that names another cluster."""

from datetime import UTC, datetime
from typing import Any

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.models import Cluster, Host, Pipeline, Step, Task, TaskRef, Variable
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.arguments.cluster_host import runs_elsewhere
from opsmcp_tools.model.errors import InvalidArguments
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.policy.decision import Action, Policy
from opsmcp_tools.policy.rules import Effect, Rule
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings

SELECTORS = ("anymaster",)
ME = Principal("me")
FAR = (Cluster("far"), Cluster("near"))
CONTEXTS = (Cluster("far"), Cluster("near", default=True))


def tool(host: Variable, *more: Variable, clusters: tuple[Cluster, ...] = FAR) -> Tool:
    variables = (host, *(more or (Variable("cluster"),)))
    operation = Pipeline(
        "look", "ops", "looks at it", tasks=(TaskRef("t", "t"),), variables=variables
    )
    task = Task("t", "ops", steps=(Step("s", "true"),))
    contents = Contents((operation,), (task,), clusters, (Host("web-1", "ops", reachable=True),))
    catalogue = Catalogue(1, contents, datetime(2026, 1, 1, tzinfo=UTC))
    settings = ToolSettings(
        Exposure(pipelines="all"),
        host_selectors=SELECTORS,
        values=ValueRules(host_selectors=SELECTORS),
    )
    found = build_toolbox(catalogue, settings).find("look")
    assert found is not None
    return found


def variables(of: Tool, **given: str) -> Any:
    return dict(check_arguments(of, given, ME).variables)


HOST = Variable("host", required=True)


def test_elsewhere_a_host_may_have_any_name_that_a_host_can_have():
    assert variables(tool(HOST), host="db-7", cluster="far") == {"host": "db-7", "cluster": "far"}
    assert variables(tool(HOST), host="anymaster", cluster="far")["host"] == "anymaster"


@pytest.mark.parametrize("host", ["$(id)", "a b", "-x", "all", "a=b", "db-"])
def test_elsewhere_what_no_host_can_be_called_is_refused(host: str):
    with pytest.raises(InvalidArguments):
        variables(tool(HOST), host=host, cluster="far")


@pytest.mark.parametrize("cluster", ["", "near"])
def test_with_no_cluster_or_with_contexts_the_hosts_are_the_known_ones(cluster: str):
    clusters = CONTEXTS if cluster else FAR
    with pytest.raises(InvalidArguments, match="it must be one of web-1"):
        variables(tool(HOST, clusters=clusters), host="db-7", cluster=cluster)


def test_a_cluster_that_the_server_fills_in_counts_too():
    fixed = tool(HOST, Variable("cluster", value="far"))
    assert variables(fixed, host="db-7")["host"] == "db-7"


def test_what_the_author_narrows_stays_narrow_elsewhere():
    with pytest.raises(InvalidArguments, match="it must match"):
        variables(tool(Variable("host", regex="^db-")), host="web-1", cluster="far")
    with pytest.raises(InvalidArguments, match="it must be one of db-1, db-2"):
        variables(tool(Variable("host", enums=("db-1", "db-2"))), host="web-1", cluster="far")


def test_a_default_of_the_own_cluster_is_none_elsewhere():
    ours = tool(Variable("host", default="web-1"))
    assert variables(ours)["host"] == "web-1"
    with pytest.raises(InvalidArguments, match="host: it is required"):
        variables(ours, cluster="far")
    assert variables(tool(Variable("host", default="anynode")), cluster="far")["host"] == "anynode"


def test_the_schema_says_that_a_node_of_a_cluster_may_be_given():
    assert tool(HOST).input_schema["properties"]["host"] == {
        "type": "string",
        "description": "web-1, anymaster; or a node of cluster; where to run",
    }
    alone = tool(HOST, Variable("topk", default="5"))
    assert alone.input_schema["properties"]["host"]["enum"] == ["web-1", "anymaster"]
    assert alone.input_schema["properties"]["host"]["description"] == "where to run"


def test_a_rule_on_hosts_shows_a_tool_whose_host_could_be_elsewhere():
    policy = Policy(rules=(Rule("none-here", Effect.DENY, host=("web-*", "any*")),))
    assert not policy.decide(ME, Action.LIST, tool(HOST)).denied
    assert policy.decide(ME, Action.LIST, tool(HOST, clusters=CONTEXTS)).denied


def test_a_run_is_sent_away_only_by_a_source_without_a_default_cluster():
    assert runs_elsewhere({"cluster": "far"}, FAR)
    assert not runs_elsewhere({"cluster": "far"}, CONTEXTS)
    assert not runs_elsewhere({"cluster": ""}, FAR)
