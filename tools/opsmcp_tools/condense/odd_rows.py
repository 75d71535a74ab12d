"""Odd rows of a table: those with a cell that few others of its column have. Pure, and linear.

A rare word among a few (`NotReady`), a part that is not the whole (`1/2`), a share near the end
(`96%`), and a number far above the others (a restart count, a queue). Words of failure are found
elsewhere.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

__all__ = ["odd_cells", "odd_rows"]

_MOST_ROWS = 10_000
_MOST_COLUMNS = 40
_MOST_OF_COLUMN = 20
_RARE_SHARE, _FEW_WORDS = 50, 20
"""A word is rare that fewer than one row in so many has, where a column has so few words."""

_NEARLY_FULL_PERCENT = 90
_TIMES_OTHERS = 10
_WIDE_GAP = re.compile(r"\s*\|\s*|\s{2,}|\t")
_COMMA = re.compile(r",(?! )")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)%?(?: \(.*\))?")
_PARTS = re.compile(r"(\d+)/(\d+)")


def odd_rows(titles: str, rows: Sequence[str]) -> list[int]:
    """The numbers of the odd rows, those that are odd in most columns first."""
    found = Counter[int]()
    split = _splitter(titles)
    names = split(titles)
    cells = [split(row) for row in islice(rows, _MOST_ROWS)]
    for place, name in enumerate(names[:_MOST_COLUMNS]):
        column = [row[place] if place < len(row) else "" for row in cells]
        found.update(odd_cells(name, column))
    return [number for number, _ in found.most_common()]


def _splitter(titles: str) -> Callable[[str], list[str]]:
    """By commas or wide gaps, where the titles stand apart by them; else by words."""
    if len(titles.split()) <= titles.count(",") // 2:
        return _COMMA.split
    if len(_WIDE_GAP.split(titles.strip())) > len(titles.split()) // 2:
        return lambda row: _WIDE_GAP.split(row.strip(" |"))
    return str.split


def odd_cells(name: str, column: Sequence[str]) -> Iterator[int]:
    """The places of the odd cells of a column, not too many."""
    return islice(_odd(name, column), _MOST_OF_COLUMN)


def _odd(name: str, column: Sequence[str]) -> Iterator[int]:
    yield from _rare_words(column)
    parts = (_PARTS.fullmatch(cell) for cell in column)
    yield from (number for number, it in enumerate(parts) if it and it[1] != it[2])
    read = [(number, _NUMBER.fullmatch(cell)) for number, cell in enumerate(column)]
    numbers = sorted(((float(it[1]), number) for number, it in read if it), reverse=True)
    if "%" in name:
        full = [number for value, number in numbers if value >= _NEARLY_FULL_PERCENT]
        yield from full if len(full) * 2 <= len(column) else ()
    elif len(numbers) * 2 > len(column):
        usual = numbers[len(numbers) // 20][0]
        yield from (number for value, number in numbers if value > _TIMES_OTHERS * usual)


def _rare_words(column: Sequence[str]) -> Iterator[int]:
    counts = Counter(column)
    if len(counts) <= _FEW_WORDS:
        rare = {word for word, count in counts.items() if count * _RARE_SHARE <= len(column)}
        yield from (number for number, cell in enumerate(column) if cell in rare)
