"""Texts that a shell reads: of `sh -c`, `ssh`, `eval`, here-documents, and what is piped into one.

Each is parsed as a script of its own, with the values in it where the outer shell puts them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.arguments import Line, cut_word
from opsmcp_pipelines.shell.foreign import ForeignRules
from opsmcp_pipelines.shell.programs import (
    CODE_OPTIONS,
    JOINED,
    PRINTS_ONLY,
    RUNS_INPUT,
    SHELLS,
    SSHES,
    STARTS_SHELLS,
    names,
)
from opsmcp_pipelines.shell.python_check import check_python
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.script import ANY, Script
from opsmcp_pipelines.shell.tree import (
    Word,
    chains,
    climb,
    join_words,
    literal_word,
    text_of,
    word_of,
)
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import skip_options

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["NestedRules"]

_DEEPEST = 3
_WITH_OPTION = names("su runuser script flock sg")
_RUNS_OPERAND = names("trap mosh")
_FILE_OPERANDS = {
    ".": names(""),
    "ansible-playbook": names("-i -u -e -l -t -f --inventory --limit --tags"),
    "crontab": names("-u"),
    "run-parts": names("-a"),
    "source": names(""),
}
"""Programs that run the file of their first operand, with their options that take a value."""

_UNIT = names(
    "word string string_content raw_string concatenation expansion simple_expansion variable_name"
    " command command_name redirected_statement file_redirect heredoc_redirect heredoc_body"
    " heredoc_content herestring_redirect pipeline variable_assignment negated_command number"
    " command_substitution process_substitution"
)
_TOKEN = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Input:
    """What a command reads: texts of the script, a file, or what a stage before it prints."""

    documents: tuple[Word, ...] = ()
    file: Word | None = None
    writer: "Node | None" = None
    unknown: bool = False


class NestedRules(ForeignRules):
    """What holds for the texts that a shell reads."""

    def __init__(self, script: Script, report: Report, outer: "NestedRules | None" = None) -> None:
        """Look at one script; `outer` is the one that it is a text in."""
        super().__init__(script, report)
        self._outer = outer
        self._running: Line | None = None
        self._put_in_files: set[str] = set()

    def _check(self, script: Script) -> None:
        """Check a nested script."""
        raise NotImplementedError

    def _texts(self, name: str, rest: list[Word], at: Line) -> None:
        if name in STARTS_SHELLS:
            self._fed({v for w in rest for v in self._values(w, at)} | self._read(at), at)
        elif name in JOINED:
            self._joined(name, rest, at)
        elif name in _RUNS_OPERAND:
            first = skip_options(rest, frozenset())
            self._nested(join_words(rest[first : first + 1]), at)
        elif name in SHELLS or name in _WITH_OPTION:
            self._shell(name, rest, at)
        elif name in RUNS_INPUT:
            self._feed(at)
        if name in _FILE_OPERANDS:
            first = skip_options(rest, _FILE_OPERANDS[name])
            for word in rest[first : first + 1]:
                self._is_file(word, at)

    def _is_input(self, word: Word, at: Line) -> bool:
        """Whether a file is an open one, which the script may have given any content."""
        if word.literal in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
            self._feed(at)
            return True
        if re.match(r"/dev/fd/|/proc/", word.prefix):
            self._fed({ANY}, at)
            return True
        return False

    def _joined(self, name: str, rest: list[Word], at: Line) -> None:
        first = skip_options(rest, JOINED[name])
        first += 1 if name in SSHES else 0
        if rest[first:]:
            self._nested(join_words(rest[first:]), at)
        elif name in SSHES:
            self._feed(at)

    def _shell(self, name: str, rest: list[Word], at: Line) -> None:
        """A shell, or a program that starts one, with its text, its file or its input."""
        for number, word in enumerate(rest):
            if re.fullmatch(CODE_OPTIONS[name], word.prefix) and word.literal is not None:
                after = [w for w in rest[number + 1 :] if w.literal != "--"]
                if after:
                    self._nested(after[0], at, after[1:] or [literal_word(name)])
                return
            if found := re.match(r"--command=", word.prefix):
                self._nested(cut_word(word, found.end()), at)
                return
        if name not in SHELLS:
            self._feed(at)
            return
        first = skip_options(rest, names("-o -O --rcfile --init-file"))
        operand = rest[first] if first < len(rest) else None
        reads = any(w.literal == "-s" for w in rest[: first + 1])
        if operand is None or reads or operand.literal == "-":
            self._feed(
                at, [literal_word(name), *rest[first + (operand is not None and not reads) :]]
            )
        else:
            self._is_file(operand, at)

    def _nested(self, word: Word, at: Line, arguments: Sequence[Word] = ()) -> None:
        """A text that a shell reads."""
        ways = self._script.ways(word, at.function) if word.literal is None else None
        for way in [[word]] if ways is None else ways:
            text, marks = self._as_text(join_words(way), at)
            line = self._script.line_at(word)
            self._report.read_as_code(
                self._harmful(set[str]().union(*marks.values())), line, "a shell"
            )
            self._run_nested(text, marks, at, arguments, line)

    def _as_text(self, word: Word, at: Line) -> tuple[str, dict[str, frozenset[str]]]:
        """A text as a shell reads it, and what the marks in it carry."""
        marks: dict[str, frozenset[str]] = {}
        text = ""
        for part in word.parts:
            if not part.expands:
                text += part.text
                continue
            piece = Word((part,), word.line)
            name = part.name if part.is_value else f"OPSMCP_T{len(marks)}0{self._script.depth}"
            marks[name] = frozenset(self._script.carried(piece, at.function))
            if not part.is_value:
                marks[name] |= self._depends(piece, at)
            text += f"${{{name}}}"
        return text, marks

    def _depends(self, word: Word, at: Line) -> set[str]:
        """What decides what a word is, and the values that were written to files it reads."""
        found = self._script.depends(word, at.function)
        for part in word.parts:
            if part.node is not None and not part.name:
                found |= self._written(part.text, part.node) | self._incoming(part.node, at)
        return found

    def _run_nested(
        self,
        text: str,
        marks: dict[str, frozenset[str]],
        at: Line,
        arguments: Sequence[Word],
        line: int,
    ) -> None:
        given = {v for word in arguments for v in self._values(word, at)}
        involved = given.union(*marks.values())
        if not (involved or self._harmful({ANY})):
            return
        source = text.encode(errors="replace")
        self._report.spend(len(source), nested=True)
        seeds = {key: self._script.carried_by(key) for key in self._script.seeds} | marks
        for number, word in enumerate(arguments):
            seeds[f":{number}"] = frozenset(self._script.carried(word, at.function))
        script = Script(source, seeds, arguments=arguments, outer=self._script, line=line)
        if script.root.has_error or script.depth > _DEEPEST:
            reason = '"{}" stands in a text for a shell that cannot be read'
            values = self._harmful(involved)
            self._report.refuse(Rule.UNREADABLE, values, line, reason, "Write it simpler")
            return
        before, self._running = self._running, at
        self._check(script)
        self._running = before

    # What a shell reads.

    def input_of(self, node: "Node | None") -> Input:
        """What a command reads, as far as the script says it."""
        if node is None:
            return Input()
        below = node
        if self._script.heads.get(node.id) == "coproc":
            return Input(unknown=True)
        for around in climb(node):
            if around.type == "redirected_statement" or around == node:
                if found := self._redirected(around, below):
                    return found
            elif around.type == "pipeline":
                before = [c for c in around.named_children if c.end_byte <= below.start_byte]
                before = [c for c in before if c.type != "comment"]
                if before:
                    return Input(writer=before[-1])
                if around.parent is not None and around.parent.type == "heredoc_redirect":
                    return Input(writer=around.parent.parent)
            elif around.type == "function_definition":
                return Input(unknown=True)
            below = around
        return Input(unknown=self._reads_elsewhere)

    @cached_property
    def _reads_elsewhere(self) -> bool:
        """Whether the script gives itself another input (`exec <`)."""
        script = self._script
        execs = [c for c in script.commands if script.heads[c.id] == "exec" and c.parent]
        return any(re.search(r"<", text_of(c.parent or c)) is not None for c in execs)

    @staticmethod
    def _redirected(around: "Node", below: "Node") -> Input | None:
        body = around.child_by_field_name("body")
        if body is not None and below.id != body.id:
            return None
        for child in reversed(around.named_children):
            if child.type == "herestring_redirect":
                text = tuple(p for c in child.named_children for p in word_of(c).parts)
                return Input(documents=(Word(text, child.start_point[0] + 1),))
            if child.type == "heredoc_redirect":
                return Input(documents=tuple(_documents(child)))
            signs = "".join(c.type for c in child.children if not c.is_named)
            if child.type == "file_redirect" and signs.startswith("<"):
                target = child.child_by_field_name("destination")
                if signs == "<" and target is not None:
                    return Input(file=word_of(target))
                if text_of(child) not in ("<&0", "<&-", "0<&0"):
                    return Input(unknown=True)
        return None

    def _read(self, at: Line) -> set[str]:
        """The values that a command may read from its input."""
        return self._harmful(self._incoming(at.node, at)) if at.node is not None else set()

    def _incoming(self, node: "Node", at: Line) -> set[str]:
        given = self.input_of(node)
        found = {v for word in given.documents for v in self._values(word, at)}
        if given.file is not None:
            found |= self._values(given.file, at)
            found |= self._written("".join(p.text for p in given.file.parts), node)
        if given.writer is not None:
            found |= self._so_far(given.writer)
        return found | ({ANY} if given.unknown else set[str]())

    def _feed(self, at: Line, arguments: Sequence[Word] = ()) -> None:
        """What a shell reads from its input."""
        given = self.input_of(at.node)
        if given.file is not None:
            self._is_file(given.file, at)
        for document in given.documents:
            self._nested(document, Line(None, at.function, at.line), arguments)
        if given.writer is not None:
            self._feed_from(given.writer, at, arguments)
        elif given.unknown:
            self._fed({ANY}, at)
        elif not given.documents and given.file is None and self._outer is not None:
            outer = self._outer
            if outer._running is not None and outer._running.node is not None:
                outer._feed(outer._running, arguments)

    def _feed_from(self, writer: "Node", at: Line, arguments: Sequence[Word]) -> None:
        """The output of a command that a shell reads."""
        inside = Line(None, at.function, at.line)
        body = writer.child_by_field_name("body") if writer.type == "redirected_statement" else None
        command = body if body is not None else writer
        words = self._script.words(command) if command.type == "command" else []
        name = words[0].program if words else ""
        plain = [w for w in words[1:] if not re.fullmatch(r"-[neE]+", w.literal or "")]
        if name == "echo":
            self._nested(join_words(plain), inside, arguments)
        elif name == "printf" and len(words) == 2:
            self._nested(words[1], inside, arguments)
        elif name == "printf" and words[1].literal in ("%s\\n", "%s", "%s "):
            self._nested(join_words(words[2:], "\n"), inside, arguments)
        elif name == "cat" and len(words) == 1 and (own := self.input_of(command)).documents:
            for document in own.documents:
                self._nested(document, inside, arguments)
        else:
            self._fed(self._so_far(writer), at)

    def _so_far(self, stage: "Node") -> set[str]:
        """What a stage of a pipeline, and those before it, may print of values."""
        around = stage.parent
        first = around if around is not None and around.type == "pipeline" else stage
        start, end = first.start_byte, stage.end_byte
        text = self._script.source[start:end].decode(errors="replace")
        found = self._script.touching(start, end) | self._written(text, first)
        return found | self._incoming(first, Line(first, self._script.function_at(start)))

    def shell_text(
        self, text: str, marks: dict[str, frozenset[str]], line: int, writes: bool
    ) -> None:
        """Check a text that a program of another language hands to a shell.

        `writes` is whether that program may have put any of the values into files.
        """
        self._put_in_files = set().union(*marks.values()) if writes else set()
        self._run_nested(text, marks, Line(None, line=line), (), line)

    def _input_code(self, at: Line) -> list[Word]:
        """The text that another language reads from its input, where a value is in it."""
        given = self.input_of(at.node)
        words = list(given.documents)
        if given.writer is not None and given.writer.type == "command":
            words.append(join_words(self._script.words(given.writer)[1:]))
        return [word for word in words if self._values(word, at)]

    def _python(self, code: Word, at: Line) -> None:
        """Code of Python: the same rules as for a step of it."""
        text, marks = self._as_text(code, at)
        line = self._script.line_at(code)
        self._report.read_as_code(self._values(code, at), line, "Python")
        check_python(text, marks, self._report, self._script.line_at(code), self.shell_text)

    def _fed(self, values: set[str], at: Line) -> None:
        reason = '"{}" may be in what feeds a shell'
        values = self._harmful(values)
        self._report.refuse(Rule.COMMAND, values, at.line, reason, "Write the command out")

    # Files that the script writes and runs.

    def _written(self, text: str, node: "Node | None") -> set[str]:
        """The values of the commands that name a file which is named in a text, too."""
        own = node.start_byte if node is not None else -1
        found = set(self._put_in_files)
        for token in set(_TOKEN.findall(text)) - self._heads:
            for start, end, values in self._units.get(token, ()):
                if not start <= own < end:
                    found |= values
                    break
        if self._outer is not None:
            running = self._outer._running
            found |= self._outer._written(text, running.node if running else None)
        return found

    @cached_property
    def _heads(self) -> set[str]:
        return {head for head in self._script.heads.values() if "/" not in head}

    @cached_property
    def _units(self) -> Mapping[str, list[tuple[int, int, set[str]]]]:
        """The commands with values that could write files, by each word that they name."""
        script = self._script
        values = self._harmful({ANY})
        wanted = sorted({*values, *(k for k in script.reached(values) if k.isidentifier())})
        if not wanted:
            return {}
        found: dict[str, list[tuple[int, int, set[str]]]] = defaultdict(list)
        noted: set[int] = set()
        ends: list[int] = []
        for mark, chain in chains(script.root, script.named(wanted)):
            if script.is_commented(mark) or (ends and mark < ends[-1]):
                continue
            unit = _unit(reversed(chain))
            if unit is None or _only_prints(unit, script):
                continue
            touching = self._harmful(script.touching(unit.start_byte, unit.end_byte))
            _note(unit, touching, found, noted)
            ends.append(unit.end_byte)
        redirected = [c for c in script.commands if script.heads[c.id] in ("exec", "coproc")]
        for command in redirected:
            around = command.parent if command.parent is not None else command
            _note(around, values, found, noted)
        for function in script.found.get("function", []):
            name = function.child_by_field_name("name")
            calls = found.get(text_of(name), []) if name else []
            if calls:  # What is called with a value may write it, wherever that stands.
                _note(function, set[str]().union(*(call[2] for call in calls)), found, noted)
        return found


def _note(
    unit: "Node",
    values: set[str],
    found: dict[str, list[tuple[int, int, set[str]]]],
    noted: set[int],
) -> None:
    """Note a command by its words; of one with a short option also by what is glued to that."""
    if unit.id in noted:
        return
    noted.add(unit.id)
    for token in set(_TOKEN.findall(text_of(unit))):
        for name in {token, re.sub(r"^-\w*?[oOtfCd]", "", token)}:
            found[name].append((unit.start_byte, unit.end_byte, values))


def _unit(nodes: "Iterable[Node]") -> "Node | None":
    """The outermost command, pipeline or redirection of the nodes, which come from the inside."""
    unit, inside = None, True
    for around in nodes:
        inside = inside and around.type in _UNIT
        if inside or around.type in ("redirected_statement", "function_definition", "pipeline"):
            unit = around
    return unit


def _only_prints(unit: "Node", script: Script) -> bool:
    return unit.type == "command" and script.heads[unit.id] in PRINTS_ONLY


def _documents(redirect: "Node") -> Iterator[Word]:
    start = next((c for c in redirect.named_children if c.type == "heredoc_start"), None)
    quoted = start is not None and re.search(r"['\"\\]", text_of(start)) is not None
    for child in redirect.named_children:
        if child.type == "heredoc_body":
            yield word_of(child, quoted=quoted)
