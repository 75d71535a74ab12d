"""What the scripts of an operation make of its values: one answer for tools, plans and lint."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from opsmcp_pipelines.kinds.declared import labelled_kinds
from opsmcp_pipelines.kinds.kind import VariableKind
from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation, Task
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.safe_text.cleaning import label

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.operation import OperationVerdict

__all__ = ["check_scripts", "find_refused", "free_script_variable", "script_hazards"]

_SCRIPT_NAMES = frozenset({"script", "shell", "exec", "command", "cmd"})
_SCRIPT_VARIABLES = frozenset({"content", "script", "command", "cmd", "code", "shell"})
_MOST = 5
_MOST_STEPS = 1_000
"""Each takes some two milliseconds to check, and no tool can be called before all are checked."""


def check_scripts(
    operation: Operation,
    tasks: Sequence[Task],
    kinds: Mapping[str, VariableKind],
    rules: ValueRules,
) -> "OperationVerdict":
    """What stands where it may not, and the kinds as their places narrow them.

    `kinds` has every variable; those that the server fills are `BOUND`.

    Raises:
        UnusableOperation: It has too many steps.
    """
    steps = sum(len(task.steps) for task in tasks)
    if steps > _MOST_STEPS:
        raise UnusableOperation(
            f"it has {steps:,} steps, and no more than {_MOST_STEPS:,} are checked: split it"
        )
    # Imported late: the analysis and its parser are of no use to a process without operations.
    from opsmcp_pipelines.shell.operation import check_operation

    # Ops pastes outputs itself, so that nobody could hold them against a kind.
    declared = None if rules.pasted else labelled_kinds(operation, tasks)
    return check_operation(
        operation, tasks, kinds, pasted=rules.pasted, declared=declared, roots=rules.path_roots
    )


def find_refused(verdict: "OperationVerdict", *, output_scripts: bool) -> Iterator[str]:
    """The places where values could become more than data, each with what to do."""
    yield from map(str, verdict.refused)
    if not output_scripts:
        yield from map(str, verdict.printed)


def free_script_variable(
    verdict: "OperationVerdict", name: str, tasks: Sequence[Task], inputs: Sequence[str]
) -> str:
    """The input that is run as a script, of an operation called `name`; empty when none is.

    Where its scripts are not shown, the names of operation and input decide.
    """
    run = next((p.finding.name for p in verdict.runs if p.finding.name in inputs), "")
    if run or verdict.runs:
        return run or next(iter(inputs), "")
    shown = any("${" in step.content for task in tasks for step in task.steps)
    if shown or _SCRIPT_NAMES.isdisjoint(words_of(name)):
        return ""
    return next((item for item in inputs if item.lower() in _SCRIPT_VARIABLES), "")


def script_hazards(verdict: "OperationVerdict") -> Iterator[str]:
    """What a person should know of the scripts: a sentence each, the first few."""
    for place in verdict.printed[:_MOST]:
        yield f"what a step prints becomes part of a script: {place}"
    for step, name in verdict.vouched[:_MOST]:
        yield (
            f"the author answers for what step {label(step)!r} makes of any text of {label(name)!r}"
        )
