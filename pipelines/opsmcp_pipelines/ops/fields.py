"""Fields: typed access to a JSON object from outside, with the place in messages.

Knows nothing of Ops. An absent or null field has its empty value, because Go leaves empty fields
out; a field of the wrong type is `Malformed`.
"""

import json
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

__all__ = ["Fields", "Malformed"]

_NAMES: Mapping[type, str] = MappingProxyType(
    {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
)


_HALF = re.compile("[\ud800-\udfff]")
"""JSON can write the halves of a surrogate pair alone; nothing can encode them."""


class Malformed(Exception):
    """An object that does not have the shape it should; the message says where."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object; `path` is where it stands, for messages."""

    values: Mapping[str, object]
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str = "") -> "Fields":
        """The object `value`; an empty one for null.

        Raises:
            Malformed: It is something else.
        """
        return cls(cast("Mapping[str, object]", _typed(value, dict, path or "it") or {}), path)

    def text(self, key: str) -> str:
        """The text, empty when absent."""
        return cast("str", _typed(self.values.get(key), str, self._at(key)) or "")

    def flag(self, key: str) -> bool:
        """Whether it is true."""
        return bool(_typed(self.values.get(key), bool, self._at(key)))

    def number(self, key: str) -> int:
        """The whole number, 0 when absent."""
        return cast("int", _typed(self.values.get(key), int, self._at(key)) or 0)

    def inner(self, key: str) -> "Fields":
        """The object, an empty one when absent."""
        return Fields.of(self.values.get(key), self._at(key))

    def objects(self, key: str) -> "Iterator[Fields]":
        """The objects of a list, none when it is absent."""
        for number, item in enumerate(self._list(key)):
            yield Fields.of(item, f"{self._at(key)}[{number}]")

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list, none when it is absent."""
        return tuple(
            cast("str", _typed(item, str, f"{self._at(key)}[{number}]") or "")
            for number, item in enumerate(self._list(key))
        )

    def mapping(self, key: str) -> Mapping[str, str]:
        """The texts of an object by their names."""
        texts = self.inner(key)
        return MappingProxyType({name: texts.text(name) for name in texts.values})

    def beyond(self, known: Container[str]) -> str:
        """Every field that is not among `known`, as one line of JSON; empty when there is none."""
        rest = {key: value for key, value in self.values.items() if key not in known and value}
        if not rest:
            return ""
        text = json.dumps(rest, sort_keys=True, ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace").decode()

    def has(self, key: str) -> bool:
        """Whether there is something other than nothing."""
        return bool(self.values.get(key))

    def _list(self, key: str) -> list[object]:
        return cast("list[object]", _typed(self.values.get(key), list, self._at(key)) or [])

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _typed(value: object, kind: type, path: str) -> object:
    if isinstance(value, str) and not value.isascii() and _HALF.search(value):
        raise Malformed(f"{path} holds half a character, which no text can")
    # In Python true is a number, in JSON it is not.
    if value is None or (isinstance(value, kind) and isinstance(value, bool) <= (kind is bool)):
        return value
    raise Malformed(f"{path} must be {_NAMES[kind]}, not {_NAMES.get(type(value), 'that')}")
