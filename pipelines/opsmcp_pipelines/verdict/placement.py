"""Where Ops runs a task, as far as its inventory tells. Pure.

Follows controllers/taskrun_controller.go: the task's own host, else the variable `host`; a label
selector in the task, a Host by its name or host name, else a node, or a word for nodes. A task with
a container image or mounts always runs in a pod.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from opsmcp_pipelines.models import Host, Task

__all__ = ["ANY_NODE", "MANY_NODES", "Placement", "Runner", "find_placement"]

ANY_NODE = frozenset({"anymaster", "anyworker", "anynode"})
"""Words for one node, which Ops chooses."""

MANY_NODES = frozenset({"all", "allmasters", "allworkers"})
"""Words for several nodes, which only Ops counts."""

_LOCAL = ("", "127.0.0.1")
"""Addresses that mean the controller itself. Nothing is shared there under one name."""


class Runner(StrEnum):
    """What runs the steps: a host, a pod, or the one or the other, which only Ops knows."""

    HOST = "host"
    POD = "pod"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one task runs.

    `names` are the hosts or nodes that it is certain to mean, a name twice if two Hosts have it.
    When it is `exact`, it means no others, but perhaps one of `aliases` in their place. `hosts` are
    the Hosts of the inventory among them, `others` the rest.
    """

    named: str
    names: tuple[str, ...] = ()
    exact: bool = False
    runner: Runner = Runner.EITHER
    hosts: tuple[Host, ...] = ()
    others: tuple[Host, ...] = ()
    aliases: tuple[str, ...] = ()

    def shown_as(self, name: str) -> tuple[str, ...]:
        """The other names under which Ops may report what it did on `name`.

        It keeps one connection for each address, with the name of the Host that used it first.
        """
        addresses = {host.address for host in self.hosts if host.name == name} - set(_LOCAL)
        alike = {host.name for host in (*self.hosts, *self.others) if host.address in addresses}
        return tuple(sorted(alike.union(self.aliases) - {name}))

    @property
    def shared(self) -> tuple[tuple[str, ...], ...]:
        """The names of those Hosts among them that have one address, each group sorted."""
        groups = {
            address: tuple(sorted(host.name for host in self.hosts if host.address == address))
            for address in dict.fromkeys(host.address for host in self.hosts)
            if address not in _LOCAL
        }
        return tuple(names for names in groups.values() if len(names) > 1)

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The names of the Hosts among them without a good heartbeat, sorted."""
        return tuple(sorted(host.name for host in self.hosts if not host.reachable))


def find_placement(task: Task, host: str, hosts: Sequence[Host], *, elsewhere: bool) -> Placement:
    """Where Ops runs `task`.

    Args:
        task: The task.
        host: The value of the variable `host`; empty when there is none.
        hosts: The inventory.
        elsewhere: Whether it runs in another cluster, whose hosts are not in `hosts`.
    """
    named = task.host or host
    if not named or named in ANY_NODE or "${" in named:
        return Placement(named, runner=Runner.POD if task.in_pod else Runner.EITHER)
    if named in MANY_NODES or (elsewhere and _is_selector(task)):
        return Placement(named, runner=Runner.POD if named in MANY_NODES else Runner.EITHER)
    if task.in_pod:
        return Placement(named, (named,), exact=True, runner=Runner.POD)
    if elsewhere:
        return Placement(named, (named,), exact=True)
    if _is_selector(task):
        return _selected(named, hosts)
    return _single(named, hosts)


def _is_selector(task: Task) -> bool:
    """Whether it names hosts by label. Only the task itself can."""
    return "=" in task.host


def _selected(selector: str, hosts: Sequence[Host]) -> Placement:
    found = tuple(host for host in hosts if _is_labelled(host, selector))
    others = tuple(host for host in hosts if host not in found)
    names = tuple(sorted(host.name for host in found))
    return Placement(selector, names, True, Runner.HOST, found, others)


def _is_labelled(host: Host, selector: str) -> bool:
    parts = (part.strip().partition("=") for part in selector.split(","))
    return all(host.labels.get(name.strip()) == value.strip("= ") for name, _, value in parts)


def _single(named: str, hosts: Sequence[Host]) -> Placement:
    by_name = [host for host in hosts if host.name == named]
    found = by_name or [host for host in hosts if host.hostname == named]
    if not found:
        # A node, or the host name of a Host of which nothing was heard yet.
        silent = tuple(host.name for host in hosts if not host.hostname)
        return Placement(named, (named,), exact=True, aliases=silent)
    first, *alike = found
    others = tuple(host for host in hosts if host is not first)
    aliases = tuple(host.name for host in alike)
    return Placement(named, (first.name,), True, Runner.HOST, (first,), others, aliases)
