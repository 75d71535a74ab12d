"""`policy.rules` and `policy.groups` of the settings file: plain data to rules, or a refusal.

A rule that is misread could allow what it was written to forbid. So nothing unknown is passed over:
each refusal names the rule, the key in it, and the file.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import time, tzinfo
from fnmatch import fnmatchcase
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsmcp_pipelines.models import OperationKind
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.policy import Requests
from opsmcp_server.config.schema import (
    APPROVER_COUNT,
    MOST_APPROVERS,
    REQUEST_DURATION,
    RawSetting,
    read_duration,
)
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.policy.places import Place
from opsmcp_tools.policy.rules import Approvers, Effect, Rule, Window
from opsmcp_tools.safe_text.characters import has_hidden, quote

__all__ = ["check_groups", "complete_approvers", "read_groups", "read_rules", "read_window"]

_MOST_RULES = 500
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_PATTERNS = ("principal", "group", "operation", "label", "namespace")
_FLAGS = ("read_only", "destructive", "free_script")
_PLACES: Mapping[str, str] = {
    Place.CLUSTER: "cluster",
    Place.HOST: "host",
    Place.NAMESPACE: "target_namespace",
}
_KEYS = ("name", "effect", "reason", *_PATTERNS, "kind", *_FLAGS, "arguments", "time", "approve")


def read_rules(item: RawSetting) -> tuple[Rule, ...]:
    """The rules, in order.

    Raises:
        ConfigError: One of them cannot be used.
    """
    value = item.value
    if not isinstance(value, list):
        raise ConfigError(f"{item.key} must be a list of rules ({item.origin})")
    raw = cast("list[object]", value)
    if len(raw) > _MOST_RULES:
        raise ConfigError(f"{item.key}: there are more than {_MOST_RULES} rules ({item.origin})")
    rules = tuple(_Reader(f"{item.key}[{n}]", item.origin).rule(one) for n, one in enumerate(raw))
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{item.key}: two rules are called {quote(twice)} ({item.origin})")
    return rules


def read_groups(item: RawSetting) -> dict[str, tuple[str, ...]]:
    """Group to the name patterns of its members; none for one that only principals bring.

    Raises:
        ConfigError: It is something else.
    """
    reader = _Reader(item.key, item.origin)
    return {
        name: () if members == [] else reader.texts(name, members)
        for name, members in reader.mapping(item.value)
    }


def read_window(where: str, origin: str, raw: object) -> Window:
    """A time of the week, as `time` of a rule says it.

    Raises:
        ConfigError: It is none.
    """
    return _Reader(where, origin).window(raw)


def check_groups(item: RawSetting, rules: Sequence[Rule], groups: Collection[str]) -> None:
    """Return if each group that a rule names exists: a limit on none would hold for nobody.

    Raises:
        ConfigError: There is none that it could mean.
    """
    for number, rule in enumerate(rules):
        for pattern in rule.group:
            if not any(fnmatchcase(group, pattern) for group in groups):
                raise ConfigError(
                    f"{item.key}[{number}].group: there is no group {quote(pattern)} in "
                    f"policy.groups{suggest(pattern, groups)} ({item.origin})"
                )


def complete_approvers(
    rules: Sequence[Rule], groups: Collection[str], otherwise: Requests, origin: str
) -> tuple[Rule, ...]:
    """The rules, each that says `approve` with all that it leaves to the settings `requests.*`.

    Raises:
        ConfigError: Nobody could ever approve what one of them wants approved.
    """
    return tuple(
        replace(rule, approvers=_completed(number, rule.approvers, groups, otherwise, origin))
        if rule.effect is Effect.APPROVE
        else rule
        for number, rule in enumerate(rules)
    )


def _completed(
    number: int, said: Approvers, groups: Collection[str], otherwise: Requests, origin: str
) -> Approvers:
    names = said.groups or otherwise.approvers
    where = f"policy.rules[{number}].approve.from"
    if not names:
        raise ConfigError(
            f"{where} is missing, and requests.approvers is not set: the rule says approve, and "
            f"nobody could; name groups of policy.groups ({origin})"
        )
    wrong = next((name for name in names if name not in groups), None)
    if wrong is not None:
        raise ConfigError(
            f"{where if said.groups else 'requests.approvers'}: there is no group {quote(wrong)} "
            f"in policy.groups{suggest(wrong, groups)} ({origin})"
        )
    count = said.count or otherwise.count
    return Approvers(names, count, said.seconds or otherwise.expires_seconds)


class _Reader:
    """Reads one rule; `where` is what refusals call it."""

    def __init__(self, where: str, origin: str) -> None:
        self._where = where
        self._origin = origin

    def rule(self, raw: object) -> Rule:
        """The rule."""
        found = dict(self.mapping(raw))
        self._check_keys(found, _KEYS)
        if "effect" not in found:
            raise self._refuse("effect", f"is missing; {_one_of(Effect)}")
        conditions: dict[str, Any] = {
            **{key: self.texts(key, found[key]) for key in _PATTERNS if key in found},
            **{key: self._flag(key, found[key]) for key in _FLAGS if key in found},
            **self._places(found),
        }
        return Rule(
            name=self._text("name", found.get("name", self._where)),
            effect=Effect(self._word("effect", found["effect"], tuple(Effect))),
            reason=self._text("reason", found.get("reason", "")),
            kind=self._words("kind", found.get("kind", ()), tuple(OperationKind)),
            window=self.window(found["time"]) if "time" in found else None,
            approvers=self._approvers(found),
            **conditions,
        )

    def mapping(self, raw: object, inside: str = "") -> list[tuple[str, Any]]:
        """The items of a mapping of names."""
        if not isinstance(raw, dict):
            raise self._refuse(inside, "must be a mapping of names")
        found = cast("dict[object, object]", raw)
        wrong = next((key for key in found if not isinstance(key, str)), None)
        if wrong is not None:
            raise self._refuse(inside, f"has the key {quote(str(wrong))}, which is no name")
        return cast("list[tuple[str, Any]]", list(found.items()))

    def texts(self, key: str, raw: object) -> tuple[str, ...]:
        """One text, or a list of them, as patterns."""
        texts = cast("list[object]", raw if isinstance(raw, list) else [raw])
        if not texts or not all(isinstance(text, str) and len(text) <= 253 for text in texts):
            raise self._refuse(key, f"must be a pattern or a list of patterns, not {_shown(texts)}")
        return tuple(cast("list[str]", texts))

    def _places(self, found: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
        items = dict(self.mapping(found["arguments"], "arguments")) if "arguments" in found else {}
        self._check_keys(items, tuple(_PLACES), "arguments.")
        return {_PLACES[key]: self.texts(f"arguments.{key}", items[key]) for key in items}

    def _approvers(self, found: Mapping[str, object]) -> Approvers:
        if "approve" not in found:
            return Approvers()
        if found["effect"] != Effect.APPROVE:
            raise self._refuse("approve", "is only for rules whose effect is approve")
        items = dict(self.mapping(found["approve"], "approve"))
        self._check_keys(items, ("from", "count", "expires"), "approve.")
        groups = self.texts("approve.from", items["from"]) if "from" in items else ()
        count, expires = items.get("count", 0), items.get("expires")
        if "count" in items and not (type(count) is int and 1 <= count <= MOST_APPROVERS):
            raise self._refuse("approve.count", f"must be {APPROVER_COUNT}, not {_shown(count)}")
        try:
            seconds = read_duration(expires) if expires is not None else 0.0
        except ValueError:
            why = f"must be {REQUEST_DURATION}, not {_shown(expires)}"
            raise self._refuse("approve.expires", why) from None
        return Approvers(groups, count, seconds)

    def window(self, raw: object) -> Window:
        """A time of the week."""
        items = dict(self.mapping(raw, "time"))
        self._check_keys(items, ("days", "hours", "zone"), "time.")
        if "zone" not in items:
            raise self._refuse("time.zone", "is missing; for example UTC or Europe/Berlin")
        start, end = self._hours(items.get("hours", "00:00-24:00"))
        days = self._days(items["days"]) if "days" in items else frozenset(range(7))
        return Window(days, start, end, self._zone(items["zone"]))

    def _hours(self, raw: object) -> tuple[time, time]:
        found = _HOURS.fullmatch(raw) if isinstance(raw, str) else None
        if found is None:
            raise self._refuse("time.hours", f"must be like 22:00-06:00, not {_shown(raw)}")
        hours, minutes = (int(found[1]), int(found[3])), (int(found[2]), int(found[4]))
        if any(hour == 24 and minute for hour, minute in zip(hours, minutes, strict=True)):
            raise self._refuse("time.hours", f"must be like 22:00-06:00, not {_shown(raw)}")
        return time(hours[0] % 24, minutes[0]), time(hours[1] % 24, minutes[1])

    def _days(self, raw: object) -> frozenset[int]:
        days: set[int] = set()
        for text in self.texts("time.days", raw):
            first, _, last = text.partition("-")
            begin, end = (self._word("time.days", one, _DAYS) for one in (first, last or first))
            start = _DAYS.index(begin)
            days |= {(start + n) % 7 for n in range((_DAYS.index(end) - start) % 7 + 1)}
        return frozenset(days)

    def _zone(self, raw: object) -> tzinfo:
        try:
            return ZoneInfo(self._text("time.zone", raw))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            why = f"must be a time zone such as Europe/Berlin, not {_shown(raw)}"
            raise self._refuse("time.zone", why) from None

    def _flag(self, key: str, raw: object) -> bool:
        if not isinstance(raw, bool):
            raise self._refuse(key, f"must be true or false, not {_shown(raw)}")
        return raw

    def _text(self, key: str, raw: object) -> str:
        if not isinstance(raw, str) or len(raw) > 300:
            raise self._refuse(key, "must be a text of at most 300 characters")
        if has_hidden(raw):
            raise self._refuse(key, f"holds characters that cannot be seen: {quote(raw)}")
        return raw

    def _words(self, key: str, raw: object, allowed: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            self._word(key, text, allowed) for text in (self.texts(key, raw) if raw else ())
        )

    def _word(self, key: str, raw: object, allowed: Sequence[str]) -> str:
        if raw not in allowed:
            hint = suggest(raw, allowed) if isinstance(raw, str) else ""
            raise self._refuse(key, f"must be {_one_of(allowed)}, not {_shown(raw)}{hint}")
        return str(raw)

    def _check_keys(self, found: Collection[str], allowed: Sequence[str], inside: str = "") -> None:
        wrong = next((key for key in found if key not in allowed), None)
        if wrong is not None:
            there_are = suggest(wrong, allowed) or f" (there are: {', '.join(allowed)})"
            why = f"there is no key {quote(inside + wrong)}{there_are}"
            raise ConfigError(f"{self._where}: {why} ({self._origin})")

    def _refuse(self, key: str, why: str) -> ConfigError:
        where = f"{self._where}.{key}" if key else self._where
        return ConfigError(f"{where} {why} ({self._origin})")


def _one_of(allowed: Collection[str]) -> str:
    return f"one of {', '.join(allowed)}"


def _shown(raw: object) -> str:
    return quote(str(raw))
