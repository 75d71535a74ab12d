"""Targets: the machines that a task would run on, as far as the inventory can tell. Pure.

Where that is decides `opsmcp_pipelines.verdict.placement`, for the plan as for the verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import SUDO_LABEL, Task
from opsmcp_pipelines.verdict.placement import ANY_NODE, MANY_NODES, Placement, find_placement
from opsmcp_tools.phrases import consent as words
from opsmcp_tools.phrases.phrase import Language, Said, say

__all__ = ["Target", "brakes_in_words", "find_target"]

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Target:
    """Where one task runs. `count` is None when the number of machines cannot be known here.

    `cautions` say what is to be known of the hosts as they are now, `as_root` that its author has
    it run as root there.
    """

    named: str
    count: int | None
    hosts: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    as_root: bool = False

    @property
    def chosen(self) -> bool:
        """Whether the source chooses the machine, which may be another one each time."""
        return self.count == 1 and (not self.named or self.named in ANY_NODE)

    def said(self) -> str | Said:
        """In words: `web-1`, `3 hosts (k=v: a, b, c)`, `every node that 'all' means`."""
        if self.count is None:
            return words.EVERY_NODE(self.named)
        if self.named in ANY_NODE:
            return words.ONE_NODE(self.named)
        if not self.named:
            return words.ONE_MACHINE()
        if self.hosts == (self.named,) or not self.hosts:
            return self.named if self.count == 1 else words.HOSTS(self.count, self.named)
        shown = ", ".join(self.hosts[:_MOST_NAMED])
        if set(self.named.split(",")) != set(self.hosts):
            shown = f"{self.named}: {shown}"
        more = len(self.hosts) - _MOST_NAMED
        these = words.AND_MORE(shown, more) if more > 0 else shown
        return (words.ONE_HOST if self.count == 1 else words.HOSTS)(self.count, these)

    def in_words(self, language: Language) -> str:
        """The same in one language, and whether it is as root."""
        where = say(self.said(), language)
        return say(words.AS_ROOT(where), language) if self.as_root else where

    def __str__(self) -> str:
        """The same in English."""
        return self.in_words("en")


def brakes_in_words(brakes: Brakes, hosts: int) -> Iterator[Said]:
    """How a run goes on over so many hosts."""
    if brakes.at_once < hosts:
        yield words.ONE_AFTER_ANOTHER(brakes.at_once)
    if 0 < brakes.canary < hosts:
        yield words.GOES_FIRST(brakes.canary)
    yield words.STOPS_AFTER(brakes.stop_after) if brakes.stop_after else words.NEVER_STOPS()


def find_target(task: Task, host: str, contents: Contents, *, elsewhere: bool) -> Target:
    """Where `task` runs.

    Args:
        task: The task.
        host: The value of the variable `host`; empty when there is none.
        contents: What exists at the source.
        elsewhere: Whether it runs in another cluster, whose hosts are not in `contents`.
    """
    as_root = task.labels.get(SUDO_LABEL) == "true"
    named = () if task.host else contents.hosts_of(host)
    if named not in ((), (host,)):
        return Target(host, len(named), named, as_root=as_root)
    found = find_placement(task, host, contents.hosts, elsewhere=elsewhere)
    if not found.exact:
        several = found.named in MANY_NODES or "=" in found.named
        return Target(found.named, None if several else 1)
    known = tuple(sorted(item.name for item in found.hosts))
    count = len(known) if "=" in task.host else 1
    by_ssh = any(item.origin for item in found.hosts)
    cautions = tuple(_cautions(found))
    return Target(found.named, count, known, cautions, as_root=as_root and by_ssh)


def _cautions(found: Placement) -> Iterator[str]:
    """What can go wrong with these hosts without a word from Ops."""
    for names in found.shared:
        yield (
            f"{', '.join(names[:_MOST_NAMED])} have one address: Ops takes them for one host, works"
            " on it once for each, and reports all of it under one name."
        )
    silent = found.doubtful
    if silent and len(found.names) > 1:
        yield (
            f"{', '.join(silent[:_MOST_NAMED])} had no good heartbeat: Ops leaves out such a host,"
            " and the run fails then."
        )
