"""Log: what matters of it, as rows of its kinds. Trouble first, then what is rare, then the rest.

A row is one line of its kind, without what all lines share; it says how many there are, when the
first and the last were, and what mostly stands where they differ. Pure, and linear in the log.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from opsmcp_tools.condense.excerpt import Room, fullest
from opsmcp_tools.condense.line_format import Level
from opsmcp_tools.condense.log_kinds import VARIES, LogKind, LogKinds, read_kinds, values_of
from opsmcp_tools.condense.traces import is_frame, lines_below
from opsmcp_tools.condense.trouble import Weight, weigh_in_prose
from opsmcp_tools.phrases import excerpt as words
from opsmcp_tools.phrases.phrase import Language

__all__ = ["Log", "read_log"]

_TAIL, _LAST = 3, 20
_TOKENS_OF_TAIL = 40
_MANY = 10
"""A kind of trouble with so many lines, or among the last 20, comes before all others."""

_MANY_ROWS = 300
"""More are never shown."""
_SAMPLED, _LEVEL_WITHIN, _LONGEST_SHARED = 200, 40, 300
_LONGEST_VALUE = 28
_MOST_COLUMNS, _MOST_NAMED = 2, 2
_NAMED_WHOLE = 5
"""Of so few lines what differs first is told of each."""

_FEWEST_SHARE = 20
"""A value that fewer than one line in so many has says nothing."""
_UNTELLING = re.compile(r"[\d.,:x%\-]*|0x[0-9a-f]+|[0-9a-f-]{12,}")
"""Numbers and ids: which of them is the commonest says nothing, unless they are few."""


_LAYOUTS = (400, 280, 200, 160, 130, 110, 95, 129)
"""Characters of a message: all trouble comes before roomy rows; if that cannot be, what is most
urgent can at least be read.
"""

_WITH_VALUES, _WITH_CLOCKS, _WITH_PREFIX, _OTHERS_WIDTH = 200, 130, 200, 110
"""From this width on, rows have the commonest values, the times, and what stands before the name of
the logger (thread, host); what is no trouble has no more than the last.
"""

_MOST_BEFORE_NAME = 4
_SIGN_OR_DIGIT = re.compile(r"[\[\](){}./\d_$-]")
_BRACKETED = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Log:
    """The kinds of a log in the order in which they matter; the first `vital` are trouble."""

    lines: Sequence[str]
    found: LogKinds
    order: Sequence[LogKind]
    vital: int
    below: Mapping[int, tuple[list[str], list[str]]]
    total: int
    counted: bool = True
    language: Language = "en"
    rows: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])

    def fit(self, room: Room) -> str | None:
        """As many kinds as fit, all trouble in whole rows if that can be; None if none can."""
        most = len(self.order)
        found = fullest(room, _LAYOUTS, self._render, vital=self.vital, most=most)
        if found is None:
            return None
        shown = (self._render(*found, *more) for more in _roomier(room)) if found[0] == most else ()
        return next(filter(room.holds, shown), self._render(*found))

    def _render(
        self, taken: int, width: int, tail: int = _TAIL, others_width: int = _OTHERS_WIDTH
    ) -> str:
        trouble, others = self.order[: min(taken, self.vital)], self.order[self.vital : taken]
        parts = [self._head(taken)]
        if trouble:
            parts += [words.TROUBLE().to(self.language), *self._rows(trouble, width)]
        if others:
            parts += [words.OTHERS().to(self.language)] if trouble else []
            parts += self._rows(others, min(width, others_width))
        if tail > _TAIL and not self.found.form.columns:
            # Nothing tells when lines were written: they may be sorted by what matters most.
            tail //= 2
            parts += [words.BEGINNING().to(self.language), *self._ends(self.lines[:tail], width)]
        parts += [words.END().to(self.language), *self._ends(self.lines[-tail:], width)]
        left = self._left_out(taken)
        return "\n".join([*parts, left] if left else parts)

    def _head(self, taken: int) -> str:
        shared = " ".join(self.found.form.shared)[:_LONGEST_SHARED]
        said = words.NEARLY_ALL_LINES(shared).to(self.language) if shared else ""
        if not self.counted:
            return words.LOG_LOOKED_AT(self.total, taken, said).to(self.language)
        return words.LOG_SHOWN(self.total, len(self.order), taken, said).to(self.language)

    def _left_out(self, taken: int) -> str:
        left = self.order[taken:]
        if not left:
            return ""
        bad = sum(kind.is_trouble for kind in left)
        told = sum(kind.count for kind in self.found.kinds) - sum(kind.count for kind in left)
        search = _telling_words(left[0])
        more = words.FIND_NEXT(search) if search else ""
        return words.KINDS_LEFT_OUT(len(left), bad, self.total - told, more).to(self.language)

    def _ends(self, lines: Sequence[str], width: int) -> Iterator[str]:
        return (_shown(self.found.form.read(line).message or line, width) for line in lines)

    def _rows(self, kinds: Iterable[LogKind], width: int) -> Iterator[str]:
        # As they happened, but no warning stands above an error.
        for kind in sorted(kinds, key=lambda kind: (kind.level is Level.WARNING, kind.first)):
            key = (kind.first, width)
            if key not in self.rows:
                self.rows[key] = self._row(kind, width)
            yield self.rows[key]

    def _row(self, kind: LogKind, width: int) -> str:
        level = "" if kind.level < Level.WARNING else kind.level.name
        message = _shown(kind.message, width)
        said = message if level[:4] in message[:_LEVEL_WITHIN].upper() else f"{level} {message}"
        count = f"×{kind.count:,}" if kind.count > 1 and self.counted else ""
        clocks = self._clocks(kind) if width >= _WITH_CLOCKS else ""
        values = self._values(kind) if width >= _WITH_VALUES and kind.count > 1 else ""
        told = "; ".join(filter(None, (count, clocks, values)))
        frames, details = self.below.get(kind.first, ((), ()))
        more = details if width >= _WITH_VALUES else ()
        below = (f"\n    {_shown(it.strip(), 200)}" for it in (*frames, *more))
        return "".join([f"{said}  [{told}]" if told else said, *below])

    def _clocks(self, kind: LogKind) -> str:
        read = self.found.form.read
        first, last = (read(self.lines[it]).clock for it in (kind.first, kind.last))
        return f"{first}–{last}" if first and last not in ("", first) else first

    def _values(self, kind: LogKind) -> str:
        """What mostly stands where the lines of a kind differ."""
        read = self.found.form.read
        numbers = _sample(kind.numbers)
        whole = len(numbers) == kind.count
        told = list[str]()
        for label, counted in values_of(read(self.lines[number]).message for number in numbers):
            most = max(counted.values())
            few = len(counted) <= 3 or not _are_untelling(counted)
            if len(counted) > 1 and len(numbers) <= _NAMED_WHOLE and not told:
                told.append(f"{label} {', '.join(map(_cut_value, counted))}".lstrip())
            elif len(counted) > 1 and most > max(1, len(numbers) // _FEWEST_SHARE) and few:
                named = [
                    f"{_cut_value(value)}{_often(count, 0 if whole else len(numbers))}"
                    for value, count in counted.most_common(_MOST_NAMED)
                    if count > len(numbers) // _FEWEST_SHARE
                ]
                some = ", ".join(named)
                least = "" if whole else "+"
                more = "" if len(counted) == len(named) else f" (of {len(counted):,}{least})"
                told.append(f"{label + ' ' if label else ''}{some}{more}")
        return "; ".join(told[:_MOST_COLUMNS])


def read_log(lines: Sequence[str], *, total: int = 0, language: Language = "en") -> Log:
    """The log of these lines; where they are some of a text only, `total` is how many it has."""
    found = read_kinds(lines)
    prose = _is_prose(found)
    if prose:
        for kind in found.kinds:
            if kind.level < Level.WARNING:
                kind.weight = weigh_in_prose(lines[kind.first])
    kinds = [
        kind
        for kind in found.kinds
        if not is_frame(lines, kind.first) and any(map(str.isalnum, kind.message))
    ]
    recent = len(lines) - _LAST
    trouble = sorted(
        (kind for kind in kinds if kind.is_trouble), key=lambda kind: _rank(kind, recent)
    )
    others = sorted(
        (kind for kind in kinds if not kind.is_trouble),
        key=lambda kind: (kind.count > 2, -kind.count if kind.count > 2 else kind.first),
    )
    below = {
        kind.first: lines_below(lines, kind.first, found.form.begins)
        for kind in trouble[:_MANY_ROWS]
    }
    if prose:
        below = {number: (frames, list[str]()) for number, (frames, _) in below.items()}
    told = {line for _, details in below.values() for line in details}
    return Log(
        lines,
        found,
        [*trouble, *(kind for kind in others if lines[kind.first] not in told)],
        len(trouble),
        below,
        total or len(lines),
        counted=not total,
        language=language,
    )


def _roomier(room: Room) -> Iterator[tuple[int, int]]:
    """How many lines of the end, and how wide what is no trouble, where no kind is left out."""
    longest = max(_LAST, room.tokens // _TOKENS_OF_TAIL)
    for others_width in (_WITH_VALUES, _OTHERS_WIDTH):
        for tail in (longest, longest // 2, longest // 4, 2 * _TAIL):
            yield tail, others_width


def _is_prose(found: LogKinds) -> bool:
    """Whether this is a text rather than a log: no header, and hardly a line that comes again."""
    kinds = [kind for kind in found.kinds if kind.message.strip()]
    once = sum(kind.count == 1 for kind in kinds)
    return not found.form.columns and 5 * once > sum(kind.count for kind in kinds)


def _rank(kind: LogKind, recent: int) -> tuple[bool, bool, int]:
    first = kind.count >= _MANY or kind.last >= recent
    return not first, kind.weight is not Weight.ERROR, kind.first


def _telling_words(kind: LogKind) -> str:
    """The two longest words that all of its lines have: what finds them."""
    plain = [word.strip(".,:;()[]") for word in kind.words]
    some = [word for word in plain if len(word) > 3 and word.isascii() and word.isalpha()]
    longest = sorted(dict.fromkeys(some), key=len, reverse=True)[:2]
    return " ".join(word for word in dict.fromkeys(some) if word in longest)


def _sample(numbers: Sequence[int]) -> Sequence[int]:
    """Some of the lines of a kind: not every n-th one, as values often come in turns."""
    if len(numbers) <= _SAMPLED:
        return numbers
    return Random(0).sample(numbers, _SAMPLED)  # noqa: S311 - the same each time


def _often(count: int, sampled: int) -> str:
    """How often a value stands there: a share, where not all lines were looked at."""
    if sampled:
        return f" {100 * count // sampled} %"
    return f" ×{count:,}" if count > 1 else ""


def _are_untelling(counted: Iterable[str]) -> bool:
    return all(_UNTELLING.fullmatch(value) and "." not in value for value in counted)


def _shown(message: str, width: int) -> str:
    """At most about `width` characters: the prefix is cut first, then long values, then the end."""
    if len(message) <= width:
        return message
    if width < _WITH_PREFIX:
        message = _without_prefix(message)
    longest = _LONGEST_VALUE if width > _OTHERS_WIDTH else _LONGEST_VALUE // 2
    shorter = VARIES.sub(lambda found: _cut_value(found[0], longest), message)
    return shorter if len(shorter) <= width else f"{shorter[:width].rstrip('… ')}…"


def _without_prefix(message: str) -> str:
    """The message after the name of its logger or program, without thread and host before it."""
    before, colon, rest = message.partition(": ")
    *front, name = _BRACKETED.sub("[]", before).split() or [""]
    if not colon or len(front) > _MOST_BEFORE_NAME or not all(map(_SIGN_OR_DIGIT.search, front)):
        return message
    name = name.removesuffix("[]")
    return f"{name if name[:1] == '/' else re.split('[./]', name)[-1]}: {rest}"


def _cut_value(value: str, longest: int = _LONGEST_VALUE) -> str:
    if len(value) <= longest:
        return value
    if " " in value:
        return f"{value[: longest - 1]}…"
    return f"{value[: longest // 2 - 1]}…{value[1 - longest // 3 :]}"
