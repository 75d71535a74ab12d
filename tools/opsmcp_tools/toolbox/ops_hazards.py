"""What is to be feared on an Ops server, as far as it can be seen in steps. Pure.

Where outputs become input: the last output of a task, if it holds exactly one colon (`token:abc`),
becomes a variable of later tasks, `host` too; so do declared results; an earlier output may stand
in a script; and templates are expanded twice, so that a `${name}` within a value is filled in, too.
What becomes input so is pasted as text, which makes code of it.

Of files that steps move: by ssh Ops does the opposite of the direction that is given; a direction
that it does not know is nothing at all, and reported as success; keys of a store stand in a command
line. Which store and which server a file goes to is never a caller's to choose.
"""

import re
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.kinds.names import HOST
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task
from opsmcp_tools.safe_text.cleaning import label

__all__ = [
    "FILE_HAZARDS",
    "OUTPUT_HAZARDS",
    "destinations",
    "file_hazards",
    "nested_templates",
    "steering_outputs",
]

OUTPUT_HAZARDS = "output_hazards"
FILE_HAZARDS = "file_hazards"
"""The notes of a tool that say what was found."""

_DESTINATIONS = frozenset({"api", "fileapi", "endpoint", "bucket", "region"})
_KEYS = frozenset({"ak", "sk", "aeskey"})
_OPPOSITE = {"upload": "download", "download": "upload"}

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


def destinations(tasks: Sequence[Task]) -> frozenset[str]:
    """The variables that decide where a file is sent, of tasks that move any."""
    moves = any(step.transfer for task in tasks for step in task.steps)
    return _DESTINATIONS if moves else frozenset()


def file_hazards(tasks: Sequence[Task]) -> tuple[str, ...]:
    """What is to be feared of steps that move files: a sentence each, the first few."""
    found = [said for task in tasks for step in task.steps for said in _of_step(task, step)]
    return tuple(dict.fromkeys(found))[:_MOST]


def _of_step(task: Task, step: Step) -> Iterator[str]:
    transfer = step.transfer
    if transfer is None or step.content.strip():
        return
    named, direction = label(step.name), transfer.direction
    if direction not in _OPPOSITE:
        yield (
            f"step {named!r} has the direction {label(direction)!r}: Ops moves nothing then, and"
            " reports success"
        )
        return
    if not task.in_pod:
        yield (
            f"step {named!r} says {direction!r}: on a host that Ops reaches by ssh it does the"
            f" opposite, {_OPPOSITE[direction]!r}"
        )
    if any(variable.name in _KEYS for variable in task.variables):
        yield (
            f"step {named!r}: the keys of the store stand in a command line there, which others on"
            " that machine can read"
        )
