"""Advice: what to do next with a run, naming the tool and its arguments. Pure."""

from collections.abc import Iterator

from opsmcp_pipelines.run import StepResult, TaskResult, Verdict
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.text import label

__all__ = ["advise", "bad_step", "steps_of"]

_NO_CHANGE = "Do not repeat the call before you know what this one did"


def advise(record: RunRecord) -> tuple[str, ...]:
    """The next steps, best first, each one sentence."""
    match record.verdict:
        case Verdict.RUNNING:
            return (f"Wait for it: get_run run={record.run} wait_seconds=30",)
        case Verdict.NOTHING_RAN:
            return ("Call list_inventory to see the real hosts and clusters, then repeat the call",)
        case Verdict.SUCCEEDED | Verdict.CANCELLED:
            return ()
        case Verdict.FAILED | Verdict.ABORTED:
            return (_read_output(record),) if any(_steps(record)) else ()
        case Verdict.INVALID:
            return ("Tell whoever maintains the operation; no argument changes this",)
        case Verdict.STUCK | Verdict.VANISHED | Verdict.UNKNOWN:
            return (f"{_NO_CHANGE}; it may have done its work all the same",)


def bad_step(record: RunRecord) -> tuple[TaskResult, str, StepResult] | None:
    """The first step that failed and was not meant to, with its task and node."""
    for task, node, step in steps_of(record):
        if step.verdict is not Verdict.SUCCEEDED and not (step.allowed or task.allowed):
            return task, node, step
    return None


def steps_of(record: RunRecord) -> Iterator[tuple[TaskResult, str, StepResult]]:
    """Every step that ran, with its task and node, in the order of the run."""
    for task in record.result.tasks:
        for node in task.nodes:
            for step in node.steps:
                yield task, node.node, step


def _steps(record: RunRecord) -> Iterator[bool]:
    return (True for _ in steps_of(record))


def _read_output(record: RunRecord) -> str:
    found = bad_step(record)
    if found is None:
        return f"Read all output: get_run_output run={record.run}"
    task, node, step = found
    where = " ".join(
        f"{name}={label(value)}"
        for name, value in (("task", task.name), ("node", node), ("step", step.name))
    )
    return f"Read all output: get_run_output run={record.run} {where}"
