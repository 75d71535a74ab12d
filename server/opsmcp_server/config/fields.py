"""Fields of a mapping of the settings: each read whole, or refused with its place and a reason.

Knows what texts, words, durations and secrets are, not what they are for.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeVar, cast

from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.config.bound_values import read_part, secret_source
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.safe_text.characters import quote

__all__ = ["Fields", "entries_of"]

_ENTRY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,3})/([0-9]{1,6}[smhd])")

_Choice = TypeVar("_Choice", bound=StrEnum)


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
        return ConfigError(f"{where} {why} ({self.item.at(self._place(key))})")

    def _place(self, key: str) -> str:
        return ".".join(filter(None, (self.place, key)))

    def known(self, keys: Collection[str]) -> Self:
        """The same, if it has no other fields."""
        for key in self.given:
            if key not in keys:
                hint = suggest(key, keys) or f" (there are: {', '.join(keys)})"
                raise self.refuse("", f"has no key {quote(key)}{hint}")
        return self

    def parts(self, keys: Iterable[str], of: str) -> Self:
        """The same, if it has no other parts than what it is `of` takes."""
        known = sorted(keys)
        for key in self.given:
            if key not in known:
                hint = suggest(key, known) or f"; it has {', '.join(known)}"
                raise self.refuse(key, f"is no part of {of}{hint}")
        return self

    def has(self, key: str) -> bool:
        """Whether it was given."""
        return self.given.get(key) is not None

    def inner(self, key: str, what: str = "") -> Self:
        """The mapping in one of its fields; `what` it must be is said in place of what it is."""
        raw = self.given.get(key)
        if not isinstance(raw, dict):
            raise self.refuse(key, f"must be {what or f'a mapping, not {quote(raw)}'}")
        return self.within(key)

    def within(self, key: str) -> Self:
        """The same; what is none is empty."""
        held = mapping_of(self.given.get(key))
        given = {str(name): value for name, value in held.items()}
        return replace(self, where=f"{self.where}.{key}", place=self._place(key), given=given)

    def text(self, key: str, otherwise: str = "") -> str:
        """A text of one line."""
        raw = self.given.get(key, otherwise)
        if not isinstance(raw, str) or len(raw) > 300 or "\n" in raw:
            raise self.refuse(key, f"must be a text of one line, not {quote(raw)}")
        return raw

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

    def choice(self, key: str, kinds: type[_Choice], otherwise: str | None = None) -> _Choice:
        """One of a few words that have a meaning here."""
        value = self.given.get(key, otherwise)
        try:
            return kinds(str(value))
        except ValueError:
            raise self._not(key, value, f"one of {', '.join(kinds)}") from None

    def matching(self, key: str, value: object, pattern: re.Pattern[str], what: str) -> str:
        """A text of that form."""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self._not(key, value, what)
        return value

    def _not(self, key: str, value: object, what: str) -> ConfigError:
        given = "is missing: it" if value is None else f"is {quote(value)}, and"
        return self.refuse(key, f"{given} must be {what}")

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

    def secret(
        self,
        key: str,
        value: object,
        environ: Mapping[str, str] | None,
        why: str = "a secret never stands in the file",
    ) -> str:
        """A secret from where `value` says that it is; empty without an environment."""
        source = secret_source(value)
        if not source:
            forms = "{env: NAME}, {file: PATH} or {command: [PROGRAM, ...]}"
            raise self.refuse(key, f"must be {forms}; {why}")
        return "" if environ is None else read_part(self.item, self._place(key), source, environ)


def entries_of(item: RawSetting, sort: str, most: int, what: str = "") -> dict[str, Fields]:
    """The mappings of a setting with one for each name: it is of that `sort`, and must be `what`.

    Without `what`, something that is no mapping counts as an empty one.

    Raises:
        ConfigError: There are too many, one has no good name, or one is not `what`.
    """
    held = {str(name): raw for name, raw in mapping_of(item.value).items()}
    root = Fields(item, item.key, "", held)
    if not isinstance(item.value, dict):
        raise root.refuse("", f"must be a mapping of names to {sort}s")
    if len(held) > most:
        raise ConfigError(f"{item.key}: there are more than {most} ({item.origin})")
    for name in held:
        if not _ENTRY_NAME.fullmatch(name):
            allowed = "at most 63 lower-case letters, digits, '.', '_', '-'"
            raise root.refuse(name, f"is no name for a {sort}: {allowed}")
    return {name: root.inner(name, what) if what else root.within(name) for name in held}
