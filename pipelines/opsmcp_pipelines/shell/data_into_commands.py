"""What reads the texts that a shell script prints or writes: pipes, here-documents, files. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.assignments import prints_values
from opsmcp_pipelines.shell.command_line import command_dangers
from opsmcp_pipelines.shell.programs import EVALUATES
from opsmcp_pipelines.shell.stdin_use import input_dangers
from opsmcp_pipelines.shell.tree import bare, text_of, walk, words_of
from opsmcp_pipelines.shell.value_flow import Flow
from opsmcp_pipelines.shell.word import Danger, Word

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Feeding", "Fed"]

Fed = tuple[str, Danger, "Sequence[Node]"]
"""Where, what would happen, and to which parts of the script."""

_Inputs = frozenset[tuple[str, Danger]]


class Feeding:
    """What the commands of one script do with what they read."""

    def __init__(self, root: "Node", flow: Flow) -> None:
        """Keep the script; `flow` knows its variables and functions."""
        self._root = root
        self._flow = flow
        self._bodies: dict[str, tuple[_Inputs, frozenset[str]]] = {}

    def of_command(self, node: "Node") -> Iterator[Fed]:
        """What is written next to a command: `bash <<< text`, `bash <(text)`."""
        given = [child for child in node.named_children if _is_input(child)]
        if given:
            yield from self._fed("given to", [node], given)
        words = words_of(node)
        if words and words[0].name == "coproc":
            yield from self._fed("perhaps given to", [node], [self._root])

    def of_pipeline(self, node: "Node") -> Iterator[Fed]:
        """What each stage is given by those before it."""
        stages = node.named_children
        for number, stage in enumerate(stages[1:], 1):
            yield from self._fed("piped into", [stage], stages[:number])
            tees = [words[1:] for words in self._lines([stage]) if words and words[0].name == "tee"]
            paths = {_path(word.node) for words in tees for word in words}
            yield from self._written(paths, stages[:number])

    def of_redirection(self, node: "Node") -> Iterator[Fed]:
        """What is redirected into commands, and out of them into files."""
        body, *redirects = node.named_children
        given = [redirect for redirect in redirects if _is_input(redirect)]
        if given:
            yield from self._fed("given to", [body, *redirects], given)
            yield from self._parameters(body, given)
            if any(words and words[0].text == "exec" for words in self._lines([body])):
                # From here on, other commands read it.
                yield from self._fed("given to", [self._root], given)
        files = [part for r in redirects for part in walk(r) if part.type == "file_redirect"]
        written = [file for file in files if ">" in text_of(file)]
        substituted = [file for file in written if ">(" in text_of(file)]
        yield from self._fed("given to", substituted, [body])
        paths = {_path(file.named_children[-1]) for file in written if file.named_children}
        yield from self._written(paths, [body, *given])

    def _parameters(self, body: "Node", given: "Sequence[Node]") -> Iterator[Fed]:
        """What a script in a here-document is given: `bash -s x <<'EOF'`."""
        evaluates = any(EVALUATES["sh"].search(text_of(text)) for text in given)
        if evaluates and any(danger is Danger.CODE for _, danger in self._inputs_of([body])):
            yield "given to a script that evaluates", Danger.CODE, [body]

    def _fed(self, how: str, readers: "Sequence[Node]", given: "Sequence[Node]") -> Iterator[Fed]:
        """What becomes of text that commands read from their input."""
        inputs = self._inputs_of(readers) if readers else ()
        if not inputs:
            return
        given = [*given, *self._called_by(given)]
        printed = [part for part in given if self._prints(part)]
        for where, danger in sorted(inputs, key=lambda found: (found[0], found[1].value)):
            yield f"{how} {where}", danger, given if danger is Danger.CODE else printed

    def _written(self, paths: set[str], texts: "Sequence[Node]") -> Iterator[Fed]:
        """What is written into a file that the script runs elsewhere."""
        if paths & self._run:
            printed = [text for text in texts if self._prints(text)]
            yield "written into a file that is run", Danger.CODE, printed
        for path in sorted(paths & self._readers.keys()):
            yield from self._fed("given to", self._readers[path], texts)

    def _prints(self, node: "Node") -> bool:
        """Whether a part of the script gives on what is written in it."""
        return prints_values(node, self._flow.functions) or any(map(_is_input, walk(node)))

    def _lines(self, nodes: "Iterable[Node]") -> "Iterator[list[Word[Node]]]":
        """The command lines in some nodes."""
        for node in nodes:
            for part in walk(node):
                if part.type == "command":
                    yield from self._flow.expand(words_of(part))

    def _look(self, nodes: "Iterable[Node]") -> tuple[_Inputs, frozenset[str]]:
        """What commands do with their input, and the functions of the script among them."""
        lines = list(self._lines(nodes))
        names = {words[0].text for words in lines if words}
        inputs = {found for words in lines for found in input_dangers(words)}
        return frozenset(inputs), frozenset(names & self._flow.functions.keys())

    def _inputs_of(self, nodes: "Iterable[Node]") -> _Inputs:
        """What commands do with their input, also within the functions that they call."""
        inputs, called = self._look(nodes)
        pending, seen = set(called), set[str]()
        while pending:
            name = pending.pop()
            seen.add(name)
            if name not in self._bodies:
                self._bodies[name] = self._look(self._flow.functions[name])
            more, further = self._bodies[name]
            inputs |= more
            pending |= further - seen
        return inputs

    def _called_by(self, nodes: "Iterable[Node]") -> "list[Node]":
        """The bodies of the functions that commands call, directly."""
        names = {words[0].text for words in self._lines(nodes) if words}
        return [body for name in sorted(names) for body in self._flow.functions.get(name, ())]

    @cached_property
    def _run(self) -> frozenset[str]:
        """The files that the script runs."""
        return frozenset(
            _path(word.node)
            for words in self._lines([self._root])
            for _, danger, word in command_dangers(words)
            if danger is Danger.CODE
        )

    @cached_property
    def _readers(self) -> "dict[str, list[Node]]":
        """The commands that read each file: `bash < f`."""
        found: dict[str, list[Node]] = {}
        for node in walk(self._root):
            if node.type == "redirected_statement":
                for redirect in node.named_children[1:]:
                    if text_of(redirect).startswith("<") and redirect.named_children:
                        path = _path(redirect.named_children[-1])
                        found.setdefault(path, []).append(node.named_children[0])
        return found


def _is_input(node: "Node") -> bool:
    """Whether a part of a command is what it reads, written in the script."""
    if node.type in ("file_redirect", "process_substitution"):
        return "<(" in text_of(node)
    return node.type in ("herestring_redirect", "heredoc_redirect")


def _path(node: "Node") -> str:
    return bare(text_of(node)).removeprefix("./")
