"""Where Ops runs a task, as far as its inventory tells. Pure.

Follows controllers/taskrun_controller.go: the task's own host, else the variable `host`; a label
selector in the task, a Host by its name or host name, else a node, or a word for nodes. A task with
a container image or mounts always runs in a pod.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import MappingProxyType

from opsmcp_pipelines.models import Host, Task

__all__ = ["ANY_NODE", "MANY_NODES", "Placement", "Runner", "find_placement"]

ANY_NODE = frozenset({"anymaster", "anyworker", "anynode"})
"""Words for one node, which Ops chooses."""

MANY_NODES = frozenset({"all", "allmasters", "allworkers"})
"""Words for several nodes, which only Ops counts."""

_LOCAL = ("", "127.0.0.1")
"""Addresses that mean the controller itself. Nothing is shared there under one name."""


_MOST_ALIASES = 50
"""Further names under which a host is reported make the run unknown."""

_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Runner(StrEnum):
    """What runs the steps: a host, a pod, or the one or the other, which only Ops knows."""

    HOST = "host"
    POD = "pod"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one task runs.

    `names` are the hosts or nodes that it is certain to mean, a name twice if two Hosts have it.
    When it is `exact`, it means no others, but each may be reported under a name of `shown_as`, the
    first few of which are kept. `hosts` are the Hosts of the inventory among them.
    """

    named: str
    names: tuple[str, ...] = ()
    exact: bool = False
    runner: Runner = Runner.EITHER
    hosts: tuple[Host, ...] = ()
    shown_as: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)

    @property
    def shared(self) -> tuple[tuple[str, ...], ...]:
        """The names of those Hosts among them that are one for Ops, each group sorted."""
        groups = _by_connection(self.hosts).values()
        return tuple(tuple(sorted(names)) for names in groups if len(names) > 1)

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The names of the Hosts among them without a good heartbeat, sorted."""
        return tuple(sorted(host.name for host in self.hosts if host.silent))


def _by_connection(hosts: Iterable[Host]) -> Mapping[tuple[str, int], list[str]]:
    """The names of the Hosts by what Ops connects to.

    It keeps one connection for each address and port, with the name of the Host that used it first.
    """
    groups: dict[tuple[str, int], list[str]] = {}
    for host in hosts:
        if host.address not in _LOCAL:
            groups.setdefault((host.address, host.port), []).append(host.name)
    return groups


def _aliases(found: Sequence[Host], hosts: Sequence[Host]) -> Mapping[str, tuple[str, ...]]:
    """Under which other names each of these Hosts may be reported, where there are any."""
    groups = _by_connection(hosts)
    alike = {host.name: groups.get((host.address, host.port), ()) for host in found}
    return {name: _few(others, name) for name, others in alike.items() if len(others) > 1}


def _few(names: Iterable[str], but: str) -> tuple[str, ...]:
    return tuple(islice((name for name in names if name != but), _MOST_ALIASES))


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
        known = tuple(item for item in hosts if item.name == named)
        return Placement(named, (named,), exact=True, runner=Runner.POD, hosts=known)
    if elsewhere:
        return Placement(named, (named,), exact=True)
    if _is_selector(task):
        return _selected(named, hosts)
    return _single(named, hosts)


def _is_selector(task: Task) -> bool:
    """Whether it names hosts by label. Only the task itself can."""
    return "=" in task.host


def _selected(selector: str, hosts: Sequence[Host]) -> Placement:
    wanted = _labels(selector)
    found = tuple(host for host in hosts if wanted.items() <= dict(host.labels).items())
    names = tuple(sorted(host.name for host in found))
    return Placement(selector, names, True, Runner.HOST, found, _aliases(found, hosts))


def _labels(selector: str) -> Mapping[str, str]:
    parts = (part.strip().partition("=") for part in selector.split(","))
    return {name.strip(): value.strip("= ") for name, _, value in parts}


def _single(named: str, hosts: Sequence[Host]) -> Placement:
    by_name = [host for host in hosts if host.name == named]
    found = by_name or [host for host in hosts if host.hostname == named]
    if not found:
        # A node, or the host name of a Host of which nothing was heard yet.
        silent = _few((host.name for host in hosts if not host.hostname), named)
        return Placement(named, (named,), exact=True, shown_as={named: silent})
    name = found[0].name
    alike = _aliases(found[:1], hosts).get(name, ())
    others = _few(dict.fromkeys([*alike, *(host.name for host in found)]), name)
    return Placement(named, (name,), True, Runner.HOST, (found[0],), {name: others})
