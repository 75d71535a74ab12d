"""Which lines of an output tell of trouble, and by which word. Pure, and quick in bulk."""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import TypeVar

import re2

__all__ = [
    "Weight",
    "coarse_keys",
    "error_lines",
    "spread",
    "suspects",
    "suspicious",
    "weigh",
    "weigh_in_prose",
]

Each = TypeVar("Each")

_MOST_SUSPECTS = 3_000
_BLOCK = 64


class Weight(IntEnum):
    """How much a line matters to somebody who looks for a cause."""

    PLAIN = 0
    WARNING = 1
    ERROR = 2


_ERROR_WORDS = (
    "error|exception|fatal|panic|fail|critical|traceback|segmentation fault|segfault|core dumped"
    "|out of memory|oomkill|killed|denied|refused|timed out|time out|timeout|unreachable"
    "|no space left|cannot|can't|could not|couldn't|unable to|not found|no such|no route"
    "|unauthorized|forbidden|abort|crash|corrupt|rejected|invalid|emerg|severe|unresolved"
    "|evicted|imagepull|broken pipe|reset by peer|not permitted|read-only file system|illegal"
    "|unexpected|interrupted|break-in|user unknown|lost|eror"
    "|错误|失败|异常|拒绝|超时|无法|致命|不存在"
)
_WARNING_WORDS = (
    "warn|deprecat|retry|backoff|notready|pending|unhealthy|degraded|slow|unavailable|exhaust"
    "|exceed|expire|deadlock|blocked for|oom-kill|dropp|above th|throttl|overflow|overload"
    "|mismatch|not match|not respond|not ready|not running|not available|did not|too many|violat"
    "|rolled back|rollback|behind|missing|hung|flooding|table full|警告|延迟|不足|过期|丢弃"
)

_SUSPICIOUS = re2.compile(f"{_ERROR_WORDS}|{_WARNING_WORDS}".encode())
_ERROR = re.compile(_ERROR_WORDS)
_WARNING = re.compile(_WARNING_WORDS)

_STATUS = r"(?i)(?:\" |\bstatus(?:_?code)?\"?[:=] ?\"?)"
_SERVER_FAULT = re.compile(rf"{_STATUS}5\d\d(?![\d.])")
_REFUSAL = re.compile(rf"{_STATUS}4\d\d(?![\d.])")
_BAD = rf"{_STATUS}[45]\d\d\b".encode()
_ANY_BAD_STATUS, _BAD_STATUS = re2.compile(_BAD), re.compile(_BAD)
"""The status of a web server's answer, as access logs and structured logs have it."""

_HARMLESS = re.compile(
    r"\b(?:0|no|zero|without(?: any)?) (?:\w+ )?(?:errors?|failures?|failed|warnings?|exceptions?)"
    r"|(?:errors?|fail(?:ed|ures?)|warnings?|exceptions?|timeouts?|unreachable)[\"']?\s*[:=]\s*[\"']?"
    r"(?:0\b(?!\.)|none\b|null\b|false\b|nil\b|\[\]|[\"'])"
)
"""Words of an error in a line that says there is none."""

_CALM = re.compile(r"^.{0,60}?\b(?:info|debug|trace|notice)\b")
"""A level that the line itself gives; an error word after it is then no more than a warning."""

_PATH = re.compile(
    r"(?<![\w<])/[\w.+/?=&%~-]++"
    r"|(?<![\w.+-])(?:(?:[\w.+-]*+/){2,}+[\w.+-]*|[\w.+-]*+/[\w+-]++\.\w{1,5}\b)"
)
"""Names of files, and what is asked of a web server: a word of an error in one says nothing."""

_MARKED = re.compile(
    r"^\W*(?:e +)?[\w.]*(?:error|exception|fatal|fail(?:ed|ure)?|panic|warning)s?"
    r"(?: \w+)?\s*(?:\[[^\]]*\]|[a-z]*\d+)?(?:[:!(]|$)"
    r"|\b(?:error|exception|fatal|fail(?:ed|ure)?|panic|warning)s?\s*(?:\[[^\]]*\]|[a-z]*\d+)?[:!] "
    r"|^(?:traceback|cannot|could not|unable to|failed to) |\*\*\*|^\W*fail(?:ed|ure)?\b"
    r"|: [^:]*\b(?:refused|denied|timed out|unreachable|not found|no such|failed|cannot|could not"
    r"|unable)\b"
)
"""A word of failure that stands as programs write it, not as one of a sentence."""

_DIGITS = b"0123456789"
_HEXADECIMAL = b"0123456789abcdefABCDEF-"
_SPELLED = bytes.maketrans(_DIGITS, b"ghijklmnop")
_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


def coarse_keys(text: str, *, ids: bool = True) -> list[bytes]:
    """One key for each line of the text, in lower case and without digits; a few ns a character.

    Where they are without `ids`, also without the letters of hexadecimal numbers.
    """
    left_out = _DIGITS if ids else _HEXADECIMAL
    return _with_statuses(text).translate(_LOWER, left_out).split(b"\n")


def _with_statuses(text: str) -> bytes:
    """The text with bad statuses in words, as digits are left out."""
    data = text.encode("utf-8", "replace")
    if not _ANY_BAD_STATUS.search(data):
        return data
    return _BAD_STATUS.sub(lambda found: b"status error " + found[0].translate(_SPELLED), data)


def suspicious(key: bytes) -> bool:
    """Whether a text as `coarse_keys` makes them may hold an error or a warning; quick."""
    return _SUSPICIOUS.search(key) is not None


def weigh(line: str) -> Weight:
    """How much a line matters, by the words in it."""
    lower = _without_paths(line.lower())
    if not (_ERROR.search(lower) or _SERVER_FAULT.search(lower)):
        return Weight.WARNING if _WARNING.search(lower) or _REFUSAL.search(lower) else Weight.PLAIN
    if _HARMLESS.search(lower) and not _ERROR.search(_HARMLESS.sub("", lower)):
        return Weight.PLAIN
    return Weight.WARNING if _CALM.search(lower) else Weight.ERROR


def weigh_in_prose(line: str) -> Weight:
    """How much a line matters of a text that may tell of errors in its sentences."""
    changed = line.startswith(("+", "-", "@@"))
    marked = not changed and _MARKED.search(line.strip().lower())
    return weigh(line) if marked else Weight.PLAIN


def _without_paths(text: str) -> str:
    """The text with blanks for the names of files."""
    return _PATH.sub(lambda found: " " * len(found[0]), text) if "/" in text else text


def error_lines(lines: Sequence[str]) -> Iterator[int]:
    """The numbers of the lines that name an error, in no more time than reading them all takes."""
    found = suspects(lines, range(len(lines)))
    return (number for number in found if weigh(lines[number]) is Weight.ERROR)


def spread(some: Sequence[Each], most: int) -> Sequence[Each]:
    """At most so many, from the beginning to the end."""
    return some[:: -(-len(some) // most) or 1]


def suspects(lines: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """Those that may hold trouble. Blocks without any, most of them, cost next to nothing."""
    found: list[int] = []
    for start in range(0, len(numbers), _BLOCK):
        block = numbers[start : start + _BLOCK]
        keys = coarse_keys("\n".join([lines[number] for number in block]))
        if suspicious(b"\n".join(keys)):
            some = (number for number, key in zip(block, keys, strict=True) if suspicious(key))
            found += islice(some, _BLOCK if len(found) < _MOST_SUSPECTS else 1)
    return found
