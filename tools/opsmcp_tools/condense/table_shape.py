"""Table: which rows of a table matter, and in which order. Pure, and linear in the table.

A table is lines below a line of titles with about as many words in most of them; what stands above
the titles, as in the output of `top`, belongs to it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from opsmcp_tools.condense.excerpt import Excerpt
from opsmcp_tools.condense.log_kinds import read_kinds, template_of
from opsmcp_tools.condense.odd_rows import odd_rows
from opsmcp_tools.condense.trouble import error_lines

__all__ = ["read_table", "rows_begin"]

_FEWEST_ROWS = 6
_MOST_SAMPLED = 300
_MOST_ABOVE = 12
_MOST_PARTS = 8
_FEWEST_TITLES_BELOW = 4
_SAME_COLUMNS = 0.7
_WORD, _NUMBER = re.compile(r"%?[A-Za-z][\w/%-]*"), re.compile(r"\d+(?:\.\d+)?")
_RULE = re.compile(r"[-+|=\s]+")


def read_table(lines: Sequence[str]) -> Excerpt | None:
    """The rows in the order in which they matter; None if this is no table with titles.

    First what stands above the rows, then rows that name an error or are odd, one row of each
    kind, and rows from both ends, more of them from the beginning: what is sorted begins with what
    matters.
    """
    header = rows_begin(lines)
    if header is None:
        return None
    rows = range(header, len(lines))
    wrong = (number for number in error_lines(lines) if number >= header)
    titles = next(n for n in range(header - 1, -1, -1) if not _RULE.fullmatch(lines[n]))
    odd = (number + header for number in odd_rows(lines[titles], lines[header:]))
    kinds = sorted(read_kinds(lines[header:]).kinds, key=lambda kind: kind.count)
    alike = {kind.first + header: kind.count for kind in kinds}
    parts = _parts(lines, rows)
    heads = [*range(header), *(n for part in parts[1:] for n in (part.start - 2, part.start - 1))]
    fair = (n for turn in zip_longest(*map(_from_both_ends, parts)) for n in turn if n is not None)
    order = dict.fromkeys([*heads, *wrong, *odd, *alike, *fair])
    return Excerpt(lines, list(order), vital=len(heads), alike=alike)


def _parts(lines: Sequence[str], rows: range) -> list[range]:
    """The rows below each repetition of the titles, which a line that names the part precedes."""
    titles = lines[rows.start - 1]
    repeated = [n + 1 for n in rows if lines[n] == titles and n > rows.start][:_MOST_PARTS]
    ends = [*(start - 2 for start in repeated), rows.stop]
    return [range(*part) for part in zip([rows.start, *repeated], ends, strict=True)]


def _from_both_ends(rows: range) -> Iterator[int]:
    """Two from the beginning for each from the end."""
    first, last = rows.start, rows.stop - 1
    while first <= last:
        yield from range(first, min(first + 2, last + 1))
        yield last
        first, last = first + 2, last - 1


def rows_begin(lines: Sequence[str]) -> int | None:
    """How many lines there are above the rows; None if this is no table with titles."""
    for number in range(min(_MOST_ABOVE, len(lines) - _FEWEST_ROWS + 1)):
        titles = _cells(lines[number])
        fewest = _FEWEST_TITLES_BELOW if number else 2
        below = lines[number + 1 : number + _MOST_SAMPLED]
        titled = _are_titles(titles, lines[number], strict=number > 0)
        if len(titles) < fewest or not (titled or _name_numbers(titles, below)):
            continue
        if _fit(titles, below) and template_of(lines[number]) != template_of(below[0]):
            return number + 1 + (_RULE.fullmatch(below[0]) is not None)
    return None


def _cells(line: str) -> list[str]:
    if line.count(",") > 1 and ", " not in line and line.count(" ") < line.count(","):
        return line.split(",")
    return line.strip(" |").split(" | ") if " | " in line else line.split()


def _are_titles(titles: Sequence[str], line: str, *, strict: bool) -> bool:
    sentence = any(mark in line for mark in "=[]") or sum(map(str.isdigit, line)) > 3
    if line.count(" | ") > 1 or (len(titles) > 1 and " " not in line):
        return not sentence
    sentence |= any(len(title) > 1 and title.endswith(":") for title in titles)
    large = sum(not title[0].islower() for title in titles)
    return not sentence and large * (1 if strict else 2) >= len(titles)


def _name_numbers(titles: Sequence[str], below: Sequence[str]) -> bool:
    """Whether each row is numbers only, one below each of these words, as `vmstat` has counters."""
    rows = map(str.split, below)
    return all(map(_WORD.fullmatch, titles)) and all(
        len(row) == len(titles) and all(map(_NUMBER.fullmatch, row)) for row in rows
    )


def _fit(titles: Sequence[str], below: Sequence[str]) -> bool:
    sizes = Counter(len(_cells(line)) for line in below if line.strip())
    if not sizes:
        return False
    if all(title.isupper() for title in titles) and len(titles) >= _FEWEST_TITLES_BELOW:
        return sum(sizes[size] for size in sizes if size >= len(titles)) >= (
            _SAME_COLUMNS * sizes.total()
        )
    columns, rows = sizes.most_common(1)[0]
    return rows >= _SAME_COLUMNS * sizes.total() and abs(columns - len(titles)) <= 2
