"""Tool: an operation as a client sees it. The words that the rest of this package shares.

Frozen data, no decisions: `kinds`, `schema`, `naming` and `toolbox` fill it in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import split_items
from opsmcp_pipelines.models import Operation, OperationKind, Task
from opsmcp_tools.model.definition import definition_hash
from opsmcp_tools.model.value_rules import NO_RULES, ValueRules
from opsmcp_tools.phrases.phrase import Language

__all__ = [
    "FREE_SCRIPT",
    "Bound",
    "Hints",
    "Input",
    "JsonObject",
    "Principal",
    "Tool",
    "Withheld",
]

FREE_SCRIPT = "free_script"
"""The note of a tool that names the input which is a whole script."""

JsonObject = dict[str, Any]
"""A JSON object as the standard library reads it. Never changed after it was built."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the authenticated user, or the local user on stdio.

    `name` is what people and rules see, and may be given to somebody else one day. `id` is who it
    is: what belongs to a principal belongs to its id. Without one it is the local user.
    """

    name: str
    groups: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        """See to it that there is an id."""
        if not self.id:
            object.__setattr__(self, "id", f"local:{self.name}")

    def may_be(self, other: "Principal") -> bool:
        """Whether both may be one person, who can have two logins or two names."""
        return self.id == other.id or self.name == other.name


@dataclass(frozen=True, slots=True)
class Hints:
    """What a client may assume of a tool (the MCP tool annotations).

    Where it is not `known` whether it changes something, the worst is assumed. `contested` is the
    command that plainly changes something of what its author labelled read-only.
    """

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True
    known: bool = True
    contested: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A variable that a caller may give a value for.

    `kind` is that of the value or, with a `separator`, of each item of a list. `guessed`, `also`
    and `without` are as in `VariableKind`; `starts` is whether a text begins an argument of a
    program somewhere, so that it must not look like an option, a file or an expression.
    `allowed` lists the only good values where there is such a list (clusters, hosts, enums).
    `pattern` is a whole-value RE2 pattern, empty when there is none. `default` is None when there
    is none; it is then absent from the run unless given. `rules` are what the settings say.
    `elsewhere` is what it is for a call that names another cluster, if that makes a difference.
    `left_out` is what its source takes it for where it is not given; empty when that is not known.
    `groups` says which hosts each name of `allowed` means that stands for several.
    """

    name: str
    kind: Kind
    schema: JsonObject
    required: bool = False
    default: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    minimum: int | None = None
    maximum: int | None = None
    rules: ValueRules = NO_RULES
    elsewhere: "Input | None" = None
    left_out: str = ""
    separator: Separator | None = None
    guessed: bool = False
    also: Kind | None = None
    without: str = ""
    starts: bool = True
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def meant_by(self, value: str) -> frozenset[str]:
        """What a value names: each item of a list, and each host of a name that means several."""
        items = split_items(self.variable_kind, value)
        return frozenset(name for item in items for name in self.groups.get(item, (item,)))

    @property
    def variable_kind(self) -> VariableKind:
        """The kind with everything that narrows it."""
        return VariableKind(self.kind, self.separator, self.guessed, self.also, self.without)


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable that the server fills and the model never sees. `secret` values are masked."""

    name: str
    value: str = field(repr=False)
    secret: bool = False


@dataclass(frozen=True)
class Tool:
    """An operation as a client sees it; `digest` changes when anything that is shown changes."""

    name: str
    title: str
    description: str
    operation: Operation
    hints: Hints
    inputs: tuple[Input, ...]
    bound: tuple[Bound, ...]
    input_schema: JsonObject
    digest: str = ""
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tasks: tuple[Task, ...] = ()
    """What is run, in order, as the catalogue had it."""

    language: Language = "en"
    """In which words of ours it is described, and answers."""

    @cached_property
    def definition(self) -> str:
        """A hash of everything that the authors wrote, scripts included, and of nothing live."""
        return definition_hash(self.operation, self.tasks)

    @property
    def input_names(self) -> frozenset[str]:
        """The names of the arguments that it takes."""
        return frozenset(item.name for item in self.inputs)


@dataclass(frozen=True, slots=True)
class Withheld:
    """An operation that is not listed and not callable, with the reason.

    `names` are those that its tool could be called by.
    """

    operation: str
    kind: OperationKind
    reason: str
    namespace: str = ""
    names: frozenset[str] = frozenset()
