"""The kinds of line in a log: what stays when all that varies is taken out. Pure.

Numbers, times, addresses, names of hosts, paths, ids and quoted or named values are taken out by
their looks; kinds that then differ in one word only, with many words in its place, are one (as in
Drain: He, Zhu, Zheng, Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", 2017, but
without an order of the lines). A bounded number of lines is looked at one by one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from opsmcp_tools.condense.line_format import Entry, Level, LineFormat, read_format
from opsmcp_tools.condense.trouble import (
    Weight,
    coarse_keys,
    suspects,
    weigh,
    without_identifiers,
)

__all__ = ["VARIES", "LogKind", "LogKinds", "read_kinds", "template_of", "values_of"]

Each = TypeVar("Each")

_HOLE = "\x00"
_SAMPLED = 200
"""Lines that show how a log is written: so many of its lines, and so many of unlike ones."""
_MANY_KEYS = 4_000
_MOST_LOOKED_AT = 6_000
_MOST_SAMPLED = 10_000
_MOST_CODES = 20
"""With more codes than this, what looks like a code of an error is a number like any other."""
_BLOCK = 64
_LONGEST_MESSAGE = 600
_MOST_WORDS = 40
_BEFORE_NAMES = "user for from host by to on at name named client node pod"
_NAMES_FOLLOW = frozenset(_BEFORE_NAMES.split())
_ENOUGH, _ENOUGH_NAMES = 7, 3
"""How many words in one place of otherwise equal kinds make it a place for anything."""

_CODE = (
    r"\b[A-Z]{1,8}-?\d{3,6}\b(?!-)|(?<=\" )[45]\d\d\b"
    r"|\b(?:HTTP(?:/[\d.]+)?|status|code|errno|exit|signal)\b[\"' :=]{1,3}\d{1,5}\b"
)
_TELLING_NUMBER = re.compile(rf"{_CODE}|[\w-]+=0\b|\b0\b")
"""Numbers that make another kind of a line: codes, and that there were none."""

VARIES = re.compile(
    rf"(?P<code>{_CODE})|"
    r"\"[^\"]{1,300}\"|'[^'\s]{1,200}'"
    r"|(?<=[\w\])])=(?:\"[^\"]*\"|[^\s,;&\])}]*)"
    r"|\b[a-z][a-z0-9+.-]*://[^\s,;)\]}]+"
    r"|(?<![\w.])/(?:[\w.+@:~-]+/?)+"
    r"|\[[^\]\[\d]{0,80}\d[^\]\[]{0,120}\]"
    r"|(?<![\w.:/@#$*+%-])(?=[\w.:/@#$*+%-]*\d)[\w.:/@#$*+%-]+"
    r"|\b[\w-]+(?:\.[\w-]+){2,}\b(?!:)"
)
_SAYS = re.compile(r"(?:^|\b(?:msg|message|err|error|reason|cause|detail|event))$", re.IGNORECASE)
"""What stands before a quoted text that is no value but the message."""
_LABEL = re.compile(r"(?:^|[\s;,(])([A-Za-z_]{2,14})[\s:]*$")


@dataclass(slots=True)
class LogKind:
    """Lines that say the same: `groups` are the first lines of its groups, `count` is all."""

    words: tuple[str, ...]
    level: Level
    weight: Weight
    message: str
    first: int
    clock: str
    groups: list[int] = field(default_factory=list[int])
    count: int = 0
    last: int = 0

    @property
    def is_trouble(self) -> bool:
        """Whether it says that something is wrong, or may be."""
        return self.weight > Weight.PLAIN


@dataclass(frozen=True, slots=True)
class LogKinds:
    """All kinds in the order of their first lines, and what is known of the lines."""

    form: LineFormat
    kinds: Sequence[LogKind]
    group_of: Sequence[bytes]
    unread: int

    def members(self, kind: LogKind, most: int) -> list[int]:
        """The numbers of about so many of its lines, from the first to the last; of few, all."""
        groups = self.group_of
        wanted = {groups[number] for number in kind.groups}
        end = min(kind.last + 1, len(groups))
        for step in (kind.count // most | 1, 1):
            found = (number for number in range(kind.first, end, step) if groups[number] in wanted)
            some = list(islice(found, 2 * most))
            if 2 * len(some) > most:
                break
        return some


@dataclass(frozen=True, slots=True)
class _Groups:
    """The lines by a key that leaves out digits, and of very many keys the letters of ids, too."""

    plain: Sequence[bytes]
    keys: Sequence[bytes]
    counts: Counter[bytes]
    firsts: dict[bytes, int]
    lasts: dict[bytes, int]


def read_kinds(lines: Sequence[str]) -> LogKinds:
    """The kinds of line; `unread` counts the lines of groups that were not looked at."""
    groups = _grouped(lines)
    keys, counts = groups.keys, groups.counts
    chosen = _chosen(groups)
    form = read_format(_spread(lines, _SAMPLED), _spread(_at(lines, chosen), _SAMPLED))
    found: dict[tuple[object, ...], LogKind] = {}
    split = dict(_split_by_code(lines, groups, chosen))
    for number in chosen:
        key = keys[number]
        for first, last, count in split.get(key, [(number, groups.lasts[key], counts[key])]):
            kind = _kind_of(lines[first], form, first)
            kind.count, kind.last = count, last
            known = found.setdefault((kind.words, kind.level, kind.is_trouble), kind)
            if known is not kind:
                _add(known, kind)
    kinds = _merged(_merged(list(found.values())))
    unread = len(lines) - sum(kind.count for kind in kinds)
    return LogKinds(form, sorted(kinds, key=lambda kind: kind.first), keys, unread)


def _split_by_code(
    lines: Sequence[str], groups: _Groups, chosen: Sequence[int]
) -> Iterator[tuple[bytes, list[tuple[int, int, int]]]]:
    """Groups that may be trouble, in parts by the codes in them: first line, last line and count.

    Lines of one group differ in digits, and these may be the code of an error.
    """
    keys, counts = groups.keys, groups.counts
    several = (keys[number] for number in suspects(groups.plain, chosen))
    members: dict[bytes, list[int]] = {key: [] for key in several if counts[key] > 1}
    for number, key in enumerate(keys):
        if key in members:
            members[key].append(number)
    each = max(2, _MOST_SAMPLED // max(1, len(members)))
    for key, numbers in members.items():
        some = _spread(numbers, each)
        parts: dict[tuple[str, ...], list[int]] = {}
        for number in some:
            codes = _TELLING_NUMBER.findall(lines[number][:_LONGEST_MESSAGE])
            parts.setdefault(tuple(codes), []).append(number)
        if len(parts) <= _MOST_CODES:
            share = len(numbers) / len(some)
            yield key, [(it[0], it[-1], round(len(it) * share)) for it in parts.values()]


def _grouped(lines: Sequence[str]) -> _Groups:
    text = "\n".join(lines)
    plain = keys = coarse_keys(text)
    counts = Counter(keys)
    if len(counts) > _MANY_KEYS:
        keys = without_identifiers(plain)
        counts = Counter(keys)
    numbers = range(len(keys))
    lasts = dict(zip(keys, numbers, strict=True))
    firsts = dict(zip(reversed(keys), reversed(numbers), strict=True))
    return _Groups(plain, keys, counts, firsts, lasts)


def _chosen(groups: _Groups) -> list[int]:
    """The first line of each group; of too many those that may be trouble, then the rare ones."""
    numbers = sorted(groups.firsts.values())
    if len(numbers) <= _MOST_LOOKED_AT:
        return numbers
    trouble = _spread(suspects(groups.plain, numbers), _MOST_LOOKED_AT * 2 // 3)
    frequent = [groups.firsts[key] for key, _ in groups.counts.most_common(_MOST_LOOKED_AT // 6)]
    others = _spread(numbers, _MOST_LOOKED_AT // 6)
    return sorted({*trouble, *frequent, *others, *numbers[:_BLOCK], *numbers[-_BLOCK:]})


def _spread(some: Sequence[Each], most: int) -> Sequence[Each]:
    return some if len(some) <= most else some[:: -(-len(some) // most)]


def _at(lines: Sequence[str], numbers: Iterable[int]) -> list[str]:
    return [lines[number] for number in numbers]


def _kind_of(line: str, form: LineFormat, number: int) -> LogKind:
    entry = form.read(line)
    message = entry.message[:_LONGEST_MESSAGE]
    words = tuple(VARIES.sub(_without, message).split()[:_MOST_WORDS])
    weight = _weight(entry, message)
    return LogKind(words, entry.level, weight, message, number, entry.clock, [number])


def _without(found: re.Match[str]) -> str:
    if found["code"]:
        return found[0]
    named = "=" if found[0][0] == "=" else ""
    quoted, start = found[0].removeprefix("="), found.start()
    says = quoted[:1] == '"' and " " in quoted
    if says and _SAYS.search(found.string, max(0, start - 12), start):
        return named + VARIES.sub(_HOLE, quoted.strip('"'))
    return named + _HOLE


def _weight(entry: Entry, message: str) -> Weight:
    if entry.level >= Level.WARNING:
        return Weight.ERROR if entry.level is Level.ERROR else Weight.WARNING
    weight, _ = weigh(message)
    return min(weight, Weight.WARNING) if entry.level is Level.CALM else weight


def _merged(kinds: list[LogKind]) -> list[LogKind]:
    """The kinds, where those that differ in one word are one if many words stand in its place."""
    holes = Counter(hole for kind in kinds for hole, _ in _with_holes(kind))
    joined: dict[object, LogKind] = {}
    for kind in kinds:
        hole, place = max(_with_holes(kind), key=lambda each: holes[each[0]], default=(None, 0))
        enough = hole is not None and holes[hole] >= _needed(kind.words, place)
        key = hole if enough else (kind.words, kind.level, kind.is_trouble)
        known = joined.setdefault(key, kind)
        if known is not kind:
            _add(known, kind)
        if enough:
            known.words = (*known.words[:place], _HOLE, *known.words[place + 1 :])
    return list(joined.values())


def _add(known: LogKind, kind: LogKind) -> None:
    known.groups += kind.groups
    known.count += kind.count
    known.last = max(known.last, kind.last)
    known.weight = max(known.weight, kind.weight)


def _needed(words: Sequence[str], place: int) -> int:
    before = words[place - 1].strip(":=").lower() if place else ""
    return _ENOUGH_NAMES if before in _NAMES_FOLLOW else _ENOUGH


def _with_holes(kind: LogKind) -> Iterator[tuple[int, int]]:
    """What is left of the words without one of them, for each that is a word, and its place."""
    words, told = kind.words, (len(kind.words), kind.level, kind.is_trouble)
    for place, word in enumerate(words):
        if _HOLE not in word:
            rest = hash((place, told, *words[:place], *words[place + 1 :]))
            yield rest, place


def template_of(line: str) -> str:
    """The line without what varies; two lines with one template say the same."""
    return " ".join(VARIES.sub(_without, line[:_LONGEST_MESSAGE]).split())


def values_of(messages: Iterable[str]) -> list[tuple[str, Counter[str]]]:
    """What stands in each place that varies, over messages of one kind, with the word before."""
    columns: list[tuple[str, Counter[str]]] = []
    for message in messages:
        varying = (it for it in VARIES.finditer(message[:_LONGEST_MESSAGE]) if not it["code"])
        for place, found in enumerate(varying):
            if place == len(columns):
                before = _LABEL.search(message[max(0, found.start() - 20) : found.start()])
                columns.append((before[1] if before else "", Counter()))
            columns[place][1][found[0].lstrip("=")] += 1
    return columns
