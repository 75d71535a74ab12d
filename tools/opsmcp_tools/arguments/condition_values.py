"""Values with which no run could decide a condition: told before the start, not half-way. Pure."""

from collections.abc import Iterator, Mapping

from opsmcp_pipelines.conditions import foresee
from opsmcp_pipelines.models import Operation, Step, Task, result_names
from opsmcp_pipelines.shell.references import PREDEFINED, find_references
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import quote

__all__ = ["find_undecidable", "names_of_conditions"]

_MOST_SHOWN = 80


def names_of_conditions(operation: Operation, task: Task) -> Mapping[str, str | None]:
    """What conditions of a task may name; None for what only the call or the run knows."""
    known: dict[str, str | None] = dict.fromkeys(PREDEFINED)
    known |= {f"steps.{step.name}.output": None for step in task.steps}
    known |= dict.fromkeys(result_names(operation))
    known |= {one.name: one.value or None for one in (*operation.variables, *task.variables)}
    return known


def find_undecidable(tool: Tool, variables: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    """The arguments, and why a step of the embedded engine would fail at its condition with them.

    Args:
        tool: What is called.
        variables: Everything that the source would be sent.
    """
    if any(item.rules.pasted for item in tool.inputs):
        return  # an Ops server reads conditions in its own way
    for task in tool.tasks:
        if not (conditional := [step for step in task.steps if step.when.strip()]):
            continue
        known = _with_values(tool.operation, task, variables)
        for step in conditional:
            seen = foresee(step.when, known)
            if (fault := seen.fault or seen.risk) and (name := _argument(tool, step)):
                shown = quote(step.when, _MOST_SHOWN)
                yield name, words.UNDECIDABLE(quote(step.name), shown, fault)


def _with_values(
    operation: Operation, task: Task, variables: Mapping[str, str]
) -> Mapping[str, str | None]:
    results = result_names(operation)
    given, known = dict(variables), dict(names_of_conditions(operation, task))
    for one in (*operation.variables, *task.variables):
        given[one.name] = one.value or given.get(one.name) or one.default or ""
        known[one.name] = None if one.name in results else given[one.name]
    return known


def _argument(tool: Tool, step: Step) -> str:
    """The first argument that the condition names."""
    found = find_references(step.when, tool.input_names)
    return next((reference.name for reference in found), "")
