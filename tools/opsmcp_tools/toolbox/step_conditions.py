"""What is wrong with the conditions of steps, `when` and `allowfailure`, before any run. Pure.

Ops stops a task without a word at a condition that it cannot read; the embedded engine would fail
it there, after the steps before it ran. And what is wrong with how a pipeline names its tasks and
the steps that give its results.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from opsmcp_pipelines.conditions import (
    ConditionError,
    Foresight,
    foresee,
    is_number,
    may_fail,
)
from opsmcp_pipelines.kinds.go_regex import matches, parse_pattern
from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task, Variable
from opsmcp_pipelines.verdict.ops_conditions import condition_fault
from opsmcp_tools.arguments.condition_values import names_of_conditions
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.safe_text.cleaning import label

__all__ = [
    "SILENT_STOPS",
    "ConditionFault",
    "find_faults",
    "find_impossible",
    "find_nameless",
    "find_repeated_names",
    "find_unset_results",
    "silent_stops",
    "with_numbers",
]

SILENT_STOPS = "silent_stops"
"""The note of a tool that names the steps at which Ops would stop without a word."""

_MOST_SHOWN = 80
_NUMBERS = ("0", "1", "5", "10", "50", "100", "1000", "10000", "0.5", "99.9")
_NUMBER = r"[0-9]+(\.[0-9]+)?"


@dataclass(frozen=True, slots=True)
class ConditionFault:
    """What is wrong with a condition: the step and its field (`when`, `allowfailure`), in words."""

    task: str
    step: str
    where: str
    message: str
    is_fatal: bool = True
    """Whether no run could decide it. If one could, it names what nobody declares."""

    def __str__(self) -> str:
        """For people."""
        return self.message


def silent_stops(tasks: Sequence[Task]) -> Iterator[ConditionFault]:
    """The conditions that Ops cannot read."""
    for task in tasks:
        for step in task.steps:
            if fault := condition_fault(step):
                field, why = fault
                at = f"step {label(step.name)!r} of task {label(task.name)!r}"
                message = f"Ops would stop at {at} without a word: it cannot read its `{field}`"
                yield ConditionFault(task.name, step.name, field, f"{message} ({why})")


def find_faults(operation: Operation, tasks: Sequence[Task]) -> Iterator[ConditionFault]:
    """What is wrong with conditions where the embedded engine decides them."""
    for task, step, seen in _foreseen(operation, tasks):
        fault, unset = seen.fault or _no_numbers(operation, seen), _unset_names(seen)
        if fault:
            why = "; ".join(filter(None, (fault, unset)))
            yield _fault(task, step, "when", f"{quote(step.when, _MOST_SHOWN)}: {why}")
        elif unset:
            yield replace(_fault(task, step, "when", unset), is_fatal=False)
        try:
            may_fail(step.allow_failure)
        except ConditionError as error:
            said = f"{quote(step.allow_failure, _MOST_SHOWN)}: {error}"
            yield _fault(task, step, "allowfailure", said)


def _fault(task: Task, step: Step, where: str, why: str) -> ConditionFault:
    at = f"task {label(task.name)}, step {label(step.name)}, `{where}`"
    return ConditionFault(task.name, step.name, where, f"{at}: {why}")


def find_impossible(operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    """The conditions that no run could decide, and the results that none gives: a sentence each."""
    yield from (str(fault) for fault in find_faults(operation, tasks) if fault.is_fatal)
    yield from find_unset_results(operation, tasks)


def _unset_names(seen: Foresight) -> str:
    if not seen.unknown:
        return ""
    names = ", ".join(quote(name, _MOST_SHOWN) for name in seen.unknown[:3])
    return f"nothing is called {names}, so that it is always empty there"


def with_numbers(operation: Operation, tasks: Sequence[Task]) -> Operation:
    """The operation, of which what conditions compare as numbers must be given as numbers."""
    names = {name for _, _, seen in _foreseen(operation, tasks) for name in seen.numbers}
    if not names:
        return operation
    made = (_as_number(one) if one.name in names else one for one in operation.variables)
    return replace(operation, variables=tuple(made))


def _as_number(variable: Variable) -> Variable:
    said = variable.regex or any(variable.enums) or kind_of(variable).kind is not Kind.TOKEN
    regex = variable.regex if said else _NUMBER
    return replace(variable, regex=regex, required=variable.required or not variable.default)


def _no_numbers(operation: Operation, seen: Foresight) -> str:
    """What is compared as a number, and is none where it is not given, or by its enums."""
    for one in (one for one in operation.variables if one.name in seen.numbers):
        texts = (text for text in (one.default, *one.enums) if text)
        wrong = next((text for text in texts if not is_number(text)), None)
        pattern = parse_pattern(one.regex) if one.regex else None
        why = ""
        if wrong is not None:
            why = f"its {'default' if wrong == one.default else 'choice'} {quote(wrong)} is none"
        elif pattern and not any(matches(pattern.whole, number) for number in _NUMBERS):
            why = f"its regex {quote(one.regex)} matches none"
        if why:
            return f"{label(one.name)} is compared as a number, and {why}"
    return ""


def _foreseen(
    operation: Operation, tasks: Sequence[Task]
) -> Iterator[tuple[Task, Step, Foresight]]:
    for task in tasks:
        conditional = any(step.when for step in task.steps)
        known = names_of_conditions(operation, task) if conditional else dict[str, str | None]()
        for step in task.steps:
            seen = foresee(step.when, known) if step.when.strip() else Foresight()
            yield task, step, seen


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


def find_unset_results(operation: Operation, tasks: Sequence[Task]) -> Iterator[str]:
    """The results that no step of their task could give: a sentence each.

    Args:
        operation: The operation.
        tasks: Those that it runs, so far as they exist.
    """
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    steps = {task.name: {step.name for step in task.steps} for task in tasks}
    for ref in refs:
        for name, step in ref.results.items():
            if ref.task in steps and step not in steps[ref.task]:
                yield (
                    f"the result {label(name)!r} is the output of step {label(step)!r}, which "
                    f"task {label(ref.task)!r} does not have: it is always empty"
                )
