"""Where even an inert value is refused: as what is run, or in what a program reads as code.

The rules are the members of `Rule` (1 to 8). Each command line is looked at with those that it
runs: behind sudo, in a container, in the text of `sh -c`.
"""

import re
from collections.abc import Sequence

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need, narrowed
from opsmcp_pipelines.shell.programs import (
    CODE_OPTIONS,
    FILE_OPTIONS,
    PROGRAM_OPTIONS,
    SHELL_WITHOUT_COMMAND,
    interpreter,
    names,
    names_code,
)
from opsmcp_pipelines.shell.python_check import ShellText
from opsmcp_pipelines.shell.reader import Command
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.rules import cut_word
from opsmcp_pipelines.shell.script import Script
from opsmcp_pipelines.shell.shell_texts import ShellTextRules, replace_sign
from opsmcp_pipelines.shell.tree import Word, literal_word, parse
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import inner_lines, skip_options

__all__ = ["check_script", "shell_text_check"]

_MOST_LEVELS = 12
_MAKEFILES = names("Makefile makefile GNUmakefile")
_SOURCES = frozenset({".", "source"})
_PRINTS_ONLY = names("echo printf logger test [ grep")
_SETTING = re.compile(r"\A(?:-o)?([A-Za-z]+) +|([A-Za-z][\w.-]*)=")


def check_script(script: Script, report: Report) -> None:
    """Look at every command of a script, and at what it does with numbers."""
    _Check(script, report).run()


def shell_text_check(report: Report) -> ShellText:
    """What checks the texts that a Python script hands to a shell."""
    check = _Check(Script(parse(b""), {}), report)
    return check.shell_text


class _Check(ShellTextRules):
    def _check(self, script: Script) -> None:
        _Check(script, self._report, self).run()

    def run(self) -> None:
        reader = self._script.reader
        for part, place, line in reader.uses:
            if place.number:
                values = self._script.values_at(part, place.function)
                self._report.number(values, self._line(line), f"in {place.number}")
        for name, word, _ in reader.assignments:
            if name in reader.integers:
                values = self._script.values_in(word)
                self._report.number(values, self._line(word.line), "in arithmetic")
            self._assigned(name, word)
        for loop in reader.loops:
            self._loop(loop)
        if self._script.depth:
            self._unquoted()
        self._tests()
        for command in reader.commands:
            for name, word in command.assigned:
                self._assigned(name, word)
            self._look_at(command.words, command)

    def _loop(self, word: Word) -> None:
        """The words of a loop: a token that stands bare there is a list."""
        for part in word.parts:
            if part.is_value and not part.quote and len(word.parts) == 1:
                for value in self._script.values_at(part):
                    if narrowed(self._report.values[value].kind, Need.WORDS) is not None:
                        self._need(Need.WORDS, value, word)

    def _unquoted(self) -> None:
        """What a nested script reads of values that are already in its text."""
        looped = {part.start for word in self._script.reader.loops for part in word.parts}
        for part, place, line in self._script.reader.uses:
            if not part.name.startswith("OPSMCP_"):
                continue
            values = self._script.values_at(part, place.function)
            if part.start in looped:
                values = {v for v in values if not self._report.values[v].kind.is_list}
            vouched = {v for v in values if self._report.values[v].vouched}
            if vouched:
                reason = '"{}" is text within a text that a shell reads'
                self._report.refuse(Rule.SHELL, vouched, self._line(line), reason, "")
            if not part.quote:
                self._report.unquoted(values - vouched, self._line(line))

    def _tests(self) -> None:
        for test in self._script.reader.tests:
            words = [word for word in (test.left, test.right) if word is not None]
            for word in words:
                values = self._script.values_in(word)
                if test.operator in ("-v", "-R"):
                    self._names_variable(values, word)
                elif re.fullmatch(r"-(?:eq|ne|lt|le|gt|ge)", test.operator):
                    guesses = {v for v in values if self._report.values[v].kind.guessed}
                    self._report.number(guesses, self._line(word.line), "in a comparison")

    def _look_at(self, words: Sequence[Word], command: Command, level: int = 0) -> None:
        """A command line, in each way that its first word may be read."""
        self._report.spend_line()
        if not words or level > _MOST_LEVELS or self._is_plain(words, command):
            return
        head, rest = words[0], list(words[1:])
        function = command.place.function
        if head.literal is not None:
            self._known(words, command, level)
            return
        values = self._inert(self._script.values_in(head, function))
        if values and self._is_placed(head, values):
            self._known([literal_word(f"{head.prefix}value", head.line), *rest], command, level)
            return
        ways = self._script.ways(head, function)
        direct = {v for part in head.parts if part.is_value for v in self._script.values_at(part)}
        if ways is None or self._inert(direct):
            own = not values and (
                self._script.reader.renames
                or any(self._script.touched_by(part) for part in head.parts)
            )
            self._is_run(values, head, own=own)
            self._arguments("", rest, command)
            return
        for way in ways:
            if [word.parts for word in way] == [head.parts]:
                # One of the author's words, which may run what stands behind it.
                self._known([literal_word("value", head.line), *rest], command, level)
                self._look_at(rest[skip_options(rest, frozenset()) :], command, level + 1)
            else:
                self._look_at([*way, *rest], command, level + 1)

    def _is_plain(self, words: Sequence[Word], command: Command) -> bool:
        """Whether nothing in a command line, and nothing that it reads, comes from elsewhere."""
        place = command.place
        return not (
            place.stdin
            or place.documents
            or place.source
            or command.assigned
            or self._outer
            or self._script.written_values
            or any(word.literal is None or "$" in word.prefix for word in words)
        )

    def _is_run(self, values: set[str], head: Word, *, own: bool = False) -> None:
        reason = '"{}" would be the name of a command'
        remedy = "Give it enums, or put it behind a directory: /opt/tools/${...}"
        self._refuse(Rule.COMMAND, values, head, reason, remedy)
        if own:
            reason = "what is run here depends on a value"
            self._report.add(Rule.COMMAND, "", self._line(head.line), reason)

    def _is_placed(self, word: Word, values: set[str]) -> bool:
        """Whether the author says in which folder a value is looked for."""
        known = [self._report.values[value] for value in values]
        if all(value.roots and value.kind.kind is Kind.PATH for value in known):
            return True
        behind = re.fullmatch(r"[\w./+-]*/[\w.+-]*", word.prefix) is not None
        return behind and all(value.value_class is ValueClass.NAME for value in known)

    def _known(self, words: Sequence[Word], command: Command, level: int) -> None:
        """A command line whose program is known."""
        head, rest = words[0], list(words[1:])
        name = interpreter(head.program)
        if name == "xargs":
            rest = self._with_input(rest, command)
        self._written([head], command)
        if name == "make":
            self._written([literal_word(file) for file in _MAKEFILES], command)
            self._fed(self._script.read_by(command), command)
        if name == "alias":
            for word in rest:
                self._nested(cut_word(word, word.prefix.find("=") + 1), command)
        self._arguments(name, rest, command)
        self._program_options(name, rest, command)
        inner = [list(line) for line in inner_lines([head, *rest])]
        for line in inner:
            self._look_at(line, command, level + 1)
        self._texts(name, rest, command)
        if name in SHELL_WITHOUT_COMMAND and not any(inner):
            self._feed(command)
        self._programs(name, rest, command)

    def _with_input(self, rest: list[Word], command: Command) -> list[Word]:
        """The words of xargs with what it reads put in its place."""
        stdin = self._script.read_by(command)
        if not stdin:
            return rest
        mark = self._stand_in(stdin)
        for at, word in enumerate(rest):
            if found := re.match(r"-I(.*)|--replace(?:=(.*))?", word.prefix):
                two = found[1] == "" and at + 1 < len(rest)
                sign = found[1] or found[2] or (rest[at + 1].prefix if two else "{}")
                at += 2 if two else 1
                return rest[:at] + [replace_sign(w, sign, mark) for w in rest[at:]]
        return [*rest, Word((mark,), rest[-1].line if rest else command.line)]

    # Options whose value names a program.

    def _program_options(self, name: str, words: Sequence[Word], command: Command) -> None:
        short = PROGRAM_OPTIONS.get(name, "")
        files = FILE_OPTIONS.get(name, "")
        own = CODE_OPTIONS.get(name, "")
        for word, after in zip(words, [*words[1:], literal_word("")], strict=False):
            option, value = _option_of(word, after)
            if own and re.match(rf"(?:{own})\Z", option):
                continue
            if files and option and re.fullmatch(files, option):
                self._is_file(value, command)
            elif option and short and re.fullmatch(short, option):
                at = value.prefix.find("=") + 1 if name == "git" else 0
                signs = re.compile("!*").match(value.prefix, at)
                self._names_program(cut_word(value, signs.end() if signs else at), command)
            elif option.startswith("--") and names_code(option):
                self._names_program(value, command)
            elif short and (glued := _glued(word, short)) is not None:
                self._names_program(glued, command)
            if name not in _PRINTS_ONLY:
                self._setting(word, command)

    def _setting(self, word: Word, command: Command) -> None:
        """`ProxyCommand=...` in whatever word."""
        prefix = word.prefix
        if word.literal is not None or not prefix:
            return
        for found in _SETTING.finditer(prefix):
            if names_code(found[1] or found[2]):
                self._names_program(cut_word(word, found.end()), command)

    def _names_program(self, value: Word, command: Command) -> None:
        values = {v for v in self._values(value, command) if not self._is_harmless(v)}
        if self._inert(values):
            self._nested(value, command)

    def _is_harmless(self, value: str) -> bool:
        known = self._report.values[value]
        return known.kind.kind in (Kind.COUNT, Kind.SIZE, Kind.DURATION, Kind.FLAG)

    # Files that are run.

    def _is_file(self, word: Word, command: Command) -> None:
        values = self._inert(self._values(word, command))
        if values and not self._is_placed(word, values):
            reason = '"{}" would be a file that is run'
            remedy = "Give it enums, or put it behind a directory: /opt/tools/${...}"
            self._refuse(Rule.FILE, values, word, reason, remedy)
        elif any(self._script.touched_by(part) for part in word.parts):
            reason = "what is run here depends on a value"
            self._report.add(Rule.FILE, "", self._line(word.line), reason)
        self._written([word], command)

    def _written(self, words: Sequence[Word], command: Command) -> None:
        """A file that this script writes values to is not run by it."""
        function = command.place.function
        run = self._file_names(self._script, words, function)
        check: ShellTextRules | None = self
        while check is not None:
            script = check._script
            if script.written_values and run & self._file_names(script, script.reader.written, ""):
                reason = 'a file that "{}" is written to is run'
                self._refuse(Rule.FILE, self._inert(script.written_values), words[0], reason, "")
            check = check._outer

    @staticmethod
    def _file_names(script: Script, words: Sequence[Word], function: str) -> set[str]:
        found: set[str] = set()
        for word in words:
            ways = script.ways(word, function) or [[word]]
            for way in ways:
                text = "".join(part.text for w in way for part in w.parts)
                found.add(text.rpartition("/")[2])
        return found - {""}


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
