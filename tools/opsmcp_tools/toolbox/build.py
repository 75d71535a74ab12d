"""Toolbox: a catalogue and settings -> the tools, and what is withheld with the reason.

Built once per generation of the catalogue, never per request. One bad operation is withheld and
never harms another. Who may see or call a tool is not decided here: `policy` does. Pure, and the
same catalogue gives the same bytes.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.kinds.declared import BadKind
from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.kinds.names import HOST
from opsmcp_pipelines.models import Operation, OperationKey, Task, Variable
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.cluster_host import with_locations
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import FREE_SCRIPT, Bound, Input, Tool, Withheld
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
from opsmcp_tools.toolbox.inputs import build_input
from opsmcp_tools.toolbox.naming import name_tools, possible_names, title_of
from opsmcp_tools.toolbox.ops_hazards import (
    FILE_HAZARDS,
    OUTPUT_HAZARDS,
    file_hazards,
    nested_templates,
    steering_outputs,
)
from opsmcp_tools.toolbox.overrides import Override
from opsmcp_tools.toolbox.schema import input_schema
from opsmcp_tools.toolbox.script_check import (
    find_refused,
    free_script_variable,
    script_hazards,
)
from opsmcp_tools.toolbox.step_conditions import (
    SILENT_STOPS,
    find_impossible,
    find_nameless,
    silent_stops,
    with_numbers,
)
from opsmcp_tools.toolbox.tool_lint import canonical, find_fault
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox
from opsmcp_tools.toolbox.variable_kinds import bound_of, script_verdict

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.operation import OperationVerdict

__all__ = ["build_toolbox"]

_LONGEST_REASON = 2_000
"""Characters of why an operation is withheld: line and remedy stand at its end."""
_MOST_STOPS = 5
_MOST_FAULTS = 5

_FOR_EVERYBODY = Policy()

_logger = logging.getLogger(__name__)


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
        contents.host_groups,
        language,
    )
    workshop = _ToolBuilder(catalogue, settings, inventory, names, approvals, at)
    built = [workshop.build(operation) for operation in considered]
    at(None)
    tools = _with_siblings([item for item in built if isinstance(item, Tool)], policy, language)
    problems = [
        _withheld(OperationKey(one.kind, one.namespace, one.operation), one.reason, one.operation)
        for one in contents.problems
    ]
    withheld = [*problems, *(item for item in built if isinstance(item, Withheld))]
    return Toolbox(
        generation=catalogue.generation,
        tools=tuple(
            sorted((replace(tool, digest=_digest(tool)) for tool in tools), key=lambda t: t.name)
        ),
        withheld=tuple(sorted(withheld, key=lambda item: (item.operation, item.kind, item.reason))),
        catalogue=catalogue,
        exposure=settings.exposure,
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
        return _withheld(key, clean_line(fault, _LONGEST_REASON), self.names[key])

    def _build(self, operation: Operation) -> Tool:
        tasks = self._tasks(operation)
        name = self.names[operation.key]
        said = self.settings.override_of(operation)
        # The embedded engine pastes nothing, so no output becomes code there.
        pasted = self.settings.values.pasted
        steering = steering_outputs(operation, tasks) if pasted else ()
        nested = nested_templates(operation, tasks) if pasted else ()
        stops = map(str, silent_stops(tasks)) if pasted else ()
        if pasted and (nameless := find_nameless(operation)):
            raise UnusableOperation(nameless)
        needing = operation if pasted else with_numbers(operation, tasks)
        verdict = script_verdict(needing, tasks, self.settings)
        impossible = () if pasted else find_impossible(operation, tasks)
        refused = find_refused(verdict, output_scripts=self.settings.exposure.output_scripts)
        _refuse([*impossible, *refused])
        steered = bool(steering or verdict.printed or verdict.vouched)
        told = self.settings.hints_of(name, said)
        hints = infer_hints(operation, tasks, told, name, steered=steered)
        language = self.settings.language
        description = describe(operation, tasks, hints, language, said.description)
        inputs, bound = self._sort_variables(needing, verdict, said)
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
            notes=_notes(
                free if pasted else "", hazards, stops, file_hazards(tasks) if pasted else ()
            ),
            tasks=tasks,
            language=language,
        )

    def _tasks(self, operation: Operation) -> tuple[Task, ...]:
        if isinstance(operation, Task):
            return (operation,)
        keys = operation.task_keys
        found = list(map(self.catalogue.find_task, keys))
        missing = [key.name for key, task in zip(keys, found, strict=True) if task is None]
        if missing:
            raise UnusableOperation(f"it refers to the task {missing[0]!r}, which does not exist")
        if not found:
            raise UnusableOperation("it has no tasks")
        return tuple(task for task in found if task is not None)

    def _sort_variables(
        self, operation: Operation, verdict: "OperationVerdict", said: Override
    ) -> tuple[tuple[Input, ...], tuple[Bound, ...]]:
        """Apart: what a caller may give, in a fixed order, and what the server fills."""
        inputs: list[Input] = []
        bound: list[Bound] = []
        for variable in map(said.on, operation.variables):
            made = self._make(operation, variable, verdict, said)
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
        said: Override,
    ) -> Input | Bound | None:
        kind, starts = verdict.kinds[variable.name], variable.name in verdict.beginnings
        bound = bound_of(operation, variable, kind, said, self.settings)
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


def _refuse(faults: Sequence[str]) -> None:
    """Withhold an operation with faults in its conditions or scripts.

    Raises:
        UnusableOperation: With the first few.
    """
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if faults[_MOST_FAULTS:] else []
        raise UnusableOperation("; ".join([*faults[:_MOST_FAULTS], *more]))


def _withheld(key: OperationKey, reason: str, name: str) -> Withheld:
    return Withheld(key.name, key.kind, reason, key.namespace, possible_names(key) | {name})


def _notes(
    free: str, hazards: Sequence[str], stops: Iterable[str], files: Sequence[str]
) -> Mapping[str, str]:
    first = list(islice(stops, _MOST_STOPS))
    notes = {FREE_SCRIPT: free, OUTPUT_HAZARDS: "; ".join(hazards), SILENT_STOPS: "; ".join(first)}
    notes[FILE_HAZARDS] = "; ".join(files)
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
