"""How the lines of a log are made: what stands before the message, and how the level is written.

The header is found by what the lines have in common, word by word from the left: times and numbers,
names that nearly all lines share, and the level. Knows no product by name. Pure.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from itertools import takewhile
from typing import Any, cast

__all__ = ["Entry", "Level", "LineFormat", "read_format", "seconds_of_day"]


class Level(IntEnum):
    """How bad a line says that it is; UNKNOWN where it says nothing."""

    UNKNOWN = 0
    CALM = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A line without its header: `clock` is its time of day, empty where it has none."""

    level: Level
    message: str
    clock: str = ""


_ERRORS = """
error err e critical crit c alert emerg fatal f severe panic failure dpanic eror
"""
_LEVELS = {
    **dict.fromkeys(
        ("trace", "debug", "info", "notice", "note", "log", "verbose", "v", "d", "i"), Level.CALM
    ),
    **dict.fromkeys(("warn", "warning", "w"), Level.WARNING),
    **dict.fromkeys(_ERRORS.split(), Level.ERROR),
}
_SEVERITIES = {
    **dict.fromkeys("0123", Level.ERROR),
    "4": Level.WARNING,
    **dict.fromkeys("567", Level.CALM),
}
"""Those of syslog (RFC 5424, 6.2.1)."""

_WORD = re.compile(r"\[ +[\d.]+\]|[^\s|]+")
_EDGES = "[](){}<>:,|-*."
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_TIMES = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun am pm utc"
_TIME_NAMES = frozenset(_TIMES.split())
_CLOCK = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?!\d)")

_DATE = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d|\d\d:\d\d:\d\d")
_LEVEL_FIELD = re.compile(
    r"\b(?:log)?(?:level|lvl|severity)\"?\s*[=:]\s*\"?([A-Za-z]+)", re.IGNORECASE
)
_LEVEL_WORD = re.compile(
    r"(?<![\w./-])(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|ALERT|EMERG|FATAL"
    r"|SEVERE|PANIC|FAILURE|Info|Warning|Error)(?![\w./=-])"
    r"|[\[<(](trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg|fatal)[\])>]"
)
_KLOG = re.compile(r"([IWEF])\d{4}")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_FIELD = re.compile(r"([\w.@-]+)=(\"(?:[^\"\\]|\\.)*\"|\S*)\s*")
_BEGINS_WITH_FIELD = re.compile(r"\{\"|[\w.@-]+=\S+ +[\w.@-]+=")
_RULED = re.compile(r"([.=_*#~-])\1{3,}")
"""Signs that only fill a line up."""

_ID = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{7,40}\b")
_SOURCE = re.compile(r"[\w.-]+ +\| ")
"""Which of several programs wrote the line, as where their logs are followed together."""

_LEVEL_WITHIN, _CLOCK_WITHIN, _TIME_WITHIN = 160, 40, 160
"""Characters of a line in which its level and its time may stand, before and in the message."""

_HEADER_WORDS = 14
_NEARLY_ALL, _MOSTLY = 0.9, 0.7
_FEWEST_ALIKE = 3
"""Of fewer lines what they share may as well be what they say."""

_MOST_LETTERS = 8
"""A word of the header that changes is a number, a time or a short name with numbers in it."""

_MESSAGE_KEYS = ("msg", "message", "log", "event", "error")
_TIME_KEYS = frozenset({"time", "ts", "timestamp", "@timestamp", "t", "date"})
_LEVEL_KEYS = ("level", "lvl", "severity", "log.level", "levelname", "priority")


_CHANGES, _LEVEL = "*", "level"
"""Columns of a header; any other is named by the letters that its words share."""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """`columns` come before the message; `shared` are the words that nearly all lines have."""

    columns: tuple[str, ...] = ()
    shared: str = ""
    has_fields: bool = False
    has_sources: bool = False

    @property
    def names_level(self) -> bool:
        """Whether the level is no part of the message."""
        return self.has_fields or _LEVEL in self.columns

    def read(self, line: str) -> Entry:
        """The line without its header, as far as it has one; with the name of its source."""
        if not self.has_sources:
            return self._read(line)
        source = _SOURCE.match(line)
        if source is None:
            return Entry(_level_in(line[:_LEVEL_WITHIN]), line.strip())
        entry = self._read(line[source.end() :])
        return replace(entry, message=f"{source[0].split()[0]} | {entry.message}")

    def _read(self, line: str) -> Entry:
        may_have_fields = self.has_fields or (self.has_sources and line[:1] == "{")
        fields = _fields_of(line) if may_have_fields else {}
        return _entry_of(fields, line) if fields else self._read_words(line)

    def _read_words(self, line: str) -> Entry:
        words = list(_first_words(line, len(self.columns)))
        fits = [_class(word[0]) == it for it, word in zip(self.columns, words, strict=False)]
        mostly = sum(fits) >= _MOSTLY * len(self.columns)
        header = len(fits) if mostly else [*fits, False].index(False)
        start = words[header - 1].end() if header else 0
        before = list(zip(words, self.columns, fits, strict=False))[:header]
        level = max((_level_of(word[0]) for word, it, _ in before if it == _LEVEL), default=0)
        clocks = _CLOCK.findall(line[: max(start, _CLOCK_WITHIN)])
        odd = (word[0] for word, _, fit in before if not fit)
        message = " ".join([*odd, line[start:].strip(" |-\t")]) if start else line.strip()
        message = _RULED.sub(r"\1\1\1 ", message)
        level = Level(level) or _level_in(line[:_LEVEL_WITHIN])
        return Entry(level, message or line, clocks[-1] if clocks else "")


def read_format(*samples: Sequence[str]) -> LineFormat:
    """What lines have in common; each sample shows the log in another way, and all must agree."""
    some = [[line for line in lines if line.strip() and line[:1] not in " \t"] for lines in samples]
    if some[0] and sum(_SOURCE.match(line) is not None for line in some[0]) > len(some[0]) // 2:
        return replace(_read_format(*map(_without_source, some)), has_sources=True)
    return _read_format(*some)


def _without_source(lines: Sequence[str]) -> list[str]:
    found = ((line, _SOURCE.match(line)) for line in lines)
    return [line[source.end() :] for line, source in found if source]


def _read_format(*some: Sequence[str]) -> LineFormat:
    if all(sum(map(_has_fields, lines)) >= _NEARLY_ALL * len(lines) for lines in some if lines):
        return LineFormat(has_fields=any(some))
    alike = _begun_alike(some)
    header = _agreed(alike)
    if min(map(len, alike)) < _FEWEST_ALIKE and _LEVEL not in {column for column, _ in header}:
        header = _agreed(some)
    ids = sum(map(bool, map(_ID.match, some[0])))
    if len(header) == 1 and 2 * ids > len(some[0]):
        return LineFormat()
    if not any(column in (_CHANGES, _LEVEL) for column, _ in header):
        # Without a time, a number or a level, what lines begin with is what they are about.
        return LineFormat()
    shared = " ".join(word for _, word in header if word)
    return LineFormat(tuple(column for column, _ in header), shared)


def _agreed(samples: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """The columns with which the lines of all samples begin."""
    found = [list(_columns(lines)) for lines in samples if lines]
    agreed = takewhile(lambda same: len({it[0] for it in same}) == 1, zip(*found, strict=False))
    return [same[0] for same in agreed]


def _begun_alike(samples: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """Without the lines that begin otherwise than most: below them stand traces and headings."""
    begins = [[_beginning(line) for line in lines] for lines in samples]
    usual, count = max(Counter(begins[0]).items(), key=lambda it: it[1], default=("", 0))
    if usual != _CHANGES or count < _MOSTLY * len(begins[0]):
        return samples
    kept = (zip(*each, strict=True) for each in zip(samples, begins, strict=True))
    return [[line for line, begin in each if begin == usual] for each in kept]


def _beginning(line: str) -> str:
    first = _WORD.search(line)
    return _class(first[0]) if first and any(map(str.isalnum, first[0])) else ""


def _columns(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The columns of the header, each with the word that nearly all lines have there."""
    rows = [[word[0] for word in _first_words(line, _HEADER_WORDS)] for line in lines]
    before = list[str]()
    for place in range(_HEADER_WORDS):
        words = Counter(row[place] for row in rows if len(row) > place + 1)
        needed = _NEARLY_ALL * words.total()
        classes = Counter[str]()
        for word, count in words.items():
            classes[_class(word)] += count
        column, most = max(classes.items(), key=lambda it: it[1], default=("", 0))
        word, same = max(words.items(), key=lambda it: it[1], default=("", 0))
        if words.total() <= _NEARLY_ALL * len(rows) or most < needed:
            return
        if column not in (_CHANGES, _LEVEL) and not _may_be_header(word, before):
            return
        before.append(column)
        telling = same >= needed and column != _LEVEL and any(map(str.isalpha, word))
        yield column, word if telling else ""


def seconds_of_day(line: str) -> int | None:
    """The time of day that a line begins with; None where it has none."""
    found = _CLOCK.search(line[:_TIME_WITHIN])
    if found is None:
        return None
    hours, minutes, seconds = map(int, found[0].split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _may_be_header(shared: str, before: Sequence[str]) -> bool:
    """A word that all lines have may be their message, unless it looks like a name or a time.

    The one plain word that is taken is the host, which follows the time.
    """
    if not shared.isalpha() or shared.lower() in _TIME_NAMES:
        return True
    if not shared.isascii():
        return False
    plain = sum(column.islower() and column not in (_LEVEL, *_TIME_NAMES) for column in before)
    return _CHANGES in before and _LEVEL not in before and (not plain or shared.isupper())


@lru_cache(4_096)
def _class(word: str) -> str:
    """What the words of a column share: `sshd[1234]:` has the letters of `sshd[77]:`."""
    if _level_of(word):
        return _LEVEL
    letters = _NOT_LETTERS.sub("", word)
    if letters.lower() in _TIME_NAMES or not letters or _DATE.search(word):
        return _CHANGES
    numbered = any(map(str.isdigit, word)) and word[-1] not in ":]"
    return _CHANGES if numbered and len(letters) <= _MOST_LETTERS else letters


def _level_of(word: str) -> Level:
    klog = _KLOG.fullmatch(word)
    return _LEVELS.get((klog[1] if klog else word.strip(_EDGES)).lower(), Level.UNKNOWN)


def _has_fields(line: str) -> bool:
    return _BEGINS_WITH_FIELD.match(line) is not None


def _first_words(line: str, most: int) -> Iterator[re.Match[str]]:
    found = _WORD.finditer(line[: 60 * _HEADER_WORDS])
    return (word for word, _ in zip(found, range(most), strict=False))


def _level_in(beginning: str) -> Level:
    priority = _PRIORITY.match(beginning)
    if priority and int(priority[1]) < 192:
        return _SEVERITIES[str(int(priority[1]) & 7)]
    field = _LEVEL_FIELD.search(beginning)
    if field:
        return _LEVELS.get(field[1].lower(), Level.UNKNOWN)
    word = _LEVEL_WORD.search(beginning)
    return _LEVELS[(word[1] or word[2]).lower()] if word else Level.UNKNOWN


def _fields_of(line: str) -> dict[str, Any]:
    """The fields of a line of JSON or logfmt; none if it is neither."""
    if line[:1] == "{":
        try:
            return cast("dict[str, Any]", json.loads(line))
        except (ValueError, RecursionError):
            return {}
    found = _FIELD.findall(line) if _FIELD.match(line) else ()
    return {key: value.strip('"') for key, value in found}


def _entry_of(given: dict[str, Any], line: str) -> Entry:
    """The message first, then the other fields; of the journal's those that are not its own."""
    fields = {key.lower(): value for key, value in given.items() if key[:1] != "_"}
    named = next((str(fields[key]) for key in _LEVEL_KEYS if key in fields), "")
    level = _SEVERITIES.get(named) or _LEVELS.get(named.lower(), Level.UNKNOWN)
    said = next((key for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), "")
    stamp = " ".join(str(fields[key]) for key in fields if key in _TIME_KEYS)
    clock = _CLOCK.search(stamp)
    left_out = {said, *_TIME_KEYS, *_LEVEL_KEYS}
    rest = [f"{key}={value}" for key, value in fields.items() if key not in left_out]
    message = " ".join([str(fields.get(said, "")), *rest]).replace("\n", " ").strip()
    return Entry(level, message or line, clock[0] if clock else "")
