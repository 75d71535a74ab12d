"""Fields of `responders`, `schedules`, `events.quiet`, some of which are expressions.

Knows what expressions are, not what a responder does.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.fields import Fields
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.incidents.expression import BadExpression, Condition, Text
from opsmcp_tools.safe_text.characters import quote

__all__ = ["ExpressionFields", "fields_of", "read_each"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class ExpressionFields(Fields):
    """The fields of one mapping, of which some are conditions or make texts."""

    def name(self, key: str) -> str:
        """A name of our own."""
        found = self.text(key)
        if not _NAME.fullmatch(found):
            said = "is missing" if not self.has(key) else f"must be a name, not {quote(found)}"
            raise self.refuse(key, f"{said}: at most 63 lower-case letters, digits and '-'")
        return found

    def condition(self, key: str, variables: Mapping[str, Any]) -> Condition | None:
        """A condition, or None when there is none."""
        return self._made(Condition, key, variables)

    def expression(self, key: str, variables: Mapping[str, Any]) -> Text | None:
        """An expression that makes a text, or None when there is none."""
        return self._made(Text, key, variables)

    def _made(
        self,
        make: Callable[[str, Mapping[str, Any]], _Read],
        key: str,
        variables: Mapping[str, Any],
    ) -> _Read | None:
        if not self.has(key):
            return None
        try:
            return make(self._expression(key), variables)
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


def read_each(
    item: RawSetting, read: Callable[[ExpressionFields], _Read], most: int
) -> tuple[_Read, ...]:
    """What the mappings of a list say, in their order. No two have one name.

    Raises:
        ConfigError: One of them cannot be used, or there are too many.
    """
    entries = list(fields_of(item, "name"))
    found = tuple(map(read, entries))
    counted = Counter(one.given["name"] for one in entries if one.has("name"))
    twice = next((name for name, count in counted.items() if count > 1), "")
    if twice or len(found) > most:
        said = f"has two called {twice}" if twice else f"has more than {most}"
        raise ConfigError(f"{item.key} {said} ({item.origin})")
    return found


def fields_of(item: RawSetting, label: str) -> Iterator[ExpressionFields]:
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
        known = isinstance(name, str) and _NAME.fullmatch(name)
        where = f"{item.key}.{name}" if known else f"{item.key}{place}"
        yield ExpressionFields(item, where, place, given)
