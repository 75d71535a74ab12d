"""JSON of strangers, read strictly: bounded, and never with a key that stands twice.

Parsers take the last of two equal keys and say nothing, so that whoever looks at the first sees
another request than the one that is done. Pure; knows nothing of MCP.
"""

import json
from collections.abc import Iterable, Iterator
from typing import cast

from opsmcp_tools.safe_text.characters import quote

__all__ = ["MOST_BYTES", "MOST_VALUES", "BadJson", "has_surrogate", "read_json"]

MOST_BYTES = 4 * 1024 * 1024
"""The longest text that is read; what callers may give is far shorter."""

_MOST_DEPTH = 64
MOST_VALUES = 100_000
"""More than any arguments can hold: together they are at most 65,536 characters."""


class BadJson(ValueError):
    """A text that must not be used.

    Attributes:
        reason: What is wrong, in words.
        value: What it says all the same; None when it cannot be read.
    """

    def __init__(self, reason: str, value: object = None) -> None:
        """Keep both."""
        super().__init__(reason)
        self.reason = reason
        self.value: object = value


def read_json(
    text: bytes | str, *, most_bytes: int = MOST_BYTES, most_values: int = MOST_VALUES
) -> object:
    """What the text says, which is UTF-8 when it comes as bytes.

    Args:
        text: Of a stranger.
        most_bytes: How long it may be.
        most_values: About how many values it may hold.

    Raises:
        BadJson: It is no JSON, or too large, too deeply nested, or has a key twice in one object,
            or half a character (a lone surrogate, which nothing can write again).
    """
    read = _bounded(text, most_bytes, most_values)
    value, twice = _parse(read)
    if read.count("[") + read.count("{") > _MOST_DEPTH and _is_too_deep(value):
        raise BadJson(_TOO_DEEP, value)
    if twice is not None:
        raise BadJson(f"the key {quote(twice)} stands twice in one object", value)
    # Only an escape can spell one in UTF-8, and most messages hold no escape at all.
    escaped = "\\u" in read or isinstance(text, str)
    if escaped and has_surrogate(json.dumps(value, ensure_ascii=False)):
        raise BadJson("it holds half a character (a lone surrogate)", value)
    return value


def _parse(text: str) -> tuple[object, str | None]:
    """What the text says, and a key that stands twice in one object.

    Raises:
        BadJson: It is no JSON, or too deep to be read.
    """
    try:
        try:
            return _ONCE.decode(text), None
        except _Twice as twice:
            return _LAST.decode(text), twice.key
    except RecursionError:
        raise BadJson(_TOO_DEEP) from None
    except ValueError:
        raise BadJson(_NO_JSON) from None


class _Twice(Exception):
    """A key stands twice in one object."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def _build(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object.

    Raises:
        _Twice: It has a key twice.
    """
    built = dict(pairs)
    if len(built) < len(pairs):
        raise _Twice(_repeated(pairs))
    return built


def _refuse(word: str) -> object:
    """NaN and Infinity are words of Python's own.

    Raises:
        ValueError: Always.
    """
    raise ValueError(word)


# Made once: a decoder takes longer to make than most messages take to read.
_ONCE = json.JSONDecoder(object_pairs_hook=_build, parse_constant=_refuse)
_LAST = json.JSONDecoder(parse_constant=_refuse)
"""Of two equal keys it takes the last one, like the SDK."""


def _bounded(text: bytes | str, most_bytes: int, most_values: int) -> str:
    if len(text) > most_bytes:
        raise BadJson(f"it is longer than {most_bytes} bytes")
    try:
        read = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise BadJson(_NO_JSON) from None
    if read.count(",") >= most_values:
        raise BadJson(f"it holds more than {most_values} values")
    return read


def has_surrogate(text: str) -> bool:
    """Whether a text holds half a character, which no UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


_NO_JSON = "it is not JSON"
_TOO_DEEP = f"it is nested deeper than {_MOST_DEPTH} levels"


def _repeated(pairs: Iterable[tuple[str, object]]) -> str:
    """The first key that was there before."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MOST_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
    return bool(level)


def _containers(value: object) -> Iterator[object]:
    """The lists and objects that a list or an object holds."""
    held = cast("dict[str, object]", value).values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for inner in cast("Iterable[object]", held):
            if isinstance(inner, dict | list):
                yield cast("object", inner)
