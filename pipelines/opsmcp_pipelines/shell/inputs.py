"""Where values go besides the words of a command: what it reads, and files that it may write.

For what runs its input or a file. Nothing is followed into programs: what is not written out in the
script may hold any value. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.shell.flow import Flow
from opsmcp_pipelines.shell.programs import PRINTS_ONLY
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.syntax import Node, Syntax, Word

__all__ = ["At", "Input", "Inputs"]

_TOKEN = re.compile(r"[\w.-]+")
_EXPANDS = re.compile(r"[$`]")


@dataclass(frozen=True, slots=True)
class At:
    """Where a command line stands; the node is that of the command which it is part of."""

    node: Node | None
    function: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Input:
    """What a command reads: a text of the script, a file, or what a stage before it prints."""

    document: Word | None = None
    file: Word | None = None
    writer: Node | None = None
    unknown: bool = False


class Inputs:
    """What the commands of one script read and write of the values.

    `outer` is the script that it is a text in, of which `running` is the command that reads it.
    """

    def __init__(
        self,
        syntax: Syntax,
        seeds: Mapping[str, frozenset[str]],
        report: Report,
        outer: "Inputs | None" = None,
        running: At | None = None,
        line: int = 1,
    ) -> None:
        """Look at one script, which begins on a line of that of the author."""
        self.flow = Flow(syntax, seeds, outer.flow if outer else None)
        self.writes_files = False
        self._syntax, self._report, self._line = syntax, report, line
        self._outer, self._running = outer, running
        self._level: int = outer._level + 1 if outer else 0

    def _line_of(self, word: Word | Node) -> int:
        return self._line + self._syntax.line_at(word.start) - 1

    def _values(self, word: Word, at: At) -> set[str]:
        """The values in a word that a caller chooses."""
        if word.literal is not None:
            return set()
        held, known = self.flow.carried(word, at.function), self._report.values
        return {value for value in held if not known[value].is_author}

    def _harmful(self, values: set[str]) -> set[str]:
        """Those of the values that could be the name of a command or a file."""
        known = self._report.values
        return {
            v
            for v in values
            if not (known[v].is_author or known[v].is_number or known[v].kind.kind is Kind.FLAG)
        }

    @cached_property
    def _any(self) -> set[str]:
        """The values that what is not known may hold."""
        return self._harmful(set(self._report.names))

    def input_of(self, node: Node | None) -> Input:
        """What a command reads, as far as the script says it."""
        while node is not None:
            for redirect in reversed(node.redirects):
                if redirect.number not in ("", "0"):
                    continue
                if redirect.body is not None:
                    return Input(document=redirect.body)
                if redirect.sign == "<":
                    return Input(file=redirect.word)
                if redirect.sign in ("<&", "<>") and redirect.word.literal not in ("0", "-"):
                    return Input(unknown=True)
            if node.before is not None:
                return Input(writer=node.before)
            if node.kind == "function":
                return Input(unknown=True)
            node = node.parent
        execs = (node for node in self._syntax.nodes if node.head == "exec")
        return Input(unknown=any(r.sign[0] == "<" for node in execs for r in node.redirects))

    def _read(self, at: At) -> set[str]:
        """The values that a command may read from its input."""
        given = self.input_of(at.node)
        if given.unknown or (given.writer and not self._is_written_out(given.writer)):
            return self._any
        words = (word for word in (given.document, given.file) if word is not None)
        found = self._harmful({v for word in words for v in self._values(word, at)})
        file = "".join(part.text for part in given.file.parts) if given.file else ""
        return found | (self.written(file, at.node) if file else set())

    def _is_written_out(self, writer: Node) -> bool:
        """Whether nothing is expanded in what a pipeline prints, and no file of values is read."""
        first = writer
        while first.before is not None:
            first = first.before
        text = self._syntax.text[first.start : writer.end]
        read = self._read(At(first, first.function))
        called = self.flow.functions.keys() & set(_TOKEN.findall(text))
        return not (read or called or _EXPANDS.search(text) or self.written(text, first))

    def written(self, text: str, node: Node | None) -> set[str]:
        """The values that a file may hold which is named in a text, and by what may write it."""
        own = node.start if node is not None else -1
        written = self.writes_files
        for token in set(_TOKEN.findall(text)) - self._heads:
            written |= any(not start <= own < end for start, end in self._writers.get(token, ()))
        if written:
            return self._any
        running = self._running.node if self._running else None
        return self._outer.written(text, running) if self._outer is not None else set()

    @cached_property
    def _heads(self) -> set[str]:
        return {node.head for node in self._syntax.nodes if "/" not in node.head}

    @cached_property
    def _writers(self) -> Mapping[str, list[tuple[int, int]]]:
        """What may write files of values, by each word that it names."""
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for start, end in {span for node in self._syntax.nodes for span in self._span(node)}:
            for token in set(_TOKEN.findall(self._syntax.text, start, end)):
                for name in {token, re.sub(r"^-\w*?[oOtfCd]", "", token)}:
                    found[name].append((start, end))
        return found

    def _span(self, node: Node) -> Iterator[tuple[int, int]]:
        """Where a command stands that may write: a pipeline, or with what is redirected."""
        if node.redirects:
            yield node.start, node.redirects[-1].word.end
        first, last = node, node
        while first.before is not None:
            first = first.before
        while last.after is not None:
            last = last.after
        piped = first is not last
        expands = _EXPANDS.search(self._syntax.text, first.start, last.end) or node.redirects
        if node.kind == "command" and expands and (piped or node.head not in PRINTS_ONLY):
            yield first.start, last.end
