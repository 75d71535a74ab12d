"""Operation -> tool name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.models import Operation, OperationKey, OperationKind, Pipeline, Task
from opsmcp_tools.toolbox.naming import name_tools, possible_names, title_of
from tests.tools.recorded import catalogue


def names(*operations: Operation) -> list[str]:
    found = name_tools(operations)
    return [found[operation.key] for operation in operations]


def test_a_pipeline_keeps_its_name_and_a_task_of_the_same_name_is_marked():
    pipeline, task = Pipeline("clear-disk", "ops"), Task("clear-disk", "ops")
    assert names(pipeline, task, Task("get-pod", "ops")) == [
        "clear-disk",
        "clear-disk-task",
        "get-pod",
    ]


def test_namespaces_are_named_only_when_there_are_several():
    assert names(Pipeline("a", "one"), Pipeline("a", "two")) == ["one-a", "two-a"]


def test_a_taken_name_gets_a_stable_hash_and_the_pipeline_keeps_its_own():
    pipeline, marked = Pipeline("x", "ops"), Pipeline("x-task", "ops")
    found = names(pipeline, marked, Task("x", "ops"))
    assert found[:2] == ["x", "x-task"]
    assert re.fullmatch(r"x-task-[0-9a-f]{6}", found[2])


def test_long_names_are_cut_and_stay_different():
    first, second = names(Pipeline("a" * 60 + "b", "n"), Pipeline("a" * 60 + "c", "n"))
    assert first != second
    assert len(first) == len(second) == 48


def test_every_recorded_pipeline_keeps_its_name():
    pipelines = catalogue().contents.pipelines
    assert names(*pipelines) == [pipeline.name for pipeline in pipelines]


KEYS = st.builds(
    OperationKey,
    st.sampled_from(OperationKind),
    st.sampled_from(["ops-system", "ops", "é"]),
    st.text("aA-_.é", max_size=60),
)


@given(st.lists(KEYS, unique=True, max_size=20))
def test_names_are_usable_different_and_independent_of_order(keys: list[OperationKey]):
    makers = {OperationKind.PIPELINE: Pipeline, OperationKind.TASK: Task}
    operations = [makers[key.kind](key.name, key.namespace) for key in keys]
    found = name_tools(operations)
    assert found == name_tools(reversed(operations))
    assert len(set(found.values())) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9-]{1,48}", name) for name in found.values())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("restart-kubelet-bypod", "Restart kubelet by pod"),
        ("get-public-ip", "Get public IP"),
        ("list-bytes", "List bytes"),
        ("gpu", "GPU"),
    ],
)
def test_a_title_is_the_words_of_the_name(name: str, title: str):
    assert title_of(name) == title


def test_a_tool_is_called_by_one_of_its_possible_names_whoever_else_is_there() -> None:
    crowd = [
        make(name, namespace)
        for make in (Pipeline, Task)
        for name in ("Clear Disk", "get-pod")
        for namespace in ("one", "two")
    ]
    for some in (crowd, crowd[:1], crowd[4:5], [crowd[0], crowd[4]]):
        for key, name in name_tools(some).items():
            assert {name, key.name} <= possible_names(key)
