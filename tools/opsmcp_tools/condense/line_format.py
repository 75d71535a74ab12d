"""How the lines of a log are made: what stands before the message, and how the level is written.

The header is found by what the lines have in common, word by word from the left: times and numbers,
names that nearly all lines share, and the level. Knows no product by name. Pure.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from typing import Any, cast

__all__ = ["Entry", "Level", "LineFormat", "read_format", "seconds_of_day"]


class Level(IntEnum):
    """How bad a line says that it is; UNKNOWN where it says nothing."""

    UNKNOWN = 0
    CALM = 1
    WARNING = 2
    ERROR = 3


_LEVELS: Mapping[str, Level] = {
    word: level
    for level, names in (
        (Level.CALM, "trace debug info information notice note log verbose v d i 5 6 7 10 20 30"),
        (Level.WARNING, "warn warning w 4 40"),
        (
            Level.ERROR,
            "error err e critical crit c alert emerg fatal f severe panic failure dpanic",
        ),
        (Level.ERROR, "eror 0 1 2 3 50 60"),
    )
    for word in names.split()
}
"""The numbers are those of syslog (RFC 5424, 6.2.1) and of loggers of Node.js, tens."""

_LEVEL_WORD = re.compile(
    r"(?<![\w./-])(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|ALERT|EMERG|FATAL"
    r"|SEVERE|PANIC|FAILURE|Info|Warning|Error)(?![\w./=-])"
    r"|[\[<(](trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg|fatal)[\])>]"
    r"|\b(?:level|severity)=\"?(\w+)"
)
_KLOG = re.compile(r"([IWEF])\d{4}")
_PRIORITY = re.compile(r"<(\d{1,2}|1[0-8]\d|19[01])>")
_LEVEL_WITHIN, _TIME_WITHIN, _CLOCK_WITHIN = 160, 160, 40
"""Characters of a line in which its level and its time may stand; the last, if it has no header."""

_WORD = re.compile(r"\[ +[\d.]+\]|[^\s|]+")
_EDGES = "[](){}<>:,|-*."
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_TIMES = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun am pm utc"
_TIME_NAMES = frozenset(_TIMES.split())
_DATE = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d|\d\d:\d\d:\d\d")
_STAMP = re.compile(rf"{_DATE.pattern}|^1\d{{9}}(?!\d)|^\[ *\d+\.\d+\]$|^\d\d\.\d\d$")
_CLOCK = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?!\d)")
_EPOCH = re.compile(r"(1\d{9})(?:\d{3}|\.\d+)?")
_ID = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{7,40}")
_RULED = re.compile(r"([.=_*#~-])\1{3,}")
"""Signs that only fill a line up."""

_SOURCE = re.compile(r"([\w.-]+) +\| |\[(\w+/\S+)\] ")
"""Which of several programs wrote the line, as where their logs are followed together."""

_FIELD = re.compile(r"([\w.@-]+)=(\"(?:[^\"\\]|\\.)*\"|\S*)\s*")
_BEGINS_WITH_FIELD = re.compile(r"[\w.@-]+=\S+ +[\w.@-]+=")
_MESSAGE_KEYS = ("msg", "message", "log", "event", "error")
_TIME_KEYS = frozenset({"time", "ts", "timestamp", "@timestamp", "t", "date"})
_LEVEL_KEYS = ("level", "lvl", "severity", "log.level", "levelname", "priority")
_DEEPEST = 3

_HEADER_WORDS = 14
_NEARLY_ALL, _MOSTLY = 0.9, 0.7
_ENOUGH_WITH_TIME = 3
"""Lines that begin with a time or a level show how a log is written, if one in so many does."""

_MOST_LETTERS = 8
"""A word of the header that changes is a number, a time or a short name with numbers in it."""

_CHANGES, _LEVEL, _MESSAGE = "*", "level", ""
"""Columns of a header, and what is none; others are named by the letters that their words share."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line without its header: `clock` is its time of day, empty where it has none."""

    level: Level
    message: str
    clock: str = ""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """`columns` come before the message; `shared` are the words that nearly all lines have."""

    columns: tuple[str, ...] = ()
    shared: str = ""

    def begins(self, line: str) -> bool:
        """Whether it is the first line of an entry: it has a time like others, or no indent."""
        word = _WORD.match(line)
        return word is not None and (self.columns[:1] != (_CHANGES,) or _class(word[0]) == _CHANGES)

    def read(self, line: str) -> Entry:
        """The line without its header, as far as it has one; with the name of its source."""
        source = _SOURCE.match(line)
        text = line[source.end() :] if source else line
        header, message = self._split(text)
        fields = _fields_of(message)
        level = max(map(_level_of, header.split()), default=Level.UNKNOWN)
        stamp = header or text[:_CLOCK_WITHIN]
        if fields:
            named, message, stamp = _read_fields(fields, stamp)
            level = named or level
        message = _RULED.sub(r"\1\1\1 ", message)
        message = f"{source[1] or source[2]} | {message}" if source else message
        return Entry(level or _level_in(text[:_LEVEL_WITHIN]), message or line, _clock_in(stamp))

    def _split(self, text: str) -> tuple[str, str]:
        """The header and the message, which has what stands in the header but does not belong."""
        words = list(_first_words(text, len(self.columns)))
        fits = [_class(word[0]) == it for it, word in zip(self.columns, words, strict=False)]
        if sum(fits) < _MOSTLY * len(self.columns):
            words = words[: [*fits, False].index(False)]
        if not words:
            return "", text.strip()
        start = words[-1].end()
        odd = (word[0] for word, fit in zip(words, fits, strict=False) if not fit)
        return text[:start], " ".join([*odd, text[start:].strip(" |-\t")])


def read_format(lines: Iterable[tuple[str, int]]) -> LineFormat:
    """What unlike lines have in common, each given with the number of those that are like it."""
    texts = [(_SOURCE.sub("", line, count=1), count) for line, count in lines if line[:1].strip()]
    rows = [([word[0] for word in _first_words(it, _HEADER_WORDS)], count) for it, count in texts]
    timed = [(row, count) for row, count in rows if row and _class(row[0]) in (_CHANGES, _LEVEL)]
    if _ENOUGH_WITH_TIME * sum(count for _, count in timed) < sum(count for _, count in rows):
        return LineFormat()
    header = list(_columns([row for row, _ in timed]))
    if not any(column == _LEVEL or _STAMP.search(word) for column, word, _ in header):
        # Without a time or a level, what lines begin with is what they are about.
        return LineFormat()
    shared = " ".join(word for _, word, same in header if same and any(map(str.isalpha, word)))
    return LineFormat(tuple(column for column, _, _ in header), shared)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, bool]]:
    """The columns of the header, each with its commonest word, and whether nearly all have it."""
    before = list[str]()
    for place in range(_HEADER_WORDS):
        words = Counter(row[place] for row in rows if len(row) > place + 1)
        classes = Counter[str]()
        for word, count in words.items():
            classes[_class(word)] += count
        column, most = max(classes.items(), key=lambda it: it[1], default=(_MESSAGE, 0))
        word, same = max(words.items(), key=lambda it: it[1], default=("", 0))
        if most <= _NEARLY_ALL * len(rows) or column == _MESSAGE:
            return
        plain = column not in (_CHANGES, _LEVEL)
        if plain and not _may_be_header(word, before):
            return
        before.append(column)
        yield column, word, same > _NEARLY_ALL * len(rows) and column != _LEVEL


def _may_be_header(shared: str, before: Sequence[str]) -> bool:
    """A word that all lines have may be their message, unless it looks like a name.

    The one plain word that is taken is the host, which follows the time.
    """
    if not shared.isalpha():
        return True
    plain = sum(column.islower() and column != _LEVEL for column in before)
    return shared.isascii() and _LEVEL not in before and (not plain or shared.isupper())


@lru_cache(4_096)
def _class(word: str) -> str:
    """What the words of a column share: `sshd[1234]:` has the letters of `sshd[77]:`."""
    if _level_of(word):
        return _LEVEL
    if word[0] in '{"' or "=" in word or _ID.fullmatch(word):
        return _MESSAGE
    letters = _NOT_LETTERS.sub("", word)
    if letters.lower() in _TIME_NAMES or not letters or _DATE.search(word):
        return _CHANGES
    numbered = any(map(str.isdigit, word)) and word[-1] not in ":]"
    return _CHANGES if numbered and len(letters) <= _MOST_LETTERS else letters


def _level_of(word: str) -> Level:
    klog = _KLOG.fullmatch(word)
    bare = (klog[1] if klog else word.strip(_EDGES)).lower()
    return _LEVELS.get(bare, Level.UNKNOWN) if bare.isalpha() else Level.UNKNOWN


def _level_in(beginning: str) -> Level:
    priority = _PRIORITY.match(beginning)
    if priority:
        return _LEVELS[str(int(priority[1]) & 7)]
    word = _LEVEL_WORD.search(beginning)
    return _LEVELS.get(word[word.lastindex or 0].lower(), Level.UNKNOWN) if word else Level.UNKNOWN


def seconds_of_day(line: str) -> int | None:
    """The time of day that a line begins with; None where it has none."""
    clock = _CLOCK.search(line[:_TIME_WITHIN])
    if clock is None:
        return None
    hours, minutes, seconds = map(int, clock[0].split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _clock_in(stamp: str) -> str:
    """The last time of day in it; of seconds or milliseconds since 1970 the one in UTC."""
    clocks, epoch = _CLOCK.findall(stamp), _EPOCH.fullmatch(stamp)
    if not epoch:
        return clocks[-1] if clocks else ""
    minutes, seconds = divmod(int(epoch[1]) % 86_400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _first_words(line: str, most: int) -> Iterator[re.Match[str]]:
    return islice(_WORD.finditer(line[: 60 * _HEADER_WORDS]), most)


def _fields_of(text: str) -> dict[str, Any]:
    """The fields of a line of JSON, with those within them, or of logfmt; none if it is neither."""
    if text[:1] == "{":
        try:
            return _flat(cast("dict[str, Any]", json.loads(text)), _DEEPEST)
        except (ValueError, RecursionError):
            return {}
    if not _BEGINS_WITH_FIELD.match(text):
        return {}
    fields = {key: value.strip('"') for key, value in _FIELD.findall(text)}
    return fields if fields.keys() & {*_MESSAGE_KEYS, *_LEVEL_KEYS} else {}


def _flat(fields: dict[str, Any], depth: int) -> dict[str, Any]:
    flat = dict[str, Any]()
    for key, value in fields.items():
        if isinstance(value, dict) and depth:
            for name, inner in _flat(cast("dict[str, Any]", value), depth - 1).items():
                flat.setdefault(name, inner)
        else:
            flat[key] = value
    return flat


def _read_fields(given: dict[str, Any], stamp: str) -> tuple[Level, str, str]:
    """Level, message and time. The message is first, then come other fields that are not internal.

    Those of the journal that are its own begin with an underscore.
    """
    fields = {key.lower(): value for key, value in given.items() if key[:1] != "_"}
    named = next((str(fields[key]) for key in _LEVEL_KEYS if key in fields), "")
    said = next((key for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), "")
    stamps = " ".join(str(fields[key]) for key in fields if key in _TIME_KEYS)
    left_out = {said, *_TIME_KEYS, *_LEVEL_KEYS}
    rest = [f"{key}={value}" for key, value in fields.items() if key not in left_out]
    message = " ".join([str(fields.get(said, "")), *rest]).replace("\n", " ").strip()
    return _LEVELS.get(named.lower(), Level.UNKNOWN), message, stamps or stamp
