from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from opsmcp_pipelines.models import OperationKind, Pipeline, Step, Task, TaskRef, Transfer, Variable

TASK = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show
  labels: {ops/copilot: enabled}
spec:
  desc: shows it
  host: anymaster
  variables:
    count: {default: 010, value: 1.50, enums: [yes, 2, null], required: true}
    empty:
  steps:
    - name: first
      content: echo ${count}
      when: "true"
      allowfailure: true
      timeoutSeconds: 5
    - localfile: a
      remotefile: b
"""
PIPELINE = """\
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: all, namespace: other}
spec:
  desc: does it
  tasks:
    - taskRef: show
    - {name: last, taskRef: end, allowFailure: true, runAlways: yes, results: {key: first}}
"""


def parse(text: str) -> Manifest:
    return parse_manifest(text, "a.yaml", "ops-system")


def test_task_is_read_with_values_as_written() -> None:
    (task,) = parse(TASK).operations
    assert task == Task(
        name="show",
        namespace="ops-system",
        desc="shows it",
        host="anymaster",
        variables=(
            Variable("count", "010", "1.50", required=True, enums=("yes", "2", "")),
            Variable("empty"),
        ),
        steps=(
            Step("first", "echo ${count}", "true", "true", 5),
            Step("step-2", transfer=Transfer("a", "b")),
        ),
        labels={"ops/copilot": "enabled"},
    )


def test_pipeline_is_read_with_its_references() -> None:
    (pipeline,) = parse(PIPELINE).operations
    assert isinstance(pipeline, Pipeline)
    assert (pipeline.namespace, pipeline.desc) == ("other", "does it")
    assert pipeline.tasks == (
        TaskRef("show", "show"),
        TaskRef("last", "end", "", allow_failure=True, run_always=True, results={"key": "first"}),
    )


def test_documents_around_a_bad_one_survive() -> None:
    bad = TASK.replace("name: show", "name: Show")
    found = parse("---\n".join([TASK, bad, PIPELINE]))
    assert [operation.name for operation in found.operations] == ["show", "all"]
    (problem,) = found.problems
    assert (problem.name, problem.kind) == ("Show", OperationKind.TASK)
    assert str(problem.error).startswith("a.yaml:24: metadata.name 'Show' must be")


def test_syntax_error_costs_only_the_rest_of_the_file() -> None:
    found = parse(f"{TASK}---\na: [1\n---\n{PIPELINE}")
    assert [operation.name for operation in found.operations] == ["show"]
    assert "not valid YAML" in str(found.problems[0].error)
    assert "rest of the file" in str(found.problems[0].error)


@pytest.mark.parametrize("kind", ["Host", "Cluster", "ConfigMap"])
def test_other_kinds_are_passed_over(kind: str) -> None:
    found = parse(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n")
    assert (found.operations, found.problems) == ((), ())
    assert found.notes == ("a.yaml:1: passed over, neither a Pipeline nor a Task",)


@pytest.mark.parametrize(
    ("version", "kind"), [("v1", "List"), ("crd.chenshaowen.com/v1", "TaskList")]
)
def test_of_a_list_as_kubectl_writes_it_the_items_count(version: str, kind: str) -> None:
    items = [indent(one, "  ").replace(" ", "-", 1) for one in (TASK, PIPELINE)]
    text = f"apiVersion: {version}\nkind: {kind}\nitems:\n{''.join(items)}- 7\n"
    found = parse(text)
    assert [operation.name for operation in found.operations] == ["show", "all"]
    assert [problem.error.line for problem in found.problems] == [text.count("\n")]


def test_pipelines_of_other_products_are_passed_over() -> None:
    assert parse("apiVersion: tekton.dev/v1\nkind: Pipeline\n").notes


def test_empty_text_holds_nothing() -> None:
    assert parse("---\n---\n# nothing\n") == Manifest()


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("apiVersion: crd.chenshaowen.com/v1\n", "", 1, "apiVersion must be"),
        ("name: show", "nam: show", 4, "metadata.name is missing"),
        ("name: show", f"name: {'a' * 254}", 4, "at most 253"),
        ("name: show", "name: ch\u0435ck", 4, "'\u0435' is CYRILLIC SMALL LETTER IE"),
        ("desc: shows it", "desc: [a]", 7, "desc must be text"),
        ("desc: shows it", "desc: shows it\n  desc: again", 8, "appears twice"),
        ("desc: shows it", "desc: &a x\n  host2: *a", 8, "aliases"),
        ("desc: shows it", "desc: {? [a] : b}", 7, "a key must be text"),
        ("required: true", "required: maybe", 10, "true or false"),
        ("enums: [yes, 2, null]", "enums: one", 10, "enums must be a list"),
        ("timeoutSeconds: 5", "timeoutSeconds: 5s", 17, "whole number"),
        ("name: first", "name: First", 13, "step name"),
        ("name: first", "name: step-2", 13, "two steps"),
        ("content: echo ${count}", "content: ' '", 13, "no content"),
        ("empty:", "empty: text", 11, "must be a mapping"),
        ("empty:", "a b:", 11, "name of a variable"),
        ("desc: shows it", 'desc: "a\\0b"', 7, "NUL"),
        ("desc: shows it", f"desc: {'[' * 60}{']' * 60}", 7, "deeper"),
    ],
)
def test_what_is_wrong_names_the_line(old: str, new: str, line: int, reason: str) -> None:
    found = parse(TASK.replace(old, new, 1))
    assert reason in str(found.problems[0].error)
    assert found.problems[0].error.line == line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[a]", "must be a mapping"),
        (PIPELINE.replace("tasks:", "jobs:"), "at least one task"),
        (PIPELINE.replace("taskRef: show", "name: show"), "needs taskRef"),
        (PIPELINE.replace("taskRef: show", "{taskRef: show, runtimeImage: x}"), "runtimeImage"),
        (PIPELINE.replace("desc: does it", "runtimeImage: x"), "runtimeImage"),
        (PIPELINE.replace("name: last", "name: show"), "two tasks"),
        (TASK.replace("steps:", "stages:"), "at least one step"),
        ("a: \x01", "characters"),
        ("a" * (MAX_MANIFEST_BYTES + 1), "larger than"),
    ],
)
def test_unusable_documents_are_problems(text: str, reason: str) -> None:
    found = parse(text)
    assert found.operations == ()
    assert reason in str(found.problems[0].error)


@pytest.mark.parametrize("extra", ["runtimeImage: x", "mounts: [{hostPath: /}]"])
def test_images_and_mounts_need_a_pod(extra: str) -> None:
    (task,) = parse(TASK.replace("host: anymaster", extra)).operations
    assert isinstance(task, Task)
    assert task.in_pod


@given(st.text(max_size=200) | st.text("apiVersion: kind\n-[]{}&*!|>'\"%@`#,?", max_size=80))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert isinstance(parse(text), Manifest)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("kind: Task", "kind: Tasks", "the kind 'Tasks' means nothing here; 'Task' does"),
        ("kind: Task", "kind: Taks", "the kind 'Taks' means nothing here; 'Task' does"),
        ("kind: Task", "kind: task", "the kind 'task' means nothing here; 'Task' does"),
        (".com/v1", ".com/v1beta1", "means nothing here; 'crd.chenshaowen.com/v1' does"),
        ("kind: Task", "kind: TaskRun", ""),
        ("crd.chenshaowen.com/v1", "tekton.dev/v1", ""),
    ],
)
def test_what_is_nearly_an_operation_is_not_passed_over_in_silence(
    right: str, wrong: str, told: str
) -> None:
    manifest = parse(TASK.replace(right, wrong))
    assert (manifest.operations, len(manifest.notes)) == ((), 1)
    assert all(told in warning for warning in manifest.warnings)
    assert bool(manifest.warnings) == bool(told)


def test_a_misspelt_key_is_named_also_when_it_makes_the_document_unusable() -> None:
    manifest = parse(TASK.replace("steps:", "step:"))
    assert [str(bad.error) for bad in manifest.problems]
    assert manifest.warnings == ("a.yaml:13: the key 'step' means nothing here; 'steps' does",)


def test_the_documents_of_a_file_are_bounded() -> None:
    found = parse("kind: Task\n---\n" * 1_500)
    assert len(found.problems) == 1_001
    assert "more than 1,000 documents; the rest of the file was not read" in str(
        found.problems[-1].error
    )
