"""What keeps a responder from changing something now: pauses, quiet times, limits, loops. Pure.

Asked when an incident is decided on, and again within the transaction that begins a run.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.machine import DAY, Event, HandOver, Held
from opsmcp_tools.incidents.responder import Bounds, Quiet, Responder
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.phrases.phrase import Said

__all__ = [
    "EVERYBODY",
    "KEEP",
    "LEAST_RECURS_SECONDS",
    "Obstacles",
    "Pause",
    "Repair",
    "may_have_caused",
    "obstacle_to_start",
    "open_breakers",
    "what_holds",
]

EVERYBODY = "*"
"""In place of a responder's name: all of them."""

KEEP = timedelta(days=7)
"""How far limits and breakers look back at most."""

LEAST_RECURS_SECONDS = 3600.0
"""How long after its end a run of a responder that the settings have no more may cause others."""

_PAUSE_LOOK = 600.0
"""Who resumes lets what is held be looked at at once; this is for what nobody resumed."""

_QUIET_LOOK = 60.0
_HOUR = timedelta(hours=1)
_LONGEST_CHAIN = 3


@dataclass(frozen=True, slots=True)
class Repair:
    """A run that an incident began, or is about to.

    `chain` are the incidents whose runs may have led to it, itself last. It touches its `places`
    until it has ended. `helped` is None while that is not known.
    """

    incident: str
    attempt: int
    responder: str
    key: str
    places: tuple[str, ...]
    chain: tuple[str, ...]
    began_at: datetime
    ended_at: datetime | None = None
    helped: bool | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A responder (or `*`) that somebody stopped, or resumed when `paused` is not set."""

    responder: str
    by: str
    at: datetime
    paused: bool = True


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What there is to be looked at: the runs of the last days, pauses, and the settings."""

    repairs: Sequence[Repair]
    pauses: Mapping[str, Pause]
    quiet: Sequence[Quiet] = ()
    bounds: Bounds = Bounds()


def what_holds(
    incident: Incident, responder: Responder, there: Obstacles, now: datetime
) -> Event | None:
    """What keeps this incident from being decided now, or None."""
    return next(_holding(incident, responder, there, now), None)


def _holding(
    incident: Incident, responder: Responder, there: Obstacles, now: datetime
) -> Iterator[Event]:
    for name in (EVERYBODY, responder.name):
        pause = there.pauses.get(name)
        if pause is not None and pause.paused:
            yield Held(words.BY_PAUSE(name, pause.by), _PAUSE_LOOK)
    for quiet in there.quiet:
        if quiet.covers(incident.signal, now):
            yield Held(words.BY_QUIET(quiet.name), _QUIET_LOOK)
    yield from _loops(incident, responder, there.repairs)
    yield from _runs_of_all(there, now)
    own = [one for one in there.repairs if _is_same(one, responder, incident)]
    yield from _breaker(responder, own, there.pauses, now)
    yield from _cooldown(incident, responder, own, now)
    yield from _per_key(responder, own, now)


def _runs_of_all(there: Obstacles, now: datetime) -> Iterator[Event]:
    begun = sorted(one.began_at for one in there.repairs if one.began_at > now - _HOUR)
    most = there.bounds.runs_per_hour
    if len(begun) >= most:
        yield Held(words.BY_RUNS(most), (begun[-most] + _HOUR - now).total_seconds())


def _is_same(repair: Repair, responder: Responder, incident: Incident) -> bool:
    return repair.responder == responder.name and repair.key == incident.key


def _loops(incident: Incident, responder: Responder, repairs: Iterable[Repair]) -> Iterator[Event]:
    if len(incident.chain) > _LONGEST_CHAIN:
        yield HandOver(words.CHAIN_TOO_LONG(len(incident.chain)), escalated=True)
    by = {one.incident: one.responder for one in repairs}
    before = next((one for one in incident.chain if by.get(one) == responder.name), None)
    if before is not None and before != incident.id:
        yield Held(words.BY_LOOP(incident.chain[-1], before), DAY)


def _breaker(
    responder: Responder, repairs: Iterable[Repair], pauses: Mapping[str, Pause], now: datetime
) -> Iterator[Event]:
    breaker = responder.breaker
    resets = [one.at for name in (EVERYBODY, responder.name) if (one := pauses.get(name))]
    since = max([now - KEEP, *resets])
    bad = sorted(_end_of(one) for one in repairs if one.helped is False and _end_of(one) >= since)
    if len(bad) < breaker.after:
        return
    last, first = bad[-1], bad[-breaker.after]
    until = last + timedelta(seconds=breaker.for_seconds)
    if last - first <= timedelta(seconds=breaker.within_seconds) and now < until:
        shown = words.BY_BREAKER(breaker.after, responder.name)
        yield Held(shown, (until - now).total_seconds())


def open_breakers(responders: Iterable[Responder], there: Obstacles, now: datetime) -> int:
    """How many breakers are open: each is of one responder and one key."""
    known = {one.name: one for one in responders}
    of_one: dict[tuple[str, str], list[Repair]] = {}
    for repair in there.repairs:
        if repair.responder in known:
            of_one.setdefault((repair.responder, repair.key), []).append(repair)
    return sum(
        any(True for _ in _breaker(known[name], repairs, there.pauses, now))
        for (name, _), repairs in of_one.items()
    )


def _end_of(repair: Repair) -> datetime:
    return repair.ended_at or repair.began_at


def _cooldown(
    incident: Incident, responder: Responder, repairs: Iterable[Repair], now: datetime
) -> Iterator[Event]:
    """It counts between incidents: the next attempt of one follows by its own rule."""
    ends = [_end_of(one) for one in repairs if one.incident != incident.id]
    seconds = responder.limits.cooldown_seconds
    if ends and (left := seconds - (now - max(ends)).total_seconds()) > 0:
        yield Held(words.BY_COOLDOWN(_in_words(seconds)), left)


def _per_key(responder: Responder, repairs: Sequence[Repair], now: datetime) -> Iterator[Event]:
    limits = responder.limits
    within = timedelta(seconds=limits.per_key_seconds)
    begun = sorted(one.began_at for one in repairs if one.began_at > now - within)
    if len(begun) >= limits.per_key:
        left = begun[-limits.per_key] + within - now
        shown = words.BY_KEY_LIMIT(limits.per_key, _in_words(limits.per_key_seconds))
        yield Held(shown, left.total_seconds())


def obstacle_to_start(
    incident: Incident, responder: Responder, places: Sequence[str], there: Obstacles, now: datetime
) -> Said | None:
    """What keeps its run from being started at these places now, or None."""
    others = [one for one in there.repairs if one.incident != incident.id]
    for one in others:
        taken = _common(one.places, places) if one.ended_at is None else None
        if taken:
            return words.PLACE_TAKEN(one.incident, taken)
    hour = [one for one in others if one.began_at > now - _HOUR]
    if len(hour) >= there.bounds.runs_per_hour:
        return words.BY_RUNS(there.bounds.runs_per_hour)
    touched = {place for one in hour for place in one.places}
    if len(touched | set(places)) > there.bounds.places_per_hour and set(places) - touched:
        return words.BY_PLACES(there.bounds.places_per_hour)
    return _breaker_of_places(responder, places, there, now)


def _breaker_of_places(
    responder: Responder, places: Sequence[str], there: Obstacles, now: datetime
) -> Said | None:
    touching = (one for one in there.repairs if _common(one.places, places))
    held = next(_breaker(responder, touching, there.pauses, now), None)
    return held.why if isinstance(held, Held) else None


def _common(some: Iterable[str], others: Iterable[str]) -> str:
    """A place that both name; `host:` without a name is any."""
    for one in some:
        for other in others:
            kind, _, name = one.partition(":")
            other_kind, _, other_name = other.partition(":")
            if kind == other_kind and (name == other_name or not name or not other_name):
                return one if name else other
    return ""


def may_have_caused(
    repairs: Iterable[Repair], places: Sequence[str], recurs: Mapping[str, float], at: datetime
) -> Repair | None:
    """The last run that touched one of these places, or did shortly before; None without places."""
    found: Repair | None = None
    for one in repairs:
        seconds = recurs.get(one.responder, LEAST_RECURS_SECONDS)
        recent = one.ended_at is None or at <= one.ended_at + timedelta(seconds=seconds)
        if recent and one.began_at <= at and _common(one.places, places):
            found = one if found is None or one.began_at >= found.began_at else found
    return found


def _in_words(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
