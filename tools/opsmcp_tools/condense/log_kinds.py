"""The kinds of line in a log: what stays when all that varies is taken out. Pure.

Numbers, times, addresses, names of hosts, paths, ids and quoted or named values are taken out by
their looks; kinds that then differ in one word only, with many words in its place, are one (as in
Drain: He, Zhu, Zheng, Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", 2017, but
without an order of the lines). A bounded number of lines is looked at one by one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opsmcp_tools.condense.line_format import Entry, Level, LineFormat, read_format
from opsmcp_tools.condense.traces import is_frame
from opsmcp_tools.condense.trouble import (
    Weight,
    coarse_keys,
    spread,
    suspects,
    weigh,
)

__all__ = ["VARIES", "LogKind", "LogKinds", "read_kinds", "template_of", "values_of"]

_HOLE = "\x00"
_SAMPLED = 200
"""Unlike lines that show how a log is written."""
_MANY_KEYS, _SAMPLE_STEP = 4_000, 16
_MOST_LOOKED_AT = 6_000
_MOST_WITH_CODE = 50_000
"""Of more lines that may be trouble, codes are numbers like any other."""
_BLOCK = 64
_LONGEST_MESSAGE = 600
_MOST_WORDS = 40
_ENOUGH = 7
"""How many words in one place of otherwise equal kinds make it a place for anything."""

_CODE = (
    r"\b[A-Z]{1,8}-?\d{3,6}\b(?!-)|(?<=\" )[45]\d\d\b"
    r"|\b(?:HTTP(?:/[\d.]+)?|status|code|errno|exit|signal)\b[\"' :=]{1,3}\d{1,5}\b"
)
_CODES, _NUMBERS = re.compile(_CODE), re.compile(r"(?<![\w.:-])\d+(?![\w.:-])")

VARIES = re.compile(
    rf"(?P<code>{_CODE})|"
    r"\"[^\"]{1,300}\"|'[^'\s]{1,200}'"
    r"|(?<=[\w\])])=(?:\"[^\"]*\"|[^\s,;&\])}]*)"
    r"|\b[a-z][a-z0-9+.-]*://[^\s,;)\]}]+"
    r"|(?<![\w.])/(?:[\w.+@:~%|?&=-]+,?/?)+"
    r"|\[[^\]\[\d]{0,80}\d[^\]\[]{0,120}\]"
    r"|(?<![\w.:/@#$*+%-])(?=[\w.:/@#$*+%-]*\d)[\w.:/@#$*+%-]+"
    r"|\b[\w-]+(?:\.[\w-]+){2,}\b(?!:)"
)
_SAYS = re.compile(r"(?:^|\b(?:msg|message|err|error|reason|cause|detail|event))$", re.IGNORECASE)
"""What stands before a quoted text that is no value but the message."""
_LABEL = re.compile(r"(?:^|[\s;,(])([A-Za-z_]{2,14})[\s:]*$")


@dataclass(slots=True)
class LogKind:
    """Lines that say the same, of which `message` is the first; `numbers` are where they stand."""

    words: tuple[str, ...]
    level: Level
    weight: Weight
    message: str
    numbers: list[int]

    @property
    def first(self) -> int:
        """Its first line."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Its last line."""
        return self.numbers[-1]

    @property
    def count(self) -> int:
        """How many lines it has."""
        return len(self.numbers)

    @property
    def is_trouble(self) -> bool:
        """Whether it says that something is wrong, or may be."""
        return self.weight > Weight.PLAIN


@dataclass(frozen=True, slots=True)
class LogKinds:
    """All kinds in the order of their first lines, and how the lines are written."""

    form: LineFormat
    kinds: Sequence[LogKind]


def read_kinds(lines: Sequence[str]) -> LogKinds:
    """The kinds of line; of very many only those that may be trouble, and the largest."""
    chosen = list(_groups(lines))
    some = [numbers for numbers in spread(chosen, _SAMPLED) if not is_frame(lines, numbers[0])]
    unlike = [(lines[numbers[0]], len(numbers)) for numbers in some]
    form = read_format(unlike, spread(lines, _SAMPLED))
    found: dict[object, LogKind] = {}
    for numbers in sorted(_told_by_code(lines, chosen)):
        kind = _kind_of(lines, form, numbers)
        _put(found, (kind.words, kind.level, kind.is_trouble), kind)
    kinds = _merged(_merged(list(found.values())))
    for kind in kinds:
        kind.numbers.sort()
    return LogKinds(form, sorted(kinds, key=lambda kind: kind.first))


def _groups(lines: Sequence[str]) -> Iterable[list[int]]:
    """The numbers of lines that differ in digits, or ids, only; of too many those of `_chosen`."""
    some = set(coarse_keys("\n".join(lines[::_SAMPLE_STEP])))
    keys = coarse_keys("\n".join(lines), ids=len(some) * _SAMPLE_STEP <= _MANY_KEYS)
    firsts = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    groups = {keys[number]: list[int]() for number in _chosen(lines, Counter(keys), firsts)}
    for number, key in enumerate(keys):
        if key in groups:
            groups[key].append(number)
    return groups.values()


def _chosen(
    lines: Sequence[str], counts: Counter[bytes], firsts: Mapping[bytes, int]
) -> Collection[int]:
    """The first lines of groups that may be trouble, of the largest, and of some others."""
    numbers = sorted(firsts.values())
    if len(numbers) <= _MOST_LOOKED_AT:
        return numbers
    part = _MOST_LOOKED_AT // 6
    large = (firsts[key] for key, _ in counts.most_common(part))
    trouble, ends = spread(suspects(lines, numbers), 4 * part), numbers[:_BLOCK] + numbers[-_BLOCK:]
    return {*trouble, *large, *spread(numbers, part), *ends}


def _told_by_code(lines: Sequence[str], groups: Sequence[list[int]]) -> Iterator[list[int]]:
    """The groups, those that may be trouble in parts by the codes in them.

    Lines of one group differ in digits, and these may be the code of an error, or none of them.
    """
    suspected = {*suspects(lines, [numbers[0] for numbers in groups])}
    left = _MOST_WITH_CODE
    for numbers in groups:
        if len(numbers) == 1 or numbers[0] not in suspected or len(numbers) > left:
            yield numbers
            continue
        left -= len(numbers)
        has_codes = _CODES.search(lines[numbers[0]]) is not None
        parts = defaultdict[tuple[object, ...], list[int]](list)
        for number in numbers:
            line = lines[number][:_LONGEST_MESSAGE]
            codes = _CODES.findall(line) if has_codes else ()
            parts[(*codes, *[it == "0" for it in _NUMBERS.findall(line)])].append(number)
        yield from parts.values()


def _kind_of(lines: Sequence[str], form: LineFormat, numbers: list[int]) -> LogKind:
    entry = form.read(lines[numbers[0]])
    message = entry.message[:_LONGEST_MESSAGE]
    words = tuple(VARIES.sub(_without, message).split()[:_MOST_WORDS])
    weight = _weight(entry, message)
    return LogKind(words, entry.level, weight, message, numbers)


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
    return min(weigh(message), Weight.WARNING) if entry.level is Level.CALM else weigh(message)


def _merged(kinds: Sequence[LogKind]) -> list[LogKind]:
    """The kinds, where those that differ in one word are one if many words stand in its place."""
    holes = Counter(hole for kind in kinds for hole, _ in _with_holes(kind))
    joined: dict[object, LogKind] = {}
    for kind in kinds:
        hole, place = max(_with_holes(kind), key=lambda each: holes[each[0]], default=(0, 0))
        if holes[hole] < _ENOUGH:
            hole = (kind.words, kind.level, kind.is_trouble)
        else:
            kind.words = (*kind.words[:place], _HOLE, *kind.words[place + 1 :])
        _put(joined, hole, kind)
    return list(joined.values())


def _put(found: dict[object, LogKind], key: object, kind: LogKind) -> None:
    known = found.setdefault(key, kind)
    if known is not kind:
        known.numbers += kind.numbers
        known.weight = max(known.weight, kind.weight)


def _with_holes(kind: LogKind) -> Iterator[tuple[int, int]]:
    """What is left of the words without one of them, for each that is a word, and its place."""
    parts = [hash(part) for part in enumerate(kind.words)]
    whole = sum(parts) + hash((len(parts), kind.level, kind.is_trouble))
    for place, word in enumerate(kind.words):
        if _HOLE not in word:
            yield hash((whole - parts[place], place)), place


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
