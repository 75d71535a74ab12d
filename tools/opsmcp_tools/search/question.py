"""What a question asks for: the terms to search with, and whether to know or to change something.

In this order: the names of things are set aside, slips are mended, words and expressions are taken
for the ideas that they stand for, and words that mean something together for that. Knows no
documents. Pure.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from opsmcp_tools.search.entities import without_things
from opsmcp_tools.search.implications import inferred, signs_in
from opsmcp_tools.search.intent import said_outright, wants_change
from opsmcp_tools.search.synonyms import expressions_in
from opsmcp_tools.search.terms import IDEA, meaning, split, terms_of, words_in
from opsmcp_tools.search.vocabulary import CHANGING, LIGHT, STOP_WORDS, ideas, stem

__all__ = ["Question", "read_question"]

_LONGEST_QUERY = 400
_MOST_WORDS = 80

_AS_LIGHT = 0.6
"""What an idea counts that most questions begin with: what they are about says more."""
_AS_COMMANDED, _AS_UNASKED = 1.4, 0.5
"""What a change counts that is asked for outright, and one that was only guessed of a question."""


@dataclass(frozen=True, slots=True)
class Question:
    """Terms with how much each counts; `changes` is None when nothing tells."""

    terms: Mapping[str, float]
    changes: bool | None


def read_question(asked: str, mended: Callable[[str], str]) -> Question:
    """What `asked` means; `mended` gives the word that a mistyped one was meant to be."""
    text, things = without_things(asked[:_LONGEST_QUERY])
    words = [mended(word) for word in words_in(text)[:_MOST_WORDS]]
    # A word alone, such as `many`, can only be a part of a name.
    terms = _strongest(_said(words, STOP_WORDS if len(words) > 1 else ()))
    company = {stem(word) for word in words} | {stem(term[1:]) for term in terms if term[0] == IDEA}
    company |= signs_in(words) | things.kinds()
    together = ((meaning(idea), sure) for idea, sure in inferred(company))
    terms = _strongest((*terms.items(), *things.terms(), *together))
    changes, outright = wants_change(text, words), said_outright(words)
    return Question(
        {term: weight * _share(term, changes, outright) for term, weight in terms.items()}, changes
    )


def _strongest(found: Iterable[tuple[str, float]]) -> dict[str, float]:
    terms: dict[str, float] = {}
    for term, weight in found:
        terms[term] = max(terms.get(term, 0.0), weight)
    return terms


def _share(term: str, changes: bool | None, outright: frozenset[str]) -> float:
    idea = term[1:] if term[0] == IDEA else ""
    if idea in LIGHT:
        return _AS_LIGHT
    if idea not in CHANGING or changes is None:
        return 1.0
    # Who asks for crashed pods does not ask to clear them.
    return (
        (_AS_COMMANDED if changes else 1.0)
        if idea in outright
        else (1.0 if changes else _AS_UNASKED)
    )


def _said(words: Sequence[str], left_out: Container[str]) -> Iterator[tuple[str, float]]:
    """The terms of what is said in so many words, but for those that say nothing."""
    taken = set[int]()
    for said in expressions_in(words):
        taken.update(range(said.start, said.end))
        yield from ((meaning(idea), 1.0) for idea in said.ideas)
    for number, word in enumerate(words):
        for part in split(word):
            if part not in left_out:
                # Of words that an expression explains only the letters still count.
                yield from islice(terms_of(part), 1 if number in taken and part.isascii() else None)
    # `cluster ip` for `clusterip`, `node name` for `nodename`.
    for first, second in pairwise(words):
        if first + second in ideas() and first not in STOP_WORDS:
            yield from terms_of(first + second)
