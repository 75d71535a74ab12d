"""Log: which lines of a log matter, and in which order. Pure, and linear in the log.

All lines are looked at in bulk; only lines that differ in more than digits, and only those that may
hold an error, are looked at one by one, a bounded number of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from opsmcp_tools.condense.excerpt import Excerpt
from opsmcp_tools.condense.line_clusters import Alike
from opsmcp_tools.condense.sampling import Thinned
from opsmcp_tools.condense.templates import Weight, coarse_keys, kind_of_line, suspicious, weigh

__all__ = ["error_lines", "read_log", "read_thinned"]

_MOST_SUSPECTS = 3_000
_MOST_WEIGHED = 3_000
_MOST_CODES = 20
"""With more codes than this, what looks like a code of an error is a number like any other."""

_BLOCK = 64
_MOST_JOINED = 2_000
_ENOUGH_ALIKE = 8
_MOST_WORDS = 30
_MOST_TRACED = 60
_LONGEST_TRACE = 400
_ENDS_OF_TRACE = 2
_HEAD_LINES, _TAIL_LINES = 2, 3
_FEWEST_OF_A_KIND, _PARTS_OF_ROOM = 4, 8


@dataclass(slots=True)
class _Kind:
    """Lines that say the same. `count` is 0 when not all of them were looked at."""

    template: str
    weight: Weight
    focus: int
    numbers: list[int] = field(default_factory=list[int])
    count: int = 0


def read_log(lines: Sequence[str], *, room_lines: int) -> Excerpt:
    """The lines in the order in which they matter.

    Args:
        lines: All lines of the log.
        room_lines: About how many short lines there is room for. Of more kinds of error than this,
            those that differ in one word are joined.
    """
    groups = Alike("\n".join(lines))
    rare = groups.rare(lines)
    kinds = sorted(_kinds(groups, lines), key=lambda kind: kind.numbers[0])
    errors = [kind for kind in kinds if kind.weight is Weight.ERROR]
    if len(errors) > room_lines:
        errors = _joined(errors)
    # Where nothing names an error, the end says most; elsewhere more of the same says nothing.
    tail = room_lines // (16 if errors else 2)
    warnings = [kind.numbers[0] for kind in kinds if kind.weight is Weight.WARNING]
    order = dict.fromkeys(
        chain(
            (kind.numbers[0] for kind in errors),
            range(max(0, len(lines) - _TAIL_LINES), len(lines)),
            range(min(_HEAD_LINES, len(lines))),
            _surroundings(lines, errors[:_MOST_TRACED]),
            (number for kind in errors for number in kind.numbers[1:]),
            warnings,
            rare,
            _varied(
                lines,
                range(len(lines) - 1, max(-1, len(lines) - 1 - tail), -1),
                most=max(_FEWEST_OF_A_KIND, room_lines // _PARTS_OF_ROOM),
            ),
        )
    )
    alike = groups.counts_of(order) | rare
    alike.update((kind.numbers[0], kind.count) for kind in kinds)
    alike.update((kind.numbers[0], kind.count) for kind in errors)
    focus = {number: kind.focus for kind in kinds for number in kind.numbers}
    return Excerpt(lines, list(order), vital=len(errors), alike=alike, focus=focus)


def read_thinned(thinned: Thinned, *, room_lines: int) -> Excerpt:
    """The same for a log of which only some lines were kept: how many are alike is not known."""
    excerpt = read_log(thinned.lines, room_lines=room_lines)
    return replace(excerpt, alike={}, places=thinned.places, total=thinned.total)


def _varied(lines: Sequence[str], numbers: Iterable[int], *, most: int) -> Iterator[int]:
    """The numbers of lines, without those that say the same as `most` before them."""
    seen = Counter[str]()
    for number in numbers:
        kind = kind_of_line(lines[number])
        seen[kind] += 1
        if seen[kind] <= most:
            yield number


def error_lines(lines: Sequence[str]) -> Iterator[int]:
    """The numbers of the lines that name an error, in no more time than reading them all takes."""
    keys = coarse_keys("\n".join(lines))
    suspects = _suspects(keys, range(len(keys)))
    return (number for number in suspects if weigh(lines[number])[0] is Weight.ERROR)


def _kinds(groups: Alike, lines: Sequence[str]) -> Iterator[_Kind]:
    """The kinds of line that may hold an error or a warning."""
    suspects = _suspects(groups.plain, groups.firsts)
    members: dict[bytes, list[int]] = {groups.keys[number]: [] for number in suspects}
    for number, key in enumerate(groups.keys):
        if key in members:
            members[key].append(number)
    each = max(2, _MOST_WEIGHED // max(1, len(members)))
    found: dict[tuple[str, Weight], _Kind] = {}
    for numbers in members.values():
        for kind in _split(lines, _sample(numbers, each), len(numbers)):
            _add(found, kind)
    return (kind for kind in found.values() if kind.weight)


def _suspects(keys: Sequence[bytes], numbers: Sequence[int]) -> list[int]:
    """Those whose key may hold an error. Blocks without any, most of them, cost next to nothing."""
    found: list[int] = []
    for start in range(0, len(numbers), _BLOCK):
        block = numbers[start : start + _BLOCK]
        if suspicious(b"\n".join([keys[number] for number in block])):
            some = (number for number in block if suspicious(keys[number]))
            found += islice(some, _BLOCK if len(found) < _MOST_SUSPECTS else 1)
    return found


def _sample(numbers: list[int], most: int) -> list[int]:
    """At most about `most`, the first and the last among them, the others spread evenly."""
    if len(numbers) <= most:
        return numbers
    return [*numbers[: -1 : -(-len(numbers) // most)], numbers[-1]]


def _split(lines: Sequence[str], sample: list[int], count: int) -> list[_Kind]:
    """The kinds among lines that differ in digits only: by the codes in them, if they are few."""
    kinds = _by_template(lines, sample, codes=True)
    if len(kinds) > _MOST_CODES:
        kinds = _by_template(lines, sample, codes=False)
    if len(kinds) == 1:
        kinds[0].count = count
    elif len(sample) < count:
        for kind in kinds:
            kind.count = 0
    return kinds


def _by_template(lines: Sequence[str], numbers: Iterable[int], *, codes: bool) -> list[_Kind]:
    found: dict[tuple[str, Weight], _Kind] = {}
    for number in numbers:
        weight, focus = weigh(lines[number])
        _add(found, _Kind(kind_of_line(lines[number], codes=codes), weight, focus, [number], 1))
    return list(found.values())


def _add(found: dict[tuple[str, Weight], _Kind], kind: _Kind) -> None:
    known = found.setdefault((kind.template, kind.weight), kind)
    if known is not kind:
        known.count = known.count + kind.count if known.count and kind.count else 0
        known.numbers = [known.numbers[0], max(known.numbers[-1], kind.numbers[-1])]


def _joined(kinds: list[_Kind]) -> list[_Kind]:
    """The kinds, where many that differ in one word only are one; those not looked at come last."""
    looked_at = _sample_kinds(kinds)
    words = {kind.template: kind.template.split()[:_MOST_WORDS] for kind in looked_at}
    holes = Counter(hole for kind in looked_at for hole in _with_holes(words[kind.template]))
    joined: dict[object, _Kind] = {}
    for kind in looked_at:
        best = max(_with_holes(words[kind.template]), key=holes.__getitem__, default=None)
        alike = best is not None and holes[best] >= _ENOUGH_ALIKE
        known = joined.setdefault(best if alike else kind.template, kind)
        if known is not kind:
            known.count = known.count + kind.count if known.count and kind.count else 0
    seen = {kind.template for kind in looked_at}
    return [*joined.values(), *(kind for kind in kinds if kind.template not in seen)]


def _sample_kinds(kinds: list[_Kind]) -> list[_Kind]:
    return [kinds[number] for number in _sample(list(range(len(kinds))), _MOST_JOINED)]


def _with_holes(words: list[str]) -> Iterator[tuple[int, int, int]]:
    for place in range(len(words)):
        yield place, len(words), hash((*words[:place], *words[place + 1 :]))


def _surroundings(lines: Sequence[str], kinds: Iterable[_Kind]) -> Iterator[int]:
    """Both ends of the stack trace below each kind of error, then the lines around it."""
    around: list[int] = []
    for kind in kinds:
        number = kind.numbers[0]
        end = number + 1
        while end < min(len(lines), number + _LONGEST_TRACE) and _is_frame(lines[end]):
            end += 1
        frames = range(number + 1, end)
        yield from frames[:_ENDS_OF_TRACE]
        yield from frames[-_ENDS_OF_TRACE:]
        around += [max(0, number - 1), min(end, len(lines) - 1)]
    yield from around


def _is_frame(line: str) -> bool:
    return line.startswith((" ", "\t", "Caused by", "goroutine ", "File "))
