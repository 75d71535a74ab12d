"""Where outputs can be seen to become input, on a source that pastes values into scripts. Pure.

As Ops has it: the last output of a task, if it holds exactly one colon (`token:abc`), becomes a
variable of later tasks, `host` too; so do declared results; an earlier output may stand in a
script; and templates are expanded twice, so that a `${name}` within a value is filled in as well.
What becomes input so is pasted as text, which makes code of it.
"""

import re
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.kinds.names import HOST
from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["OUTPUT_HAZARDS", "nested_templates", "steering_outputs"]

OUTPUT_HAZARDS = "output_hazards"
"""The note of a tool that says what was found."""

_USED = re.compile(r"\$\{([A-Za-z_][\w-]{0,63})\}")
_PRINTS_PAIR = re.compile(r"\b(?:echo|printf)\s+(?:-\w+\s+)*[\"']?([A-Za-z_][\w-]{0,63}):(?!//)")
_BEFORE_COLON = re.compile(r"\b([A-Za-z_][\w-]{0,63}+):(?!//)")
_EARLIER_OUTPUT = re.compile(r"\$\{(?:output|result|steps\.[^}]{1,80}\.(?:output|result))\}")
_MOST = 5


def steering_outputs(operation: Operation, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Where what a step prints decides what is run after it: a sentence each, the first few."""
    found = (*_pairs(operation, tasks), *_results(operation, tasks), *_outputs(tasks))
    return tuple(dict.fromkeys(found))[:_MOST]


def nested_templates(operation: Operation, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Which values hold templates themselves: a sentence each, the first few."""
    variables = (*operation.variables, *(item for task in tasks for item in task.variables))
    found = (
        f"the variable {label(variable.name)!r} holds a template that is expanded again"
        for variable in variables
        if "${" in f"{variable.default or ''}{variable.value or ''}"
    )
    return tuple(dict.fromkeys(found))[:_MOST]


def _pairs(operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    """Variables that the last step of a task seems to print, and later tasks use."""
    declared = {item.name for item in operation.variables}
    for number, task in enumerate(tasks[:-1]):
        last = task.steps[-1].content if task.steps else ""
        before_colon = set(_BEFORE_COLON.findall(last)) if ":" in last else set[str]()
        if not before_colon:
            continue
        used = _used(tasks[number + 1 :])
        printed = {name for name in _PRINTS_PAIR.findall(last) if name in used or name == HOST}
        # A name that nobody declares can only come from an output.
        for name in sorted(printed | (before_colon & used - declared)):
            yield (
                f"what task {label(task.name)!r} prints sets the variable {name!r} of later tasks"
            )


def _results(operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    for number, ref in enumerate(refs):
        if not ref.results:
            continue
        used = _used(tasks[number + 1 :])
        for name in sorted(used.intersection(ref.results)):
            yield f"the result {label(name)!r} of task {label(ref.name)!r} becomes part of scripts"


def _outputs(tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        for step in task.steps:
            if "${" in step.content and _EARLIER_OUTPUT.search(step.content):
                yield (
                    f"step {label(step.name)!r} of task {label(task.name)!r} holds the output of"
                    " an earlier step in its script"
                )


def _used(tasks: Sequence[Task]) -> set[str]:
    return {
        name
        for task in tasks
        for step in task.steps
        for name in _USED.findall(f"{step.content}{step.when}")
    }
