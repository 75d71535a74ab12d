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
_LEVEL_WITHIN_WORD = re.compile(r"([IWEF])\d{4}|[\w-]+\.([A-Z]{4,}):")
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
_ID = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{7,40}|#\d+")
_RULED = re.compile(r"([.=_*#~-])\1{3,}")
"""Signs that only fill a line up."""

_SOURCE = re.compile(r"([\w.-]+) +\| |\[(\w+/\S+)\] ")
"""Which of several programs wrote the line, as where their logs are followed together."""

_FIELD = re.compile(r"([\w.@-]+)=(\"(?:[^\"\\]|\\.)*\"|\S*)\s*")
_BEGINS_WITH_FIELD = re.compile(r"[\w.@-]+=\S+ +[\w.@-]+=")
_MESSAGE_KEYS = ("msg", "message", "log", "event", "error")
_TIME_KEYS = ("time", "ts", "timestamp", "@timestamp", "t", "date")
_LEVEL_KEYS = ("level", "lvl", "severity", "log.level", "levelname", "priority")
_DEEPEST, _LONGEST = 3, 60

_HEADER_WORDS = 14
_NEARLY_ALL, _MOSTLY = 0.9, 0.7
_ENOUGH_WITH_TIME = 5
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
    """`columns` come before the message; `shared` are names and fields that nearly all have."""

    columns: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def begins(self, line: str) -> bool:
        """Whether it is the first line of an entry: it has a time like others, or no indent."""
        word = _WORD.match(line)
        return word is not None and (self.columns[:1] != (_CHANGES,) or _class(word[0]) == _CHANGES)

    def read(self, line: str) -> Entry:
        """The line without its header, as far as it has one; with the name of its source."""
        source = _SOURCE.match(line)
        text = line[source.end() :] if source else line
        header, message = self._split(text)
        words = (word for word in header.split() if word not in self.shared)
        level = max(map(_level_of, words), default=Level.UNKNOWN)
        stamp = header or text[:_CLOCK_WITHIN]
        fields = _fields_of(message)
        if fields:
            found = _read_fields(fields)
            pairs = (pair for pair in found.pairs if pair not in self.shared)
            message = " ".join([found.said, *pairs]).replace("\n", " ").strip()
            level, stamp = found.level or level, found.stamp or stamp
        message = _RULED.sub(r"\1\1\1 ", message)
        message = f"{source[1] or source[2]} | {message}" if source else message
        return Entry(level or _level_in(text[:_LEVEL_WITHIN]), message, _clock_in(stamp))

    def _split(self, text: str) -> tuple[str, str]:
        """The header and the message, which has what stands in the header but does not belong."""
        words = list(_first_words(text, len(self.columns)))
        fits = [_class(word[0]) == it for it, word in zip(self.columns, words, strict=False)]
        if sum(fits) < _MOSTLY * len(self.columns):
            words = words[: [*fits, False].index(False)]
            # What only looks like a part of a header may be what the line is about.
            words = words if any(map(_STAMP.search, (word[0] for word in words))) else []
        if not words:
            return "", text.strip()
        start = words[-1].end()
        odd = (word[0] for word, fit in zip(words, fits, strict=False) if not fit)
        return text[:start], " ".join([*odd, text[start:].strip(" |-\t")])


def read_format(unlike: Iterable[tuple[str, int]], some: Sequence[str]) -> LineFormat:
    """What lines have in common: unlike ones, each with the number of those like it, and some."""
    texts = [(_SOURCE.sub("", line, count=1), count) for line, count in unlike if line[:1].strip()]
    rows = [([word[0] for word in _first_words(it, _HEADER_WORDS)], count) for it, count in texts]
    timed = [(row, count) for row, count in rows if row and _class(row[0]) in (_CHANGES, _LEVEL)]
    header = list[tuple[str, str]]()
    if _ENOUGH_WITH_TIME * sum(count for _, count in timed) >= sum(count for _, count in rows):
        header = list(_columns([(row, count.bit_length()) for row, count in timed]))
    if not any(column == _LEVEL or _STAMP.search(word) for column, word in header):
        # Without a time or a level, what lines begin with is what they are about.
        header = []
    return LineFormat(tuple(column for column, _ in header), tuple(_shared(header, some)))


def _shared(header: Sequence[tuple[str, str]], some: Sequence[str]) -> Iterator[str]:
    """The names and fields that nearly all of some lines have; one letter of all is no level."""
    needed = _NEARLY_ALL * len(some)
    for column, word in header:
        is_name = any(map(str.isalpha, word)) and not _STAMP.search(word)
        if is_name and (column != _LEVEL or len(word) == 1):
            yield from [word] * (sum(word in line for line in some) > needed)
    fields = (_fields_of(line) for line in some)
    pairs = Counter(pair for it in fields if it for pair in _read_fields(it).pairs)
    yield from (pair for pair, count in pairs.items() if count > needed and len(pair) <= _LONGEST)


def _columns(rows: Sequence[tuple[Sequence[str], int]]) -> Iterator[tuple[str, str]]:
    """The columns of the header, each with its commonest word, of rows and what each counts."""
    needed, before = _NEARLY_ALL * sum(weight for _, weight in rows), list[str]()
    for place in range(_HEADER_WORDS):
        words, classes = Counter[str](), Counter[str]()
        for row, weight in rows:
            if len(row) > place + 1:
                words[row[place]] += weight
                classes[_class(row[place])] += weight
        if not words:
            return
        (column, most), (word, _) = classes.most_common(1)[0], words.most_common(1)[0]
        plain = column not in (_CHANGES, _LEVEL)
        if most <= needed or column == _MESSAGE or (plain and not _may_be_header(word, before)):
            return
        before.append(column)
        yield column, word


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
    within = _LEVEL_WITHIN_WORD.fullmatch(word)
    bare = (within[within.lastindex or 0] if within else word.strip(_EDGES)).lower()
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


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the fields of a line say; `pairs` are those that are neither message, level nor time."""

    level: Level
    said: str
    stamp: str
    pairs: Sequence[str]


def _read_fields(fields: Mapping[str, Any]) -> _Fields:
    """Without those of the journal that are its own, which begin with an underscore."""
    names = {key.lower(): key for key in fields if key[:1] != "_"}
    level = next((str(fields[names[key]]) for key in _LEVEL_KEYS if key in names), "")
    said = next((names[key] for key in _MESSAGE_KEYS if _is_text(fields, names.get(key))), "")
    stamp = " ".join(str(fields[names[key]]) for key in _TIME_KEYS if key in names)
    left_out = {*_TIME_KEYS, *_LEVEL_KEYS, said.lower()}
    pairs = [f"{it}={fields[it]}" for key, it in names.items() if key not in left_out]
    named = _LEVELS.get(level.lower(), Level.UNKNOWN)
    return _Fields(named, str(fields.get(said, "")), stamp, pairs)


def _is_text(fields: Mapping[str, Any], key: str | None) -> bool:
    return key is not None and isinstance(fields[key], str)
