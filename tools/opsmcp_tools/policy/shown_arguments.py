"""Arguments as a person must see them before they agree: all of them, and nothing that deceives.

Every value has a line of its own, under a path that no two share. A text whose end, blanks or
characters could be mistaken is quoted as in JSON; within the quotes a backslash always begins an
escape, so what stands between a closing and an opening quote is opsmcp's word. Nothing is cut: the
whole may be too long to be shown, and that is for the caller to judge. Pure.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import cast

from opsmcp_tools.phrases import consent as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.characters import has_hidden

__all__ = ["leaves", "show_arguments", "show_value"]

_MOST_BLANKS = 8
"""Next to each other as they are: more could move what follows out of sight."""

_BLANKS = re.compile(rf" {{{_MOST_BLANKS + 1},}}")
_IN_QUOTES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_PATH_CHARACTERS = frozenset('.[]="')


def show_arguments(arguments: Mapping[str, object], language: Language = "en") -> list[str]:
    """A line for each value, in the order in which they were given."""
    return [f"  {path} = {show_value(leaf, language)}" for path, leaf in leaves(arguments)]


def leaves(arguments: Mapping[str, object]) -> list[tuple[str, object]]:
    """Every value and its path: `name`, `outer.inner` or `list[0]`.

    What is empty is a value, too: an empty selector may mean everything.
    """
    found: list[tuple[str, object]] = []
    # Not recursive: a model nests as deeply as it likes.
    left = _reversed(("", arguments)) if arguments else []
    while left:
        path, value = left.pop()
        if value and isinstance(value, dict | list):
            left += _reversed((path, cast("Mapping[str, object] | list[object]", value)))
        else:
            found.append((path, value))
    return found


def _reversed(
    container: tuple[str, Mapping[str, object] | list[object]],
) -> list[tuple[str, object]]:
    path, value = container
    if isinstance(value, list):
        inner = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    else:
        start = f"{path}." if path else ""
        inner = [(start + _show_key(str(key)), item) for key, item in value.items()]
    return inner[::-1]


def _show_key(key: str) -> str:
    plain = _is_plain(key) and " " not in key and not _PATH_CHARACTERS & set(key)
    return key if plain else _quote(key)


def show_value(value: object, language: Language = "en") -> str:
    """A value on one line; a text is quoted where it could be taken for another."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _is_plain(value):
        return value
    return _BLANKS.sub(
        lambda found: f'" {words.BLANKS(len(found[0])).to(language)} "', _quote(value)
    )


def _is_plain(text: str) -> bool:
    """Whether the text is seen as what it is, without quotes."""
    if not text or text == "null" or text[0] in '"[{' or text != text.strip() or "  " in text:
        return False
    return not any(map(_deceives, text))


def _quote(text: str) -> str:
    return f'"{"".join(map(_written, text))}"'


def _written(char: str) -> str:
    if char in _IN_QUOTES:
        return _IN_QUOTES[char]
    if not _deceives(char):
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _deceives(char: str) -> bool:
    """Whether it is not seen, looks like a blank, or turns the direction of writing."""
    if char == " ":
        return False
    return char.isspace() or has_hidden(char) or unicodedata.bidirectional(char) in _RIGHT_TO_LEFT
