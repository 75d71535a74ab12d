"""Where outputs of one task can be seen to steer the next, as Ops has it. Pure.

Ops makes a variable of a last output with exactly one colon (`token:abc`), and expands templates
twice, so that a `${name}` within a value is filled in as well.
"""

import re
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.models import Operation, Task
from opsmcp_tools.text import label

__all__ = ["OUTPUT_HAZARDS", "output_hazards"]

OUTPUT_HAZARDS = "output_hazards"
"""The note of a tool that says what `output_hazards` found."""

_PRINTS_PAIR = re.compile(r"\b(?:echo|printf)\s+(?:-\w+\s+)*[\"']?([A-Za-z_][\w-]{0,63}):(?!//)")
_MOST = 5


def output_hazards(operation: Operation, tasks: Sequence[Task]) -> tuple[str, ...]:
    """A sentence for each place, the first few."""
    found = (*_pairs(tasks), *_nested(operation, tasks))
    return tuple(dict.fromkeys(found))[:_MOST]


def _pairs(tasks: Sequence[Task]) -> Iterator[str]:
    for number, task in enumerate(tasks[:-1]):
        later = "".join(
            f"{step.content}{step.when}" for other in tasks[number + 1 :] for step in other.steps
        )
        for name in _PRINTS_PAIR.findall(task.steps[-1].content) if task.steps else ():
            if f"${{{name}}}" in later or name == "host":
                yield (
                    f"what task {label(task.name)!r} prints sets the variable {name!r} of later"
                    " tasks"
                )


def _nested(operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    for variable in (*operation.variables, *(v for task in tasks for v in task.variables)):
        if "${" in f"{variable.default or ''}{variable.value or ''}":
            yield f"the variable {label(variable.name)!r} holds a template that is expanded again"
