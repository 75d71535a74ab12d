"""Which values of an author are not of the kind that their variable has, and what to declare. Pure.

A name that is guessed wrongly costs a caller a refusal for a value that the author means; the
default and the examples show it before anybody calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from opsmcp_pipelines.kinds.declared import KIND_LABEL, BadKind
from opsmcp_pipelines.kinds.guess import kind_of, uses_units
from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_pipelines.models import Operation, Task, Variable
from opsmcp_tools.arguments.kind_words import better_kind
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.lint.finding import Finding, Severity
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from opsmcp_tools.toolbox.variable_kinds import declared_kinds, script_verdict

__all__ = ["Misfit", "declare", "lint_kinds", "misfits"]

_BY_AUTHOR = frozenset({Kind.BOUND, Kind.CHOICE, Kind.CLUSTER, Kind.PATTERN})
"""Held against what the author or the inventory says, elsewhere."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that nobody could give; `meant` is the kind that takes it, if there is one."""

    variable: str
    message: str
    meant: VariableKind | None


def lint_kinds(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> Iterator[Finding]:
    """Defaults and examples that nobody could give, with the kind that takes them."""
    try:
        declared = declared_kinds(operation, tasks, settings)
    except (UnusableOperation, BadKind):
        return  # Why there is no tool is said where tools are made.
    for misfit in misfits(operation.variables, tasks, declared):
        name, meant = misfit.variable, misfit.meant
        known = meant is not None and meant.kind is not Kind.PATTERN
        rule = "undeclared-kind" if name not in declared else "bad-default"
        yield Finding(
            rule,
            Severity.WARNING,
            misfit.message,
            name,
            {"variables": {name: {"kind": str(meant)}}} if known else {},
            labels=declare(operation, tasks, settings, {name: meant}) if known and meant else {},
        )


def declare(
    operation: Operation,
    tasks: Sequence[Task],
    settings: ToolSettings,
    kinds: Mapping[str, VariableKind],
) -> Mapping[str, str]:
    """The labels that declare kinds, where the operation is a tool with them as it is without."""
    labels = {f"{KIND_LABEL}{name}": str(kind) for name, kind in kinds.items()}
    labelled = replace(operation, labels={**operation.labels, **labels})
    own = (labelled,) if isinstance(labelled, Task) else tasks
    try:
        now = script_verdict(operation, tasks, settings).refused
        then = script_verdict(labelled, own, settings).refused
    except (UnusableOperation, BadKind):
        return {}
    return labels if len(then) <= len(now) else {}


def misfits(
    variables: Sequence[Variable], tasks: Sequence[Task], declared: Mapping[str, VariableKind]
) -> Iterator[Misfit]:
    """The defaults and examples that are not of the kind of their variable."""
    units = uses_units(tasks)
    for variable in variables:
        kind = kind_of(variable, declared, units=units)
        if kind.kind not in _BY_AUTHOR:
            yield from _of(variable, kind)


def _of(variable: Variable, kind: VariableKind) -> Iterator[Misfit]:
    named = (("default", variable.default), *(("example", text) for text in variable.examples))
    for what, text in named:
        if not text or "${" in text or _is_of(kind, text):
            continue
        meant = _other_separator(kind, text) or better_kind(text, kind.kind)
        message = f"its {what} {quote(text)} is no {kind}: {KINDS[kind.kind].allowed.en}"
        yield Misfit(variable.name, f"{message}{_remedy(variable, meant)}", meant)
        return


def _other_separator(kind: VariableKind, text: str) -> VariableKind | None:
    """A list of the same items that are joined by something else."""
    others = (replace(kind, separator=one, guessed=False) for one in Separator)
    return next((one for one in others if kind.is_list and _is_of(one, text)), None)


def _is_of(kind: VariableKind, text: str) -> bool:
    number = text.removeprefix("-") if kind.kind is Kind.COUNT else text
    return canonical_value(kind, number) is not None


def _remedy(variable: Variable, meant: VariableKind | None) -> str:
    if meant is None:
        return f". If it may be any line, say so: opsmcp/kind.{variable.name}: text"
    if meant.kind is Kind.PATTERN:
        return ". Give it a regex"
    return f". Say what it is: opsmcp/kind.{variable.name}: {meant}"
