"""Where even an inert value is refused: as what is run, or in what a program reads as code.

The rules are the members of `Rule` (1 to 8). Each command line is looked at with those that it
runs: behind sudo, in a container, in the text of `sh -c`. What is run has to be known: words of
the author, followed through assignments and calls, or something that no value can change.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need, narrowed
from opsmcp_pipelines.shell.arguments import Line, cut_word, replaced
from opsmcp_pipelines.shell.nested import NestedRules
from opsmcp_pipelines.shell.programs import (
    CODE_OPTIONS,
    FILE_OPTIONS,
    JOINED,
    PRINTS_ONLY,
    PROGRAM_OPTIONS,
    RUNS_INPUT,
    SHELL_WITHOUT_COMMAND,
    STARTS_SHELLS,
    interpreter,
    names,
    names_code,
    runs_its_value,
)
from opsmcp_pipelines.shell.python_check import ShellText
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.script import ANY, Script
from opsmcp_pipelines.shell.tree import (
    NO_WORD,
    Part,
    Word,
    chains,
    line_of,
    literal_word,
    text_of,
    word_of,
)
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import CLIENTS, WRAPPERS, inner_lines, skip_options

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["check_script", "shell_text_check"]

_MOST_LEVELS = 12
_ACTIVE = (
    names("eval . source xargs make alias coproc") | RUNS_INPUT | JOINED.keys() | STARTS_SHELLS
)
_COMPARES = re.compile(r"-(?:eq|ne|lt|le|gt|ge)")
_SETTING = re.compile(r"\A(?:-o)?([A-Za-z]+) +|([A-Za-z][\w.-]*)=")
_QUOTES = frozenset({"string", "raw_string", "ansi_c_string", "translated_string", "heredoc_body"})
_RELATIVE = re.compile(r"\.{1,2}/.*|[\w.-]+/.*")


def check_script(script: Script, report: Report) -> None:
    """Look at every command of a script, and at what it does with numbers."""
    _Check(script, report).run()


def shell_text_check(report: Report) -> ShellText:
    """What checks the texts that a Python script hands to a shell."""
    return _Check(Script(b"", {}), report).shell_text


class _Check(NestedRules):
    def _check(self, script: Script) -> None:
        _Check(script, self._report, self).run()

    def run(self) -> None:
        script = self._script
        held = script.holding
        marks = script.named(held) if held else []
        self._places(marks if self._outer is not None else self._among_numbers(marks))
        self._declarations()
        joined = [
            (n.start_byte, n.end_byte)
            for n in script.found.get("joined", [])
            if _between(marks, n.start_byte, n.end_byte)
        ]
        spans = _merged(joined)
        self._assignments()
        self._documents()
        for command in script.commands:
            if self._matters(command, marks, spans):
                at = Line(command, script.function_at(command.start_byte), script.line_at(command))
                self._look_at(script.words(command), at)

    def _matters(self, command: "Node", marks: list[int], spans: list[tuple[int, int]]) -> bool:
        """Whether a command has a value, or may run what is not written in it."""
        head = self._script.heads[command.id]
        name = interpreter(head.rpartition("/")[2])
        if not head or "/" in head or name in _ACTIVE or name in CODE_OPTIONS or self._outer:
            return True
        if name in SHELL_WITHOUT_COMMAND or _between(marks, command.start_byte, command.end_byte):
            return True
        if name not in WRAPPERS and name not in CLIENTS:
            return False
        index = bisect_right(spans, (command.start_byte, len(self._script.source)))
        return index > 0 and command.start_byte < spans[index - 1][1]

    # Values by where they stand.

    def _among_numbers(self, marks: list[int]) -> list[int]:
        """The marks where a number may be asked for, or the words of a loop.

        Elsewhere the place of a value says nothing, unless the script is a text within another.
        """
        found = self._script.found
        cut = [n for n in found.get("expansion", []) if b":" in (n.text or b"")]
        spans = [(n.start_byte, n.end_byte) for n in (*found.get("number", []), *cut)]
        return _within(marks, _merged(spans))

    def _places(self, marks: list[int]) -> None:
        for mark, chain in chains(self._script.root, marks):
            if not self._script.is_commented(mark):
                self._place(chain, mark)

    def _place(self, chain: "tuple[Node, ...]", mark: int) -> None:
        script = self._script
        node = chain[-1]
        quoted, below = False, node
        function = script.function_at(mark)
        name = script.name_at(mark)
        values = self._given(set(script.carried(Word((Part("", name=name),)), function)))
        line = script.line_at(node)
        expands = script.source[mark - 1 : mark] in (b"$", b"{")
        for around in reversed(chain):
            if around.type in ("command", "variable_assignment", "program"):
                break
            quoted = quoted or around.type in _QUOTES
            if around.type == "for_statement" and below.type in ("expansion", "simple_expansion"):
                self._looped(around, below, values)
                return
            if why := _number(around, below):
                self._report.number(values, line, f"in {why}")
            elif around.type == "test_command":
                self._tested(below, values, line, double=around.children[0].type == "[[")
            below = around
        if self._outer is not None and expands and not quoted:
            self._unquoted(values, line)

    def _unquoted(self, values: set[str], line: int) -> None:
        vouched = {v for v in values if self._report.values[v].vouched}
        reason = '"{}" is text within a text that a shell reads'
        self._report.refuse(Rule.SHELL, vouched, line, reason, "")
        self._report.unquoted(values - vouched, line)

    def _looped(self, loop: "Node", below: "Node", values: set[str]) -> None:
        """The words of a loop: a token that stands bare there is a list."""
        bare = below in loop.children_by_field_name("value")
        for value in values if bare else ():
            known = self._report.values[value]
            if narrowed(known.kind, Need.WORDS) is not None:
                self._need(Need.WORDS, value, word_of(below))
            elif self._outer is not None and not known.kind.is_list:
                self._unquoted({value}, self._script.line_at(below))

    def _tested(self, test: "Node", values: set[str], line: int, *, double: bool) -> None:
        operator = test.child_by_field_name("operator")
        said = text_of(operator) if operator else ""
        if said in ("-v", "-R"):
            self._names_variable(values, literal_word("", line))
        elif _COMPARES.fullmatch(said):
            wanted = {v for v in values if double or self._report.values[v].kind.guessed}
            self._report.number(wanted, line, "in a comparison")

    def _declarations(self) -> None:
        """`export`, `unset` and their like, as commands."""
        for node in self._script.found.get("declaration", []):
            start = node.start_byte
            at = Line(node, self._script.function_at(start), self._script.line_at(node))
            words = [word_of(child) for child in node.named_children]
            self._arguments(node.children[0].type, words, at)

    def _assignments(self) -> None:
        script = self._script
        integers = {text_of(n) for d in script.found.get("declaration", []) for n in _integers(d)}
        for node, name, words in script.assignments:
            if name not in integers and not runs_its_value(name):
                continue
            at = Line(node, script.function_at(node.start_byte), script.line_at(node))
            for word in words:
                self._assigned(name, word, at)
                if name in integers:
                    self._report.number(self._values(word, at), at.line, "in arithmetic")
        for node in script.strays:
            for value in self._harmful({ANY}):
                reason = "PATH leads to the folder that the step works in"
                self._report.add(Rule.VARIABLE, value, script.line_at(node), reason)

    def _documents(self) -> None:
        """What the parser does not read in a here-document: backticks, and what follows late."""
        script = self._script
        for node in script.found.get("document", []):
            start = next((c for c in node.named_children if c.type == "heredoc_start"), None)
            opened = start is not None and re.search(r"['\"\\]", text_of(start)) is None
            body = next((c for c in node.named_children if c.type == "heredoc_body"), None)
            late = any(
                c.type == "pipeline" and line_of(c.named_children[0]) != line_of(node)
                for c in node.named_children
            )
            ticks = opened and body is not None and re.search(rb"(?<!\\)`", body.text or b"")
            if ticks or late:
                values = self._script.touching(node.start_byte, node.end_byte)
                reason = '"{}" stands in a here-document with backticks, which cannot be read'
                for value in self._harmful(values if not late else {ANY}):
                    self._report.add(Rule.UNREADABLE, value, script.line_at(node), reason)

    # Command lines.

    def _look_at(self, words: Sequence[Word], at: Line, level: int = 0) -> None:
        """A command line, in each way that its first word may be read."""
        self._report.spend_line()
        if not words or level > _MOST_LEVELS:
            return
        head, rest = words[0], list(words[1:])
        if head.literal is not None:
            self._known(words, at, level)
            return
        values = self._values(head, at)
        if values and self._is_placed(head, values):
            self._known([literal_word(f"{head.prefix}value", head.line), *rest], at, level)
            return
        direct = {v for p in head.parts if p.is_value for v in self._values(Word((p,)), at)}
        ways = None if self._given(direct) else self._script.ways(head, at.function)
        if ways is None:
            self._unknown(head, rest, at, level)
            return
        for way in ways:
            if [word.parts for word in way] == [head.parts]:
                # One of the author's words, which may run what stands behind it.
                self._own(head, rest, at, level)
            else:
                self._look_at([*way, *rest], at, level + 1)

    def _own(self, head: Word, rest: list[Word], at: Line, level: int) -> None:
        """A program that the author chose, but which is not known."""
        self._known([literal_word("value", head.line), *rest], at, level)
        self._look_at(rest[skip_options(rest, frozenset()) :], at, level + 1)

    def _unknown(self, head: Word, rest: list[Word], at: Line, level: int) -> None:
        values = self._harmful(self._values(head, at))
        reason = '"{}" would be the name of a command'
        remedy = "Give it enums, or put it behind a directory: /opt/tools/${...}"
        self._refuse(Rule.COMMAND, values, head, reason, remedy)
        self._arguments("", rest, at)
        depends = self._harmful(self._depends(head, at))
        if depends and not values:
            reason = "what is run here depends on a value"
            self._report.add(Rule.COMMAND, "", self._script.line_at(head), reason)
        if not depends and not values:
            self._known([literal_word("value", head.line), *rest], at, level)

    def _is_placed(self, word: Word, values: set[str]) -> bool:
        """Whether the author says in which folder a value is looked for."""
        known = [self._report.values[value] for value in values]
        if all(value.roots and value.kind.kind is Kind.PATH for value in known):
            return True
        behind = re.fullmatch(r"[\w./+-]*/[\w.+-]*", word.prefix) is not None
        return behind and all(value.value_class is ValueClass.NAME for value in known)

    def _known(self, words: Sequence[Word], at: Line, level: int) -> None:
        """A command line whose program is known."""
        head, rest = words[0], list(words[1:])
        name = interpreter(head.program)
        if "/" in head.prefix:
            self._is_file(head, at)
        if name == "xargs":
            rest = self._with_input(rest, at)
        if name == "make":
            self._is_file(literal_word("Makefile", head.line), at)
            self._fed(self._read(at), at)
        if name == "alias":
            for word in rest:
                self._nested(cut_word(word, word.prefix.find("=") + 1), at)
        self._arguments(name, rest, at)
        self._program_options(name, rest, at)
        inner = [list(line) for line in inner_lines([head, *rest])]
        if name == "find" and inner:
            mark = self._script.stand_in(self._found(at))
            inner = [[replaced(word, "{}", mark) for word in line] for line in inner]
        for line in inner:
            self._look_at(line, at, level + 1)
        self._texts(name, rest, at)
        if name in SHELL_WITHOUT_COMMAND and not any(inner):
            self._feed(at)
        self._programs(name, rest, at)

    def _found(self, at: Line) -> set[str]:
        """The values of the command line that puts something in place of `{}`."""
        if at.node is None:
            return set()
        return self._harmful(self._script.touching(at.node.start_byte, at.node.end_byte))

    def _with_input(self, rest: list[Word], at: Line) -> list[Word]:
        """The words of xargs with what it reads put in its place."""
        files = [
            w for b, w in zip(rest, rest[1:], strict=False) if b.literal in ("-a", "--arg-file")
        ]
        stdin = self._read(at).union(*(self._values(word, at) for word in files))
        if not stdin:
            return rest
        mark = self._script.stand_in(stdin)
        for index, word in enumerate(rest):
            if found := re.match(r"-I(.*)|--replace(?:=(.*))?", word.prefix):
                two = found[1] == "" and index + 1 < len(rest)
                sign = found[1] or found[2] or (rest[index + 1].prefix if two else "{}")
                index += 2 if two else 1
                return rest[:index] + [replaced(w, sign, mark) for w in rest[index:]]
        return [*rest, Word((mark,), rest[-1].line if rest else at.line)]

    # Options whose value names a program.

    def _program_options(self, name: str, words: Sequence[Word], at: Line) -> None:
        short, files = PROGRAM_OPTIONS.get(name, ""), FILE_OPTIONS.get(name, "")
        own = CODE_OPTIONS.get(name, "")
        for word, after in zip(words, [*words[1:], NO_WORD], strict=False):
            if not files and word.literal is not None and after.literal is not None:
                continue
            option, value = _option_of(word, after)
            if own and re.match(rf"(?:{own})\Z", option):
                continue
            if files and option and re.fullmatch(files, option):
                self._is_file(value, at)
            elif option and short and re.fullmatch(short, option):
                start = value.prefix.find("=") + 1 if name == "git" else 0
                signs = re.compile("!*").match(value.prefix, start)
                self._names_program(cut_word(value, signs.end() if signs else start), at)
            elif option.startswith("--") and names_code(option):
                self._names_program(value, at)
            elif short and (glued := _glued(word, short)) is not None:
                self._names_program(glued, at)
            if name not in PRINTS_ONLY:
                self._setting(word, at)

    def _setting(self, word: Word, at: Line) -> None:
        """`ProxyCommand=...` in whatever word."""
        if word.literal is not None or not word.prefix:
            return
        for found in _SETTING.finditer(word.prefix):
            if names_code(found[1] or found[2]):
                self._names_program(cut_word(word, found.end()), at)

    def _names_program(self, value: Word, at: Line) -> None:
        sizes = (Kind.SIZE, Kind.DURATION)
        values = self._harmful(self._values(value, at))
        if any(self._report.values[v].kind.kind not in sizes for v in values):
            self._nested(value, at)

    # Files that are run.

    def _is_file(self, word: Word, at: Line) -> None:
        if self._is_input(word, at):
            return
        values = self._harmful(self._values(word, at))
        remedy = "Give it enums, or put it behind a directory: /opt/tools/${...}"
        if values:
            if not self._is_placed(word, values):
                reason = '"{}" would be a file that is run'
                self._refuse(Rule.FILE, values, word, reason, remedy)
            return
        depends = self._harmful(self._depends(word, at))
        if depends and self._script.ways(word, at.function) is None:
            reason = "what is run here depends on a value"
            self._report.add(Rule.FILE, "", self._script.line_at(word), reason)
            return
        written = self._harmful(self._written("".join(p.text for p in word.parts), at.node))
        self._refuse(Rule.FILE, written, word, 'a file that "{}" may be written to is run', "")
        if _RELATIVE.match(word.prefix) or (word.literal and "/" not in word.literal):
            reason = '"{}" names the folder of a file that is run'
            self._refuse(Rule.FILE, self._folders, word, reason, remedy)

    @cached_property
    def _folders(self) -> set[str]:
        """The values that say in which folder the script works."""
        found: set[str] = set()
        for command in self._script.commands:
            words = self._script.words(command) if self._is_moving(command) else []
            at = Line(command, self._script.function_at(command.start_byte))
            for word in words[1:]:
                values = self._harmful(self._values(word, at))
                found |= set() if values and self._is_placed(word, values) else values
        return found

    def _is_moving(self, command: "Node") -> bool:
        if self._script.heads[command.id] in ("cd", "pushd"):
            return True
        return any(
            re.match(r"-C|--chdir|-D", word.prefix)
            for word in self._script.words(command)
            if self._script.heads[command.id] in ("env", "sudo")
        )


def _between(marks: list[int], start: int, end: int) -> bool:
    index = bisect_left(marks, start)
    return index < len(marks) and marks[index] < end


def _within(marks: list[int], spans: list[tuple[int, int]]) -> list[int]:
    """The marks that stand in one of the spans."""
    bounds = ((bisect_left(marks, start), bisect_left(marks, end)) for start, end in spans)
    return [mark for first, after in bounds for mark in marks[first:after]]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The outermost of spans of which none overlaps another in part."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


def _number(around: "Node", below: "Node") -> str:
    """What kind of arithmetic a node is in, if it is any."""
    if around.type == "arithmetic_expansion":
        return "arithmetic"
    if around.type == "compound_statement" and around.children[0].type == "((":
        return "arithmetic"
    if around.type == "c_style_for_statement" and below.type != "do_group":
        return "arithmetic"
    if around.type == "subscript" and below != around.named_children[0]:
        return "index"
    if around.type == "expansion" and below != around.named_children[0]:
        sign = around.children[2].type if len(around.children) > 2 else ""
        return "substring" if sign == ":" else ""
    return ""


def _integers(declaration: "Node") -> "Iterator[Node]":
    """The variables that `declare -i` makes numbers."""
    if not any(c.type == "word" and "i" in text_of(c) for c in declaration.named_children):
        return
    for child in declaration.named_children:
        name = child.child_by_field_name("name") if child.type == "variable_assignment" else child
        if name is not None and name.type == "variable_name":
            yield name


def _option_of(word: Word, after: Word) -> tuple[str, Word]:
    """An option and its value, in one word or in two."""
    prefix = word.prefix
    if not prefix.startswith(("-", "+")):
        return "", word
    if prefix.startswith("--") and "=" in prefix:
        name = prefix.partition("=")[0]
        return name, cut_word(word, len(name) + 1)
    return (prefix, after) if word.literal is not None else ("", word)


def _glued(word: Word, pattern: str) -> Word | None:
    """The value that stands in one word with a short option: `-I${x}`."""
    found = re.match(rf"(?:{pattern})", word.prefix)
    if found is None or word.literal is not None or found[0].startswith("--"):
        return None
    return cut_word(word, found.end())
