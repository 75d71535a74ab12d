"""Thinning: of a text of very many lines, those worth a look: both ends and what may be wrong.

What a list of all lines costs grows with their number, and ten mebibytes may be ten million of
them. So the middle is looked at in blocks; only those that may hold an error are taken apart, and
of lines that differ in digits only the first is kept. Pure, and linear in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from opsmcp_tools.condense.trouble import coarse_keys, suspicious

__all__ = ["Thinned", "thin"]

_END_LINES = 60_000
_BLOCK_CHARACTERS = 4_096
_MOST_KEPT = 60_000
"""Kinds of line from the middle; more than that are not told apart by anybody."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """Some lines of a text, their numbers in it, and how many lines it has."""

    lines: Sequence[str]
    places: Sequence[int]
    total: int


def thin(text: str, most: int) -> Thinned | None:
    """The lines worth a look; None for a text of no more than `most` lines, which is taken whole.

    `most` is at least what both ends take.
    """
    total = text.count("\n") + 1
    if total <= max(most, 2 * _END_LINES):
        return None
    *head, rest = text.split("\n", _END_LINES)
    middle, *tail = rest.rsplit("\n", _END_LINES)
    kept = list(islice(_suspects(middle), _MOST_KEPT))
    return Thinned(
        lines=[*head, *(line for _, line in kept), *tail],
        places=[
            *range(_END_LINES),
            *(_END_LINES + number for number, _ in kept),
            *range(total - _END_LINES, total),
        ],
        total=total,
    )


def _suspects(text: str) -> Iterator[tuple[int, str]]:
    """The first line of each kind that may hold an error or a warning, with its number."""
    seen, number = set[bytes](), 0
    for block in _blocks(text):
        keys = coarse_keys(block)
        fresh = set(keys) - seen
        seen |= fresh
        if fresh and suspicious(b"\n".join(fresh)):
            places = sorted(keys.index(key) for key in fresh if suspicious(key))
            lines = block.split("\n")
            yield from ((number + place, lines[place]) for place in places)
        number += len(keys)


def _blocks(text: str) -> Iterator[str]:
    """The text in pieces that end with lines."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start + _BLOCK_CHARACTERS)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1
