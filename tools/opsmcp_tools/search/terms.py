"""What a text is searched by: its words without their endings, and the ideas that they stand for.

The same for the texts of operations and for queries. Pure.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from opsmcp_tools.search.vocabulary import STOP_WORDS, concepts_in, ideas, stem

__all__ = ["IDEA", "name_terms", "terms_in"]

IDEA = "="
"""What marks an idea among plain words: `=restart`."""

_AS_IDEA, _AS_WRITTEN, _AS_PAIR = 1.0, 0.5, 0.4
"""What an idea counts, the letters of a word that has one, and a pair of Chinese characters."""

_MOST_WORDS = 400
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PIECE = re.compile(r"[a-z]+|[0-9]+|[\u3400-\u9fff]+")


def terms_in(text: str) -> Iterator[tuple[str, float]]:
    """The terms of a text, with how much each counts; of at most 400 words."""
    for word in _PIECE.findall(_CAMEL.sub(" ", text).casefold())[:_MOST_WORDS]:
        for part in _split(word):
            if part not in STOP_WORDS:
                yield from _terms_of(part)


def name_terms(name: str) -> frozenset[str]:
    """The terms of a name that tell something: ideas where its words have one."""
    found = dict(terms_in(name))
    return frozenset(term for term in found if term[0] == IDEA or term not in ideas())


def _terms_of(word: str) -> Iterator[tuple[str, float]]:
    if not word.isascii():
        yield from ((IDEA + idea, _AS_IDEA) for idea in concepts_in(word))
        yield from ((first + second, _AS_PAIR) for first, second in pairwise(word))
        return
    root = stem(word)
    idea = ideas().get(root)
    yield root, _AS_WRITTEN if idea else _AS_IDEA
    if idea:
        yield IDEA + idea, _AS_IDEA


def _split(word: str) -> list[str]:
    """A word, and the two known words that it was made of: `bypod`, `clusterip`, `diskio`."""
    if len(word) < 4 or not word.isascii() or stem(word) in ideas():
        return [word]
    for cut in range(2, len(word) - 1):
        first, second = word[:cut], word[cut:]
        if stem(second) in ideas() and (first == "by" or stem(first) in ideas()):
            return [word, first, second]
    return [word]
