"""Fields of `responders`, `schedules`, `events.quiet`: each read whole, or refused with a reason.

Knows what texts, durations and expressions are, not what a responder does.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.expression import BadExpression, Condition, Text
from opsmcp_tools.safe_text.characters import quote

__all__ = ["NAME", "Fields", "fields_of"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,3})/([0-9]{1,6}[smhd])")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True)
class Fields:
    """The fields of one mapping of the settings.

    `where` is what refusals call it, `place` where its item has the lines of its parts.
    """

    item: RawSetting
    where: str
    place: str
    given: Mapping[str, object]

    @property
    def origin(self) -> str:
        """Where it stands."""
        return self.item.at(self.place)

    def refuse(self, key: str, why: str) -> ConfigError:
        """The refusal of one of its fields, or of all of it."""
        where = f"{self.where}.{key}" if key else self.where
        place = f"{self.place}.{key}" if key else self.place
        return ConfigError(f"{where} {why} ({self.item.at(place)})")

    def known(self, keys: Collection[str]) -> "Fields":
        """The same, if it has no other fields."""
        for key in self.given:
            if key not in keys:
                hint = suggest(key, keys) or f" (there are: {', '.join(keys)})"
                raise self.refuse("", f"has no key {quote(key)}{hint}")
        return self

    def has(self, key: str) -> bool:
        """Whether it was given."""
        return self.given.get(key) is not None

    def inner(self, key: str) -> "Fields":
        """The mapping in one of its fields."""
        raw = self.given.get(key)
        if not isinstance(raw, dict):
            raise self.refuse(key, f"must be a mapping, not {quote(raw)}")
        held = cast("dict[object, object]", raw)
        found = {str(name): value for name, value in held.items()}
        return replace(self, where=f"{self.where}.{key}", place=f"{self.place}.{key}", given=found)

    def text(self, key: str, otherwise: str = "") -> str:
        """A text of one line."""
        raw = self.given.get(key, otherwise)
        if not isinstance(raw, str) or len(raw) > 300 or "\n" in raw:
            raise self.refuse(key, f"must be a text of one line, not {quote(raw)}")
        return raw

    def name(self, key: str) -> str:
        """A name of our own."""
        found = self.text(key)
        if not NAME.fullmatch(found):
            said = "is missing" if not self.has(key) else f"must be a name, not {quote(found)}"
            raise self.refuse(key, f"{said}: at most 63 lower-case letters, digits and '-'")
        return found

    def names(self, key: str, known: Collection[str], what: str) -> tuple[str, ...]:
        """A list of names that are all known."""
        raw = self.given.get(key)
        if raw is None:
            return ()
        found: list[object] = cast("list[object]", raw) if isinstance(raw, list) else [raw]
        for one in found:
            if not isinstance(one, str) or one not in known:
                hint = suggest(one, known) if isinstance(one, str) else ""
                raise self.refuse(key, f"names {quote(one)}, and there is no such {what}{hint}")
        return tuple(cast("list[str]", found))

    def word(self, key: str, allowed: Collection[str], otherwise: str) -> str:
        """One of a few words."""
        raw = self.given.get(key, otherwise)
        if raw not in allowed:
            raise self.refuse(key, f"must be one of {', '.join(allowed)}, not {quote(raw)}")
        return str(raw)

    def whole(self, key: str, otherwise: int, least: int, most: int) -> int:
        """A whole number."""
        raw = self.given.get(key, otherwise)
        if type(raw) is not int or not least <= raw <= most:
            said = f"must be a whole number from {least} to {most}, not {quote(raw)}"
            raise self.refuse(key, said)
        return raw

    def seconds(self, key: str, otherwise: float, least: int = 0, most: int = 30) -> float:
        """A duration of `least` seconds to `most` days."""
        if not self.has(key):
            return otherwise
        return self._seconds(key, self.given[key], least, most)

    def _seconds(self, key: str, raw: object, least: int, most: int) -> float:
        found = _DURATION.fullmatch(raw) if isinstance(raw, str) else None
        seconds = int(found[1]) * _UNITS[found[2]] if found else -1
        if not least <= seconds <= most * _UNITS["d"]:
            said = f"must be a duration from {least}s to {most}d, such as 30s or 2h, not"
            raise self.refuse(key, f"{said} {quote(raw)}")
        return float(seconds)

    def rate(self, key: str, count: int, seconds: float) -> tuple[int, float]:
        """How often in which time, such as `3/24h`."""
        if not self.has(key):
            return count, seconds
        raw = self.given[key]
        found = _RATE.fullmatch(raw) if isinstance(raw, str) else None
        if found is None:
            said = "must be how often in which time, such as 3/24h, not"
            raise self.refuse(key, f"{said} {quote(raw)}")
        return int(found[1]), self._seconds(key, found[2], 60, 7)

    def condition(self, key: str, variables: Mapping[str, Any]) -> Condition | None:
        """A condition, or None when there is none."""
        if not self.has(key):
            return None
        try:
            return Condition(self._expression(key), variables)
        except BadExpression as error:
            raise self.refuse(key, f"cannot be used: {error}") from error

    def expression(self, key: str, variables: Mapping[str, Any]) -> Text | None:
        """An expression that makes a text, or None when there is none."""
        if not self.has(key):
            return None
        try:
            return Text(self._expression(key), variables)
        except BadExpression as error:
            raise self.refuse(key, f"cannot be used: {error}") from error

    def source(self, key: str) -> str:
        """An expression as it is written, which is looked at later."""
        if not self.has(key):
            raise self.refuse(key, "is missing: the condition that the results are to meet")
        return self._expression(key)

    def _expression(self, key: str) -> str:
        raw = self.given[key]
        if not isinstance(raw, str) or not raw.strip():
            raise self.refuse(key, f"must be an expression (text), not {quote(raw)}")
        return raw

    def arguments(self, key: str, variables: Mapping[str, Any]) -> dict[str, Text]:
        """Arguments of an operation, each an expression."""
        if not self.has(key):
            return {}
        inside = self.inner(key)
        found: dict[str, Text] = {}
        for name in inside.given:
            if not _ARGUMENT.fullmatch(name):
                raise inside.refuse("", f"has {quote(name)}, which is no name of an argument")
            text = inside.expression(name, variables)
            if text is None:
                raise inside.refuse(name, "is empty; leave it out, or give an expression")
            found[name] = text
        return found


def fields_of(item: RawSetting, label: str) -> Iterator[Fields]:
    """The mappings of a list in the settings; `label` is what its items are called by."""
    items: object = item.value
    if not isinstance(items, list):
        said = f"must be a list, each entry beginning with `- {label}: ...`"
        raise ConfigError(f"{item.key} {said} ({item.origin})")
    for number, raw in enumerate(cast("list[object]", items)):
        place = f"[{number}]"
        if not isinstance(raw, dict):
            said = f"{item.key}{place} must be a mapping with a {label}"
            raise ConfigError(f"{said} ({item.at(place)})")
        given = {str(key): value for key, value in cast("dict[object, object]", raw).items()}
        name = given.get(label)
        known = isinstance(name, str) and NAME.fullmatch(name)
        where = f"{item.key}.{name}" if known else f"{item.key}{place}"
        yield Fields(item, where, place, given)
