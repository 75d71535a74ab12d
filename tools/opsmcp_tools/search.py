"""Find tools by words: what to run when somebody says what they want, in English or Chinese.

Lexical, so that it needs no network and the same question gives the same answer. Fields weigh by
how much they say (BM25F: Robertson, Zaragoza, "The Probabilistic Relevance Framework", 2009); words
are stemmed, known synonyms share an idea, turns of speech stand for several, Chinese is matched by
known words and by pairs of characters, and a word that nobody wrote is taken for the nearest that
somebody did. What is used often weighs a little more. Pure; an index is built once per generation
of the catalogue.
"""

import heapq
import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from types import MappingProxyType

from opsmcp_pipelines.models import Pipeline, Task
from opsmcp_tools.expressions import expressions_in
from opsmcp_tools.tool import Tool
from opsmcp_tools.vocabulary import STOP_WORDS, concepts_in, ideas, pieces_of, related, stem

__all__ = ["SearchIndex", "document_of"]

_LONGEST_QUERY = 400
_MOST_WORDS = 40
_LONGEST_FIELD = 2_000

_SATURATION = 2.5
"""How soon saying a word again stops to matter (k1)."""
_LENGTH = 0.3
"""How much a long text counts against its words (b)."""

_NAME = 0.6
"""What a name is worth that says only what was asked for; its words share it evenly."""

_MOST_COMMON, _FEW = 0.8, 100
"""A word that this share of many documents hold tells none of them apart."""

_AS_NAME = 0.4
"""What the words of `gpu-node-2` count: it names a thing, and says little of what to do."""

_IDEA = "="
"""What marks an idea among plain words: `=restart`."""
_AS_IDEA, _AS_WRITTEN, _AS_TYPO, _AS_PREFIX, _AS_PAIR, _AS_RELATED = 1.0, 0.4, 0.7, 0.4, 0.4, 0.5
"""What a word of a question counts that is met in this way."""

_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_NUMBERED = re.compile(r"\b[a-z]+(?:-[a-z0-9]+)*-[0-9]+\b", re.IGNORECASE)
_URL = re.compile(r"\bhttps?://\S+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BY = re.compile(r"by(?=[a-z]{2})")
_NOTHING: Mapping[str, int] = MappingProxyType({})
_MOST_USE_BONUS = 0.15


@dataclass(frozen=True, slots=True)
class Document:
    """What is searched of one tool: texts by how much they say about it."""

    name: str
    texts: tuple[tuple[str, float], ...] = field(default=())


def document_of(tool: Tool, tasks: Iterable[Task] = ()) -> Document:
    """What is searched of `tool`; `tasks` are those that it runs."""
    operation = tool.operation
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    steps = [f"{task.desc} {' '.join(step.name for step in task.steps)}" for task in tasks]
    inputs = [f"{item.name} {item.schema.get('description', '')}" for item in tool.inputs]
    labels = [f"{name} {value}" for name, value in operation.labels.items()]
    return Document(
        tool.name,
        (
            (tool.name, 3.0),
            (f"{operation.desc} {tool.title}", 2.0),
            (tool.description, 0.5),
            (" ".join((*(f"{ref.name} {ref.task} {ref.desc}" for ref in refs), *steps)), 0.6),
            (" ".join(inputs), 0.3),
            (" ".join((*labels, operation.namespace)), 0.2),
        ),
    )


class SearchIndex:
    """The words of all tools of a generation, each with the tools that it speaks for."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Read all documents."""
        read = [(document.name, _read(document)) for document in documents]
        self._names = tuple(name for name, _ in read)
        self._postings = _weigh(
            [words for _, words in read], [_meanings(name) for name in self._names]
        )
        self._spellings = _Spellings(word for word in self._postings if word[:1] != _IDEA)

    def search(
        self,
        query: str,
        *,
        most: int = 5,
        keep: Callable[[str], bool] | None = None,
        uses: Mapping[str, int] = _NOTHING,
    ) -> tuple[str, ...]:
        """The names that fit `query` best, the best first; none when nothing fits.

        Args:
            query: Any words, in English or Chinese.
            most: How many names.
            keep: Which names may be found at all; asked of few, the best.
            uses: How often each was used.
        """
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self._wanted(query).items():
            for number, value in self._postings.get(word, ()):
                scores[number] += weight * value
        names = self._names
        ranked = [
            (-score * (_use_bonus(uses.get(names[number], 0)) if uses else 1.0), number)
            for number, score in scores.items()
        ]
        heapq.heapify(ranked)
        best = (names[heapq.heappop(ranked)[1]] for _ in range(len(ranked)))
        return tuple(islice((name for name in best if keep is None or keep(name)), most))

    def _wanted(self, query: str) -> Mapping[str, float]:
        """The words of the index that the query means, with how surely it does."""
        wanted: dict[str, float] = {}
        for word, weight in _asked(query[:_LONGEST_QUERY]):
            for known, share in self._known(word):
                wanted[known] = max(wanted.get(known, 0.0), weight * share)
            if len(wanted) >= 4 * _MOST_WORDS:
                break
        return wanted

    def _known(self, word: str) -> Iterator[tuple[str, float]]:
        if word in self._postings:
            yield word, 1.0
        if word[:1] == _IDEA:
            yield from ((_IDEA + idea, _AS_RELATED) for idea in related().get(word[1:], ()))
        elif word not in self._postings:
            yield from self._spellings.meant_by(word)


def _meanings(name: str) -> frozenset[str]:
    """The words of a name that tell something: their ideas where they have one."""
    parts = (part for piece in _pieces(name) for part in _split(piece) if part.isascii())
    return frozenset(_meaning(part) for part in parts if part not in STOP_WORDS)


def _use_bonus(uses: int) -> float:
    return 1.0 + min(_MOST_USE_BONUS, 0.03 * math.log1p(uses))


def _read(document: Document) -> Counter[str]:
    """The words of a document, counted by the weight of their field."""
    counted: Counter[str] = Counter()
    for text, weight in document.texts:
        # A word counts once per field: the same text in several places says no more.
        found: dict[str, float] = {}
        for word, share in _words(text[:_LONGEST_FIELD]):
            found[word] = max(found.get(word, 0.0), share)
        for word, share in found.items():
            counted[word] += weight * share  # pyright: ignore[reportArgumentType]
    return counted


def _weigh(
    read: Sequence[Counter[str]], names: Sequence[frozenset[str]]
) -> dict[str, list[tuple[int, float]]]:
    """Each word with the documents that hold it, and what it is worth in each."""
    lengths = [sum(words.values()) for words in read]
    usual = (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0
    held: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, words in enumerate(read):
        room = _SATURATION * (1 - _LENGTH + _LENGTH * lengths[number] / usual)
        for word, count in words.items():
            value = count / (room + count)
            if word in names[number]:
                value += _NAME / len(names[number])
            held[word].append((number, value))
    postings: dict[str, list[tuple[int, float]]] = {}
    for word, found in held.items():
        if len(found) > _MOST_COMMON * len(read) and len(read) > _FEW:
            continue
        rarity = math.log(1 + (len(read) - len(found) + 0.5) / (len(found) + 0.5))
        postings[word] = [(number, rarity * value) for number, value in found]
    return postings


def _words(text: str) -> Iterator[tuple[str, float]]:
    """The words of a text, and their ideas, with how much each counts."""
    for piece in _pieces(text):
        for part in _split(piece):
            yield from _latin(part) if part.isascii() else _chinese(part)


def _asked(question: str) -> Iterator[tuple[str, float]]:
    """The same of a question, which says in more ways what it is about."""
    question = _ADDRESS.sub(" ip ", _URL.sub(" url ", question))
    for name in _NUMBERED.findall(question):
        yield from ((word, _AS_NAME * weight) for word, weight in _words(name))
    pieces = _pieces(_NUMBERED.sub(" ", question))
    taken = set[int]()
    for said in expressions_in(pieces):
        taken.update(range(said.start, said.end))
        yield from ((_meaning(word), _AS_IDEA) for word in said.ideas)
    for number, piece in enumerate(pieces):
        for part in _split(piece):
            if not part.isascii():
                yield from _chinese(part)
            elif part not in STOP_WORDS:
                # Of words that an expression explains only the letters still count.
                yield from islice(_latin(part), 1 if number in taken else None)
    # `cluster ip` for `clusterip`, `node name` for `nodename`.
    for first, second in pairwise(pieces):
        if first + second in ideas() and first not in STOP_WORDS:
            yield from _latin(first + second)


def _pieces(text: str) -> list[str]:
    return pieces_of(_CAMEL.sub(" ", text).casefold())[: 10 * _MOST_WORDS]


def _split(piece: str) -> list[str]:
    """A word, or the two known words that it was made of: `bypod`, `clusterip`."""
    if len(piece) < 5 or not piece.isascii() or stem(piece) in ideas():
        return [piece]
    if _BY.match(piece) and stem(piece[2:]) in ideas():
        return ["by", piece[2:]]
    for cut in range(2, len(piece) - 1):
        if stem(piece[:cut]) in ideas() and stem(piece[cut:]) in ideas():
            return [piece, piece[:cut], piece[cut:]]
    return [piece]


def _latin(word: str) -> Iterator[tuple[str, float]]:
    root = stem(word)
    idea = ideas().get(root)
    yield root, _AS_WRITTEN if idea else _AS_IDEA
    if idea:
        yield _IDEA + idea, _AS_IDEA


def _meaning(word: str) -> str:
    """The idea of a word, or the word itself when it has none."""
    root = stem(word)
    idea = ideas().get(root)
    return _IDEA + idea if idea else root


def _chinese(run: str) -> Iterator[tuple[str, float]]:
    for idea in concepts_in(run):
        yield _IDEA + idea, _AS_IDEA
    for first, second in zip(run, run[1:], strict=False):
        yield first + second, _AS_PAIR


_SHORT = 3


class _Spellings:
    """The words that somebody wrote, and which of them a mistyped one may have been."""

    def __init__(self, words: Iterable[str]) -> None:
        """Remember words, and with them all that the ideas know."""
        plain = {word for word in words if word.isascii() and word.isalpha() and len(word) > 2}
        self._own = frozenset(plain)
        self._sorted = sorted(plain)
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in sorted(plain | {word for word in ideas() if word.isascii()}):
            if len(word) > 3:
                for shorter in _shortened(word):
                    self._near[shorter].append(word)

    def meant_by(self, word: str) -> Iterator[tuple[str, float]]:
        """The words of the index that `word`, which is none of them, may stand for."""
        if not word.isascii() or not word.isalpha() or len(word) < 3 or word in ideas():
            return
        begun = self._begun_with(word)
        for known in begun:
            yield known, _AS_PREFIX
        if not begun:
            for known in self._like(word):
                yield known, _AS_TYPO
                if known in ideas():
                    yield _IDEA + ideas()[known], _AS_TYPO

    def _begun_with(self, word: str) -> list[str]:
        start = bisect_left(self._sorted, word)
        return [known for known in self._sorted[start : start + 10] if known.startswith(word)]

    def _like(self, word: str) -> list[str]:
        """Words one slip away, or two for a long one; of a short one, letters in another order."""
        if len(word) == _SHORT:
            same = {word[1] + word[0] + word[2], word[0] + word[2] + word[1]}
            return sorted(same & ideas().keys())
        once = _shortened(word)
        tried = once if len(word) < 7 else once | {two for one in once for two in _shortened(one)}
        found = {known for shorter in tried for known in self._near.get(shorter, ())}
        return sorted(found, key=lambda known: (abs(len(known) - len(word)), known))[:5]


def _shortened(word: str) -> set[str]:
    """The word itself, and without each one of its characters."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
