"""Rules of policy: conditions on who, what, where and when, and what comes of a call that fits.

Pure; the time comes in as an argument. `policy` asks the rules in order. A condition that is not
given is met by everything; of several patterns, one must fit.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import Enum, StrEnum, auto
from fnmatch import translate
from functools import cached_property, lru_cache

from opsmcp_pipelines.models import OperationKey
from opsmcp_tools.arguments.place_names import Place, pattern_forms
from opsmcp_tools.model.tool import FREE_SCRIPT, Principal, Tool
from opsmcp_tools.policy.places import Places, could_be_any, possible_places

__all__ = [
    "RESPONDER",
    "SCHEDULE",
    "AccessRequest",
    "Approvers",
    "BuiltInTool",
    "Effect",
    "Match",
    "Rule",
    "Window",
]

RESPONDER = "responder:"
"""What the names of principals begin with that act on signals."""

SCHEDULE = "schedule:"
"""What the names of principals begin with that run inspections."""


class Effect(StrEnum):
    """What comes of it: at once, after the person's consent, after another's approval, never."""

    ALLOW = "allow"
    CONFIRM = "confirm"
    APPROVE = "approve"
    DENY = "deny"


class Match(Enum):
    """Whether a rule fits; `MAYBE` when that depends on arguments or a time not known yet.

    `PARTLY`: it limits some of the places that a call touches, or could, and says nothing of the
    others.
    """

    NO = auto()
    MAYBE = auto()
    PARTLY = auto()
    YES = auto()


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who decides on a call that needs approval: so many different members of these groups.

    After `seconds` without their decision the call is void. What a rule of the settings leaves
    empty (no group, 0) is filled in from the settings `requests.*`.
    """

    groups: tuple[str, ...] = ()
    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BuiltInTool:
    """A tool of opsmcp's own, as far as policy knows it."""

    name: str
    read_only: bool = True


@dataclass(frozen=True)
class AccessRequest:
    """Who wants to call what, with what, and when.

    `arguments` is None when they are not known yet, and `at` when the time is not.
    """

    principal: Principal
    groups: frozenset[str]
    subject: Tool | BuiltInTool
    arguments: dict[str, str] | None = None
    at: datetime | None = None

    @cached_property
    def key(self) -> OperationKey | None:
        """The operation; None for a built-in tool. Kept, because every rule asks for it."""
        return None if isinstance(self.subject, BuiltInTool) else self.subject.operation.key


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week: days counted from Monday as 0, and hours that may pass midnight.

    Hours that pass midnight belong to the day on which they begin.
    """

    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    end: time = time(0)
    zone: tzinfo = UTC

    def covers(self, at: datetime) -> bool:
        """Whether `at`, which has a time zone, lies in it; its end does not."""
        local = at.astimezone(self.zone)
        now, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = (local - timedelta(days=1)).weekday()
        return (today in self.days and now >= self.start) or (
            yesterday in self.days and now < self.end
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `name` is for people; the fields without a value are no conditions."""

    name: str
    effect: Effect
    reason: str = ""
    principal: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    read_only: bool | None = None
    destructive: bool | None = None
    free_script: bool | None = None
    cluster: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    target_namespace: tuple[str, ...] = ()
    window: Window | None = None
    approvers: Approvers = Approvers()

    def __str__(self) -> str:
        """For `opsmcp config`."""
        return f"{self.effect} ({self.name})"

    @property
    def about_people(self) -> bool:
        """Whether it depends on who calls."""
        return bool(self.principal or self.group)

    @property
    def is_for_automatic(self) -> bool:
        """Whether it is for responders and schedules: what is for people counts not for them."""
        named = (one.startswith((RESPONDER, SCHEDULE)) for one in self.principal)
        return bool(self.principal) and all(named)

    def check(self, request: AccessRequest) -> tuple[Match, str]:
        """Whether it fits, and which condition decided that."""
        least = _MET
        for check in _CHECKS:
            found = check(self, request)
            # Lists ask for thousands of tools: mostly it is met, or not at all.
            if found is not _MET:
                if found[0] is Match.NO:
                    return found
                least = _lesser(least, found)
        return least if least is not _MET else (Match.YES, "every condition is met")


_Checked = tuple[Match, str]
_MET: _Checked = (Match.YES, "")
_FROM_NO_TO_YES = (Match.NO, Match.PARTLY, Match.MAYBE, Match.YES)


def _lesser(one: _Checked, other: _Checked) -> _Checked:
    """Of two conditions that are both to be met, the one that is met less."""
    return min(one, other, key=lambda found: _FROM_NO_TO_YES.index(found[0]))


def _not(why: str) -> _Checked:
    return Match.NO, why


_Matcher = Callable[[str], "re.Match[str] | None"]


@lru_cache(maxsize=1024)
def _matcher(patterns: tuple[str, ...]) -> _Matcher:
    """What `fnmatchcase` says of several patterns at once."""
    return re.compile("|".join(map(translate, patterns))).match


def _fits(patterns: tuple[str, ...], names: Iterable[str]) -> bool:
    return any(map(_matcher(patterns), names))


def _check_people(rule: Rule, request: AccessRequest) -> _Checked:
    if rule.principal and not _fits(rule.principal, [request.principal.name]):
        return _not(f"it is not about the principal {request.principal.name!r}")
    if rule.group and not _fits(rule.group, request.groups):
        return _not(f"{request.principal.name!r} is in none of its groups")
    return _MET


def _check_operation(rule: Rule, request: AccessRequest) -> _Checked:
    subject = request.subject
    if isinstance(subject, BuiltInTool):
        # Only by its full name: `*` means operations, or a strict policy would hide `get_run`.
        named = subject.name in rule.operation and not _is_about_operations(rule)
        return _MET if named else _not(f"it does not name {subject.name}")
    key = request.key or subject.operation.key
    names = (subject.name, key.name, f"{key.namespace}/{key.name}")
    if rule.operation and not _fits(rule.operation, names):
        return _not(f"it is not about {subject.name}")
    if rule.namespace and not _fits(rule.namespace, [key.namespace]):
        return _not(f"the operation is in the namespace {key.namespace!r}")
    if rule.kind and key.kind not in rule.kind:
        return _not(f"it is a {key.kind}")
    labels = subject.operation.labels.items()
    if rule.label and not _fits(rule.label, [n for k, v in labels for n in (k, f"{k}={v}")]):
        return _not("the operation has none of its labels")
    return _MET


def _is_about_operations(rule: Rule) -> bool:
    flags = (rule.read_only, rule.destructive, rule.free_script)
    return any(flag is not None for flag in flags) or any(
        (rule.label, rule.namespace, rule.kind, rule.cluster, rule.host, rule.target_namespace)
    )


def _check_hints(rule: Rule, request: AccessRequest) -> _Checked:
    if isinstance(request.subject, BuiltInTool):
        return _MET
    hints = request.subject.hints
    if rule.read_only not in (None, hints.read_only):
        return _not("it only reads" if hints.read_only else "it does not only read")
    if rule.destructive not in (None, hints.destructive):
        return _not("it is destructive" if hints.destructive else "it is not destructive")
    return _check_script(rule, free=bool(request.subject.notes.get(FREE_SCRIPT)))


def _check_script(rule: Rule, *, free: bool) -> _Checked:
    if rule.free_script not in (None, free):
        return _not("its script is a variable" if free else "its script is no variable")
    if free and rule.free_script is None and rule.effect is not Effect.DENY:
        return _not("its script is a variable, and only `free_script: true` lets that pass")
    return _MET


def _check_places(rule: Rule, request: AccessRequest) -> _Checked:
    subject = request.subject
    if isinstance(subject, BuiltInTool):
        return _MET
    least = _MET
    for place, patterns in _place_conditions(rule):
        found = possible_places(subject, place, request.arguments)
        least = _lesser(least, _check_place(rule.effect, place, patterns, found))
    return least


def _place_conditions(rule: Rule) -> Iterator[tuple[Place, tuple[str, ...]]]:
    conditions = (
        (Place.CLUSTER, rule.cluster),
        (Place.HOST, rule.host),
        (Place.NAMESPACE, rule.target_namespace),
    )
    return (item for item in conditions if item[1])


def _check_place(
    effect: Effect, place: Place, patterns: tuple[str, ...], found: Places | None
) -> _Checked:
    if found is None:
        return _not(f"it takes no {place}")
    fits = _matcher(pattern_forms(place, patterns))
    covered = {_covers(effect, place, fits, names) for names in found}
    if covered == {Match.YES}:
        return _MET
    if not found or Match.YES in covered:
        return Match.MAYBE, f"it depends on the {place}"
    shown = ", ".join(sorted(name or "(any)" for name in found[0]))
    if Match.PARTLY in covered:
        return Match.PARTLY, f"it is not about every {place} that could be meant: {shown}"
    return _not(f"the {place} is {shown}" if len(found) == 1 else f"no {place} fits")


def _covers(effect: Effect, place: Place, fits: _Matcher, names: frozenset[str]) -> Match:
    """Permission must name every place that is touched; a limit needs one that could be meant."""
    if all(map(fits, names)):
        return Match.YES
    if effect is Effect.ALLOW or not any(could_be_any(place, n) or fits(n) for n in names):
        return Match.NO
    # A question about some places is no permission for the others.
    return Match.YES if effect is Effect.DENY else Match.PARTLY


def _check_time(rule: Rule, request: AccessRequest) -> _Checked:
    if rule.window is None:
        return _MET
    if request.at is None or request.arguments is None:
        # A list would change by itself if it asked the clock.
        return Match.MAYBE, "it depends on the time"
    return _MET if rule.window.covers(request.at) else _not("it is another time")


_CHECKS: tuple[Callable[[Rule, AccessRequest], _Checked], ...] = (
    _check_people,
    _check_operation,
    _check_hints,
    _check_places,
    _check_time,
)
