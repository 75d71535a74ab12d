"""Targets: the machines that a task would run on, as far as the inventory can tell. Pure.

Follows the order of Ops: the task's own host, else the variable `host`; a host by its name or host
name, a label selector in the task, else a node or a node selector.
"""

from dataclasses import dataclass

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.models import Host, Task
from opsmcp_tools.phrases import consent as words
from opsmcp_tools.phrases.phrase import Said, say

__all__ = ["Target", "find_target"]

_ONE_OF_MANY = frozenset({"anymaster", "anyworker", "anynode"})
_MANY = frozenset({"all", "allmasters", "allworkers"})
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Target:
    """Where one task runs. `count` is None when the number of machines cannot be known here."""

    named: str
    count: int | None
    hosts: tuple[str, ...] = ()

    @property
    def chosen(self) -> bool:
        """Whether the source chooses the machine, which may be another one each time."""
        return self.count == 1 and (not self.named or self.named in _ONE_OF_MANY)

    def said(self) -> str | Said:
        """In words: `web-1`, `3 hosts (k=v: a, b, c)`, `every node that 'all' means`."""
        if self.count is None:
            return words.EVERY_NODE(self.named)
        if self.named in _ONE_OF_MANY:
            return words.ONE_NODE(self.named)
        if not self.named:
            return words.ONE_MACHINE()
        if self.hosts == (self.named,) or not self.hosts:
            return self.named if self.count == 1 else words.HOSTS(self.count, self.named)
        shown = f"{self.named}: {', '.join(self.hosts[:_MOST_NAMED])}"
        more = len(self.hosts) - _MOST_NAMED
        these = words.AND_MORE(shown, more) if more > 0 else shown
        return (words.ONE_HOST if self.count == 1 else words.HOSTS)(self.count, these)

    def __str__(self) -> str:
        """The same in English."""
        return say(self.said(), "en")


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
