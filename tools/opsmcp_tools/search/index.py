"""Find tools by words: what to run when somebody says what they want, in English or Chinese.

Lexical, so that it needs no network and the same query gives the same answer. Fields weigh by how
much they say (BM25F: Robertson, Zaragoza, "The Probabilistic Relevance Framework", 2009). A tool
that changes something counts less for a query that names no change; variants of a tool that was
found come later when nothing asks for them; what is used often weighs a little more. Pure; an index
is built once per generation of the catalogue.
"""

import heapq
import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Pipeline
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.search.terms import IDEA, name_terms, terms_in
from opsmcp_tools.search.vocabulary import CHANGING

__all__ = ["Document", "SearchIndex", "document_of"]

_LONGEST_FIELD = 2_000
_LONGEST_QUERY = 400
_MOST_WANTED = 160

_SATURATION = 2.5
"""How soon saying a word again stops to matter (k1)."""
_LENGTH = 0.3
"""How much a long text counts against its words (b)."""

_NAME = 0.6
"""What a name is worth that says only what was asked for; its words share it evenly."""

_MOST_COMMON, _FEW = 0.8, 100
"""A word that this share of many documents hold tells none of them apart: it counts only where no
other does."""

_AS_PREFIX, _SHORTEST_PREFIX = 0.4, 3
"""What a word counts that only begins with the asked one, and from how many letters on."""

_AGAINST = 0.65
"""What counts a tool that changes something where no change is asked for."""

_PLACES = (Kind.CLUSTER, Kind.HOST)
_MOST_PASSED_OVER = 50
_NOTHING: Mapping[str, int] = MappingProxyType({})
_MOST_USE_BONUS = 0.15


_Postings = dict[str, list[tuple[int, float]]]
"""Each word with the documents that hold it, and what it is worth in each."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is searched of one tool: texts by how much they say about it."""

    name: str
    texts: tuple[tuple[str, float], ...] = field(default=())
    reads: bool | None = None
    """Whether it only reads; None when that is not known."""


def document_of(tool: Tool) -> Document:
    """What is searched of `tool`."""
    operation = tool.operation
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    steps = [f"{task.desc} {' '.join(step.name for step in task.steps)}" for task in tool.tasks]
    inputs = [
        # What is said of hosts and clusters is mostly their names.
        item.name if item.kind in _PLACES else f"{item.name} {item.schema.get('description', '')}"
        for item in tool.inputs
    ]
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
        tool.hints.read_only,
    )


class SearchIndex:
    """The words of all tools of a generation, each with the tools that it speaks for."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Read all documents."""
        read = [(document, _read(document)) for document in documents]
        self._names = tuple(document.name for document, _ in read)
        self._reads = tuple(document.reads for document, _ in read)
        self._parts = [name_terms(name) for name in self._names]
        self._postings = _weigh([words for _, words in read], self._parts)
        self._common = _take_common(self._postings, len(read))
        self._words = sorted(word for word in self._postings if word[0] != IDEA)

    @property
    def names(self) -> frozenset[str]:
        """The names of all that can be found."""
        return frozenset(self._names)

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
            query: Any words, in English or Chinese; the first 400 characters count.
            most: How many names.
            keep: Which names may be found at all; asked of few, the best.
            uses: How often each was used.
        """
        wanted = self._wanted(query[:_LONGEST_QUERY])
        names = self._names
        scores = self._scores(wanted, self._postings) or self._scores(wanted, self._common)
        ranked = [
            (-score * (_use_bonus(uses.get(names[number], 0)) if uses else 1.0), number)
            for number, score in scores.items()
        ]
        heapq.heapify(ranked)
        best = (heapq.heappop(ranked)[1] for _ in range(len(ranked)))
        kept = (number for number in best if keep is None or keep(names[number]))
        return tuple(names[number] for number in islice(self._varied(kept, wanted), most))

    def _scores(self, wanted: Mapping[str, float], postings: _Postings) -> Mapping[int, float]:
        scores: dict[int, float] = defaultdict(float)
        for word, weight in wanted.items():
            for number, value in postings.get(word, ()):
                scores[number] += weight * value
        if any(word[0] == IDEA and word[1:] in CHANGING for word in wanted):
            return scores
        reads = self._reads
        return {
            number: _AGAINST * score if reads[number] is False else score
            for number, score in scores.items()
        }

    def _varied(self, best: Iterator[int], wanted: Container[str]) -> Iterator[int]:
        """`best`, but variants later that differ from one before in nothing that is wanted."""
        before: list[frozenset[str]] = []
        later: list[int] = []
        for number in best:
            parts = self._parts[number]
            if any(plain < parts and _none_of(parts - plain, wanted) for plain in before):
                later.append(number)
                if len(later) >= _MOST_PASSED_OVER:
                    break
            else:
                before.append(parts)
                yield number
        yield from later
        yield from best

    def _wanted(self, query: str) -> Mapping[str, float]:
        """The words of the index that the query means, with how surely it does."""
        wanted: dict[str, float] = {}
        for word, weight in terms_in(query):
            for known, share in self._known(word):
                wanted[known] = max(wanted.get(known, 0.0), weight * share)
            if len(wanted) >= _MOST_WANTED:
                break
        return wanted

    def _known(self, word: str) -> Iterator[tuple[str, float]]:
        if word in self._common:
            yield word, 1.0
        if word in self._postings:
            yield word, 1.0
        elif word[0] != IDEA and len(word) >= _SHORTEST_PREFIX:
            begin = bisect_left(self._words, word)
            longer = takewhile(
                lambda known: known.startswith(word), self._words[begin : begin + 20]
            )
            yield from ((known, _AS_PREFIX) for known in longer)


def _none_of(parts: Iterable[str], wanted: Container[str]) -> bool:
    return not any(part in wanted for part in parts)


def _use_bonus(uses: int) -> float:
    return 1.0 + min(_MOST_USE_BONUS, 0.03 * math.log1p(uses))


def _read(document: Document) -> Counter[str]:
    """The words of a document, counted by the weight of their field."""
    counted: Counter[str] = Counter()
    for text, weight in document.texts:
        # A word counts once per field: the same text in several places says no more.
        found: dict[str, float] = {}
        for word, share in terms_in(text[:_LONGEST_FIELD]):
            found[word] = max(found.get(word, 0.0), share)
        for word, share in found.items():
            counted[word] += weight * share  # pyright: ignore[reportArgumentType]
    return counted


def _take_common(postings: _Postings, documents: int) -> _Postings:
    """The words that tell none apart, taken out of `postings`."""
    most = _MOST_COMMON * documents if documents > _FEW else documents
    words = [word for word, found in postings.items() if len(found) > most]
    return {word: postings.pop(word) for word in words}


def _weigh(read: Sequence[Counter[str]], names: Sequence[frozenset[str]]) -> _Postings:
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
    postings: _Postings = {}
    for word, found in held.items():
        # Damped: a rare word that was only guessed must not outweigh several that were said.
        rarity = math.sqrt(math.log(1 + (len(read) - len(found) + 0.5) / (len(found) + 0.5)))
        postings[word] = [(number, rarity * value) for number, value in found]
    return postings
