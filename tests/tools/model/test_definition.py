"""The definition of an operation: everything its authors wrote, and nothing live."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Variable
from opsmcp_tools.model.definition import definition_hash, definition_lines

VARIABLE = Variable("who", default="x", desc="whom", regex="[a-z]+", examples=("bob",))
STEP = Step("say", "echo one\n\techo ${who}", when="1 == 1", allow_failure="false")
TASK = Task("greet", "ops-system", "greets", variables=(VARIABLE,), steps=(STEP,))
REF = TaskRef("hello", "greet")
PIPELINE = Pipeline("welcome", "ops-system", "welcomes", (VARIABLE,), (REF,), {"a": "b"})


def changed_step(**new: object) -> Task:
    return replace(TASK, steps=(replace(STEP, **new),))


def changed_variable(**new: object) -> Task:
    return replace(TASK, variables=(replace(VARIABLE, **new),))


TASKS = {
    "the script": changed_step(content="echo two"),
    "white space of the script": changed_step(content=STEP.content.replace("\t", "    ")),
    "what cannot be seen": changed_step(content=STEP.content + "\u200b"),
    "a condition": changed_step(when="2 == 2"),
    "what may fail": changed_step(allow_failure="true"),
    "a time limit": changed_step(timeout_seconds=9),
    "the files that are copied": changed_step(more='{"localfile": "/a"}'),
    "one more step": replace(TASK, steps=(STEP, STEP)),
    "the host": replace(TASK, host="all"),
    "the image": replace(TASK, more='{"runtimeImage": "busybox"}'),
    "a default": changed_variable(default="y"),
    "a fixed value": changed_variable(value="y"),
    "a pattern": changed_variable(regex=".*"),
    "whether it is required": changed_variable(required=True),
    "the choices": changed_variable(enums=("a", "b")),
    "an example": changed_variable(examples=("eve",)),
    "a label": replace(TASK, labels={"opsmcp/read-only": "true"}),
    "the description": replace(TASK, desc="greets loudly"),
}
PIPELINES = {
    "another task": replace(PIPELINE, tasks=(REF, REF)),
    "what is run always": replace(PIPELINE, tasks=(replace(REF, run_always=True),)),
    "what may fail": replace(PIPELINE, tasks=(replace(REF, allow_failure=True),)),
    "the results": replace(PIPELINE, tasks=(replace(REF, results={"a": "say"}),)),
    "an image": replace(PIPELINE, tasks=(replace(REF, more='{"runtimeImage": "x"}'),)),
    "a label": replace(PIPELINE, labels={"a": "c"}),
    "the namespace": replace(PIPELINE, namespace="other"),
}


@pytest.mark.parametrize("look", [definition_hash, definition_lines])
@pytest.mark.parametrize("other", TASKS.values(), ids=TASKS)
def test_every_change_of_a_task_shows(look: Callable[..., object], other: Task) -> None:
    assert look(TASK, (TASK,)) != look(other, (other,))
    assert look(PIPELINE, (TASK,)) != look(PIPELINE, (other,))


@pytest.mark.parametrize("look", [definition_hash, definition_lines])
@pytest.mark.parametrize("other", PIPELINES.values(), ids=PIPELINES)
def test_every_change_of_a_pipeline_shows(look: Callable[..., object], other: Pipeline) -> None:
    assert look(PIPELINE, (TASK,)) != look(other, (TASK,))


@pytest.mark.parametrize("look", [definition_hash, definition_lines])
def test_the_order_of_labels_says_nothing(look: Callable[..., object]) -> None:
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    assert look(replace(TASK, labels=one), ()) == look(replace(TASK, labels=other), ())


def test_a_script_is_shown_line_by_line_below_its_name() -> None:
    lines = definition_lines(TASK, (TASK,))
    start = lines.index("      content: |")
    assert lines[start + 1 : start + 3] == ("        echo one", "        \techo ${who}")


def test_nothing_that_an_author_writes_hides_or_poses_as_a_name_around_it() -> None:
    text = "x\u202e\u200b\x1b[2K\r\npipeline:\n  host: all"
    lines = definition_lines(changed_step(content=text), ())
    assert "        x\\u{202e}\\u{200b}\\u{1b}[2K\\u{d}" in lines
    assert not {"pipeline:", "  host: all"} & set(lines)
