"""The lines of an output that somebody asks for: by words, by a pattern, or what is unusual. Pure.

Lines are counted from 1. A line that is shown has its number before it: `12:` where it was asked
for, `11-` where it only stands near one that was.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import re2

from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["VIEWS", "Part", "View", "Wanted", "find_lines"]

View = Literal["rare", "breaks"]
VIEWS: tuple[View, ...] = ("rare", "breaks")

_CONTEXT, _CONTEXT_OF_BREAK = 2, 3
_LINE_LENGTH = 400
_BETWEEN = "\n--\n"
_PATTERN_MEMORY = 1 << 20

Match = Callable[[str], int]
"""Where in a line the match begins; less than 0 if there is none."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of one step, below `heading` if there are several steps."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of an output somebody wants.

    Attributes:
        search: Words, all of which stand in the line, in any order and case.
        pattern: An RE2 pattern that matches in the line, in any case.
        exclude: Words, none of which stands in the line.
        view: `rare`: lines of kinds with one or two lines; `breaks`: those before and after a gap
            in time, and those that tell of a start or an end.
        from_line: The first line that is looked at, from 1.
        context: How many lines to show before and after each; None: two, but none in a table.
        newest_first: The last lines first.
    """

    search: str = ""
    pattern: str = ""
    exclude: str = ""
    view: View | None = None
    from_line: int = 1
    context: int | None = None
    newest_first: bool = False

    @property
    def is_filter(self) -> bool:
        """Whether it wants some of the lines only, or in another order."""
        return bool(self.search or self.pattern or self.exclude or self.view or self.newest_first)

    @property
    def said(self) -> str:
        """What was asked for, as the arguments of the call."""
        pairs = [
            (name, value)
            for name, value in (
                ("search", self.search),
                ("pattern", self.pattern),
                ("exclude", self.exclude),
                ("view", self.view),
            )
            if value
        ]
        return " ".join(f"{name}={quote(value)}" for name, value in pairs)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is wanted: its place in all lines, in its part, and where its match begins."""

    number: int
    part: int
    focus: int


def find_lines(
    parts: Sequence[Part], wanted: Wanted, *, offset: int, lines: int, limit: int
) -> JsonObject:
    """Up to `lines` matching lines from match `offset` on, in about `limit` characters.

    Raises:
        ToolError: The pattern is none, and what is wrong with it.
    """
    numbered = _Numbered(parts)
    hits = list(_hits(numbered, wanted))
    if wanted.newest_first:
        hits.reverse()
    page = _Page(numbered, wanted, limit)
    taken = 0
    for hit in hits[offset : offset + lines]:
        if not page.add(hit):
            break
        taken += 1
    end = offset + taken
    return {
        "output": page.text(limit),
        "next_offset": end if end < len(hits) else None,
        "matches": len(hits),
    }


class _Numbered:
    """All lines with the headings of the parts among them, as the whole output shows them."""

    def __init__(self, parts: Sequence[Part]) -> None:
        from opsmcp_tools.condense.table_shape import rows_begin

        self.lines: list[str] = []
        self.starts: list[int] = []
        self._titles: list[Sequence[int]] = []
        self.are_tables: list[bool] = []
        for part in parts:
            heading = [part.heading] if part.heading else []
            start, rows = len(self.lines) + len(heading), rows_begin(part.lines) or 0
            # The last two: a rule may stand between the titles and the rows.
            titles = range(start + max(0, rows - 2), start + rows)
            self._titles.append([*range(start - len(heading), start), *titles])
            self.starts.append(start)
            self.are_tables.append(rows > 0)
            self.lines += [*heading, *part.lines]

    def own_lines(self, part: int) -> range:
        """The numbers of the lines of a part, without its heading."""
        last = part + 1 == len(self.starts)
        end = len(self.lines) if last else self._titles[part + 1][0]
        return range(self.starts[part], end)

    def above(self, part: int) -> Sequence[int]:
        """The numbers of the lines that say what a part is: its heading and its titles."""
        return self._titles[part]


def _hits(numbered: _Numbered, wanted: Wanted) -> Iterator[_Line]:
    match = _matcher(wanted)
    without = _words(wanted.exclude)
    for part in range(len(numbered.starts)):
        own = numbered.own_lines(part)
        for number in _viewed(numbered.lines[own.start : own.stop], wanted.view):
            line = numbered.lines[own.start + number]
            focus = match(line) if own.start + number + 1 >= wanted.from_line else -1
            if focus >= 0 and not (without and _holds_any(line, without)):
                yield _Line(own.start + number, part, focus)


def _viewed(lines: Sequence[str], view: View | None) -> Iterable[int]:
    if view is None:
        return range(len(lines))
    # Imported with the first one: what a tool's schema says needs nothing of it.
    from opsmcp_tools.condense.landmarks import breaks, rare_lines

    return rare_lines(lines) if view == "rare" else breaks(lines)


def _matcher(wanted: Wanted) -> Match:
    words = _words(wanted.search)
    found = partial(_place_of_all, words)
    if not wanted.pattern:
        return found
    search = _compiled(wanted.pattern)
    return lambda line: search(line) if found(line) >= 0 else -1


def _compiled(pattern: str) -> Match:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = label(error.args[0].decode() if isinstance(error.args[0], bytes) else str(error))
        raise ToolError(
            f"pattern is no RE2 pattern: {reason}. For plain words use search instead."
        ) from None

    def place(line: str) -> int:
        found = compiled.search(line)
        return found.start() if found else -1

    return place


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _place_of_all(words: Sequence[str], line: str) -> int:
    """Where the first of the words stands, if all do; 0 for no words."""
    folded = line.casefold()
    places = [folded.find(word) for word in words]
    return min(places[0], len(line)) if places and min(places) >= 0 else -1 if places else 0


def _holds_any(line: str, words: Sequence[str]) -> bool:
    folded = line.casefold()
    return any(word in folded for word in words)


class _Page:
    """Blocks of lines, each a match with its neighbours, as many as there is room for."""

    def __init__(self, numbered: _Numbered, wanted: Wanted, limit: int) -> None:
        self._numbered = numbered
        self._wanted = wanted
        self._room = limit
        self._blocks: list[list[int]] = []
        self._hits: dict[int, int] = {}
        self._shown: set[int] = set()

    def add(self, hit: _Line) -> bool:
        """Show a match, unless there is no room; the first always is."""
        before, around = self._above(hit), self._around(hit)
        new = [number for number in (*before, *around) if number not in self._shown]
        cost = sum(len(self._line(number)) + 1 for number in new) + len(_BETWEEN) * (len(new) > 1)
        if self._hits and cost > self._room:
            return False
        self._room -= cost
        self._hits[hit.number] = hit.focus
        if before:
            self._blocks.append(list(before))
        joins = len(around) > 1 and self._blocks and _touch(self._blocks[-1], around)
        if joins:
            self._blocks[-1] = sorted({*self._blocks[-1], *around})
        else:
            self._blocks.append([number for number in around if number not in self._shown])
        self._shown.update(new)
        return True

    def text(self, limit: int) -> str:
        """All blocks, those that are not neighbours apart."""
        loose = any(len(block) > 1 for block in self._blocks if self._hits.keys() & set(block))
        texts = ["\n".join(map(self._line, block)) for block in self._blocks if block]
        return (_BETWEEN if loose else "\n").join(texts)[:limit]

    def _above(self, hit: _Line) -> list[int]:
        """What says where the match stands, the first time that something of its part is shown."""
        above = self._numbered.above(hit.part)
        return [it for it in above if it not in self._shown and it < hit.number]

    def _around(self, hit: _Line) -> range:
        context, own = self._context(hit), self._numbered.own_lines(hit.part)
        return range(max(own.start, hit.number - context), min(own.stop, hit.number + context + 1))

    def _context(self, hit: _Line) -> int:
        wanted = self._wanted
        if wanted.context is not None:
            return wanted.context
        if wanted.view == "breaks":
            return _CONTEXT_OF_BREAK
        alone = wanted.view is not None or not (wanted.search or wanted.pattern)
        return 0 if alone or self._numbered.are_tables[hit.part] else _CONTEXT

    def _line(self, number: int) -> str:
        mark = ":" if number in self._hits else "-"
        return (
            f"{number + 1}{mark} {_near(self._numbered.lines[number], self._hits.get(number, 0))}"
        )


def _touch(block: Sequence[int], around: range) -> bool:
    """Whether they overlap, or one begins where the other ends."""
    return bool(block) and block[0] <= around.stop and around.start <= block[-1] + 1


def _near(line: str, focus: int) -> str:
    """The part of a long line in which the match stands."""
    if len(line) <= _LINE_LENGTH:
        return line
    start = max(0, focus - _LINE_LENGTH // 2)
    return ("…" if start else "") + line[start : start + _LINE_LENGTH] + "…"
