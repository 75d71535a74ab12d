"""Alike: the lines of a text by what they have in common, all of them in bulk. Pure, and linear."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from opsmcp_tools.condense.templates import coarse_keys, kind_of_line, without_identifiers

__all__ = ["Alike"]

_MANY_KEYS = 1_000
_MOST_RARE = 2_000


class Alike:
    """The lines by keys that leave out what changes: how often each occurs, and where first."""

    def __init__(self, text: str) -> None:
        """Look at every line once or twice."""
        self.plain = self.keys = keys = coarse_keys(text)
        self._counts = Counter(keys)
        if len(self._counts) > _MANY_KEYS:
            self.keys = without_identifiers(text)
            self._counts = Counter(self.keys)
        # The first number of a key is the last one written.
        backwards = range(len(keys) - 1, -1, -1)
        self._first = dict(zip(reversed(self.keys), backwards, strict=True))

    @property
    def firsts(self) -> list[int]:
        """The number of the first line of each group, in their order."""
        return sorted(self._first.values())

    def counts_of(self, numbers: Iterable[int]) -> dict[int, int]:
        """How many lines are like each of those that is the first of its group."""
        keys = self.keys
        return {n: self._counts[keys[n]] for n in numbers if self._first[keys[n]] == n}

    def rare(self, lines: Sequence[str]) -> dict[int, int]:
        """One line of each kind with its count, the rarest first, as many as could be of use."""
        found: dict[str, int] = {}
        counts = Counter[int]()
        for number in self._rarest():
            first = found.setdefault(_kind(lines[number]), number)
            counts[first] += self._counts[self.keys[number]]
        if len(self._counts) <= _MOST_RARE:
            return dict(sorted(counts.items(), key=lambda pair: pair[1]))
        # Others that were not looked at could be of the same kinds.
        return {number: self._counts[self.keys[number]] for number in counts}

    def _rarest(self) -> list[int]:
        single = (self._first[key] for key, count in self._counts.items() if count == 1)
        found = list(islice(single, _MOST_RARE))
        if len(found) < _MOST_RARE:
            ranked = ((self._counts[key], number) for key, number in self._first.items())
            found = [number for _, number in heapq.nsmallest(_MOST_RARE, ranked)]
        return found


def _kind(line: str) -> str:
    """Its template; columns are as wide as their widest value, so blanks do not count."""
    return " ".join(kind_of_line(line).split())
