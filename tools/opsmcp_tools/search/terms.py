"""What a text is searched by: its words without their endings, and the ideas that they stand for.

The same for the texts of operations and for questions. Pure.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from opsmcp_tools.search.vocabulary import STOP_WORDS, concepts_in, ideas, pieces_of, stem

__all__ = ["IDEA", "ideas_of", "meaning", "meanings", "split", "terms_in", "terms_of", "words_in"]

IDEA = "="
"""What marks an idea among plain words: `=restart`."""

_AS_IDEA, _AS_WRITTEN, _AS_PAIR = 1.0, 0.4, 0.4
"""What an idea counts, the letters of a word that has one, and a pair of Chinese characters."""

_MOST_WORDS = 400
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BY = re.compile(r"by(?=[a-z]{2})")


def words_in(text: str) -> list[str]:
    """The words of a text in small letters, in order; a run of Chinese is one word."""
    return pieces_of(_CAMEL.sub(" ", text).casefold())[:_MOST_WORDS]


def terms_in(text: str) -> Iterator[tuple[str, float]]:
    """The terms of a text, with how much each counts."""
    for word in words_in(text):
        for part in split(word):
            yield from terms_of(part)


def terms_of(word: str) -> Iterator[tuple[str, float]]:
    """The terms of one word, or of a run of Chinese."""
    if not word.isascii():
        yield from ((IDEA + idea, _AS_IDEA) for idea in concepts_in(word))
        yield from ((first + second, _AS_PAIR) for first, second in pairwise(word))
        return
    root = stem(word)
    idea = ideas().get(root)
    yield root, _AS_WRITTEN if idea else _AS_IDEA
    if idea:
        yield IDEA + idea, _AS_IDEA


def ideas_of(word: str) -> Iterator[str]:
    """The ideas of one word, or of a run of Chinese, without their mark."""
    return (term[1:] for term, _ in terms_of(word) if term[:1] == IDEA)


def meaning(word: str) -> str:
    """The term for the idea of a word, or for the word itself when it has none."""
    root = stem(word)
    idea = ideas().get(root)
    return IDEA + idea if idea else root


def meanings(name: str) -> frozenset[str]:
    """The words of a name that tell something: their ideas where they have one."""
    parts = (part for word in words_in(name) for part in split(word) if part.isascii())
    return frozenset(meaning(part) for part in parts if part not in STOP_WORDS)


def split(word: str) -> list[str]:
    """A word, or the two known words that it was made of: `bypod`, `clusterip`."""
    if len(word) < 5 or not word.isascii() or stem(word) in ideas():
        return [word]
    if _BY.match(word) and stem(word[2:]) in ideas():
        return ["by", word[2:]]
    for cut in range(2, len(word) - 1):
        if stem(word[:cut]) in ideas() and stem(word[cut:]) in ideas():
            return [word, word[:cut], word[cut:]]
    return [word]
