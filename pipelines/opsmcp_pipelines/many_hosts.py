"""Many hosts: which of them a value of `host` means, and how a run goes on from one to the next.

A value is a name of the inventory, a name that stands for several hosts, or a list of both. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["MOST_HOSTS", "Brakes", "named_hosts"]

MOST_HOSTS = 500
"""Of one run. More are refused before anything is started."""

_SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Brakes:
    """How a run that changes something goes on from host to host, and how many are side by side.

    Attributes:
        at_once: How many hosts are worked on at a time.
        canary: How many go first; the others begin when all of those are good. 0: none goes first.
        stop_after: After so many hosts that are not good nothing more is begun. 0: never.
    """

    at_once: int = 16
    canary: int = 1
    stop_after: int = 1

    def released(self) -> "Brakes":
        """Those of a run that only reads: nothing holds it back but the number at a time."""
        return Brakes(self.at_once, 0, 0)


def named_hosts(
    value: str, known: Iterable[str], groups: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The hosts that a value means, each once, in the order of the inventory.

    None at all if the inventory lacks one of them.

    Args:
        value: What the variable `host` holds.
        known: The names of the inventory, in their order.
        groups: What each of the names that stand for several hosts means.
    """
    wanted: set[str] = set()
    for name in value.split(_SEPARATOR):
        wanted.update(groups.get(name, (name,)))
    found = tuple(dict.fromkeys(name for name in known if name in wanted))
    return found if len(found) == len(wanted) else ()
