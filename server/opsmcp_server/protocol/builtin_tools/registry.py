"""The registry of built-in tools: all that there are, and nobody else knows which."""

from collections.abc import Mapping
from types import MappingProxyType

from opsmcp_server.protocol.builtin_tools import (
    cancel_run,
    get_incident,
    get_run,
    get_run_output,
    list_incidents,
    list_inventory,
    list_runs,
    plan_operation,
    run_operation,
    search_operations,
)
from opsmcp_server.protocol.builtin_tools.row import BuiltIn

__all__ = ["BUILT_IN", "find"]

BUILT_IN: tuple[BuiltIn, ...] = (
    get_run.ROW,
    get_run_output.ROW,
    list_runs.ROW,
    cancel_run.ROW,
    list_inventory.ROW,
    plan_operation.ROW,
    run_operation.ROW,
    search_operations.ROW,
    list_incidents.ROW,
    get_incident.ROW,
)

_BY_NAME: Mapping[str, BuiltIn] = MappingProxyType({row.name: row for row in BUILT_IN})


def find(name: str) -> BuiltIn | None:
    """The built-in tool of that name."""
    return _BY_NAME.get(name)
