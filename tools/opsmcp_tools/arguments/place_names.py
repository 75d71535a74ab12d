"""What the names of clusters, hosts and namespaces are compared as, in calls and in rules alike.

Pure. `ssh` and `http://${server}` reach one machine by many spellings: `DB-1`, `root@db-1`,
`db-1:22`, `db-1.`, `10.0.0.07`. One value may hold several names. What is plainly no name (a glob,
a range, a reference) leaves open what is meant. An alias is another name, which nobody knows here.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from opsmcp_tools.arguments.url_addresses import literal_address, meanings_of

__all__ = ["OPEN", "Place", "names_in", "pattern_forms"]

OPEN = ""
"""The name of a place that is left open."""


class Place(StrEnum):
    """What a rule can say about where."""

    CLUSTER = "cluster"
    HOST = "host"
    NAMESPACE = "namespace"


_SEPARATORS = re.compile(r"[\s,;]+")
_CLUSTER = re.compile(r"[a-z0-9._:/@%+=~-]+")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SELECTOR = re.compile(r"[a-z0-9._/-]+!?=[a-z0-9._=-]*")
_IPV6 = r"[0-9a-f]*(?::[0-9a-f.]*){2,}"


def _with_surroundings(user: str, name: str) -> re.Pattern[str]:
    """A machine with what may stand around its name: scheme, user, port, final dot, path."""
    named = rf"(?:\[(?P<bracketed>{_IPV6})\]|(?P<plain>{_IPV6}|{name}))"
    return re.compile(rf"(?:[a-z][a-z0-9+.-]*://+)?(?:{user}@)?{named}\.*(?::[0-9]+)?(?:/[^@]*)?")


_MACHINE = _with_surroundings(r"[a-z0-9._%+:-]+", r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_-])?")
_MACHINE_PATTERN = _with_surroundings(r"[^@/]+", r"[^@/:=]*[^@/:=.]")


@lru_cache(maxsize=8192)
def names_in(place: Place, text: str) -> frozenset[str]:
    """The places that a value names, as rules know them.

    A machine that is called by an unusual spelling of its address has two names: a limit may be
    about either, and permission has to be for both.
    """
    parts = [part for part in _SEPARATORS.split(text.casefold()) if part]
    return frozenset(name for part in parts for name in _forms(place, part)) or frozenset({OPEN})


@lru_cache(maxsize=1024)
def pattern_forms(place: Place, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns of a rule in the form in which names are compared."""
    parts = [p for one in patterns for p in _SEPARATORS.split(one.casefold()) if p or not one]
    return tuple(_machine_pattern(part) for part in parts) if place is Place.HOST else tuple(parts)


def _forms(place: Place, part: str) -> Iterator[str]:
    if place is Place.HOST:
        return _machine_forms(part)
    plain = _NAMESPACE if place is Place.NAMESPACE else _CLUSTER
    return iter([part if plain.fullmatch(part) else OPEN])


def _machine_forms(part: str) -> Iterator[str]:
    if _SELECTOR.fullmatch(part):
        yield part
        return
    found = _MACHINE.fullmatch(part)
    name = (found["bracketed"] or found["plain"]) if found else OPEN
    yield name
    try:
        address = literal_address(name) if name else None
    except ValueError:
        return
    if address is not None:
        yield from map(str, meanings_of(address))


def _machine_pattern(part: str) -> str:
    found = _MACHINE_PATTERN.fullmatch(part)
    return (found["bracketed"] or found["plain"]) if found else part
