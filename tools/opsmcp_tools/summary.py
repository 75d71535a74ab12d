"""Summary: a run as a short text that a person or a model can act on. Pure.

The first line is the verdict. Then what went wrong, each with the end of its output; then the rest,
short; then what to do next. Also the place to get the other faces of a run from.
"""

from collections.abc import Iterator

from opsmcp_pipelines.run import StepResult, TaskResult, Verdict
from opsmcp_tools.advice import advise, steps_of
from opsmcp_tools.output import output_slice
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.structured import structured
from opsmcp_tools.text import clean, fence, head_and_tail, label, tail

__all__ = ["clean", "output_slice", "structured", "summarise"]

_MOST_CHARACTERS = 6_000
_ONE_FAILURE = 1_500
_MOST_FAILURES = 5
_MOST_SHOWN = 8
_MOST_HOSTS = 4
_LEAST_OUTPUT = 200
_FENCE_ROOM = 400
"""What the lines around an output take at most: heading, fence and the mark of a cut."""

_POINTER_ROOM = 60
"""What the line that says where all output is takes."""


def summarise(record: RunRecord) -> str:
    """The text of a run's result: at most 6,000 characters, outputs fenced as data."""
    advice = "\n".join(f"Next: {line}" for line in advise(record))
    page = _Page(_MOST_CHARACTERS - len(advice) - 1)
    page.add(_headline(record))
    page.add_all(_explanation(record))
    for task, node, step in _failures(record):
        page.add_output(_heading(task, node, step), _end_of(step))
    page.add_all(_task_lines(record))
    _add_outputs(page, record)
    return "\n".join([*page.blocks, advice] if advice else page.blocks)


class _Page:
    """Blocks of text, as many as fit."""

    def __init__(self, room: int) -> None:
        self.blocks: list[str] = []
        self.room = room

    def add(self, block: str) -> bool:
        if len(block) + 1 > self.room:
            return False
        self.blocks.append(block)
        self.room -= len(block) + 1
        return True

    def add_all(self, blocks: Iterator[str]) -> None:
        for block in blocks:
            if not self.add(block):
                return

    def add_output(self, heading: str, output: str) -> None:
        self.add(f"{heading}\n{fence(output)}" if output.strip() else f"{heading} (no output)")


def _headline(record: RunRecord) -> str:
    hosts = list(dict.fromkeys(node.node for task in record.result.tasks for node in task.nodes))
    shown = ", ".join(label(host, 60) for host in hosts[:_MOST_HOSTS])
    more = f" and {len(hosts) - _MOST_HOSTS} more" if len(hosts) > _MOST_HOSTS else ""
    where = f" on {shown}{more}" if hosts else ""
    took = f"{'for' if not record.ended else 'after'} {record.duration_seconds:.1f} s"
    return f"{record.verdict}: {label(record.operation.name)}{where} {took} (run {record.run})"


def _explanation(record: RunRecord) -> Iterator[str]:
    if record.result.reason:
        yield f"Reason: {label(record.result.reason, 400)}"
    if record.verdict is Verdict.NOTHING_RAN and record.source_run:
        yield "The source does not say why. Likely reasons, most frequent first:"
        yield from (f"- {reason}" for reason in _likely_reasons(record))


def _likely_reasons(record: RunRecord) -> Iterator[str]:
    arguments = record.arguments
    given = ", ".join(f"{label(name)}={label(arguments[name])}" for name in list(arguments)[:10])
    host = label(arguments.get("host", ""))
    yield f"the host {host!r} does not exist or is away" if host else "no host fits the operation"
    yield f"a variable that it needs is missing (given: {given or 'nothing'})"
    yield "the host refused the login"
    yield "the conditions of all steps were false, and there was nothing to do"


def _failures(record: RunRecord) -> list[tuple[TaskResult, str, StepResult]]:
    bad = [
        (task, node, step)
        for task, node, step in steps_of(record)
        if step.verdict is not Verdict.SUCCEEDED and not (step.allowed or task.allowed)
    ]
    return bad[:_MOST_FAILURES]


def _end_of(step: StepResult) -> str:
    # Cleaned from a little more than is kept: terminal codes make an output longer.
    return tail(clean(step.output[-4 * _ONE_FAILURE :]), _ONE_FAILURE)


def _heading(task: TaskResult, node: str, step: StepResult) -> str:
    note = f" ({label(step.note)})" if step.note else ""
    return (
        f"Task {label(task.name)}, step {label(step.name)} on {label(node)}: {step.verdict}{note}"
    )


def _task_lines(record: RunRecord) -> Iterator[str]:
    if len(record.result.tasks) < 2:
        return
    yield "Tasks:"
    for task in record.result.tasks:
        reason = f" ({label(task.reason, 120)})" if task.reason else ""
        allowed = ", as its author allowed" if task.allowed else ""
        yield f"- {label(task.name)}: {task.verdict}{allowed}{reason}"


def _add_outputs(page: _Page, record: RunRecord) -> None:
    """Share the room that is left among the steps that worked."""
    good = [
        item
        for item in steps_of(record)
        if item[2].verdict is Verdict.SUCCEEDED and item[2].output.strip()
    ]
    shown, cut = good[:_MOST_SHOWN], len(good) > _MOST_SHOWN
    for place, (task, node, step) in enumerate(shown):
        each = (page.room - _POINTER_ROOM) // (len(shown) - place) - _FENCE_ROOM
        output = clean(step.output)
        cut |= len(output) > each or step.output_bytes > len(output.encode())
        if each < _LEAST_OUTPUT:
            break
        page.add_output(_heading(task, node, step), head_and_tail(output, each))
    if cut:
        page.add(f"All output: get_run_output run={record.run}")
