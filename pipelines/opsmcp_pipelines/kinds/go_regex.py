"""Regexes of strangers: with Go's meaning and in linear time, through RE2 and never `re`.

Ops declares a `regex` per variable and checks it nowhere; it is Go syntax (RE2), unanchored
(github.com/google/re2/wiki/Syntax). Here an unanchored one must match the whole value, which is
what its author nearly always meant and the safer reading. Pure.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from re2 import Regexp

__all__ = ["Pattern", "as_written", "compile_pattern", "matches", "parse_pattern"]

MAX_LENGTH = 512
_BEFORE, _AFTER = "(?s:.*)(?:", ")(?s:.*)"

_ECMA_PORTABLE = (
    r"(?:[^\\\[\]{}()*+?|^$]"  # a plain character
    r"|\\[\^$\\.*+?()\[\]{}|/dDwWbB]"  # an escape that both know
    r"|\[\^?(?:[^\\\[\]]|\\[\^$\\.*+?()\[\]{}|/\-dDwW])+\]"  # a class
    r"|\(\?:|[()|^$]"  # groups without flags or names
    r"|[*+?]\??|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}\??)*"  # repetition
)
"""RE2: the patterns that mean the same in RE2 and in ECMA-262 with its `u` flag."""

_CLASS = r"\[(?:\^(?:\]|[^\\\]]|\\(?s:.))|\]|[^\\\]^]|\\(?s:.))(?:[^\\\]]|\\(?s:.))*\]"
_ANCHOR = rf"(?:[^\\\[]|\\[^Az]|{_CLASS})*?(?:[\^$]|\\[Az])(?s:.*)"
"""RE2: a pattern with `^`, `$`, `\\A` or `\\z` outside of escapes and classes."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A usable pattern: `whole` is what the whole value has to match, for RE2.

    `ecma` is the same for a JSON Schema, which searches; empty when it would mean something else.
    """

    whole: str
    ecma: str


def parse_pattern(regex: str) -> Pattern | None:
    """The pattern of an author; None when it is not RE2, or far too long."""
    if len(regex) > MAX_LENGTH or compile_pattern(regex) is None:
        return None
    anchored = matches(_ANCHOR, regex)
    whole = f"{_BEFORE}{regex}{_AFTER}" if anchored else regex
    if compile_pattern(whole) is None:
        return None
    ecma = regex if anchored else f"^(?:{regex})$"
    return Pattern(whole, ecma if _is_portable(regex) else "")


def as_written(whole: str) -> str:
    """What the author wrote, of the pattern that `parse_pattern` made of it."""
    return whole.removeprefix(_BEFORE).removesuffix(_AFTER) if whole.startswith(_BEFORE) else whole


def _is_portable(regex: str) -> bool:
    plain_groups = "(?" not in regex.replace("(?:", "")
    return plain_groups and matches(_ECMA_PORTABLE, regex)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> "Regexp | None":
    """The compiled pattern, or None when RE2 does not take it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        # Bytes on both sides: else most of a match is spent on offsets that nobody asks for.
        return re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError):
        return None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` matches; False for text that is not Unicode."""
    compiled = compile_pattern(pattern)
    try:
        return compiled is not None and compiled.fullmatch(text.encode()) is not None
    except UnicodeEncodeError:
        return False
