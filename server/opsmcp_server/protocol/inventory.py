"""What exists now, as data: for a built-in tool, the resources and completion."""

from collections.abc import Callable, Mapping

from opsmcp_pipelines.models import Cluster, Host
from opsmcp_server.calls.context import CallContext
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = [
    "describe_tool",
    "inventory",
    "inventory_text",
    "is_visible",
    "tool_text",
    "visible_tools",
]

_MOST = 500
"""Most entries of a kind in one answer."""

_MOST_CHARS = 253


def inventory(
    context: CallContext, toolbox: Toolbox, principal: Principal, kind: str | None = None
) -> dict[str, list[JsonObject]]:
    """Clusters, hosts and operations by kind, each list bounded; only one kind when it is given."""
    contents = toolbox.catalogue.contents
    kinds: dict[str, Callable[[], list[JsonObject]]] = {
        "clusters": lambda: [_cluster(cluster) for cluster in contents.clusters[:_MOST]],
        "hosts": lambda: [_host(host) for host in contents.hosts[:_MOST]],
        "operations": lambda: [
            describe_tool(tool) for tool in visible_tools(context, toolbox, principal)[:_MOST]
        ],
    }
    return {name: made() for name, made in kinds.items() if kind in (None, name)}


def inventory_text(found: Mapping[str, list[JsonObject]]) -> str:
    """The same as text: what some clients show their model is only one of the two."""
    return "\n".join(
        line
        for kind, items in found.items()
        for line in (f"{kind}:" if items else f"{kind}: none", *map(_TEXTS[kind], items))
    )


def visible_tools(context: CallContext, toolbox: Toolbox, principal: Principal) -> tuple[Tool, ...]:
    """The tools that this principal may list."""
    return tuple(tool for tool in toolbox.tools if is_visible(context, tool, principal))


def is_visible(context: CallContext, tool: Tool, principal: Principal) -> bool:
    """Whether this principal may list a tool."""
    return not context.decide(principal, Action.LIST, tool).denied


def describe_tool(tool: Tool) -> JsonObject:
    """An operation in a few words."""
    return {
        "name": tool.name,
        "kind": str(tool.operation.key.kind),
        "namespace": tool.operation.namespace,
        "title": tool.title,
        "description": tool.description,
        "read_only": tool.hints.read_only,
        "destructive": tool.hints.destructive,
    } | ({} if tool.hints.known else {"effect": "not known"})


def tool_text(item: JsonObject) -> str:
    """An operation that `describe_tool` described, as a line of text; its title is its name."""
    changes = "can interrupt or destroy" if item["destructive"] else "changes something"
    effect = "only reads" if item["read_only"] else changes
    effect = "not known to be read-only" if "effect" in item else effect
    where = f"{item['kind']} in {item['namespace']}"
    return f"{item['name']} ({where}; {effect}): {item['description']}"


_REACHABLE: Mapping[bool | None, str] = {
    True: "reachable",
    False: "not reachable",
    None: "not known whether reachable",
}


def _cluster_text(item: JsonObject) -> str:
    default = " (default)" if item["default"] else ""
    return f"- {item['name']}{default}" + (
        f": {item['description']}" if item["description"] else ""
    )


def _host_text(item: JsonObject) -> str:
    known = (item["namespace"], item["hostname"], item["address"], _REACHABLE[item["reachable"]])
    return f"- {item['name']} ({', '.join(said for said in known if said)})"


_TEXTS: Mapping[str, Callable[[JsonObject], str]] = {
    "clusters": _cluster_text,
    "hosts": _host_text,
    "operations": lambda item: f"- {tool_text(item)}",
}


def _cluster(cluster: Cluster) -> JsonObject:
    return {
        "name": clean_line(cluster.name, _MOST_CHARS),
        "description": clean_line(cluster.desc, _MOST_CHARS),
        "default": cluster.default,
    }


def _host(host: Host) -> JsonObject:
    return {
        "name": clean_line(host.name, _MOST_CHARS),
        "namespace": host.namespace,
        "hostname": clean_line(host.hostname, _MOST_CHARS),
        "address": clean_line(host.address, _MOST_CHARS),
        "reachable": host.reachable,
    }
