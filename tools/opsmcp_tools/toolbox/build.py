"""Toolbox: a catalogue and settings -> the tools, and what is withheld with the reason.

Built once per generation of the catalogue, never per request. One bad operation is withheld and
never harms another. Who may see or call a tool is not decided here: `policy` does. Pure, and the
same catalogue gives the same bytes.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.kinds.declared import BadKind, labelled_kinds, no_kind
from opsmcp_pipelines.kinds.guess import kind_of, uses_units
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.kinds.names import HOST
from opsmcp_pipelines.models import (
    COPILOT_LABEL,
    Operation,
    OperationKey,
    OperationKind,
    Task,
    Variable,
)
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from opsmcp_tools.arguments.bound_variables import bind
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.cluster_host import with_locations
from opsmcp_tools.arguments.nearest_names import nearest_names
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import FREE_SCRIPT, Bound, Input, Tool, Withheld
from opsmcp_tools.model.value_rules import NO_RULES, ValueRules
from opsmcp_tools.phrases.definition import OR_NODE
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.policy.approvals import Approvals
from opsmcp_tools.policy.decision import Policy
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.description import (
    describe,
    differing_steps,
    sibling_note,
    siblings,
    with_note,
)
from opsmcp_tools.toolbox.hints import infer_hints
from opsmcp_tools.toolbox.naming import name_tools, title_of
from opsmcp_tools.toolbox.output_hazards import OUTPUT_HAZARDS, nested_templates, steering_outputs
from opsmcp_tools.toolbox.overrides import Override, Overrides, VariableOverride, find_override
from opsmcp_tools.toolbox.schema import build_input, input_schema
from opsmcp_tools.toolbox.script_check import (
    check_scripts,
    free_script_variable,
    refuse,
    script_hazards,
)
from opsmcp_tools.toolbox.silent_stops import SILENT_STOPS, find_nameless, silent_stops
from opsmcp_tools.toolbox.tool_lint import canonical, find_fault

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.operation import OperationVerdict
    from opsmcp_tools.search.index import SearchIndex

__all__ = [
    "FREE_SCRIPT",
    "Exposure",
    "ToolSettings",
    "Toolbox",
    "build_toolbox",
    "declared_kinds",
    "script_verdict",
    "variable_kinds",
]

_MOST_VARIABLES = 64
_LONGEST_REASON = 2_000
"""Characters of why an operation is withheld: line and remedy stand at its end."""
_MOST_STOPS = 5

_NO_OVERRIDE = Override()
_FOR_EVERYBODY = Policy()

_logger = logging.getLogger(__name__)

Extent = Literal["labelled", "all", "none"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which operations are considered: by kind and label, then by name pattern.

    A pattern is matched against `name` and `namespace/name`; `exclude` beats `include`. Without
    `output_scripts`, those are withheld in whose scripts a source pastes what a step printed.
    """

    pipelines: Extent = "labelled"
    tasks: Extent = "labelled"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    output_scripts: bool = True

    def covers(self, operation: Operation) -> bool:
        """Whether an operation is considered at all."""
        key = operation.key
        if self._matches(self.exclude, key.namespace, key.name):
            return False
        if self._matches(self.include, key.namespace, key.name):
            return True
        extent = self.pipelines if key.kind is OperationKind.PIPELINE else self.tasks
        labelled = operation.labels.get(COPILOT_LABEL) == "enabled"
        return extent == "all" or (extent == "labelled" and labelled)

    @staticmethod
    def _matches(patterns: Iterable[str], namespace: str, name: str) -> bool:
        names = (name, f"{namespace}/{name}")
        return any(fnmatchcase(own, pattern) for pattern in patterns for own in names)


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """How operations become tools.

    `bind` and `kinds` are by `variable` or `operation.variable`; `hints` by name pattern.
    `constants` are the names in `bind` whose values are no secrets.
    Inventories longer than `enum_limit` are not listed in schemas. `host_selectors` are the node
    selectors that callers may give for `host`; none by default, because they widen the target.
    """

    exposure: Exposure = Exposure()
    hints: Mapping[str, Mapping[str, bool]] = field(default_factory=lambda: MappingProxyType({}))
    bind: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    constants: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    enum_limit: int = 64
    host_selectors: tuple[str, ...] = ()
    values: ValueRules = NO_RULES
    overrides: Overrides = field(default_factory=lambda: MappingProxyType({}))
    language: Language = "en"


@dataclass(frozen=True)
class Toolbox:
    """The tools of one generation, sorted by name, and what is withheld."""

    generation: int
    tools: tuple[Tool, ...]
    withheld: tuple[Withheld, ...]
    catalogue: Catalogue

    @cached_property
    def _by_name(self) -> Mapping[str, Tool]:
        return {tool.name: tool for tool in self.tools}

    @cached_property
    def broken(self) -> tuple[Withheld, ...]:
        """What is withheld through a fault of its own, and not for what this machine lacks."""
        problems = self.catalogue.contents.problems
        absent = {(one.kind, one.namespace, one.operation) for one in problems if one.absent}
        return tuple(
            one for one in self.withheld if (one.kind, one.namespace, one.operation) not in absent
        )

    @cached_property
    def search_index(self) -> "SearchIndex":
        """The words of all tools, made when somebody first searches or ahead of it."""
        # Imported here: where everything is listed nobody searches, and starts are many.
        from opsmcp_tools.search.index import SearchIndex, document_of

        return SearchIndex(
            document_of(tool, _tasks_of(tool.operation, self.catalogue)) for tool in self.tools
        )

    def find(self, name: str) -> Tool | None:
        """The tool of that name, or None."""
        return self._by_name.get(name)

    def nearest(self, name: str) -> tuple[str, ...]:
        """The names of tools that resemble `name`, the nearest first."""
        return nearest_names(name, self._by_name)


def _nothing(_operation: Operation | None) -> None:
    """Do nothing."""


def build_toolbox(
    catalogue: Catalogue,
    settings: ToolSettings,
    approvals: Approvals | None = None,
    policy: Policy = _FOR_EVERYBODY,
    at: Callable[[Operation | None], None] = _nothing,
) -> Toolbox:
    """Make a tool of every operation that is considered and usable.

    Args:
        catalogue: The operations, and the inventory of which their schemas speak.
        settings: How they become tools.
        approvals: Whatever they do not cover is withheld; None: nothing is for that reason.
        policy: The tools are those of everybody, but no description names another tool that it
            hides from somebody.
        at: Told of each operation before it is looked at, and of None when all were. It may raise
            `UnusableOperation`.
    """
    considered = [
        operation
        for operation in catalogue.operations.values()
        if settings.exposure.covers(operation)
    ]
    names = name_tools(considered)
    contents = catalogue.contents
    language = settings.language
    inventory = Inventory(
        contents.clusters,
        contents.hosts,
        settings.host_selectors,
        frozenset(contents.host_groups),
        language,
    )
    workshop = _ToolBuilder(catalogue, settings, inventory, names, approvals, at)
    built = [workshop.build(operation) for operation in considered]
    at(None)
    tools = _with_siblings([item for item in built if isinstance(item, Tool)], policy, language)
    problems = [
        Withheld(problem.operation, problem.kind, problem.reason, problem.namespace)
        for problem in contents.problems
    ]
    withheld = [*problems, *(item for item in built if isinstance(item, Withheld))]
    return Toolbox(
        generation=catalogue.generation,
        tools=tuple(
            sorted((replace(tool, digest=_digest(tool)) for tool in tools), key=lambda t: t.name)
        ),
        withheld=tuple(sorted(withheld, key=lambda item: (item.operation, item.kind, item.reason))),
        catalogue=catalogue,
    )


@dataclass(frozen=True)
class _ToolBuilder:
    """What is the same for every tool of one generation."""

    catalogue: Catalogue
    settings: ToolSettings
    inventory: Inventory
    names: Mapping[OperationKey, str]
    approvals: Approvals | None
    at: Callable[[Operation], None]
    made: dict[tuple[Variable, VariableKind, bool], Input] = field(
        default_factory=dict[tuple[Variable, VariableKind, bool], Input]
    )
    """Inputs by what they were made from: most operations share the same few variables."""

    def build(self, operation: Operation) -> Tool | Withheld:
        """The tool of an operation, or why there is none."""
        key = operation.key
        try:
            self.at(operation)
            tool = self._build(operation)
            fault = find_fault(tool) or (self.approvals.refusal(tool) if self.approvals else "")
        except (UnusableOperation, BadKind) as error:
            fault = str(error)
        except Exception:  # one tool must not cost all others
            _logger.exception("no tool could be made of %s", key)
            fault = "opsmcp itself failed while it made the tool; its log tells more"
        else:
            if not fault:
                return tool
        return Withheld(key.name, key.kind, clean_line(fault, _LONGEST_REASON), key.namespace)

    def _build(self, operation: Operation) -> Tool:
        tasks = self._tasks(operation)
        name = self.names[operation.key]
        said = _override(operation, self.settings)
        # The embedded engine pastes nothing, so no output becomes code there.
        pasted = self.settings.values.pasted
        steering = steering_outputs(operation, tasks) if pasted else ()
        nested = nested_templates(operation, tasks) if pasted else ()
        stops = silent_stops(tasks) if pasted else ()
        if pasted and (nameless := find_nameless(operation)):
            raise UnusableOperation(nameless)
        verdict = script_verdict(operation, tasks, self.settings)
        refuse(verdict, output_scripts=self.settings.exposure.output_scripts)
        steered = bool(steering or verdict.printed or verdict.vouched)
        hints = infer_hints(operation, tasks, self._hints(name, said), name, steered=steered)
        language = self.settings.language
        description = describe(operation, tasks, hints, language, said.description)
        inputs, bound = self._sort_variables(operation, verdict)
        free = free_script_variable(verdict, operation.name, tasks, [i.name for i in inputs])
        hazards = (*steering, *nested, *script_hazards(verdict))
        return Tool(
            name=name,
            title=clean_line(said.title, 100) or title_of(name),
            description=description,
            operation=operation,
            hints=hints,
            inputs=inputs,
            bound=bound,
            input_schema=input_schema(inputs),
            notes=_notes(free if pasted else "", hazards, stops),
            tasks=tasks,
            language=language,
        )

    def _tasks(self, operation: Operation) -> tuple[Task, ...]:
        if isinstance(operation, Task):
            return (operation,)
        found = [self.catalogue.find_task(operation.namespace, ref.task) for ref in operation.tasks]
        missing = [
            ref.task for ref, task in zip(operation.tasks, found, strict=True) if task is None
        ]
        if missing:
            raise UnusableOperation(f"it refers to the task {missing[0]!r}, which does not exist")
        if not found:
            raise UnusableOperation("it has no tasks")
        return tuple(task for task in found if task is not None)

    def _sort_variables(
        self, operation: Operation, verdict: "OperationVerdict"
    ) -> tuple[tuple[Input, ...], tuple[Bound, ...]]:
        """Apart: what a caller may give, in a fixed order, and what the server fills."""
        inputs: list[Input] = []
        bound: list[Bound] = []
        said = _override(operation, self.settings).variables
        for written in operation.variables:
            words = said.get(written.name)
            variable = words.on(written) if words else written
            made = self._make(operation, variable, verdict, words)
            if isinstance(made, Input):
                inputs.append(made)
            elif made is not None:
                bound.append(made)
        words = OR_NODE().to(self.settings.language)
        placed = with_locations(sorted(inputs, key=_input_order), bound, words)
        return placed, tuple(sorted(bound, key=lambda b: b.name))

    def _make(
        self,
        operation: Operation,
        variable: Variable,
        verdict: "OperationVerdict",
        said: VariableOverride | None,
    ) -> Input | Bound | None:
        kind, starts = verdict.kinds[variable.name], variable.name in verdict.beginnings
        bound = _bound(operation, variable, kind, said, self.settings)
        if bound is not None or kind.kind is Kind.BOUND:
            return bound
        nowhere = kind.kind is Kind.CLUSTER and not self.inventory.cluster_names
        if nowhere and not variable.required:
            return None
        known = self.made.get((variable, kind, starts))
        if known is None:
            limit = self.settings.enum_limit
            known = build_input(variable, kind, self.inventory, limit, starts=starts)
            known = replace(known, rules=self.settings.values)
            self.made[variable, kind, starts] = known
        return known

    def _hints(self, name: str, said: Override) -> Mapping[str, Mapping[str, bool]]:
        # Last, because what is said of an operation as a whole is the nearest to it.
        last = {name: {**self.settings.hints.get(name, {}), **said.hints}} if said.hints else {}
        kept = {key: value for key, value in self.settings.hints.items() if key not in last}
        return {**kept, **last}


def script_verdict(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> "OperationVerdict":
    """What the scripts of an operation make of its values, by the kinds that these have.

    Raises:
        UnusableOperation: Its variables cannot be used.
        BadKind: A label declares no usable kind.
    """
    kinds = variable_kinds(operation, tasks, settings)
    return check_scripts(operation, tasks, kinds, settings.values)


def variable_kinds(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> Mapping[str, VariableKind]:
    """The kind of each variable before its use narrows it; `BOUND` where the server fills it.

    Raises:
        UnusableOperation: Its variables cannot be used.
        BadKind: A label declares no usable kind.
    """
    if len(operation.variables) > _MOST_VARIABLES:
        raise UnusableOperation(f"it has more than {_MOST_VARIABLES} variables")
    said = _override(operation, settings).variables
    declared, units = declared_kinds(operation, tasks, settings), uses_units(tasks)
    kinds: dict[str, VariableKind] = {}
    for written in operation.variables:
        words = said.get(written.name)
        variable = words.on(written) if words else written
        kind = kind_of(variable, declared, units=units)
        filled = _bound(operation, variable, kind, words, settings) is not None
        kinds[written.name] = VariableKind(Kind.BOUND) if filled else kind
    return kinds


def _bound(
    operation: Operation,
    variable: Variable,
    kind: VariableKind,
    said: VariableOverride | None,
    settings: ToolSettings,
) -> Bound | None:
    """What the server fills a variable with; None when it does not."""
    if variable.name == CALL_ID_VARIABLE:
        raise UnusableOperation(f"it declares {CALL_ID_VARIABLE!r}, which opsmcp fills itself")
    if variable.name.lower() == HOST and isinstance(operation, Task) and operation.host:
        # What the task itself names beats the variable.
        return Bound(variable.name, operation.host)
    bind_values, constants = settings.bind, settings.constants
    if said and said.bound is not None:
        bind_values, constants = {f"{operation.name}.{variable.name}": said.bound}, frozenset[str]()
    return bind(operation.name, variable, kind.kind, bind_values, constants)


def _override(operation: Operation, settings: ToolSettings) -> Override:
    if not settings.overrides:
        return _NO_OVERRIDE
    names = (operation.name, f"{operation.namespace}/{operation.name}")
    return find_override(settings.overrides, names)


def declared_kinds(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> Mapping[str, VariableKind]:
    """Kinds that somebody declares: the author, and before that the settings.

    Raises:
        UnusableOperation: The settings name no kind.
        BadKind: A label names none.
    """
    found = dict(labelled_kinds(operation, tasks))
    own = _override(operation, settings).variables
    for variable in operation.variables:
        named = _named(operation, variable, settings)
        if named:
            found[variable.name] = named
    return found | {name: said.kind for name, said in own.items() if said.kind}


def _named(operation: Operation, variable: Variable, settings: ToolSettings) -> VariableKind | None:
    kinds = settings.kinds
    text = kinds.get(f"{operation.name}.{variable.name}", kinds.get(variable.name))
    kind = parse_kind(text) if text else None
    if text and kind is None:
        why = f"the settings give variable {variable.name!r} no kind: {no_kind(text)}"
        raise UnusableOperation(why)
    return kind


def _tasks_of(operation: Operation, catalogue: Catalogue) -> tuple[Task, ...]:
    """The tasks that an operation runs, so far as they exist."""
    if isinstance(operation, Task):
        return (operation,)
    found = (catalogue.find_task(operation.namespace, ref.task) for ref in operation.tasks)
    return tuple(task for task in found if task is not None)


def _notes(free: str, hazards: Sequence[str], stops: Iterable[str]) -> Mapping[str, str]:
    first = list(islice(stops, _MOST_STOPS))
    notes = {FREE_SCRIPT: free, OUTPUT_HAZARDS: "; ".join(hazards), SILENT_STOPS: "; ".join(first)}
    return MappingProxyType({name: text for name, text in notes.items() if text})


def _input_order(item: Input) -> tuple[bool, bool, str]:
    """What must be given first, where it runs last."""
    where = item.kind is Kind.CLUSTER or item.name.lower() == HOST
    return (where, not item.required, item.name)


def _with_siblings(tools: Sequence[Tool], policy: Policy, language: Language) -> list[Tool]:
    """The tools, each with a word on those that it could be mistaken for."""
    apart = differing_steps(tools, language)
    tools = [
        replace(tool, description=with_note(tool.description, apart[tool.name], language))
        if tool.name in apart
        else tool
        for tool in tools
    ]
    plain = [tool for tool in tools if not tool.notes]
    known = {tool.name: tool for tool in plain if not policy.hides(tool)}
    variants = siblings(plain)
    notes = {tool.name: sibling_note(tool, known, variants, language) for tool in plain}
    return [
        replace(tool, description=with_note(tool.description, note, language))
        if (note := notes.get(tool.name))
        else tool
        for tool in tools
    ]


def _digest(tool: Tool) -> str:
    hints = tool.hints
    shown = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "operation": str(tool.operation.key),
        "hints": [hints.read_only, hints.destructive, hints.idempotent, hints.open_world],
        "input": tool.input_schema,
    }
    return hashlib.sha256(canonical(shown) or b"").hexdigest()
