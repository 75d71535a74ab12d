"""What an operator says of operations that their authors did not: titles, words, hints, variables.

By name pattern; a later entry beats an earlier one, field by field. Only data and how it is looked
up; `toolbox` applies it. `check_overrides` finds the entries that match nothing, which are usually
misspelt or left from an operation that is gone. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import VariableKind
from opsmcp_pipelines.models import Operation, Variable
from opsmcp_tools.arguments.nearest_names import suggest

__all__ = [
    "TO_DO",
    "Override",
    "Overrides",
    "VariableOverride",
    "check_overrides",
    "find_override",
    "words_of_person",
]

TO_DO = "TODO"
"""What words begin with that a person has still to write: they say nothing yet."""

_NO_HINTS: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class VariableOverride:
    """What is said of one variable; None and empty say nothing. The server fills `bound`."""

    kind: VariableKind | None = None
    description: str = ""
    examples: tuple[str, ...] = ()
    bound: str | None = field(default=None, repr=False)

    def over(self, earlier: "VariableOverride") -> "VariableOverride":
        """This, and where it says nothing the earlier one."""
        return VariableOverride(
            self.kind or earlier.kind,
            self.description or earlier.description,
            self.examples or earlier.examples,
            earlier.bound if self.bound is None else self.bound,
        )

    def on(self, variable: Variable) -> Variable:
        """The variable with these words in place of its author's."""
        return replace(
            variable,
            desc=self.description or variable.desc,
            display="" if self.description else variable.display,
            examples=self.examples or variable.examples,
        )


_NO_VARIABLES: Mapping[str, VariableOverride] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Override:
    """What is said of an operation; empty says nothing. `hints` are as in `tools.hints`."""

    title: str = ""
    description: str = ""
    hints: Mapping[str, bool] = field(default_factory=lambda: _NO_HINTS)
    variables: Mapping[str, VariableOverride] = field(default_factory=lambda: _NO_VARIABLES)

    def on(self, variable: Variable) -> Variable:
        """The variable with what is said of it in place of its author's words."""
        own = self.variables.get(variable.name)
        return own.on(variable) if own else variable

    def over(self, earlier: "Override") -> "Override":
        """This, and where it says nothing the earlier one."""
        variables = dict(earlier.variables)
        for name, own in self.variables.items():
            variables[name] = own.over(variables.get(name, VariableOverride()))
        return Override(
            self.title or earlier.title,
            self.description or earlier.description,
            {**earlier.hints, **self.hints},
            variables,
        )


Overrides = Mapping[str, Override]
"""Name pattern to what is said of the operations it matches."""

_NOTHING = Override()


def words_of_person(text: str) -> str:
    """The text, or nothing where it is still to be written."""
    return "" if text.startswith(TO_DO) else text


def find_override(overrides: Overrides, names: Sequence[str]) -> Override:
    """What is said of the operation with any of these names."""
    found = _NOTHING
    for pattern, override in overrides.items():
        if any(fnmatchcase(name, pattern) for name in names):
            found = override.over(found)
    return found


def check_overrides(overrides: Overrides, operations: Iterable[Operation]) -> tuple[str, ...]:
    """One sentence for each entry that matches no operation, or names a variable none has."""
    known = tuple(operations)
    names = sorted({operation.name for operation in known})
    problems: list[str] = []
    for pattern, override in overrides.items():
        matched = [
            operation
            for operation in known
            if fnmatchcase(operation.name, pattern)
            or fnmatchcase(f"{operation.namespace}/{operation.name}", pattern)
        ]
        if not matched:
            near = suggest(pattern, names)
            problems.append(f"tools.overrides: {pattern!r} matches no operation{near}")
            continue
        declared = {variable.name for operation in matched for variable in operation.variables}
        problems += [
            f"tools.overrides: no operation of {pattern!r} has a variable {name!r}"
            f"{suggest(name, declared)}"
            for name in override.variables
            if name not in declared
        ]
    return tuple(problems)
