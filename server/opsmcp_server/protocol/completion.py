"""Completion: the names that exist now, for arguments of prompts and of resource addresses."""

import mcp_types as types

from opsmcp_pipelines.kinds.names import CLUSTER, HOST
from opsmcp_server.calls.cluster_nodes import names_node
from opsmcp_server.calls.context import CallContext
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
    context: CallContext,
    principal: Principal,
    _reference: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    filled_in: types.CompletionContext | None = None,
) -> types.CompleteResult:
    """Names that begin with what was typed, then those that contain it."""
    shown_by = list_runs.ROW if argument.name == "run" else list_inventory.ROW
    try:
        context.require(principal, Action.READ, shown_by.subject)
        if names_node(argument.name) or await _is_host_elsewhere(context, argument, filled_in):
            names = await _nodes(context, _chosen(filled_in))
        else:
            names = await _names(context, principal, argument.name)
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


def _chosen(filled_in: types.CompletionContext | None) -> str:
    """The cluster that was chosen before."""
    return ((filled_in.arguments if filled_in else None) or {}).get(CLUSTER, "")


async def _is_host_elsewhere(
    context: CallContext,
    argument: types.CompletionArgument,
    filled_in: types.CompletionContext | None,
) -> bool:
    contents = (await context.tools.current()).catalogue.contents
    chosen = {CLUSTER: _chosen(filled_in)}
    return argument.name == HOST and runs_elsewhere(chosen, contents.clusters)


async def _nodes(context: CallContext, chosen: str) -> list[str]:
    """The nodes of the chosen cluster, else of the first few clusters."""
    contents = (await context.tools.current()).catalogue.contents
    known = [cluster.name for cluster in contents.clusters]
    asked = [name for name in known if name == chosen] if chosen else known[:_MOST_CLUSTERS]
    return sorted({node for cluster in asked for node in await context.nodes.of(cluster)})


async def _names(context: CallContext, principal: Principal, argument: str) -> list[str]:
    if argument == "run":
        page = await context.executions.history.list(principal, limit=_MOST)
        return [record.run for record in page.runs]
    kind = _KIND_OF_ARGUMENT.get(argument)
    if kind is None:
        return []
    toolbox = await context.tools.current()
    return [item["name"] for item in inventory(context, toolbox, principal, kind)[kind]]
