"""Which values of an author are not of the kind that their variable has, and what to declare. Pure.

A name that is guessed wrongly costs a caller a refusal for a value that the author means; the
default and the examples show it before anybody calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.kinds.guess import kind_of, uses_units
from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_pipelines.models import Task, Variable
from opsmcp_tools.arguments.kind_words import better_kind
from opsmcp_tools.safe_text.characters import quote

__all__ = ["Misfit", "misfits"]

_BY_AUTHOR = frozenset({Kind.BOUND, Kind.CHOICE, Kind.CLUSTER, Kind.FLAG, Kind.PATTERN})
"""Held against what the author or the inventory says, elsewhere."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that nobody could give; `meant` is the kind that takes it, if there is one."""

    variable: str
    message: str
    meant: VariableKind | None


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
        meant = better_kind(text, kind.kind)
        message = f"its {what} {quote(text)} is no {kind}: {KINDS[kind.kind].allowed.en}"
        yield Misfit(variable.name, f"{message}{_remedy(variable, meant)}", meant)
        return


def _is_of(kind: VariableKind, text: str) -> bool:
    number = text.removeprefix("-") if kind.kind is Kind.COUNT else text
    return canonical_value(kind, number) is not None


def _remedy(variable: Variable, meant: VariableKind | None) -> str:
    if meant is None:
        return f". If it may be any line, say so: opsmcp/kind.{variable.name}: text"
    if meant.kind is Kind.PATTERN:
        return ". Give it a regex"
    return f". Say what it is: opsmcp/kind.{variable.name}: {meant}"
