"""Which operations may run on other hosts, and on which: their variable `host` says so. Pure.

A task says by the label `opsmcp/hosts` that it may run elsewhere than where its `host` says: on
`one` host of the inventory, or on `many` at once, by their names, a label of theirs or `all`.
Without an inventory nothing is different. A task whose `host` names another host runs there, if the
inventory has it; a pipeline may have tasks on different hosts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.embedded.loader import LOCAL_HOST, Loaded, runs_here, withhold
from opsmcp_pipelines.models import OperationKey, Pipeline, Task, Variable

if TYPE_CHECKING:
    from opsmcp_pipelines.ssh.host_fields import SshHost

__all__ = ["group_hosts", "may_be_many", "offer_hosts"]

_HOSTS_LABEL = "opsmcp/hosts"
"""The label of a task that may run on `one` host of the inventory, or on `many`."""

_ALL_HOSTS = "all"
"""Every host of the inventory."""

_NO_INVENTORY = "there is only localhost: --hosts names others"
_MOST_GROUPS = 200
_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def group_hosts(hosts: "Mapping[str, SshHost]") -> Mapping[str, tuple[str, ...]]:
    """The names that stand for several hosts: `all`, and `KEY=VALUE` of labels and groups."""
    if not hosts:
        return _NONE
    groups: dict[str, list[str]] = {}
    for host in hosts.values():
        for name in dict.fromkeys(_groups_of(host)):
            groups.setdefault(name, []).append(host.name)
    named = {name: tuple(groups[name]) for name in sorted(groups)[:_MOST_GROUPS]}
    return MappingProxyType({_ALL_HOSTS: tuple(hosts), **named})


def _groups_of(host: "SshHost") -> Iterator[str]:
    yield from (f"{key}={value}" for key, value in host.labels.items())
    yield from (f"group={name}" for name in host.groups)


def offer_hosts(loaded: Loaded, hosts: "Mapping[str, SshHost]") -> Loaded:
    """The operations that can run on these hosts; on any of them, where their authors allow it."""
    lacking = {task.key: why for task in loaded.tasks if (why := _lacks(task, hosts))}
    loaded = withhold(loaded, lacking)
    if not hosts:
        return loaded
    tasks = {task.key: _offer(task, hosts) for task in loaded.tasks}
    pipelines = (_offer_in(pipeline, tasks) for pipeline in loaded.pipelines)
    return replace(loaded, pipelines=tuple(pipelines), tasks=tuple(tasks.values()))


def _lacks(task: Task, hosts: "Mapping[str, SshHost]") -> str:
    """Why there is no host for a task that names one; empty if there is."""
    if task.host in hosts or runs_here(task.host):
        return ""
    said = f"it runs on the host {task.host[:80]!r}, and "
    if "=" in task.host:
        return f"{said}a task can name one host here; opsmcp/hosts lets a caller name a label"
    return said + ("the inventory has no such host" if hosts else _NO_INVENTORY)


def _offer(task: Task, hosts: "Mapping[str, SshHost]") -> Task:
    if _HOSTS_LABEL not in task.labels or task.host in hosts:
        return task
    host = _choice(many=may_be_many(task))
    return replace(task, host="", variables=_with_host(task.variables, host))


def _offer_in(pipeline: Pipeline, tasks: Mapping[OperationKey, Task]) -> Pipeline:
    """A pipeline whose tasks have a host to choose has one, too."""
    parts = map(tasks.get, pipeline.task_keys)
    open_ones = [task for task in parts if task and not task.host]
    if not any(_HOSTS_LABEL in task.labels for task in open_ones):
        return pipeline
    # What one task gives to those after it is one value, and each host would have its own.
    gives = any(ref.results for ref in pipeline.tasks[:-1])
    host = _choice(many=not gives and all(map(may_be_many, open_ones)))
    return replace(pipeline, variables=_with_host(pipeline.variables, host))


def may_be_many(task: Task) -> bool:
    """Whether its author lets it run on several hosts at once."""
    return task.labels.get(_HOSTS_LABEL) == "many"


def _choice(*, many: bool) -> Variable:
    # Not the names themselves: a host that is added must change no definition.
    return Variable("host", default=LOCAL_HOST, desc="host", groups=many)


def _with_host(variables: Sequence[Variable], host: Variable) -> tuple[Variable, ...]:
    return (*(one for one in variables if one.name != host.name), host)
