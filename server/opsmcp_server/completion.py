"""Completion: the names that exist now, for arguments of prompts and of resource addresses."""

import mcp_types as types

from opsmcp_server.inventory import inventory
from opsmcp_server.services import Services
from opsmcp_tools.errors import ToolUnavailable
from opsmcp_tools.tool import Principal

__all__ = ["complete"]

_MOST = 100
"""The protocol allows no more values in one answer."""

_KIND_OF_ARGUMENT = {"cluster": "clusters", "host": "hosts", "name": "operations"}


async def complete(
    services: Services,
    principal: Principal,
    _reference: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
) -> types.CompleteResult:
    """Names that begin with what was typed, then those that contain it."""
    try:
        names = await _names(services, principal, argument.name)
    except ToolUnavailable:
        names = []
    typed = argument.value.casefold()
    found = [name for name in names if typed in name.casefold()]
    found.sort(key=lambda name: (not name.casefold().startswith(typed), name))
    return types.CompleteResult(
        completion=types.Completion(
            values=found[:_MOST], total=len(found), has_more=len(found) > _MOST
        )
    )


async def _names(services: Services, principal: Principal, argument: str) -> list[str]:
    if argument == "run":
        records, _ = services.executions.list(principal, limit=_MOST)
        return [record.run for record in records]
    kind = _KIND_OF_ARGUMENT.get(argument)
    if kind is None:
        return []
    toolbox = await services.current_toolbox()
    return [item["name"] for item in inventory(services, toolbox, principal, kind)[kind]]
