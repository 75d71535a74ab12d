"""Which of the hosts that were asked for reported, and which others did. Pure.

Ops leaves out hosts that refuse the login or have no good heartbeat, and reports two Hosts of one
address under the name of the one that it connected to first (pkg/host/connect.go).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.report import NodeReport
from opsmcp_pipelines.verdict.expected import ExpectedHost, ExpectedTask
from opsmcp_pipelines.verdict.steps import passes_of

__all__ = ["Attendance", "attendance", "some"]

_MOST_NAMED = 10
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Attendance:
    """Of `asked` hosts those that are `absent`, and the `strangers` that nobody asked for.

    `reported` are pairs: a host, and the name under which it was reported. `mixed_up` says which
    hosts each of `absent` may stand for, where what all of them do is reported under one name.
    """

    asked: int = 0
    absent: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    reported: tuple[tuple[str, str], ...] = ()
    mixed_up: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def absence(self) -> str:
        """Which hosts got nothing, in words; empty when there is none."""
        if not self.absent:
            return ""
        if self.asked == 1:
            return f"nothing was done on {self.absent[0]}"
        names = [self.mixed_up.get(name, name) for name in self.absent]
        return f"{len(names)} of {self.asked} hosts got nothing: {some(names)}"

    def presence(self) -> str:
        """Where it ran though nobody asked for that, in words; empty when it did not."""
        return f"it ran on {some(self.strangers)}, not asked for" if self.strangers else ""

    def behind(self, node: str) -> str:
        """Which hosts a node of the report may be, in words."""
        hosts = [host for host, shown in self.reported if shown == node]
        return " or ".join(hosts[:_MOST_NAMED]) or node

    def notes(self) -> Iterable[str]:
        """What is to be known of hosts that were reported under another name."""
        stand_ins = [(name, shown) for name, shown in self.reported if name != shown]
        for name, shown in stand_ins[:_MOST_NAMED]:
            yield f"what {name} did is reported under {shown}, which Ops takes for the same host"


def attendance(nodes: Sequence[NodeReport], want: ExpectedTask) -> Attendance:
    """Compare the nodes of a report with the hosts that must be there."""
    place = want.place
    left = Counter({node.node: len(passes_of(node, want)) for node in nodes})
    late = [host for host in place.hosts if not _take(left, (host.name,))]
    reported = [(host.name, host.name) for host in place.hosts if host not in late]
    absent: list[str] = []
    for host in late:
        shown = _take(left, host.shown_as)
        if shown:
            reported.append((host.name, shown))
        else:
            absent.append(host.name)
    strangers = _strangers(nodes, place.hosts) if place.exact else ()
    mixed_up = {
        host.name: " or ".join((host.name, *others))
        for host in place.hosts
        if host.name in absent and (others := [name for name in host.shown_as if name in left])
    }
    return Attendance(len(place.hosts), tuple(absent), strangers, tuple(reported), mixed_up)


def _take(left: Counter[str], names: Iterable[str]) -> str:
    """The first of these names that still has a report for one more host; takes that."""
    for name in names:
        if left[name] > 0:
            left[name] -= 1
            return name
    return ""


def _strangers(nodes: Sequence[NodeReport], hosts: Sequence[ExpectedHost]) -> tuple[str, ...]:
    known = {name for host in hosts for name in (host.name, *host.shown_as)}
    return tuple(node.node for node in nodes if node.node not in known)


def some(names: Sequence[str]) -> str:
    """The names, the first few of many."""
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
