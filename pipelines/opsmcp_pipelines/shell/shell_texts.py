"""Texts that a shell reads: of `sh -c`, `ssh`, `eval`, here-documents, and what is piped into one.

Each is parsed as a script of its own, with the values in it where the outer shell puts them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsmcp_pipelines.shell.foreign import ForeignRules
from opsmcp_pipelines.shell.programs import (
    CODE_OPTIONS,
    JOINED,
    RUNS_INPUT,
    RUNS_OPERAND,
    SHELLS,
    SSHES,
    names,
)
from opsmcp_pipelines.shell.python_check import check_python
from opsmcp_pipelines.shell.reader import Command, Place
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.rules import cut_word
from opsmcp_pipelines.shell.script import STDIN, Script
from opsmcp_pipelines.shell.tree import Part, Word, join_words, literal_word, parse
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import skip_options

__all__ = ["ShellTextRules", "replace_sign"]

_DEEPEST = 3
_NO_FILE = frozenset({"su", "runuser", "script", "flock", "sg"})
_FILE_OPERANDS = names("ansible-playbook crontab . source")
_SEPARATE = names("tmux screen salt")


class ShellTextRules(ForeignRules):
    """What holds for the texts that a shell reads."""

    def __init__(
        self, script: Script, report: Report, outer: "ShellTextRules | None" = None
    ) -> None:
        """Look at one script; `outer` is the one that it is a text in."""
        super().__init__(script, report)
        self._outer = outer
        self._command: Command | None = None

    def _check(self, script: Script) -> None:
        """Check a nested script."""
        raise NotImplementedError

    def _stand_in(self, values: set[str]) -> Part:
        """A piece of a word that holds any of the values."""
        name = f"OPSMCP_T{len(self._script.carried)}"
        self._script.carried[name] = values
        return Part(f"${{{name}}}", "", 0, name)

    def _texts(self, name: str, rest: list[Word], command: Command) -> None:
        if name in JOINED:
            self._joined(name, rest, command)
        elif name in RUNS_OPERAND:
            at = skip_options(rest, frozenset())
            self._nested(join_words(rest[at : at + 1]), command)
        elif name in SHELLS or name in _NO_FILE:
            self._shell(name, rest, command)
        elif name in RUNS_INPUT:
            self._feed(command)
        if name in _FILE_OPERANDS:
            at = skip_options(rest, names("-i -u -e -l -t -f --inventory --limit --tags"))
            for word in rest[at : at + 1]:
                self._is_file(word, command)

    def _joined(self, name: str, rest: list[Word], command: Command) -> None:
        if name == "parallel":
            rest = self._parallel(rest, command)
        at = skip_options(rest, JOINED[name])
        if name in _SEPARATE:
            before = [literal_word(""), *rest]
            for option, word in zip(before, rest, strict=False):
                first = name == "salt" and word is rest[at]
                if option.literal not in JOINED[name] and not first:
                    self._nested(word, command)
            return
        if name in SSHES:
            at += 1
        if rest[at:]:
            self._nested(join_words(rest[at:]), command)
        elif name in SSHES:
            self._feed(command)

    def _parallel(self, rest: list[Word], command: Command) -> list[Word]:
        at = next((n for n, w in enumerate(rest) if (w.literal or "").startswith(":::")), len(rest))
        values = {v for word in rest[at:] for v in self._values(word, command)}
        values |= self._script.read_by(command)
        mark = self._stand_in(values)
        words = [replace_sign(word, "{}", mark) for word in rest[:at]]
        return words if words != rest[:at] else [*words, Word((mark,), command.line)]

    def _shell(self, name: str, rest: list[Word], command: Command) -> None:
        """A shell, or a program that starts one, with its text, its file or its input."""
        for at, word in enumerate(rest):
            if re.fullmatch(CODE_OPTIONS[name], word.prefix) and word.literal is not None:
                after = [w for w in rest[at + 1 :] if w.literal != "--"]
                self._nested(join_words(after[:1]), command, after[1:])
                return
            if found := re.match(r"--command=", word.prefix):
                self._nested(cut_word(word, found.end()), command)
                return
        if name not in SHELLS:
            self._feed(command)
            return
        at = skip_options(rest, names("-o -O --rcfile --init-file"))
        operand = rest[at] if at < len(rest) else None
        reads_input = any(w.literal == "-s" for w in rest[:at])
        if operand is None or reads_input or operand.literal in ("-", "/dev/stdin"):
            self._feed(command)
        else:
            self._is_file(operand, command)
            if operand.literal == "-s":
                self._feed(command)

    def _nested(self, word: Word, command: Command, arguments: Sequence[Word] = ()) -> None:
        """A text that a shell reads."""
        for text, marks in self._as_texts(word, command):
            self._run_nested(text, marks, command, arguments, self._line(word.line))

    def _as_texts(self, word: Word, command: Command) -> Iterator[tuple[str, dict[str, set[str]]]]:
        """The text in each way it may be, and what the marks in it carry."""
        function = command.place.function
        ways = self._script.ways(word, function) if word.literal is None else None
        if ways is None:
            ways = [[word]]
        for way in ways:
            marks: dict[str, set[str]] = {}
            text = ""
            for part in join_words(way).parts:
                if part.is_value:
                    text += f"${{{part.name}}}"
                    marks[part.name] = self._script.values_at(part, function)
                elif part.expands:
                    mark = f"OPSMCP_T{len(marks)}0{self._script.depth}"
                    text += f"${{{mark}}}"
                    marks[mark] = self._script.values_at(part, function)
                    marks[mark] |= self._script.touched_by(part)
                else:
                    text += part.text
            yield text, marks

    def _run_nested(
        self,
        text: str,
        marks: dict[str, set[str]],
        command: Command,
        arguments: Sequence[Word],
        line: int,
    ) -> None:
        seeds = {k: frozenset(v) for k, v in self._script.carried.items() if v and ":" not in k}
        seeds |= {name: frozenset(values) for name, values in marks.items()}
        for number, word in enumerate(arguments):
            seeds[f":{number}"] = frozenset(self._values(word, command))
        given = frozenset(v for word in arguments for v in self._values(word, command))
        seeds |= {":@": given, ":*": given, STDIN: frozenset(self._script.read_by(command))}
        involved = frozenset[str]().union(*(seeds.get(m, frozenset()) for m in marks), given)
        fed = bool(command.place.stdin or command.place.documents)
        written = bool(self._script.written_values) or self._outer is not None
        if not (involved or fed or written or _mentions(text, seeds)):
            return
        source = text.encode(errors="replace")
        root = parse(source)
        self._report.spend(len(source), root.descendant_count)
        depth = self._script.depth + 1
        if root.has_error or depth > _DEEPEST:
            reason = '"{}" stands in a text for a shell that cannot be read'
            self._report.refuse(Rule.UNREADABLE, set(involved), line, reason, "Write it simpler")
            return
        self._command = command
        self._check(Script(root, seeds, arguments[1:], depth, line, fed=fed))

    def _feed(self, command: Command) -> None:
        """What a shell reads from its input."""
        place = command.place
        if place.source is not None:
            self._is_file(place.source, command)
        for document in place.documents:
            self._nested(document, _without_input(command))
        for key in place.stdin:
            if key == STDIN and self._outer is not None and self._outer._command is not None:
                self._outer._feed(self._outer._command)
            elif not key.startswith("pipe:"):
                self._fed(self._script.values_of([key]), command)
            else:
                for writer in self._script.writers(key):
                    self._feed_from(writer, command)

    def _feed_from(self, writer: Command, command: Command) -> None:
        """The output of a command that a shell reads."""
        words = writer.words
        name = words[0].program if words else ""
        options = re.compile(r"-[neE]+")
        if name == "echo":
            plain = [w for w in words[1:] if not options.fullmatch(w.literal or "")]
            self._nested(join_words(plain), _without_input(writer))
        elif name == "printf" and len(words) == 2:
            self._nested(words[1], _without_input(writer))
        elif name == "printf" and words[1].literal in ("%s\\n", "%s", "%s "):
            self._nested(join_words(words[2:], "\n"), _without_input(writer))
        elif name == "cat" and writer.place.documents and len(words) == 1:
            for document in writer.place.documents:
                self._nested(document, _without_input(writer))
        else:
            values = {v for w in words for v in self._values(w, writer)}
            for key in writer.place.stdin:
                for before in self._script.writers(key):
                    values |= {v for w in before.words for v in self._values(w, before)}
                    values |= self._script.read_by(before)
            self._fed(values | self._script.read_by(writer), command)

    def _fed(self, values: set[str], command: Command) -> None:
        reason = '"{}" is in what feeds a shell'
        line = self._line(command.line)
        self._report.refuse(Rule.COMMAND, values, line, reason, "Write the command out")

    def shell_text(self, text: str, marks: dict[str, set[str]], line: int) -> None:
        """Check a text that a program of another language hands to a shell."""
        command = Command([], Place(), line)
        self._run_nested(text, marks, command, (), line)

    def _python(self, code: Word, command: Command) -> None:
        """Code of Python: the same rules as for a step of it."""
        for text, marks in self._as_texts(code, command):
            check_python(text, marks, self._report, self._line(code.line), self.shell_text)


def _mentions(text: str, seeds: dict[str, frozenset[str]]) -> bool:
    return any(seeds.get(name) for name in re.findall(r"\$\{?(\w+)", text))


def _without_input(command: Command) -> Command:
    """The command without an input of its own: what it reads is the script itself."""
    return Command(command.words, replace(command.place, stdin=(), documents=()), command.line)


def replace_sign(word: Word, sign: str, mark: Part) -> Word:
    """A word with a part of it in place of each sign."""
    parts: list[Part] = []
    for part in word.parts:
        if part.expands or not sign or sign not in part.text:
            parts.append(part)
            continue
        for number, text in enumerate(part.text.split(sign)):
            parts += [mark] if number else []
            parts += [replace(part, text=text)] if text else []
    return replace(word, parts=tuple(parts))
