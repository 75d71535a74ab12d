"""What the variables of one operation are: kinds as declared, guessed and used, and what is bound.

Told by its author in labels, by the settings, and by its scripts. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opsmcp_pipelines.kinds.declared import labelled_kinds, no_kind
from opsmcp_pipelines.kinds.guess import kind_of, uses_units
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.kinds.names import HOST
from opsmcp_pipelines.models import Operation, Task, Variable
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from opsmcp_tools.arguments.bound_variables import bind
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Bound
from opsmcp_tools.toolbox.ops_hazards import destinations
from opsmcp_tools.toolbox.overrides import Override
from opsmcp_tools.toolbox.script_check import check_scripts
from opsmcp_tools.toolbox.tool_settings import ToolSettings

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.operation import OperationVerdict

__all__ = ["bound_of", "declared_kinds", "script_verdict", "variable_kinds"]

_MOST_VARIABLES = 64


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
    said = settings.override_of(operation)
    declared, units = declared_kinds(operation, tasks, settings), uses_units(tasks)
    sent = destinations(tasks) if settings.values.pasted else frozenset[str]()
    kinds: dict[str, VariableKind] = {}
    for written in operation.variables:
        variable = said.on(written)
        kind = kind_of(variable, declared, units=units)
        kind = VariableKind(Kind.BOUND) if variable.name in sent else kind
        filled = bound_of(operation, variable, kind, said, settings) is not None
        kinds[written.name] = VariableKind(Kind.BOUND) if filled else kind
    return kinds


def bound_of(
    operation: Operation,
    variable: Variable,
    kind: VariableKind,
    said: Override,
    settings: ToolSettings,
) -> Bound | None:
    """What the server fills a variable with; None when it does not."""
    if variable.name == CALL_ID_VARIABLE:
        raise UnusableOperation(f"it declares {CALL_ID_VARIABLE!r}, which opsmcp fills itself")
    if variable.name.lower() == HOST and isinstance(operation, Task) and operation.host:
        # What the task itself names beats the variable.
        return Bound(variable.name, operation.host)
    bind_values, constants = settings.bind, settings.constants
    own = said.variables.get(variable.name)
    if own and own.bound is not None:
        bind_values, constants = {f"{operation.name}.{variable.name}": own.bound}, frozenset[str]()
    return bind(operation.name, variable, kind.kind, bind_values, constants)


def declared_kinds(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> Mapping[str, VariableKind]:
    """Kinds that somebody declares: the author, and before that the settings.

    Raises:
        UnusableOperation: The settings name no kind.
        BadKind: A label names none.
    """
    found = dict(labelled_kinds(operation, tasks))
    own = settings.override_of(operation).variables
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
