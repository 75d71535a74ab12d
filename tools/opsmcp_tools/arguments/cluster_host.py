"""Location: whether a call runs in another cluster, and what its `host` means there.

On an Ops server a call that names a cluster is run there, and `host` is then a host or a node *of
that cluster*, which the inventory does not hold. The clusters of the embedded engine, one of which
is the default, are only what its programs talk to: its hosts are the same for all of them. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import CLUSTER
from opsmcp_pipelines.models import Cluster
from opsmcp_tools.model.tool import Bound, Input, Tool

__all__ = ["inputs_at", "runs_elsewhere", "with_locations"]


def runs_elsewhere(variables: Mapping[str, str], clusters: Iterable[Cluster]) -> bool:
    """Whether a run with these variables is sent to another cluster."""
    return bool(variables.get(CLUSTER)) and not any(cluster.default for cluster in clusters)


def with_locations(
    inputs: Sequence[Input], bound: Sequence[Bound], words: str
) -> tuple[Input, ...]:
    """The inputs of one tool, with `words` on the host if a call of it may name another cluster."""
    named = any(item.kind is Kind.CLUSTER for item in inputs)
    named |= any(item.name == CLUSTER and item.value for item in bound)
    return tuple(
        item if item.elsewhere is None else _with_words(item, words) if named else _local(item)
        for item in inputs
    )


def _with_words(item: Input, words: str) -> Input:
    """The hosts are named in words: as an `enum` they would forbid the nodes of other clusters."""
    names = ", ".join(item.schema.get("enum", ()))
    parts = [text for text in (names, words, item.schema.get("description")) if text]
    schema = {key: value for key, value in item.schema.items() if key != "enum"}
    return replace(item, schema={**schema, "description": "; ".join(parts)})


def _local(item: Input) -> Input:
    return replace(item, elsewhere=None)


def inputs_at(tool: Tool, arguments: Mapping[str, object]) -> tuple[Input, ...]:
    """The inputs as they are meant where a call with these arguments would run."""
    return tuple(
        replace(item.elsewhere, schema=item.schema, rules=item.rules)
        if item.elsewhere is not None and _cluster(tool, arguments)
        else item
        for item in tool.inputs
    )


def _cluster(tool: Tool, arguments: Mapping[str, object]) -> object:
    """The cluster that a call names, or that is filled in for it; falsy when there is none."""
    fixed = next((item.value for item in tool.bound if item.name == CLUSTER), "")
    default = next((item.default for item in tool.inputs if item.kind is Kind.CLUSTER), "")
    return fixed or arguments.get(CLUSTER) or default
