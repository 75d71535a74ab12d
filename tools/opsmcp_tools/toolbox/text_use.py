"""Whether a variable may be text on a source that pastes values into scripts, as Ops does. Pure.

Every use that can be seen must keep the value data: in steps (`unsafe_uses`), and nowhere else,
because conditions and other variables are expanded once more.
"""

from collections.abc import Iterator, Sequence

from opsmcp_pipelines.models import Operation, Task, Variable
from opsmcp_pipelines.shell.pasted_values import unsafe_uses
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["find_unsafe_use"]


def find_unsafe_use(name: str, operation: Operation, tasks: Sequence[Task]) -> str:
    """Where the value of `name` could become code, in words; empty when nowhere is seen."""
    return next(_found(name, operation, tasks), "")


def _found(name: str, operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    written = f"${{{name}}}"
    for variable in (*operation.variables, *(v for task in tasks for v in task.variables)):
        if written in _texts_of(variable):
            yield f"it is put into the variable {label(variable.name)!r}"
    for task in tasks:
        if written in task.more:
            yield f"it is part of how task {label(task.name)!r} is run"
        for step in task.steps:
            where = f"in step {label(step.name)!r} of task {label(task.name)!r}"
            if written in f"{step.when}{step.allow_failure}":
                yield f"it is part of a condition {where}"
            if written in step.more:
                yield f"it is part of a file name {where}"
            yield from (f"it stands {use} {where}" for use in unsafe_uses(step.content, name))


def _texts_of(variable: Variable) -> str:
    return f"{variable.default or ''}{variable.value or ''}"
