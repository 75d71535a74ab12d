"""Where a call would take effect, as far as policy and plan must know: clusters, hosts, namespaces.

Pure. A pipeline has more than one host when its tasks name hosts of their own. Where the arguments
are not known yet, there are *alternatives*: each is one set of places that a call could have. What
the names are compared as says `place_names`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.lists import split_items
from opsmcp_pipelines.kinds.names import (
    CLUSTER,
    HOST,
    names_cluster,
    names_machine,
    names_namespace,
)
from opsmcp_pipelines.models import result_names
from opsmcp_tools.arguments.choices import NODE_SELECTORS
from opsmcp_tools.arguments.place_names import OPEN, Place, names_in
from opsmcp_tools.model.tool import Input, Tool

__all__ = [
    "ANY_MACHINE",
    "Places",
    "could_be_any",
    "is_about",
    "named_by",
    "possible_places",
    "touched_places",
]

Places = tuple[frozenset[str], ...]
"""The alternatives; without any, nothing is known."""

_ANYWHERE = frozenset({OPEN})

ANY_MACHINE = frozenset(NODE_SELECTORS) - {"anymaster", "allmasters"}
"""The node selectors that can mean any machine. Those of masters mean masters."""

_ALL = "all"

_NAMING: Mapping[Place, Callable[[str], bool]] = MappingProxyType(
    {
        Place.CLUSTER: names_cluster,
        Place.HOST: names_machine,
        Place.NAMESPACE: names_namespace,
    }
)
_KINDS: Mapping[Place, frozenset[Kind]] = MappingProxyType(
    {
        Place.CLUSTER: frozenset({Kind.CLUSTER}),
        Place.HOST: frozenset({Kind.HOST, Kind.LOCATION}),
        Place.NAMESPACE: frozenset(),
    }
)


def could_be_any(place: Place, name: str) -> bool:
    """Whether `name` leaves open which one is meant."""
    if name in (OPEN, _ALL):
        return True
    return place is Place.HOST and (name in ANY_MACHINE or "=" in name)


def touched_places(tool: Tool, arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Where a call takes effect, as narrow as it is known: hosts, a namespace, a cluster."""
    for place in (Place.HOST, Place.NAMESPACE, Place.CLUSTER):
        found = possible_places(tool, place, arguments)
        names = sorted({name for names in found or () for name in names})
        if names:
            return tuple(f"{place}:{name}" for name in names)
    return ()


def possible_places(tool: Tool, place: Place, arguments: Mapping[str, str] | None) -> Places | None:
    """The alternatives of one kind of place; None when the tool has nothing of the kind.

    Args:
        tool: The tool.
        place: Which kind.
        arguments: What the caller gave; None when that is not known yet.
    """
    fixed = _names(place, _written(tool, place))
    inputs = [item for item in tool.inputs if is_about(place, item)]
    if not fixed and not inputs:
        return None
    if arguments is None and inputs:
        return _alternatives(tool, place, fixed, inputs)
    received = arguments or {}
    named = (named_by(tool, place, item, received.get(item.name)) for item in inputs)
    return (fixed.union(*named) or _ANYWHERE,)


def _alternatives(tool: Tool, place: Place, fixed: frozenset[str], inputs: list[Input]) -> Places:
    only = inputs[0]
    # In another cluster a host could have any name.
    if len(inputs) > 1 or not only.allowed or only.elsewhere:
        return ()
    # What means several is no more than those together.
    single = (value for value in only.allowed if value not in only.groups)
    values = (*single, *(() if only.required else (None,)))
    found = (fixed | named_by(tool, place, only, value) for value in values)
    return tuple(dict.fromkeys(names or _ANYWHERE for names in found))


def _written(tool: Tool, place: Place) -> Iterator[str]:
    """What is settled, whatever the arguments are: filled in, or written by the authors."""
    about = _NAMING[place]
    yield from (item.value for item in tool.bound if about(item.name))
    for task in tool.tasks:
        yield from (item.value for item in task.variables if item.value and about(item.name))
    # What a step prints is known when it has run.
    yield from (OPEN for name in result_names(tool.operation) if about(name))
    if place is Place.HOST:
        decided = any(item.name == HOST for item in (*tool.inputs, *tool.bound))
        yield from (task.host for task in tool.tasks if task.host or not decided)


def _names(place: Place, texts: Iterable[str]) -> frozenset[str]:
    return frozenset(name for text in texts for name in names_in(place, text))


def named_by(tool: Tool, place: Place, item: Input, received: str | None) -> frozenset[str]:
    """What an argument about a place names; where it is left out, what is meant then."""
    value = received or item.default or item.left_out
    if value and item.kind is Kind.LOCATION:
        return _hosts_of_locations(split_items(item.variable_kind, value))
    if value:
        return _names(place, item.meant_by(value) if item.groups else (value,))
    return _ANYWHERE if _decides(tool, place, item) else frozenset()


def _hosts_of_locations(locations: Iterable[str]) -> frozenset[str]:
    """The machines of `user@host:/path`; a path alone is where the script runs."""
    remote = (one.partition(":")[0] for one in locations if not one.startswith("/"))
    return _names(Place.HOST, remote)


def _decides(tool: Tool, place: Place, item: Input) -> bool:
    """Whether leaving the argument out still means some place, and not that there is none."""
    if place is Place.HOST:
        # What a task says of itself beats the variable, which its script may use all the same.
        return item.name == HOST and not all(task.host for task in tool.tasks)
    return place is Place.NAMESPACE or item.kind is Kind.CLUSTER or item.name == CLUSTER


def is_about(place: Place, item: Input) -> bool:
    """Whether an argument says where, in that sense."""
    return _NAMING[place](item.name) or item.kind in _KINDS[place]
