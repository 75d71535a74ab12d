"""A variable -> an input and its schema."""

from typing import Any

import jsonschema
import pytest

from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.models import Cluster, Host, Variable
from opsmcp_tools.arguments.check import check_inputs
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.errors import InvalidArguments, UnusableOperation
from opsmcp_tools.model.tool import Input
from opsmcp_tools.results.output_schema import OUTPUT_SCHEMA
from opsmcp_tools.toolbox.inputs import build_input
from opsmcp_tools.toolbox.schema import input_schema
from tests.tools.corpus import INVENTORY, TOOL


def built(variable: Variable, inventory: Inventory = INVENTORY, limit: int = 64) -> Input:
    return build_input(variable, kind_of(variable), inventory, limit)


WORD = "^[A-Za-z0-9._-]+$"
BLANK_OR_WORD = "^[A-Za-z0-9._-]*$"
TABLE: dict[str, tuple[Variable, dict[str, Any]]] = {
    "name": (
        Variable("pod", display="pod name", required=True),
        {"type": "string", "pattern": "^[a-z0-9.-]+$"},
    ),
    "count": (
        Variable("topk", default="50"),
        {"type": "integer", "minimum": 1, "maximum": 100000, "default": 50},
    ),
    "port": (
        Variable("port", required=True),
        {"type": "integer", "description": "1 to 65535", "minimum": 1, "maximum": 65535},
    ),
    "count beyond its usual bounds": (
        Variable("percent", default="250"),
        {
            "type": "integer",
            "description": "0 to 250",
            "minimum": 0,
            "maximum": 250,
            "default": 250,
        },
    ),
    "count with bounds in words": (
        Variable("lines", default="200", desc="Of each container, 1 to 5000."),
        {
            "type": "integer",
            "description": "Of each container, 1 to 5000",
            "minimum": 1,
            "maximum": 5000,
            "default": 200,
        },
    ),
    "count without plain bounds": (
        Variable("threshold", required=True),
        {"type": "integer"},
    ),
    "flag": (Variable("dry_run", default="true"), {"type": "boolean", "default": True}),
    "choice": (
        Variable("mood", default="calm", enums=("calm", "", "loud", "calm"), desc="mood of it"),
        {
            "type": "string",
            "description": "mood of it",
            "enum": ["calm", "loud"],
            "default": "calm",
        },
    ),
    "pattern": (
        Variable("task", regex="^[0-9]*$", required=True),
        {"type": "string", "description": "must match ^[0-9]*$", "pattern": "^[0-9]*$"},
    ),
    "pattern of Go": (
        Variable("task", regex=r"\pN+", required=True),
        {"type": "string", "description": r"must match \pN+"},
    ),
    "word of which there is an example": (
        Variable("unit", required=True, desc="systemd unit", examples=("nginx.service",)),
        {
            "type": "string",
            "description": "systemd unit",
            "examples": ["nginx.service"],
        },
    ),
    "token": (
        Variable("region"),
        {
            "type": "string",
            "description": "one word; may be empty",
            "pattern": BLANK_OR_WORD,
        },
    ),
    "default that no caller could give": (
        Variable("logname", default="*log*"),
        {"type": "string", "description": "one word", "pattern": BLANK_OR_WORD},
    ),
    "examples": (
        Variable("ip", required=True, examples=("10.0.0.1", "$(id)", "::1", "::2")),
        {"type": "string", "description": "IP address", "examples": ["10.0.0.1", "::1"]},
    ),
    "description of a stranger": (
        Variable("bucket", required=True, desc="a\u202e\nbucket" + " word" * 100),
        {
            "type": "string",
            "description": "a\\u{202e} bucket" + " word" * 24 + "…; one word",
            "pattern": WORD,
        },
    ),
    "list": (
        Variable("hosts", required=True, desc="what to look at", examples=("web-1,web-2",)),
        {
            "type": "array",
            "description": "what to look at",
            "items": {"type": "string", "pattern": WORD},
            "examples": [["web-1", "web-2"]],
        },
    ),
    "text": (
        Variable("reason", required=True, desc="why"),
        {
            "type": "string",
            "description": "why",
            "maxLength": 4096,
            "pattern": r"^[^\-@+<|=:~]",
        },
    ),
    "cluster": (
        Variable("cluster", desc="cluster"),
        {
            "type": "string",
            "description": "east: the first; default west",
            "enum": ["east", "west"],
        },
    ),
    "host": (
        Variable("host", required=True),
        {"type": "string", "description": "down: web-2", "enum": ["web-1", "web-2"]},
    ),
}


@pytest.mark.parametrize(("variable", "schema"), TABLE.values(), ids=TABLE)
def test_the_schema_of_a_variable(variable: Variable, schema: dict[str, Any]):
    assert built(variable).schema == schema


def test_a_long_inventory_is_not_listed_but_still_checked():
    hosts = tuple(Host(f"h{number}", "ops", reachable=True) for number in range(70))
    host = built(Variable("host", required=True), Inventory(hosts=hosts))
    assert host.schema["description"] == "one of 70 hosts; list_inventory has them"
    assert "enum" not in host.schema
    assert len(host.allowed) == 70


def test_a_long_list_of_choices_is_said_in_words():
    choices = tuple(f"c{number}" for number in range(70))
    many = built(Variable("x", enums=choices))
    assert many.schema == {
        "type": "string",
        "description": "one of 70 choices, such as c0, c1, c2, c3, c4",
    }


def test_a_name_that_no_word_can_hold_is_not_offered():
    inventory = Inventory((Cluster("a b"), Cluster("arn:aws:eks:x/y")), (Host("$(id)", "ops"),))
    assert inventory.cluster_names == ("arn:aws:eks:x/y",)
    assert inventory.host_names == ()


def test_node_selectors_are_offered_only_by_settings_or_author():
    assert "all" not in built(Variable("host")).allowed
    assert built(Variable("host", default="anymaster")).allowed == ("web-1", "web-2", "anymaster")
    chosen = Inventory(hosts=INVENTORY.hosts, selectors=("all",))
    assert built(Variable("host"), chosen).allowed == ("web-1", "web-2", "all")


def test_the_only_host_is_the_default_unless_clusters_could_mean_another():
    alone = (Host("here", "ops", reachable=True),)
    host = built(Variable("host", required=True), Inventory(hosts=alone))
    assert (host.default, host.required) == ("here", False)
    contexts = Inventory((Cluster("kind", default=True),), alone)
    assert built(Variable("host", required=True), contexts).default == "here"
    assert built(Variable("host", required=True), Inventory((Cluster("far"),), alone)).required


def test_a_default_that_does_not_exist_is_not_used():
    assert built(Variable("host", default="gone", required=True)).required
    assert built(Variable("cluster", default="gone")).default is None
    assert built(Variable("cluster", required=True)).default == "west"


def test_an_author_may_narrow_the_inventory():
    assert built(Variable("host", enums=("web-2", "all", "gone"))).allowed == ("web-2", "all")
    assert built(Variable("cluster", regex="^e")).allowed == ("east",)


@pytest.mark.parametrize(
    ("variable", "kind", "reason"),
    [
        (Variable("x", regex="("), Kind.PATTERN, "the regex of variable 'x' cannot be used"),
        (Variable("x"), Kind.PATTERN, "no regex"),
        (Variable("x"), Kind.CHOICE, "no usable list"),
        (Variable("x", enums=("a\nb",)), Kind.CHOICE, "a choice of variable 'x'"),
        (Variable("x", enums=("${y}",)), Kind.CHOICE, "a choice of variable 'x'"),
        (Variable("x", enums=("a" * 300,)), Kind.CHOICE, "a choice of variable 'x'"),
        (Variable("cluster", required=True, regex="^none"), Kind.CLUSTER, "needs a cluster"),
    ],
)
def test_what_makes_no_sense_is_said(variable: Variable, kind: Kind, reason: str):
    with pytest.raises(UnusableOperation, match=reason):
        build_input(variable, VariableKind(kind), INVENTORY)


def test_both_schemas_are_valid_and_flat():
    for schema in (TOOL.input_schema, OUTPUT_SCHEMA):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
    assert input_schema([]) == {"type": "object", "properties": {}, "additionalProperties": False}


GROUPS = {"all": ("web-1", "web-2"), "role=web": ("web-1",)}


def test_where_several_hosts_may_be_named_it_is_a_list_of_names_and_groups():
    inventory = Inventory(hosts=INVENTORY.hosts, host_groups=GROUPS)
    host = built(Variable("host", default="web-1", groups=True), inventory)
    names = ["web-1", "web-2", "all", "role=web"]
    assert host.schema["type"] == "array"
    assert host.schema["items"] == {"type": "string", "enum": names}
    assert host.schema["default"] == ["web-1"]
    assert check_value(host, ["role=web", "web-2"]) == "role=web,web-2"
    assert check_value(host, "all") == "all"
    assert host.meant_by("role=web,web-2") == {"web-1", "web-2"}
    for wrong in (["web-3"], "role=db", "web-1;id", "web-1 web-2", [""], [["web-1"]]):
        with pytest.raises(Refused):
            check_value(host, wrong)
    assert built(Variable("host", default="web-1"), inventory).schema["type"] == "string"


def test_a_group_of_a_long_inventory_fits_the_schema():
    hosts = tuple(Host(f"h{number}", "ops", reachable=True) for number in range(70))
    inventory = Inventory(hosts=hosts, host_groups={"role=web/a": ("h1",)})
    host = built(Variable("host", groups=True), inventory)
    jsonschema.validate(["role=web/a", "h1"], host.schema)
    assert check_value(host, ["role=web/a"]) == "role=web/a"


def test_more_hosts_than_a_run_may_have_are_refused():
    hosts = tuple(Host(f"h{number}", "ops", reachable=True) for number in range(501))
    inventory = Inventory(hosts=hosts, host_groups={"all": tuple(host.name for host in hosts)})
    host = built(Variable("host", groups=True), inventory)
    with pytest.raises(InvalidArguments, match="it means 501 hosts, and a run takes at most 500"):
        check_inputs("t", [host], {"host": "all"})
    assert check_inputs("t", [host], {"host": "h1,h2"}) == {"host": "h1,h2"}
