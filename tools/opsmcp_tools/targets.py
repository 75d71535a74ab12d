"""Targets: the machines that a task would run on, as far as the inventory can tell. Pure.

Follows the order of Ops: the task's own host, else the variable `host`; a host by its name or host
name, a label selector in the task, else a node or a node selector.
"""

from dataclasses import dataclass

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.models import Host, Task

__all__ = ["Target", "find_target"]

_ONE_OF_MANY = frozenset({"anymaster", "anyworker", "anynode"})
_MANY = frozenset({"all", "allmasters", "allworkers"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where one task runs. `count` is None when the number of machines cannot be known here."""

    named: str
    count: int | None
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In words: `host web-1`, `3 hosts (k=v: a, b, c)`, `every node that all means`."""
        if self.count is None:
            return f"every node that {self.named!r} means"
        if self.named in _ONE_OF_MANY:
            return f"one node, chosen by the source ({self.named})"
        if not self.named:
            return "one machine, chosen by the source"
        if self.hosts == (self.named,) or not self.hosts:
            return self.named if self.count == 1 else f"{self.count} hosts ({self.named})"
        more = f", and {len(self.hosts) - 10} more" if len(self.hosts) > 10 else ""
        word = "host" if self.count == 1 else "hosts"
        return f"{self.count} {word} ({self.named}: {', '.join(self.hosts[:10])}{more})"


def find_target(task: Task, host: str, contents: Contents, *, elsewhere: bool) -> Target:
    """Where `task` runs.

    Args:
        task: The task.
        host: The value of the variable `host`; empty when there is none.
        contents: What exists at the source.
        elsewhere: Whether it runs in another cluster, whose hosts are not in `contents`.
    """
    named = task.host or host
    if named in _MANY:
        return Target(named, None)
    if not named or named in _ONE_OF_MANY or elsewhere:
        return Target(named, None if "=" in named else 1)
    if "=" in named and named == task.host:
        found = tuple(sorted(item.name for item in contents.hosts if _is_labelled(item, named)))
        return Target(named, len(found), found)
    known = tuple(item.name for item in contents.hosts if named in (item.name, item.hostname))
    return Target(named, 1, known[:1])


def _is_labelled(host: Host, selector: str) -> bool:
    parts = (part.strip().partition("=") for part in selector.split(","))
    return all(host.labels.get(name.strip()) == value.strip("= ") for name, _, value in parts)
