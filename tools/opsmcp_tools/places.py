"""Where a call would take effect, as far as policy and plan must know: clusters, hosts, namespaces.

Pure. A pipeline has more than one host when its tasks name hosts of their own. Where the arguments
are not known yet, there are *alternatives*: each is one set of places that a call could have.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from opsmcp_tools.inventory import NODE_SELECTORS
from opsmcp_tools.kinds import names_machine, words_of
from opsmcp_tools.tool import Input, Kind, Tool

__all__ = ["ANY_MACHINE", "Place", "Places", "could_be_any", "possible_places"]


class Place(StrEnum):
    """What a rule can say about where."""

    CLUSTER = "cluster"
    HOST = "host"
    NAMESPACE = "namespace"


Places = tuple[frozenset[str], ...]
"""The alternatives; without any, nothing is known. An empty name is a place left open."""

_ANYWHERE = frozenset({""})

ANY_MACHINE = frozenset(NODE_SELECTORS) - {"anymaster", "allmasters"}
"""The node selectors that can mean any machine. Those of masters mean masters."""

_NAMES: Mapping[Place, frozenset[str]] = MappingProxyType(
    {
        Place.CLUSTER: frozenset({"cluster", "clustername"}),
        Place.NAMESPACE: frozenset({"namespace", "ns"}),
    }
)
"""The last words of variables that name a place: `target_cluster` is a cluster, too."""


def could_be_any(place: Place, name: str) -> bool:
    """Whether `name` leaves open which one is meant."""
    return not name or (place is Place.HOST and (name in ANY_MACHINE or "=" in name))


def possible_places(tool: Tool, place: Place, arguments: Mapping[str, str] | None) -> Places | None:
    """The alternatives of one kind of place; None when the tool has nothing of the kind.

    Args:
        tool: The tool.
        place: Which kind.
        arguments: What the caller gave; None when that is not known yet.
    """
    fixed = frozenset(item.value for item in tool.bound if _is_about(place, item.name))
    inputs = [item for item in tool.inputs if _decides(place, item) or _is_about(place, item.name)]
    if place is Place.HOST:
        return _hosts(tool, fixed, inputs, arguments)
    if not fixed and not inputs:
        return None
    return _combined(place, fixed, inputs, arguments)


def _hosts(
    tool: Tool, fixed: frozenset[str], inputs: list[Input], arguments: Mapping[str, str] | None
) -> Places:
    own = frozenset(task.host for task in tool.tasks if task.host)
    if own and all(task.host for task in tool.tasks):
        # What a task says of itself beats the variable.
        inputs = [item for item in inputs if not _decides(Place.HOST, item)]
    elif not fixed and not any(_decides(Place.HOST, item) for item in inputs):
        own |= {""}
    return tuple(own | names for names in _combined(Place.HOST, fixed, inputs, arguments))


def _combined(
    place: Place,
    fixed: frozenset[str],
    inputs: list[Input],
    arguments: Mapping[str, str] | None,
) -> Places:
    if arguments is not None or not inputs:
        given = arguments or {}
        named = ((item, given.get(item.name) or _left_out(item)) for item in inputs)
        names = fixed | {name for item, name in named if name or _left_open(place, item)}
        return (names or _ANYWHERE,)
    # In another cluster a host could have any name.
    if len(inputs) > 1 or not inputs[0].allowed or inputs[0].elsewhere:
        return ()
    only = inputs[0]
    names = dict.fromkeys((*only.allowed, *(() if only.required else (_left_out(only),))))
    return tuple(fixed | {name} for name in names)


def _left_out(item: Input) -> str:
    return item.default or item.left_out


def _left_open(place: Place, item: Input) -> bool:
    """Whether leaving the argument out still means some place, and not that there is none."""
    return place is Place.NAMESPACE or _decides(place, item)


def _decides(place: Place, item: Input) -> bool:
    """Whether the argument decides where it runs, and does not only say what it is about."""
    kinds = {Place.CLUSTER: Kind.CLUSTER, Place.HOST: Kind.HOST}
    return kinds.get(place) is item.kind or item.name.lower() == place


def _is_about(place: Place, variable: str) -> bool:
    if place is Place.HOST:
        return names_machine(variable)
    return not _NAMES[place].isdisjoint(words_of(variable)[-1:])
