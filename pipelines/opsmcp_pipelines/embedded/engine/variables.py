"""Which value each variable of a task has, by the precedence of Ops. Pure.

A fixed `value` beats everything; then what was given (an empty string is not given) or what an
earlier task produced as a result; then the default. Only declared names are known: a name that
nobody declared belongs to the script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.models import (
    Definition,
    Operation,
    Pipeline,
    Task,
    TaskRef,
    Variable,
    result_names,
)

__all__ = ["Plan", "TaskValues", "build_plan", "resolve"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, as it was defined when the run started."""

    operation: Operation
    parts: tuple[tuple[TaskRef, Task], ...]
    arguments: Mapping[str, str]

    @property
    def produced(self) -> frozenset[str]:
        """The names of all results."""
        return frozenset(result_names(self.operation))


@dataclass(frozen=True, slots=True)
class TaskValues:
    """The values of a task: all of them, those fixed by the author, and the required ones unset."""

    values: Mapping[str, str]
    fixed: Mapping[str, str]
    missing: tuple[str, ...]


def build_plan(definition: Definition, arguments: Mapping[str, str]) -> Plan:
    """The plan of a run with these values."""
    operation = definition.operation
    own = (TaskRef(operation.name, operation.name),)
    refs = own if isinstance(operation, Task) else operation.tasks
    parts = tuple(zip(refs, definition.tasks, strict=True))
    return Plan(operation, parts, dict(arguments))


def resolve(plan: Plan, task: Task, results: Mapping[str, str]) -> TaskValues:
    """The values that `task` starts with."""
    outer = plan.operation.variables if isinstance(plan.operation, Pipeline) else ()
    arguments = dict(plan.arguments)
    values = dict(results)
    for variable in outer:
        values[variable.name] = _value(variable, results.get(variable.name, ""), arguments)
    arguments |= {name: value for name, value in values.items() if value}
    for variable in task.variables:
        values[variable.name] = _value(variable, "", arguments)
    fixed = {variable.name: variable.value for variable in outer if variable.value}
    fixed |= {variable.name: variable.value for variable in task.variables if variable.value}
    return TaskValues(values, fixed, _missing(plan, outer, task, values))


def _value(variable: Variable, result: str, arguments: Mapping[str, str]) -> str:
    return variable.value or result or arguments.get(variable.name, "") or variable.default or ""


def _missing(
    plan: Plan, outer: Sequence[Variable], task: Task, values: Mapping[str, str]
) -> tuple[str, ...]:
    """Required variables without a value; a result that is still to come is not missing."""
    wanted = [v.name for v in outer if v.required and v.name not in plan.produced]
    wanted += [v.name for v in task.variables if v.required]
    return tuple(name for name in dict.fromkeys(wanted) if not values.get(name))
