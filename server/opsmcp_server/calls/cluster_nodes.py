"""Which nodes a cluster has: for completion, and to refuse a node or host that is not there.

Not part of the catalogue: nodes come and go by the minute and a cluster that cannot be reached
would hold every refresh up. They are asked for when a call or a completion needs them, kept for a
short time, and where they cannot be had nothing is refused. A host of another cluster has to be
one of its nodes: the hosts there that are none cannot be seen from here (docs/tools.md).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import CLUSTER, words_of
from opsmcp_pipelines.source import NodeSource, Source
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.arguments.choices import NODE_SELECTORS
from opsmcp_tools.arguments.nearest_names import did_you_mean, first_of, same_name
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments
from opsmcp_tools.model.tool import Input, Tool
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import quote

__all__ = ["Nodes", "names_node"]

logger = logging.getLogger(__name__)

_KEEP_SECONDS = 30.0
_ASK_SECONDS = 3.0


@dataclass
class Nodes:
    """The nodes of a source's clusters, as last asked."""

    source: Source
    _known: dict[str, tuple[float, tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[float, tuple[str, ...]]]
    )

    async def of(self, cluster: str) -> tuple[str, ...]:
        """The names of the nodes of a cluster; none where they cannot be had soon."""
        now = anyio.current_time()
        asked_at, names = self._known.get(cluster, (now - _KEEP_SECONDS - 1, ()))
        if now - asked_at <= _KEEP_SECONDS:
            return names
        names = await self._ask(cluster)
        self._known[cluster] = (now, names)
        return names

    async def _ask(self, cluster: str) -> tuple[str, ...]:
        if not isinstance(self.source, NodeSource):
            return ()
        try:
            with anyio.fail_after(_ASK_SECONDS):
                return await self.source.read_nodes(cluster)
        except (SourceError, TimeoutError) as error:
            logger.info("the nodes of %s are not known: %s", cluster, error or "no answer in time")
            return ()

    async def check(self, tool: Tool, call: CheckedCall) -> None:
        """Refuse a call that names a node, or a host elsewhere, which its cluster does not have.

        Raises:
            InvalidArguments: With the nearest names.
        """
        cluster = call.variables.get(CLUSTER)
        named = {item.name for item in tool.inputs if _is_node(item, call.variables)}
        named &= call.arguments.keys()
        names = await self.of(cluster) if cluster and named else ()
        wrong = [name for name in sorted(named) if call.arguments[name] not in names]
        if names and wrong:
            said = [(name, _said(call.arguments[name], cluster or "", names)) for name in wrong]
            problems = [ArgumentProblem(name, what.to(tool.language)) for name, what in said]
            corrected = _corrected(call.arguments, wrong, names)
            raise InvalidArguments(tool.name, problems, corrected, tool.language)


def names_node(argument: str) -> bool:
    """Whether an argument of that name is a node of a cluster."""
    words = words_of(argument)
    return bool(words) and "".join(words).endswith(("node", "nodename"))


def _is_node(item: Input, variables: Mapping[str, str]) -> bool:
    if item.kind is Kind.HOST:
        return item.elsewhere is not None and variables.get(item.name) not in NODE_SELECTORS
    return item.kind is Kind.KUBERNETES_NAME and names_node(item.name)


def _said(named: str, cluster: str, nodes: tuple[str, ...]) -> Said:
    near = did_you_mean(named, nodes)
    return words.GIVEN(quote(named), words.NO_SUCH_NODE(cluster, near, *first_of(nodes)))


def _corrected(
    arguments: Mapping[str, str], wrong: list[str], nodes: tuple[str, ...]
) -> dict[str, str] | None:
    meant = {name: same_name(arguments[name], nodes) for name in wrong}
    return {**arguments, **meant} if all(meant.values()) else None
