"""What a description says, and how an operator changes it."""

from dataclasses import replace
from typing import Any

import pytest

from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Variable
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.policy.decision import Policy
from opsmcp_tools.policy.rules import Effect, Rule
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.description import without_effect
from opsmcp_tools.toolbox.overrides import Override, VariableOverride, check_overrides
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from tests.tools.recorded import catalogue

LABELS = {"ops/copilot": "enabled"}
FOR_EVERYBODY = Policy()


def task(name: str, desc: str, *steps: str, **changes: Any) -> Task:
    made = tuple(Step(step, "true") for step in steps or ("s",))
    return Task(name, "ops", desc, steps=made, labels=LABELS, **changes)


def tools(
    *operations: Pipeline | Task, policy: Policy = FOR_EVERYBODY, **settings: Any
) -> dict[str, Tool]:
    contents = replace(
        catalogue().contents,
        pipelines=tuple(item for item in operations if isinstance(item, Pipeline)),
        tasks=tuple(item for item in operations if isinstance(item, Task)),
    )
    read = replace(catalogue(), contents=contents)
    made = build_toolbox(read, ToolSettings(**settings), policy=policy)
    return {tool.name: tool for tool in made.tools}


@pytest.mark.parametrize(
    ("operation", "described"),
    [
        (task("list-pods", "list pods that run"), "List pods that run"),
        (task("uptime-report", "how long it is up"), "How long it is up. Only reads."),
        (task("restart-web", "Restart the web."), "Restart the web. Interrupts service."),
        (task("delete-pod", "delete a pod at once"), "Delete a pod at once. No undo."),
        (task("sync-image", "copy an image over"), "Copy an image over. Changes something."),
        (task("set-os", "set parameters of it"), "Set parameters of it. Changes something."),
        (
            task("clear-disk", "clear disk", "before-clear", "clear-image", "check-free"),
            "Clear disk. Steps: clear image. No undo.",
        ),
        (task("create-thing", "创建"), "创建"),
    ],
    ids=lambda value: value.name if isinstance(value, Task) else "",
)  # fmt: skip
def test_a_description_says_what_it_does_and_changes(operation: Task, described: str):
    assert tools(operation)[operation.name].description == described


def test_siblings_point_at_each_other():
    made = tools(
        task("delete-pod", "delete a pod"),
        task("delete-pod-force", "delete a pod by force"),
        task("delete-pod-bylog", "delete a pod by its log"),
        task("cordon-node", "close a node"),
        task("uncordon-node", "open a node"),
        task("get-pod", "get a pod"),
    )
    assert made["delete-pod"].description.endswith("Variants: -bylog, -force.")
    assert made["delete-pod-force"].description.endswith("Try delete-pod first.")
    assert made["delete-pod-bylog"].description.endswith("Plain form: delete-pod.")
    assert made["cordon-node"].description.endswith("Undo: uncordon-node.")
    assert made["get-pod"].description == "Get a pod"


def test_siblings_of_one_description_are_told_apart_by_their_steps():
    made = tools(
        task("restart-web", "restart it", "stop", "drain-lb", "start"),
        task("bounce-web", "restart it", "stop", "start"),
        task("restart-db", "restart the db", "stop", "start"),
    )
    assert made["restart-web"].description == "Restart it. Interrupts service. Steps: drain lb."
    assert made["bounce-web"].description == "Restart it. Interrupts service."
    assert "Steps" not in made["restart-db"].description


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        (Policy(read_only=True), False),
        (Policy(rules=(Rule("r", Effect.DENY, operation=("*-force",)),)), False),
        (Policy(rules=(Rule("r", Effect.DENY, operation=("*-force",), group=("guests",)),)), False),
        (
            Policy(
                rules=(
                    Rule("admins", Effect.ALLOW, operation=("*",), principal=("root",)),
                    Rule("others", Effect.DENY, operation=("*-force",)),
                )
            ),
            False,
        ),
        (Policy(rules=(Rule("r", Effect.DENY, host=("db-*",)),)), True),
        (Policy(rules=(Rule("r", Effect.CONFIRM, operation=("*-force",)),)), True),
        (
            Policy(
                rules=(
                    Rule("all", Effect.ALLOW, operation=("*",)),
                    Rule("never", Effect.DENY, operation=("*-force",)),
                )
            ),
            True,
        ),
    ],
    ids=["read-only", "denied", "a group", "all but one", "a host", "confirmed", "allowed before"],
)
def test_a_description_names_no_sibling_that_somebody_may_not_see(policy: Policy, named: bool):
    names = ("delete-pod", "delete-pod-force")
    made = tools(
        *(task(name, f"{name} at once", variables=(Variable("host"),)) for name in names),
        policy=policy,
    )
    assert ("-force" in made["delete-pod"].description) is named


def test_a_tool_that_is_hidden_from_some_names_those_that_all_may_see():
    hidden = Policy(rules=(Rule("r", Effect.DENY, operation=("*-pod",), group=("guests",)),))
    made = tools(
        task("delete-pod", "delete a pod"),
        task("delete-pod-force", "delete a pod by force"),
        task("delete-pod-force-all", "delete all pods by force"),
        policy=hidden,
    )
    assert made["delete-pod"].description.endswith("Variants: -force.")
    assert made["delete-pod-force"].description == "Delete a pod by force. No undo. Variants: -all."


def test_a_long_description_is_cut_to_sixty_words_and_keeps_our_own():
    described = tools(task("restart-web", "word " * 200))["restart-web"].description
    assert len(described.split()) <= 60
    assert described.endswith("… Interrupts service.")


def test_our_words_may_be_chinese():
    made = tools(
        task("restart-web", "重启服务", variables=(Variable("target", required=True),)),
        language="zh",
    )["restart-web"]
    assert made.description == "重启服务。会中断服务。"
    assert made.input_schema["properties"]["target"]["description"] == "一个单词"


def test_an_operator_may_say_it_better():
    variables = (Variable("pod", display="x"), Variable("level"), Variable("region"))
    said = {
        "restart-*": Override(
            title="Restart it", description="Old words", hints={"destructive": False}
        ),
        "restart-web": Override(
            description="Restarts the shop.",
            variables={
                "pod": VariableOverride(description="which pod", examples=("web-0",)),
                "level": VariableOverride(kind=VariableKind(Kind.COUNT)),
                "region": VariableOverride(bound="eu"),
            },
        ),
    }
    made = tools(task("restart-web", "restart", variables=variables), overrides=said)["restart-web"]
    properties = made.input_schema["properties"]
    assert (made.title, made.description) == ("Restart it", "Restarts the shop.")
    assert made.hints.destructive is False
    assert properties["pod"]["description"].startswith("which pod")
    assert properties["pod"]["examples"] == ["web-0"]
    assert properties["level"]["type"] == "integer"
    assert [(bound.name, bound.value) for bound in made.bound] == [("region", "eu")]


def test_what_an_operator_says_of_nothing_is_found():
    said = {
        "restart-wbe": Override(title="x"),
        "ops/restart-*": Override(variables={"pdo": VariableOverride(description="x")}),
    }
    operation = task("restart-web", "restart", variables=(Variable("pod"),))
    assert check_overrides(said, [operation]) == (
        "tools.overrides: 'restart-wbe' matches no operation; did you mean 'restart-web'?",
        "tools.overrides: no operation of 'ops/restart-*' has a variable 'pdo'"
        "; did you mean 'pod'?",
    )


def test_without_steps_there_is_nothing_to_describe():
    with pytest.raises(UnusableOperation, match="no steps"):
        from opsmcp_tools.model.tool import Hints
        from opsmcp_tools.toolbox.description import describe

        bare = Task("bare", "ops", "bare")
        describe(bare, (bare,), Hints(read_only=True, destructive=False, idempotent=True), "en")


def test_a_pipeline_is_described_by_the_steps_of_its_tasks():
    made = tools(
        Pipeline("sync-image", "ops", "sync image", tasks=(TaskRef("a", "mirror"),), labels=LABELS),
        replace(task("mirror", "x", "pull-image", "push-image"), labels={}),
    )
    assert "Steps: pull image, push image." in made["sync-image"].description


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("en", "Wipe it. Can interrupt or destroy. Undo: x.", "Wipe it. Undo: x."),
        ("en", "Only reads.", "Only reads."),
        ("zh", "清空它。可能造成中断或破坏。", "清空它。"),
    ],
)
def test_a_question_need_not_say_twice_what_is_changed(
    language: Language, text: str, left: str
) -> None:
    assert without_effect(text, language) == left
