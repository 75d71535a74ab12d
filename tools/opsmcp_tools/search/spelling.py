"""The words that somebody wrote, and which of them a mistyped one may have been. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from opsmcp_tools.search.synonyms import single_words
from opsmcp_tools.search.vocabulary import ORDINARY, STOP_WORDS, ideas, stem

__all__ = ["Spellings"]

_SHORT, _LONG = 4, 7
"""Up to how many letters none may be another; from how many there may be two slips."""
_MOST = 10


class Spellings:
    """Words known by their stems: of texts, of the vocabulary, of expressions."""

    def __init__(self, words: Iterable[str]) -> None:
        """Remember words, and with them all that have a meaning."""
        plain = {word for word in words if word.isascii() and word.isalpha() and len(word) > 2}
        self._sorted = sorted(plain)
        meaningful = {word for word in ideas() if word.isascii()} | single_words()
        ordinary = STOP_WORDS | ORDINARY
        self._known = plain | meaningful | ordinary | set(map(stem, ordinary))
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in sorted(plain | meaningful):
            if len(word) > 2:
                for shorter in _shortened(word):
                    self._near[shorter].append(word)

    def begun_with(self, word: str) -> list[str]:
        """The words of the texts that begin with `word`, when it is no word itself."""
        if len(word) < 3 or word in self._known:
            return []
        start = bisect_left(self._sorted, word)
        found = self._sorted[start : start + _MOST]
        return [known for known in found if known.startswith(word)]

    def meant_by(self, word: str) -> list[str]:
        """The words one slip away, or two for a long one, the nearest first; none for a known."""
        if len(word) < 3 or word in self._known or not (word.isascii() and word.isalpha()):
            return []
        once = _shortened(word)
        tried = (
            once if len(word) < _LONG else once | {two for one in once for two in _shortened(one)}
        )
        found = {known for shorter in tried for known in self._near.get(shorter, ())}
        if len(word) <= _SHORT:
            found = {
                known
                for known in found
                if sorted(known) == sorted(word)
                or (len(known) != len(word) and (len(word), len(known)) > (3, 3))
            }
        return sorted(found, key=lambda known: _distance(known, word))[:5]


def _distance(known: str, word: str) -> tuple[bool, bool, bool, int, str]:
    """Of the same beginning first, then ideas, letters in another order, of the same length."""
    return (
        known[0] != word[0],
        known not in ideas(),
        sorted(known) != sorted(word),
        abs(len(known) - len(word)),
        known,
    )


def _shortened(word: str) -> set[str]:
    """The word itself, and without each one of its characters."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
