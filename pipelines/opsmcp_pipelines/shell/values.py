"""What the analysis is told of values, and what it finds. Frozen words; no decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import class_of
from opsmcp_pipelines.kinds.narrow import Need

__all__ = ["OF_AUTHOR", "OUTPUT", "Finding", "Rule", "Value", "Verdict"]


class Rule(Enum):
    """The rule by which a value may not stand where it stands."""

    COMMAND = 1
    """As the name of a command."""

    FILE = 2
    """As a file that is run."""

    VARIABLE = 3
    """In a variable that programs take code from, or as the name of a variable."""

    OPTION = 4
    """In the letters of an option."""

    PROGRAM = 5
    """In a program of another language, outside of its quotes."""

    NUMBER = 6
    """In arithmetic."""

    SHELL = 7
    """Unquoted in a text that a shell reads."""

    UNREADABLE = 8
    """In a script that the parser cannot read, or that is too long to check."""

    TEXT = 9
    """Text where it is not known to stay data."""

    @property
    def runs(self) -> bool:
        """Whether a value in such a place decides what is run."""
        return self in (Rule.COMMAND, Rule.FILE, Rule.VARIABLE)


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of the values of one reference.

    Attributes:
        kind: What they are.
        output: Whether a step prints them, so that nobody has seen them when a run starts.
        vouched: Whether the author answers for where text of it stands in this step.
        roots: The folders below which a path must be, by the settings.
    """

    kind: VariableKind
    output: bool = False
    vouched: bool = False
    roots: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it may be any line."""
        return class_of(self.kind) is ValueClass.TEXT

    @property
    def is_author(self) -> bool:
        """Whether it is one of the author's own words, which may stand anywhere."""
        return self.kind.kind in (Kind.CHOICE, Kind.BOUND)

    @property
    def is_number(self) -> bool:
        """Whether it consists of digits."""
        return self.kind.kind is Kind.COUNT and not self.kind.is_list

    @property
    def value_class(self) -> ValueClass:
        """Where it may stand."""
        return class_of(self.kind)


OF_AUTHOR = Value(VariableKind(Kind.CHOICE))
"""A value that the author or the settings fixed."""

OUTPUT = Value(VariableKind(Kind.TEXT), output=True)
"""What a step printed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A value that may not stand where it stands; `name` is empty where it is about them all.

    `line` counts from 1 within the script; `reason` and `remedy` are a few words each.
    """

    rule: Rule
    name: str
    line: int
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        """One sentence, and what to do."""
        return f"line {self.line}: {self.reason}" + (f". {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one script.

    Attributes:
        findings: What may not stand where it stands.
        needs: What the places of a value take of its kind, by reference.
        beginnings: Texts that begin an argument, which a program could take for an option.
    """

    findings: tuple[Finding, ...] = ()
    needs: Mapping[str, frozenset[Need]] = field(default_factory=lambda: MappingProxyType({}))
    beginnings: frozenset[str] = frozenset()
