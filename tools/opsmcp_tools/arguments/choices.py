"""What exists right now, as schemas need it: the names that may be used, and words about them.

Built once per generation of the catalogue, used for every tool. Pure; names that are not of
their kind are left out, because no run could be given them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.table import canonical
from opsmcp_pipelines.models import Cluster, Host
from opsmcp_tools.arguments.value_checks import NODE_SELECTORS
from opsmcp_tools.phrases import definition as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["NODE_SELECTORS", "Inventory"]

_LONGEST_DESCRIPTION = 40


@dataclass(frozen=True)
class Inventory:
    """Clusters and hosts of a source, the node selectors that settings allow, and our words.

    `host_groups` are names that stand for several hosts, with those.
    """

    clusters: tuple[Cluster, ...] = ()
    hosts: tuple[Host, ...] = ()
    selectors: tuple[str, ...] = ()
    host_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    language: Language = "en"

    @cached_property
    def cluster_names(self) -> tuple[str, ...]:
        """The usable names of clusters, sorted."""
        return _usable(Kind.CLUSTER, [cluster.name for cluster in self.clusters])

    @cached_property
    def host_names(self) -> tuple[str, ...]:
        """The usable names of hosts, sorted, reachable or not."""
        return _usable(Kind.HOST, [host.name for host in self.hosts])

    @cached_property
    def default_cluster(self) -> str | None:
        """The cluster that is used when a call names none, where the source says so."""
        return next((cluster.name for cluster in self.clusters if cluster.default), None)

    @property
    def are_sent_to(self) -> bool:
        """Whether a run that names a cluster is sent there: Ops, which has no default cluster."""
        return bool(self.clusters) and self.default_cluster is None

    @cached_property
    def only_host(self) -> str | None:
        """The one host there is, when no other place could be meant."""
        one = len(self.host_names) == 1 and not self.are_sent_to
        return self.host_names[0] if one else None

    @cached_property
    def about_clusters(self) -> str:
        """What their owners say of the clusters, and which one is the default."""
        described = sorted({(cluster.name, _short(cluster.desc)) for cluster in self.clusters})
        known = "; ".join(f"{name}: {desc}" for name, desc in described if desc)
        named = self.default_cluster
        said = words.DEFAULT_CLUSTER(named) if named else words.ELSE_LOCAL()
        default = said.to(self.language)
        return f"{known}; {default}" if known else default

    @cached_property
    def about_hosts(self) -> str:
        """Which hosts cannot be reached, or were never heard of; empty when all can."""
        down = _usable(Kind.HOST, [host.name for host in self.hosts if host.reachable is False])
        unheard = [host for host in self.hosts if host.silent and host.reachable is None]
        silent = _usable(Kind.HOST, [host.name for host in unheard])
        described = ((words.DOWN, down), (words.SILENT, silent))
        said = (state(", ".join(names[:8])) for state, names in described if names)
        return "; ".join(state.to(self.language) for state in said)


def _usable(kind: Kind, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if canonical(kind, name) == name}))


def _short(desc: str) -> str:
    return clean_line(desc, _LONGEST_DESCRIPTION)
