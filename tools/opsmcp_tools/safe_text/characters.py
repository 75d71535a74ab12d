"""Characters that deceive: what may be shown, and how text of strangers is made harmless.

Pure functions on text. Categories and normal forms are those of Unicode (UAX #44, UAX #15). Knows
nothing of kinds or tools; `values` decides what a value may hold, this module only looks.
"""

import unicodedata

__all__ = ["clean_line", "has_hidden", "quote", "show_hidden"]

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidirectional marks, tags, zero-width), surrogate, private, unassigned."""

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of writing, so that a text reads otherwise than it is."""

_BLANK_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x1680, 0x1680),  # Ogham space, the only space that its normal form keeps
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2800, 0x2800),  # blank Braille pattern
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xE0100, 0xE01EF),  # more variation selectors
)
"""Letters and marks by category that nobody sees."""


def has_hidden(text: str) -> bool:
    """Whether any character of `text` is a control character or cannot be seen."""
    if text.isascii():
        return not text.isprintable()
    return any(_is_hidden(char) for char in text)


def _is_hidden(char: str) -> bool:
    if unicodedata.category(char) in _HIDDEN_CATEGORIES:
        return True
    return any(first <= ord(char) <= last for first, last in _BLANK_RANGES)


def clean_line(text: str, limit: int) -> str:
    """One visible line of at most `limit` characters, cut at a word where it can be.

    Control characters, and those that turn the direction of writing, are written out by their
    number; what is only invisible is left out. A line that ends in `…` was cut; no other was,
    however many blanks stood in it.
    """
    bounded = text[: limit * 8]
    if has_hidden(bounded):
        spaced = (" " if char.isspace() else char for char in bounded)
        bounded = "".join(map(_plain, spaced))
    line = " ".join(bounded.split())
    if len(line) <= limit and limit * 8 >= len(text):
        return line
    cut = line[: limit - 1]
    head, space, _ = cut.rpartition(" ") if len(line) > len(cut) else (cut, "", "")
    return (head if space and len(head) > limit // 2 else cut).rstrip(" ,;:") + "…"


def quote(value: object, limit: int = 60) -> str:
    """What a caller gave, for a message: visible, on one line, at most about `limit` long."""
    if isinstance(value, str):
        cut = "…" if len(value) > limit else ""
        return f"'{show_hidden(value[:limit])}{cut}'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 128):
        return str(value)
    if isinstance(value, int):
        return "a very large number"
    return "an object" if isinstance(value, dict) else "a list"


def show_hidden(text: str) -> str:
    """The text on one line, with what cannot be seen written out by its number."""
    return "".join(map(_visible, text)) if has_hidden(text) else text


def _plain(char: str) -> str:
    """The character; its number if it steers what shows it, and nothing if it is only unseen."""
    if not _is_hidden(char):
        return char
    steers = unicodedata.category(char) == "Cc" or char in _TURNING
    return _visible(char) if steers else ""


def _visible(char: str) -> str:
    if char == " " or not (char.isspace() or _is_hidden(char)):
        return char
    return f"\\u{{{ord(char):x}}}"
