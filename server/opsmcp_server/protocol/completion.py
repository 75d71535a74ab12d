"""Completion: the names that exist now, for arguments of prompts and of resource addresses."""

import mcp_types as types

from opsmcp_pipelines.kinds.names import CLUSTER, HOST
from opsmcp_server.calls.cluster_nodes import names_node
from opsmcp_server.calls.services import Services
from opsmcp_server.protocol.builtin_tools import list_inventory, list_runs
from opsmcp_server.protocol.inventory import inventory
from opsmcp_tools.arguments.cluster_host import runs_elsewhere
from opsmcp_tools.model.errors import NotAllowed, ToolUnavailable
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.decision import Action

__all__ = ["complete"]

_MOST = 100
"""The protocol allows no more values in one answer."""

_MOST_CLUSTERS = 5

_KIND_OF_ARGUMENT = {"cluster": "clusters", "host": "hosts", "name": "operations"}


async def complete(
    services: Services,
    principal: Principal,
    _reference: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None = None,
) -> types.CompleteResult:
    """Names that begin with what was typed, then those that contain it."""
    shown_by = list_runs.ROW if argument.name == "run" else list_inventory.ROW
    try:
        services.require(principal, Action.READ, shown_by.subject)
        if names_node(argument.name) or await _is_host_elsewhere(services, argument, context):
            names = await _nodes(services, _chosen(context))
        else:
            names = await _names(services, principal, argument.name)
    except (NotAllowed, ToolUnavailable):
        names = []
    typed = argument.value.casefold()
    found = [name for name in names if typed in name.casefold()]
    found.sort(key=lambda name: (not name.casefold().startswith(typed), name))
    return types.CompleteResult(
        completion=types.Completion(
            values=found[:_MOST], total=len(found), has_more=len(found) > _MOST
        )
    )


def _chosen(context: types.CompletionContext | None) -> str:
    """The cluster that was chosen before."""
    return ((context.arguments if context else None) or {}).get(CLUSTER, "")


async def _is_host_elsewhere(
    services: Services,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> bool:
    contents = (await services.current_toolbox()).catalogue.contents
    chosen = {CLUSTER: _chosen(context)}
    return argument.name == HOST and runs_elsewhere(chosen, contents.clusters)


async def _nodes(services: Services, chosen: str) -> list[str]:
    """The nodes of the chosen cluster, else of the first few clusters."""
    contents = (await services.current_toolbox()).catalogue.contents
    known = [cluster.name for cluster in contents.clusters]
    asked = [name for name in known if name == chosen] if chosen else known[:_MOST_CLUSTERS]
    return sorted({node for cluster in asked for node in await services.nodes.of(cluster)})


async def _names(services: Services, principal: Principal, argument: str) -> list[str]:
    if argument == "run":
        page = await services.executions.history.list(principal, limit=_MOST)
        return [record.run for record in page.runs]
    kind = _KIND_OF_ARGUMENT.get(argument)
    if kind is None:
        return []
    toolbox = await services.current_toolbox()
    return [item["name"] for item in inventory(services, toolbox, principal, kind)[kind]]
