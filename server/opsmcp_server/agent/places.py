"""Whether a call of the model stays where the signal says that something is wrong. Pure.

What a signal and outputs say may mislead a model, and so may what it makes up: another machine than
the one that is in trouble is no place for it, however good its reasons sound.
"""

import re
from collections.abc import Iterable, Mapping

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Host
from opsmcp_tools.arguments.place_names import Place, names_in
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.tool import Input, Tool
from opsmcp_tools.policy.places import could_be_any, is_about, named_by

__all__ = ["foreign_argument"]

_LABELS: Mapping[Place, tuple[str, ...]] = {
    Place.CLUSTER: ("cluster",),
    Place.HOST: ("host", "node", "instance"),
    Place.NAMESPACE: ("namespace",),
}
_SEVERAL = re.compile(r"[\s,;]")
_ADDRESSES = frozenset({Kind.CIDR, Kind.IP, Kind.URL})
"""What names a machine, be it one of the inventory or not."""


def foreign_argument(
    tool: Tool, arguments: Mapping[str, str], signal: Signal, hosts: Iterable[Host]
) -> str:
    """The name of an argument that means a place which the signal does not name; else empty.

    Args:
        tool: What is called.
        arguments: What the model gave.
        signal: The signal.
        hosts: Those of the inventory: a host is also meant by its address or host name.
    """
    for place in Place:
        named = _named(place, signal, hosts)
        for item in tool.inputs:
            received = arguments.get(item.name)
            meant = _meant(tool, place, item, received)
            if meant is not None and not _is_within(place, meant, named, received):
                return item.name
    return ""


def _meant(tool: Tool, place: Place, item: Input, received: str | None) -> frozenset[str] | None:
    """What an argument means of that sort of place; None when it is about something else."""
    if is_about(place, item):
        return named_by(tool, place, item, received)
    if place is Place.HOST and received and item.kind in _ADDRESSES:
        return names_in(Place.HOST, received)
    return None


def _is_within(
    place: Place, meant: frozenset[str], named: frozenset[str], received: str | None
) -> bool:
    if received:
        return bool(meant) and meant <= named
    # What is left out means what its author wrote, unless that could be anything.
    is_open = any(could_be_any(place, name) for name in meant)
    return not is_open or (place is not Place.HOST and not named)


def _named(place: Place, signal: Signal, hosts: Iterable[Host]) -> frozenset[str]:
    places = signal.places
    texts = [places[label] for label in _LABELS[place] if label in places]
    # A label that names several names none: whoever wrote it would widen what may be reached.
    single = (text for text in texts if not _SEVERAL.search(text))
    names = frozenset(name for text in single for name in names_in(place, text))
    if place is Place.HOST:
        names |= _called_otherwise(names, hosts)
    return frozenset(name for name in names if not could_be_any(place, name))


def _called_otherwise(names: frozenset[str], hosts: Iterable[Host]) -> frozenset[str]:
    """The hosts that have one of these as address or host name, each if it is the only one."""
    found: dict[str, set[str]] = {}
    for host in hosts:
        for text in {host.address, host.hostname.strip()} - {""}:
            for name in names_in(Place.HOST, text) & names:
                found.setdefault(name, set()).add(host.name.casefold())
    return frozenset(one for several in found.values() if len(several) == 1 for one in several)
