"""Where Ops would stop, or tell nothing, without a word: said before the run. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_pipelines.verdict.ops_conditions import condition_fault
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["SILENT_STOPS", "find_nameless", "find_repeated_names", "silent_stops"]

SILENT_STOPS = "silent_stops"
"""The note of a tool that names the steps at which Ops would stop without a word."""


def silent_stops(tasks: Sequence[Task]) -> Iterator[str]:
    """The steps whose conditions Ops cannot read: a sentence each."""
    for task in tasks:
        for step in task.steps:
            if fault := condition_fault(step):
                where = f"step {label(step.name)!r} of task {label(task.name)!r}"
                yield f"Ops would stop at {where} without a word: {fault}"


def find_nameless(operation: Operation) -> str:
    """Why Ops would tell nothing of a task; empty where each has a name."""
    if not isinstance(operation, Pipeline):
        return ""
    found = next((ref.task for ref in operation.tasks if not ref.name), None)
    if found is None:
        return ""
    return f"its task {label(found)!r} has no `name`, and Ops reports nothing of such a task"


def find_repeated_names(operation: Operation) -> Iterator[str]:
    """The names of tasks of which Ops keeps one report only: a sentence each."""
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    counted = Counter((ref.name, ref.task) for ref in refs)
    for (name, _), count in counted.items():
        if count > 1:
            yield f"{count} of its tasks are called {label(name)!r}: Ops keeps the report of one"
