import os
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.loader import fill_pipeline, refuse_task, runs_here
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Variable

HEAD = "apiVersion: crd.chenshaowen.com/v1\nkind: "


def task_text(name: str, desc: str = "", extra: str = "") -> str:
    return (
        f"{HEAD}Task\nmetadata: {{name: {name}}}\nspec:\n  desc: '{desc}'\n{extra}"
        "  steps: [{name: a, content: echo}]\n"
    )


def pipeline_text(name: str, task: str) -> str:
    return f"{HEAD}Pipeline\nmetadata: {{name: {name}}}\nspec: {{tasks: [{{taskRef: {task}}}]}}\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_later_directories_replace_operations_of_earlier_ones(tmp_path: Path) -> None:
    write(tmp_path / "a/x.yaml", task_text("one", "old"))
    write(tmp_path / "b/deep/y.yml", task_text("one", "new"))
    loaded = Library([tmp_path / "a", tmp_path / "b"], "ns").read()
    assert [task.desc for task in loaded.tasks] == ["new"]


def test_files_are_read_again_only_when_one_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    write(path, task_text("one"))
    library = Library([tmp_path], "ns")
    first = library.read()
    assert library.read() is first
    write(path, task_text("two"))
    os.utime(path, ns=(1, 1))
    assert [task.name for task in library.read().tasks] == ["two"]
    path.unlink()
    assert library.read().tasks == ()


def test_hidden_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in (".x.yaml", ".git/x.yaml", "x.txt", "x.yaml.bak"):
        write(tmp_path / name, task_text("one"))
    assert Library([tmp_path], "ns").read().tasks == ()


def test_missing_directory_is_a_problem_until_it_appears(tmp_path: Path) -> None:
    library = Library([tmp_path / "none"], "ns")
    (problem,) = library.read().problems
    assert "does not exist" in problem.reason
    (tmp_path / "none").mkdir()
    assert library.read().problems == ()


def test_a_directory_that_cannot_be_read_is_a_problem_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    write(tmp_path / "good/a.yaml", task_text("one"))
    loaded = Library([tmp_path / "loop", tmp_path / "good"], "ns").read()
    assert [task.name for task in loaded.tasks] == ["one"]
    assert "cannot be read: Too many levels of symbolic links" in loaded.problems[0].reason
    assert loaded.problems[0].reason in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff", "not UTF-8"), (b"a: [", "not valid YAML")]
)
def test_unreadable_file_is_a_problem_and_harms_no_other(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    write(tmp_path / "b.yaml", task_text("one"))
    loaded = Library([tmp_path], "ns").read()
    assert [task.name for task in loaded.tasks] == ["one"]
    assert reason in loaded.problems[0].reason


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("  runtimeImage: alpine\n", "container"),
        ("  mounts: [{hostPath: /}]\n", "container"),
    ],
)
def test_task_that_cannot_run_here_is_a_problem_and_so_is_its_pipeline(
    extra: str, reason: str, tmp_path: Path
) -> None:
    write(tmp_path / "x.yaml", task_text("one", extra=extra) + "---\n" + pipeline_text("p", "one"))
    loaded = Library([tmp_path], "ns").read()
    assert (loaded.tasks, loaded.pipelines) == ((), ())
    assert [problem.operation for problem in loaded.problems] == ["p", "one"]
    assert all(reason in problem.reason for problem in loaded.problems)


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        ("#!/usr/bin/perl -w", "perl"),
        ("#!/usr/bin/env -S FOO=1 zsh -e", "zsh"),
        ("#! /bin/dash", ""),
        ("#!/bin/busybox sh", ""),
        ("#!/bin/busybox awk -f", "awk"),
        ("#!/usr/bin/env bash", ""),
        ("#!/usr/local/bin/python3.12", ""),
        ("# perl is not needed", ""),
    ],
)
def test_a_script_for_a_program_that_does_not_run_it_here_is_refused(
    first: str, asked: str
) -> None:
    task = Task("one", "ns", "", steps=(Step("go", f"{first}\nprint 1;\n"),))
    reason = f"step 'go' is a script for '{asked}'; only sh, bash and Python run"
    assert refuse_task(task) == (reason if asked else "")


def test_pipeline_with_a_missing_task_is_left_in_unfilled(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", pipeline_text("p", "none"))
    (pipeline,) = Library([tmp_path], "ns").read().pipelines
    assert pipeline.variables == ()


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "anymaster", "ALL", "anynode"])
def test_this_machine_stands_for_any_node(host: str) -> None:
    assert runs_here(host)


def test_pipeline_is_filled_from_its_tasks_field_by_field() -> None:
    first = Task("a", "ns", variables=(Variable("x", default="1", desc="d", required=True),))
    step = Step("s", "kubectl --context ${cluster}")
    other = Variable("y", regex="r")
    second = Task("b", "ns", host="anymaster", variables=(other,), steps=(step,))
    own = Variable("x", default="2", display="own")
    pipeline = Pipeline("p", "ns", variables=(own,), tasks=(TaskRef("a", "a"), TaskRef("b", "b")))
    assert fill_pipeline(pipeline, {"a": first, "b": second}).variables == (
        Variable("x", default="2", desc="d", display="own", required=True),
        Variable("y", regex="r"),
        Variable("cluster", desc="cluster"),
        Variable("host", value="anymaster", desc="host"),
    )


def test_task_gets_the_variable_host(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", task_text("one"))
    (task,) = Library([tmp_path], "ns").read().tasks
    assert task.variables == (Variable("host", default="localhost", desc="host"),)


def test_a_pipeline_that_reads_no_cluster_takes_none() -> None:
    pipeline = Pipeline("p", "ns", tasks=(TaskRef("a", "a"),))
    task = Task("a", "ns", steps=(Step("s", "uptime"),))
    names = [variable.name for variable in fill_pipeline(pipeline, {"a": task}).variables]
    assert names == ["host"]
