"""Where output becomes input: found on a source that pastes, and no matter on one that does not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Variable
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.plan import hazards
from opsmcp_tools.toolbox.tool_settings import ToolSettings

SAFE = "echo hello"


def tool(
    first: str,
    last: str,
    *,
    results: dict[str, str] | None = None,
    default: str | None = None,
    settings: ToolSettings | None = None,
) -> Tool:
    """A pipeline of two tasks with one step each, which says that it only reads."""
    variables = (Variable("token", default=default),)
    tasks = tuple(
        Task(name, "ops-system", steps=(Step("s", script),))
        for name, script in (("first", first), ("last", last))
    )
    labels = {"ops/copilot": "enabled", "opsmcp/read-only": "true"}
    refs = (TaskRef("first", "first", results=results or {}), TaskRef("last", "last"))
    pipeline = Pipeline("get-it", "ops-system", "gets it", variables, refs, labels)
    contents = Contents((pipeline,), tasks)
    catalogue = Catalogue(1, contents, datetime(2026, 11, 23, tzinfo=UTC))
    return build_toolbox(catalogue, settings or ToolSettings()).tools[0]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ('echo "token:$(id)"', "curl ${token}", "sets the variable 'token'"),
        ("printf token:x", "curl ${token}", "sets the variable 'token'"),
        ('echo "host:$(next)"', SAFE, "sets the variable 'host'"),
        ("kubectl get -o jsonpath='node:{.a}'", "ssh ${node} id", "sets the variable 'node'"),
        ("python3 -c 'print(f\"node:{x}\")'", "ssh ${node} id", "sets the variable 'node'"),
        (SAFE, "echo ${output}", "holds the output of an earlier step"),
        (SAFE, "echo ${steps.s.output}", "holds the output of an earlier step"),
    ],
)
def test_what_is_steered_by_output_says_so_and_counts_as_destructive(
    first: str, last: str, words: str
) -> None:
    found = tool(first, last)
    assert words in "".join(hazards(found))
    assert (found.hints.read_only, found.hints.destructive) == (False, True)


def test_a_declared_result_that_is_pasted_is_named_too() -> None:
    found = tool(SAFE, "echo ${k}", results={"k": "s"})
    [said] = hazards(found)
    assert said.startswith("the result 'k' of task 'first' becomes part of scripts; ")
    assert "task last, step s, line 1: " in said
    assert not found.hints.read_only


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (SAFE, SAFE),
        ("echo http://example.com", "curl ${http}"),
        ("echo time: now", SAFE),
        (SAFE, "echo ${token}"),
        ("echo token=1", "echo ${token}"),
    ],
)
def test_what_is_not_steered_keeps_its_hints(first: str, last: str) -> None:
    found = tool(first, last)
    assert hazards(found) == []
    assert found.hints.read_only


def test_a_template_in_a_value_is_named_and_harms_no_hint() -> None:
    found = tool(SAFE, "echo ${token}", default="${HOME}")
    assert hazards(found) == ["the variable 'token' holds a template that is expanded again"]
    assert found.hints.read_only


def test_the_settings_know_better_than_what_is_seen() -> None:
    settings = ToolSettings(hints={"get-it": {"read_only": True}})
    assert tool("echo token:x", "curl ${token}", settings=settings).hints.read_only


def test_where_nothing_is_pasted_there_is_no_hazard() -> None:
    settings = ToolSettings(values=replace(ValueRules(), pasted=False))
    found = tool("echo token:x", "curl ${token}", default="${HOME}", settings=settings)
    assert hazards(found) == []
    assert found.hints.read_only
