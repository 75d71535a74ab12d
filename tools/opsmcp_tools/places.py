"""Where a call would take effect, as far as policy and plan must know: clusters, hosts, namespaces.

Pure. A pipeline has more than one host when its tasks name hosts of their own. Where the arguments
are not known yet, there are *alternatives*: each is one set of places that a call could have.
"""

from collections.abc import Mapping
from enum import StrEnum

from opsmcp_tools.inventory import NODE_SELECTORS
from opsmcp_tools.kinds import CLUSTER, HOST, words_of
from opsmcp_tools.tool import Input, Kind, Tool

__all__ = ["ANY_MACHINE", "Place", "Places", "could_be_any", "possible_places"]

Places = tuple[frozenset[str], ...]
"""The alternatives; without any, nothing is known. An empty name is a place left open."""

ANY_MACHINE = frozenset(NODE_SELECTORS) - {"anymaster", "allmasters"}
"""The node selectors that can mean any machine. Those of masters mean masters."""

_NAMESPACES = frozenset({"namespace", "ns"})


class Place(StrEnum):
    """What a rule can say about where."""

    CLUSTER = "cluster"
    HOST = "host"
    NAMESPACE = "namespace"


def could_be_any(place: Place, name: str) -> bool:
    """Whether `name` leaves open which one is meant. No cluster means the source's own."""
    if place is Place.CLUSTER:
        return False
    return not name or (place is Place.HOST and (name in ANY_MACHINE or "=" in name))


def possible_places(tool: Tool, place: Place, arguments: Mapping[str, str] | None) -> Places | None:
    """The alternatives of one kind of place; None when the tool has nothing of the kind.

    Args:
        tool: The tool.
        place: Which kind.
        arguments: What the caller gave; None when that is not known yet.
    """
    fixed = frozenset(item.value for item in tool.bound if _is_about(place, item.name))
    inputs = [item for item in tool.inputs if _stands_for(place, item)]
    if place is Place.HOST:
        return _hosts(tool, fixed, inputs, arguments)
    if not fixed and not inputs:
        return None
    return _combined(fixed, inputs, arguments)


def _hosts(
    tool: Tool, fixed: frozenset[str], inputs: list[Input], arguments: Mapping[str, str] | None
) -> Places:
    own = frozenset(task.host for task in tool.tasks if task.host)
    if own and all(task.host for task in tool.tasks):
        return (own,)
    if not fixed and not inputs:
        return (own | {""},)
    return tuple(own | names for names in _combined(fixed, inputs, arguments))


def _combined(
    fixed: frozenset[str], inputs: list[Input], arguments: Mapping[str, str] | None
) -> Places:
    if arguments is not None or not inputs:
        given = arguments or {}
        return (fixed | {given.get(item.name) or item.default or "" for item in inputs},)
    # In another cluster a host could have any name.
    if len(inputs) > 1 or not inputs[0].allowed or inputs[0].elsewhere:
        return ()
    only = inputs[0]
    left_out = () if only.required else (only.default or "",)
    return tuple(fixed | {name} for name in dict.fromkeys((*only.allowed, *left_out)))


def _stands_for(place: Place, item: Input) -> bool:
    kinds = {Place.CLUSTER: Kind.CLUSTER, Place.HOST: Kind.HOST}
    return kinds.get(place) is item.kind or _is_about(place, item.name)


def _is_about(place: Place, variable: str) -> bool:
    if place is Place.NAMESPACE:
        return words_of(variable)[-1:] in {(word,) for word in _NAMESPACES}
    return variable.lower() == (CLUSTER if place is Place.CLUSTER else HOST)
