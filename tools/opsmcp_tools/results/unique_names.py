"""What has no name in a report, or one that stands before it already, gets one of its own.

A report of Ops may hold entries without a name, tasks that share one, and steps that do. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from opsmcp_pipelines.run import NodeResult, TaskResult
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["with_unique_names"]


def with_unique_names(record: RunRecord) -> RunRecord:
    """The record with a name of its own for each task of the run, and each step of a task."""
    tasks = record.result.tasks
    names = _apart(task.name or _nameless_task(task) for task in tasks)
    apart = tuple(map(_task, tasks, names))
    return record if apart == tasks else replace(record, result=replace(record.result, tasks=apart))


def _task(task: TaskResult, name: str) -> TaskResult:
    return replace(task, name=name, nodes=tuple(map(_node, task.nodes)))


def _node(node: NodeResult) -> NodeResult:
    names = _apart(step.name or "(a step without a name)" for step in node.steps)
    named = zip(node.steps, names, strict=True)
    return replace(node, steps=tuple(replace(step, name=name) for step, name in named))


def _nameless_task(task: TaskResult) -> str:
    return f"(a task without a name: {task.task})" if task.task else "(a task without a name)"


def _apart(names: Iterable[str]) -> Iterator[str]:
    """The first of a name as it is, those after it with their number."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield f"{name} ({_ordinal(seen[name])})" if seen[name] > 1 else name


def _ordinal(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else last}"
