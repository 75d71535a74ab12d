"""A catalogue -> tools and what is withheld, against the recorded server."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents, Problem
from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import (
    Cluster,
    Host,
    OperationKind,
    Pipeline,
    Step,
    Task,
    TaskRef,
    Variable,
)
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.errors import InvalidArguments
from opsmcp_tools.model.tool import FREE_SCRIPT, Principal, Tool
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_lint import canonical, find_fault
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox
from tests.tools.corpus import TOOL
from tests.tools.recorded import BIND, catalogue, tool, toolbox

TOKENS = Path(__file__).parents[2] / "golden" / "tokens.json"
GOLDEN = Path(__file__).parents[2] / "golden" / "recorded-tools.json"
BUNDLED = Path(__file__).parents[2] / "golden" / "bundled-tools.json"
LABELS = {"ops/copilot": "enabled"}


def shown(item: Tool) -> dict[str, Any]:
    hints = item.hints
    return {
        "name": item.name,
        "title": item.title,
        "description": item.description,
        "hints": [
            word
            for word, holds in [
                ("read-only", hints.read_only),
                ("destructive", hints.destructive),
                ("idempotent", hints.idempotent),
            ]
            if holds
        ],
        "bound": [bound.name for bound in item.bound],
        "input_schema": item.input_schema,
    }


def check_golden(tools: tuple[Tool, ...], golden: Path) -> None:
    text = json.dumps([shown(item) for item in tools], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("OPSMCP_UPDATE_GOLDEN"):  # noqa: TID251 - tests only
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_labelled_recorded_pipelines_are_the_golden_tools():
    tools = build_toolbox(catalogue(), ToolSettings(bind=BIND)).tools
    check_golden(tools, GOLDEN)
    assert len(tools) == 51


def test_the_bundled_operations_are_the_golden_tools():
    tools = bundled_tools()
    check_golden(tools, BUNDLED)
    assert len(tools) == 21


def cost(item: Tool) -> int:
    """What a client's model pays for it: as `opsmcp tools --cost` counts."""
    shown_to_models = {
        "name": item.name,
        "description": item.description,
        "input_schema": item.input_schema,
    }
    return estimate_tokens((canonical(shown_to_models) or b"").decode())


def test_no_bundled_definition_holds_an_example_that_could_be_used():
    for item in bundled_tools():
        text = json.dumps(shown(item), ensure_ascii=False)
        assert not any(sign in text for sign in ('"examples"', "such as", "e.g.", "例如")), (
            item.name
        )


def test_a_placeholder_of_an_example_call_starts_nothing():
    for item in (*bundled_tools(), *toolbox().tools):
        given = {name: f"<{name}>" for name in item.input_schema.get("required", ())}
        if given:
            with pytest.raises(InvalidArguments) as caught:
                check_arguments(item, given, Principal("anna"))
            assert {problem.argument for problem in caught.value.problems} == set(given)


def test_the_tokens_of_each_tool_are_the_golden_ones(
    record_property: Callable[[str, object], None],
):
    labelled = build_toolbox(catalogue(), ToolSettings(bind=BIND)).tools
    now = {item.name: cost(item) for item in labelled}
    now |= {f"bundled {item.name}": cost(item) for item in bundled_tools()}
    if os.environ.get("OPSMCP_UPDATE_GOLDEN"):  # noqa: TID251 - tests only
        TOKENS.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(TOKENS.read_text(encoding="utf-8"))
    changed = [
        f"{name}: {golden.get(name, 0)} -> {now.get(name, 0)}"
        for name in sorted({*golden, *now})
        if golden.get(name) != now.get(name)
    ]
    total = sum(now.values()) - sum(golden.values())
    record_property("tokens of definitions", f"{sum(now.values()):,} in all, {total:+,} to golden")
    assert not changed, f"{total:+} tokens in all:\n" + "\n".join(changed)


def test_a_definition_costs_little():
    labelled = build_toolbox(catalogue(), ToolSettings(bind=BIND)).tools
    # One more was made only for recording, with variables that no real one has.
    costs = [cost(item) for item in labelled if item.name != "bed-echo"]
    assert len(costs) == 50
    assert median(costs) <= 120
    assert sum(costs) <= 6_000
    assert median(cost(item) for item in bundled_tools()) <= 120


def bundled_tools() -> tuple[Tool, ...]:
    """The tools of what ships with opsmcp, on a machine of its own with one cluster."""
    with resources.as_file(resources.files("opsmcp_pipelines.bundled")) as folder:
        loaded = Library([folder], "ops-system").read()
    contents = Contents(
        pipelines=loaded.pipelines,
        tasks=loaded.tasks,
        clusters=(Cluster("kind", default=True),),
        hosts=(Host("localhost", "ops-system", reachable=True),),
    )
    return build_toolbox(Catalogue(1, contents, catalogue().read_at), ToolSettings()).tools


def test_the_same_catalogue_gives_the_same_tools_in_the_same_order():
    contents = catalogue().contents
    turned = replace(
        catalogue(),
        contents=replace(
            contents,
            pipelines=contents.pipelines[::-1],
            tasks=contents.tasks[::-1],
            hosts=contents.hosts[::-1],
            clusters=contents.clusters[::-1],
        ),
    )
    again = build_toolbox(turned, ToolSettings(exposure=Exposure("all", "none"), bind=BIND))
    assert [shown(item) for item in again.tools] == [shown(item) for item in toolbox().tools]
    assert [item.digest for item in again.tools] == [item.digest for item in toolbox().tools]
    assert [item.name for item in again.tools] == sorted(item.name for item in again.tools)


def test_without_bound_values_the_tools_that_need_them_are_withheld():
    box = build_toolbox(catalogue(), ToolSettings())
    reasons = {item.operation: item.reason for item in box.withheld}
    assert len(box.tools) + len(reasons) == 51
    assert reasons["restart-kubelet"] == (
        "the variable 'whitelist' needs a value: set bind.whitelist"
    )
    assert reasons["collect-gpu-log"] == "the variable 'ak' needs a value: set bind.ak"


def test_a_script_that_is_a_variable_is_noted_and_a_fixed_one_is_not():
    assert tool("script").notes == {FREE_SCRIPT: "content"}
    assert FREE_SCRIPT not in tool("drain-node").notes


def test_tools_are_found_by_name_and_by_something_like_it():
    assert toolbox().find("get-pod") is tool("get-pod")
    assert toolbox().find("get-pods") is None
    assert toolbox().nearest("Get_Pods")[0] == "get-pod"
    assert toolbox().nearest("...") == ()


def box(*operations: Pipeline | Task, **settings: Any) -> Toolbox:
    pipelines = tuple(item for item in operations if isinstance(item, Pipeline))
    tasks = tuple(item for item in operations if isinstance(item, Task))
    made = replace(catalogue(), contents=replace(Contents(), pipelines=pipelines, tasks=tasks))
    return build_toolbox(made, ToolSettings(**settings))


def task(name: str = "good", **changes: Any) -> Task:
    plain = Task(name, "ops", "a good task", steps=(Step("s", "true"),), labels=LABELS)
    return replace(plain, **changes)


LONG_CHOICES = tuple("a" * 200 + str(number) for number in range(60))
BAD: dict[str, tuple[Pipeline | Task, str]] = {
    "no description": (task("bad", desc=" \u200b"), "no description"),
    "no steps": (task("bad", steps=()), "no steps"),
    "no tasks": (Pipeline("bad", "ops", "x", labels=LABELS), "no tasks"),
    "task missing": (
        Pipeline("bad", "ops", "x", tasks=(TaskRef("a", "gone"),), labels=LABELS),
        "refers to the task 'gone'",
    ),
    "task without a name": (
        Pipeline("bad", "ops", "x", tasks=(TaskRef("", "good"),), labels=LABELS),
        "its task 'good' has no `name`, and Ops reports nothing of such a task",
    ),
    "broken regex": (task("bad", variables=(Variable("x", regex="("),)), "the regex"),
    "bad choice": (task("bad", variables=(Variable("x", enums=("\0",)),)), "a choice"),
    "secret without value": (
        task("bad", variables=(Variable("sk", required=True),)),
        "set bind.sk",
    ),
    "no cluster": (task("bad", variables=(Variable("cluster", required=True),)), "a cluster"),
    "name of a variable": (task("bad", variables=(Variable("a b"),)), "a variable has a name"),
    "declared twice": (task("bad", variables=(Variable("a"), Variable("a"))), "declared twice"),
    "reserved": (task("bad", variables=(Variable("opsmcp_call_id"),)), "opsmcp_call_id"),
    "too many variables": (
        task("bad", variables=tuple(Variable(f"v{n}") for n in range(65))),
        "more than 64",
    ),
    "too large": (
        task("bad", variables=tuple(Variable(name, enums=LONG_CHOICES) for name in "ab")),
        "larger than",
    ),
    "unusable text": (task("bad", variables=(Variable("x", enums=("\ud800",)),)), "a choice"),
    "unknown kind": (task("bad", variables=(Variable("odd"),)), "no kind: 'odd'"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD)
def test_a_bad_operation_is_withheld_and_harms_no_other(bad: Pipeline | Task, reason: str):
    made = box(bad, task(), kinds={"odd": "odd"})
    assert [item.name for item in made.tools] == ["good"]
    [withheld] = made.withheld
    assert (withheld.operation, withheld.namespace, withheld.kind) == ("bad", "ops", bad.key.kind)
    assert reason in withheld.reason


def conditional(when: str, **variable: Any) -> Toolbox:
    """The tools of an embedded engine with one task, whose second step has that condition."""
    steps = (Step("look", "df"), Step("go", "df", when=when))
    task = Task("go", "n", "goes", variables=(Variable("n", **variable),), steps=steps)
    own = replace(ToolSettings(), exposure=Exposure(tasks="all"), values=ValueRules(pasted=False))
    return build_toolbox(replace(catalogue(), contents=Contents(tasks=(task,))), own)


def test_a_condition_that_no_run_could_decide_withholds_its_operation():
    [withheld] = conditional("${output} =~ 9").withheld
    assert withheld.reason.startswith("task go, step go, `when`: '${output} =~ 9'")
    assert "use startwith(a, b) or endwith(a, b)" in withheld.reason


def test_every_fault_of_conditions_and_scripts_is_told_the_first_five_in_words():
    steps = [Step(f"s{number}", "df", when="${output} =~ 9") for number in range(3)]
    steps += [Step(f"run{number}", 'bash -c "${n}"') for number in range(4)]
    operation = Task("go", "n", "goes", variables=(Variable("n"),), steps=tuple(steps))
    own = replace(ToolSettings(), exposure=Exposure(tasks="all"), values=ValueRules(pasted=False))
    made = build_toolbox(replace(catalogue(), contents=Contents(tasks=(operation,))), own)
    [withheld] = made.withheld
    assert all(f"step s{number}, `when`" in withheld.reason for number in range(3))
    assert withheld.reason.count("would be the name of a command") == 2
    assert withheld.reason.endswith("; and 2 more")


@pytest.mark.parametrize(("pasted", "withheld"), [(False, ["go"]), (True, [])])
def test_a_result_that_no_step_could_give_withholds_its_operation_where_that_is_an_error(
    pasted: bool, withheld: list[str]
):
    refs = (TaskRef("first", "good", results={"leader": "s", "size": "count"}),)
    made = Contents(pipelines=(Pipeline("go", "ops", "goes", tasks=refs),), tasks=(task(),))
    own = replace(ToolSettings(), exposure=Exposure("all"), values=ValueRules(pasted=pasted))
    found = build_toolbox(replace(catalogue(), contents=made), own).withheld
    assert [item.operation for item in found] == withheld
    assert all("'size' is the output of step 'count'" in item.reason for item in found)


@pytest.mark.parametrize("value", ["nan", "inf", "many", "1e999", ""])
def test_what_a_condition_compares_as_a_number_is_refused_before_the_run(value: str):
    [tool] = conditional("${n} > 90").tools
    assert tool.input_schema["required"] == ["n"]
    with pytest.raises(InvalidArguments, match="it must match|it is required"):
        check_arguments(tool, {"n": value}, Principal("anna"))
    assert check_arguments(tool, {"n": "90.5"}, Principal("anna")).variables["n"] == "90.5"
    assert "required" not in conditional("${n} > 90", default="5").tools[0].input_schema


@pytest.mark.parametrize(
    ("when", "variable", "bad", "good"),
    [
        ("${n} > 90", {"regex": "^(?:[0-9]+|all)$"}, "all", "91"),
        ("${n}${n} > 90", {}, "many", "9"),
        ("${n} > 90", {"enums": ("", "9")}, "", "9"),
        ("!${n}", {"default": "fast"}, "", "yes"),
        ("${output} == 1 || ${n}", {}, "deep", "false"),
    ],
)
def test_a_value_that_a_condition_could_not_be_decided_with_is_refused_before_the_run(
    when: str, variable: dict[str, Any], bad: str, good: str
):
    [tool] = conditional(when, **variable).tools
    with pytest.raises(InvalidArguments) as refused:
        check_arguments(tool, {"n": bad}, Principal("anna"))
    assert [problem.argument for problem in refused.value.problems] == ["n"]
    assert check_arguments(tool, {"n": good}, Principal("anna")).variables["n"] == good


def test_a_number_that_a_condition_only_compares_where_it_is_given_may_be_left_out():
    [tool] = conditional('${n} == "" || ${n} > 90').tools
    assert "required" not in tool.input_schema
    assert check_arguments(tool, {}, Principal("anna")).variables.get("n", "") == ""
    with pytest.raises(InvalidArguments):
        check_arguments(tool, {"n": "many"}, Principal("anna"))


def test_an_operation_of_thousands_of_steps_is_withheld_at_once():
    steps = tuple(Step(str(number), f"echo {number}") for number in range(1_001))
    made = box(task("long", steps=steps), task("short", steps=steps[:2]))
    assert [item.name for item in made.tools] == ["short"]
    assert [item.reason for item in made.withheld] == [
        "it has 1,001 steps, and no more than 1,000 are checked: split it"
    ]


def test_problems_of_the_catalogue_are_passed_on():
    problem = Problem("broken", OperationKind.TASK, "no kubeconfig", "ops")
    made = Catalogue(7, Contents(problems=(problem,)), catalogue().read_at)
    [withheld] = build_toolbox(made, ToolSettings()).withheld
    assert (withheld.operation, withheld.reason) == ("broken", "no kubeconfig")


@pytest.mark.parametrize(
    ("exposure", "names"),
    [
        (Exposure(), ["marked"]),
        (Exposure(tasks="all"), ["marked", "plain"]),
        (Exposure(tasks="none"), []),
        (Exposure(tasks="none", include=("pl*",)), ["plain"]),
        (Exposure(include=("ops/plain",)), ["marked", "plain"]),
        (Exposure(tasks="all", include=("marked",), exclude=("m*",)), ["plain"]),
        (Exposure(tasks="all", exclude=("ops/*",)), []),
    ],
    ids=str,
)
def test_exposure_decides_what_is_considered(exposure: Exposure, names: list[str]):
    made = box(task("marked"), task("plain", labels={}), exposure=exposure)
    assert [item.name for item in made.tools] == names
    assert made.withheld == ()


def test_settings_bind_rename_kinds_and_override_hints():
    variables = (
        Variable("keyword"),
        Variable("region", required=True),
        Variable("color", value="b"),
    )
    made = box(
        task(variables=variables),
        bind={"good.region": "eu", "color": "r"},
        kinds={"good.keyword": "text"},
        hints={"go*": {"read_only": True}},
    )
    [item] = made.tools
    assert [(one.name, one.kind) for one in item.inputs] == [("keyword", Kind.TEXT)]
    assert {bound.name: bound.value for bound in item.bound} == {"region": "eu", "color": "b"}
    assert item.hints.read_only


def test_the_host_of_a_task_is_no_argument():
    [item] = box(task(host="anymaster", variables=(Variable("host", required=True),))).tools
    assert item.inputs == ()
    assert item.bound[0].value == "anymaster"


def test_a_cluster_is_left_out_where_there_are_none():
    [item] = box(task(variables=(Variable("cluster"),))).tools
    assert item.input_names == frozenset()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "get_run"}, "tool name"),
        ({"title": ""}, "no description"),
        ({"input_schema": {}}, "flat object"),
        ({"input_schema": {"type": "object", "anyOf": []}}, "flat object"),
        ({"input_schema": {"type": "object"}}, "no properties"),
        ({"input_schema": {"type": "object", "properties": {"a": 1}}}, "is not a schema"),
        ({"input_schema": {"type": "object", "properties": {}, "required": ["a"]}}, "requires"),
        ({"input_schema": {"type": "object", "properties": {}, "required": "a"}}, "requires"),
        (
            {"input_schema": {"type": "object", "properties": {"a": {"type": "string", "x": {1}}}}},
            "as JSON",
        ),
        ({}, ""),
    ],
)
def test_the_lint_finds_what_would_break_a_list(changes: dict[str, Any], fault: str):
    found = find_fault(replace(TOOL, **changes))
    assert fault in found
    assert bool(found) is bool(fault)


@pytest.mark.parametrize(
    ("script", "pattern"),
    [('echo "${message}"', True), ('echo "it says: ${message}"', False)],
)
def test_the_beginning_of_a_text_is_limited_where_it_begins_an_argument(script: str, pattern: bool):
    task = Task(
        "say", "ops", "says it", variables=(Variable("message"),), steps=(Step("s", script),)
    )
    contents = replace(catalogue().contents, pipelines=(), tasks=(task,))
    settings = ToolSettings(exposure=Exposure(tasks="all"))
    [made] = build_toolbox(replace(catalogue(), contents=contents), settings).tools
    [item] = [one for one in made.inputs if one.name == "message"]
    assert item.kind is Kind.TEXT
    assert ("pattern" in item.schema) is item.starts is pattern
