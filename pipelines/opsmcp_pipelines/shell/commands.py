"""Where even an inert value is refused: as what is run, or in what a program reads as code.

The rules are the members of `Rule` (1 to 8). Each command line is looked at with those that it
runs: behind sudo, in a container, in the text of `sh -c`, which is a script of its own. What is run
has to be known: words of the author, followed through assignments and calls, or something that no
value can change.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need, narrowed
from opsmcp_pipelines.shell.command_line import (
    cut_word,
    glued,
    inner_lines,
    option_of,
    replaced,
    skip_options,
)
from opsmcp_pipelines.shell.flow import naming, parts_within
from opsmcp_pipelines.shell.inputs import At, Inputs
from opsmcp_pipelines.shell.languages import CodeCheck, runs_arguments
from opsmcp_pipelines.shell.programs import (
    NO_PROGRAM,
    PRINTS_ONLY,
    PROGRAMS,
    SHELLS,
    Program,
    interpreter,
    names,
    names_code,
    runs_its_value,
)
from opsmcp_pipelines.shell.python_check import check_python
from opsmcp_pipelines.shell.syntax import (
    NO_WORD,
    Node,
    Part,
    Unreadable,
    Word,
    join_words,
    literal_word,
    parse,
)
from opsmcp_pipelines.shell.values import Rule

__all__ = ["ScriptCheck"]

_MOST_LEVELS = 12
_DEEPEST = 3
_COMPARES = re.compile(r"-(?:eq|ne|lt|le|gt|ge)")
_SETTING = re.compile(r"\A(?:-o)?([A-Za-z]+) +|([A-Za-z][\w.-]*)=")
_RELATIVE = re.compile(r"\.{1,2}/.*|[\w.-]+/.*")
_PLACED = re.compile(r"[\w./+-]*/[\w.+-]*")
_LETTERS = re.compile(r"--?[A-Za-z0-9-]*")
_ENVIRONMENT = re.compile(r"ENVIRON|environ|getenv|%ENV|\$ENV|process\.env")
_STANDARD_INPUT = names("- /dev/stdin /dev/fd/0 /proc/self/fd/0")
_SETS_VARIABLES = names("env sudo doas make gmake export declare local readonly typeset")
_NAMES_VARIABLES = names("read mapfile readarray unset getopts export declare local typeset")
_NAMING = (("printf", "-v"), ("wait", "-p"))
_SIGNALLING = names("kill pkill killall docker podman timeout")
_PARTED_AT = {",": Need.COMMAS, "\n": Need.LINES}
_TAKES_TIME = names("--since --until")
"""Options of which every program takes a time: `--since -1h` has no letters of another option."""

_ASSIGNING = (Kind.SELECTOR, Kind.PATTERN)
"""Kinds whose values may have the form of an assignment."""

_ACTIVE = frozenset(PROGRAMS)
_LANGUAGES = names("awk sed jq sql python perl ruby node php lua")
_SCRIPT_FILES = names("python perl ruby node php lua tclsh expect")
_JQ_PAIRS = names("--arg --argjson --slurpfile --rawfile")
_PLACE_IT = "Give it enums, or put it behind a directory: /opt/tools/${...}"


class ScriptCheck(Inputs):
    """The check of one script, or of a text nested in one."""

    def run(self) -> None:
        """Look at every command of the script, and at what it does with numbers."""
        self._numbers()
        for node in self._syntax.nodes:
            if self._outer is not None:
                self._unquoted(node)
            if node.kind == "command":
                self._command(node)
            elif node.kind == "for":
                self._looped(node)
            elif node.kind == "test":
                self._tested(node.words, At(node, node.function), double=True)

    def _refuse(self, rule: Rule, values: set[str], word: Word, reason: str, remedy: str) -> None:
        self._report.refuse(rule, values, self._line_of(word), reason, remedy)

    # Values by where they stand.

    def _numbers(self) -> None:
        for part, function in self._syntax.calculated:
            inner = Word((Part("", operator="((", word=part.word),), part.start)
            if values := self._values(inner, At(None, function)):
                why = "substring" if part.operator == ":" else "arithmetic"
                self._report.number(values, self._line_of(inner), f"in {why}")

    def _unquoted(self, node: Node) -> None:
        """What is not quoted in a text that a shell reads."""
        words = [] if node.kind == "for" else [*node.words]
        words += [word for made in node.assignments for word in made.words]
        words += [*node.patterns, *(redirect.word for redirect in node.redirects)]
        for word in words:
            for part in parts_within(word.parts) if word.literal is None else ():
                if not part.quote and part.name:
                    values = self._values(Word((part,)), At(node, node.function))
                    self._split(values, self._line_of(word))

    def _split(self, values: set[str], line: int) -> None:
        vouched = {v for v in values if self._report.values[v].vouched}
        reason = '"{}" is text within a text that a shell reads'
        self._report.refuse(Rule.SHELL, vouched, line, reason)
        self._report.unquoted(values - vouched, line)

    def _looped(self, loop: Node) -> None:
        """The words of a loop: a token that stands bare there is a list."""
        need = self._parted(loop)
        for word in loop.words:
            bare = len(word.parts) == 1 and not word.parts[0].quote and word.parts[0].plain
            for value in self._values(word, At(loop, loop.function)) if bare else ():
                known, line = self._report.values[value], self._line_of(word)
                if narrowed(known.kind, need) is not None:
                    self._report.demand(need, [value], line, Rule.PROGRAM, reason="", remedy="")
                elif self._outer is not None and not known.kind.is_list:
                    self._split({value}, line)

    def _parted(self, loop: Node) -> Need:
        """What parts the words of a loop: the IFS that was set last before it, else blanks."""
        if self._report.pasted:  # The grammar parts what is pasted, whatever IFS is.
            return Need.WORDS
        signs = [
            "".join(word.literal or "" for word in made.words)
            for node in self._syntax.nodes
            for made in node.assignments
            if made.name == "IFS" and not node.words and made.start < loop.start
        ]
        return _PARTED_AT.get(signs[-1] if signs else "", Need.WORDS)

    def _tested(self, words: Sequence[Word], at: At, *, double: bool) -> None:
        for before, word, after in zip(
            [NO_WORD, *words], words, [*words[1:], NO_WORD], strict=False
        ):
            said = word.literal or ""
            if said in ("-v", "-R"):
                self._names_variable(self._values(after, at), after)
            elif _COMPARES.fullmatch(said):
                values = self._values(before, at) | self._values(after, at)
                wanted = {v for v in values if double or self._report.values[v].kind.guessed}
                self._report.number(wanted, self._line_of(word), "in a comparison")

    # Commands.

    def _command(self, node: Node) -> None:
        text = self._syntax.text
        at = At(node, node.function, self._line_of(node))
        counts = node.assignments and any(re.match(r"-\w*i", word.prefix) for word in node.words)
        for made in node.assignments:
            for word in made.words:
                self._assigned(made.name, word, at)
                self._path(made.name, word, at)
                if counts:
                    self._report.number(self._values(word, at), at.line, "in arithmetic")
        if node.words and (_may_run(node.head) or self._named.search(text, node.start, node.end)):
            self._look_at(node.words, at)

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """The variables and placeholders that hold values."""
        return naming(self.flow.holding())

    def _path(self, name: str, word: Word, at: At) -> None:
        """PATH must not lead to a folder that depends on where the step works, or is written to."""
        if name in ("BASH_ENV", "ENV"):
            self._is_file(word, at)
        text = self._syntax.text[word.start : word.end].strip("\"'")
        good = re.compile(r"[/~][\w./-]*|\$\{?[A-Za-z_].*")
        if name != "PATH":
            return
        told = all(map(good.fullmatch, text.split(":")))
        for value in self.written(text, at.node) if told else self._any:
            reason = "PATH leads to a folder that the step works in, or writes to"
            self._report.add(Rule.VARIABLE, value, self._line_of(word), reason)

    def _assigned(self, name: str, word: Word, at: At) -> None:
        if runs_its_value(name):
            reason = f'"{{}}" is assigned to {name}, which programs take code from'
            remedy = "Give it enums, or write the value out"
            self._refuse(Rule.VARIABLE, self._values(word, at), word, reason, remedy)

    def _look_at(self, words: Sequence[Word], at: At, level: int = 0) -> None:
        """A command line, in each way that its first word may be read."""
        self._report.spend_line()
        if not words or level > _MOST_LEVELS:
            return
        head, rest = words[0], list(words[1:])
        if head.literal is not None:
            self._known(head, rest, at, level)
            return
        values = self._values(head, at)
        if values and self._is_placed(head, values):
            self._known(literal_word(f"{head.prefix}value", head.start), rest, at, level)
            return
        direct = {v for p in head.parts if p.is_value for v in self._values(Word((p,)), at)}
        ways = None if direct else self.flow.ways(head, at.function)
        if ways is None:
            self._unknown(head, rest, at, level)
            return
        for way in ways:
            if [word.parts for word in way] == [head.parts]:
                # One of the author's words, which may run what stands behind it.
                self._known(literal_word("value", head.start), rest, at, level)
                self._look_at(rest[skip_options(rest) :], at, level + 1)
            else:
                self._look_at([*way, *rest], at, level + 1)

    def _unknown(self, head: Word, rest: list[Word], at: At, level: int) -> None:
        values = self._harmful(self._values(head, at))
        reason = '"{}" would be the name of a command'
        self._refuse(Rule.COMMAND, values, head, reason, _PLACE_IT)
        self._arguments("", rest, at)
        if values:
            return
        if self._any:
            reason = "what is run here is not written out, and may be a value"
            self._report.add(Rule.COMMAND, "", self._line_of(head), reason)

    def _is_placed(self, word: Word, values: set[str]) -> bool:
        """Whether the author says in which folder a value is looked for."""
        known = [self._report.values[value] for value in values]
        if all(value.roots and value.kind.kind is Kind.PATH for value in known):
            return True
        behind = _PLACED.fullmatch(word.prefix) is not None
        return behind and all(value.value_class is ValueClass.NAME for value in known)

    def _known(self, head: Word, rest: list[Word], at: At, level: int) -> None:
        """A command line whose program is known."""
        name = interpreter(head.program)
        program = PROGRAMS.get(name, NO_PROGRAM)
        if "/" in head.prefix:
            self._is_file(head, at)
        if name == "xargs":
            rest = self._with_input(rest, at)
        elif name == "make":
            self._is_file(literal_word("Makefile", head.start), at)
            self._fed(self._read(at), at)
        elif name == "crontab":
            self._fed(self._read(at), at)
        elif name in ("[", "test"):
            self._tested(rest, at, double=False)
        elif name == "let":
            values = {v for word in rest for v in self._values(word, at)}
            self._report.number(values, at.line, "in arithmetic")
        self._arguments(name, rest, at)
        self._options(name, program, rest, at)
        inner = [list(line) for line in inner_lines(name, program, rest)]
        if name == "find" and inner and at.node is not None:
            mark = self.flow.stand_in(self._any)
            inner = [[replaced(word, "{}", mark) for word in line] for line in inner]
        for line in inner:
            self._look_at(line, at, level + 1)
        self._operands(name, program, rest, at, runs=any(inner))

    def _with_input(self, rest: list[Word], at: At) -> list[Word]:
        """The words of xargs with what it reads put in its place."""
        files = [
            w for b, w in zip(rest, rest[1:], strict=False) if b.literal in ("-a", "--arg-file")
        ]
        given = self._read(at).union(*(self._values(word, at) for word in files))
        if not given:
            return rest
        mark = self.flow.stand_in(given)
        for index, word in enumerate(rest):
            if found := re.match(r"-I(.*)|--replace(?:=(.*))?", word.prefix):
                two = found[1] == "" and index + 1 < len(rest)
                sign = found[1] or found[2] or (rest[index + 1].prefix if two else "{}")
                index += 2 if two else 1
                return rest[:index] + [replaced(w, sign, mark) for w in rest[index:]]
        return [*rest, Word((mark,), rest[-1].start if rest else 0)]

    # What holds for the words of any program.

    def _arguments(self, name: str, words: Sequence[Word], at: At) -> None:
        for before, word in zip([NO_WORD, *words], words, strict=False):
            if word.literal is None and (values := self._values(word, at)):
                self._variable(name, before, word, values, at)
                if before.literal not in _TAKES_TIME:
                    self._letters(name, word, values)

    def _variable(self, name: str, before: Word, word: Word, values: set[str], at: At) -> None:
        prefix = word.prefix
        for variable in re.findall(r"\b([A-Za-z_]\w*)=", prefix):
            self._assigned(variable, word, at)
        begins = not prefix or re.fullmatch(r"(?:-e|--env|--setenv)=?", prefix) is not None
        sets = name in _SETS_VARIABLES or before.literal in ("-e", "--env", "--setenv")
        assigns = any(part.text.startswith("=") for part in word.parts[1:])
        assigns |= all(self._report.values[v].kind.kind in _ASSIGNING for v in values)
        names_one = name in _NAMES_VARIABLES and (not prefix or "[" in prefix)
        if (begins and sets and assigns) or names_one or (name, before.literal) in _NAMING:
            self._names_variable(values, word)

    def _names_variable(self, values: set[str], word: Word) -> None:
        reason = '"{}" would be the name of a variable'
        self._refuse(Rule.VARIABLE, values, word, reason, "Write the name out, or give it enums")

    def _letters(self, name: str, word: Word, values: set[str]) -> None:
        """A value in the letters of an option."""
        prefix = word.prefix
        values = {v for v in values if not self._report.values[v].is_number}
        if not (prefix.startswith("-") and _LETTERS.fullmatch(prefix) and values):
            return
        if name in ("echo", "printf"):
            return
        if len(prefix) < 3 and prefix != "--":
            need = Need.SIGNAL if name in _SIGNALLING else Need.OPTION
            where = "in the letters of an option"
            self._report.number(values, self._line_of(word), where, Rule.OPTION, need)
            return
        reason = f'"{{}}" stands in the letters of an option ({prefix}...)'
        self._refuse(Rule.OPTION, values, word, reason, "Write --name=${...}, or two words")

    # Options whose value is run.

    def _options(self, name: str, program: Program, words: Sequence[Word], at: At) -> None:
        for word, after in zip(words, [*words[1:], NO_WORD], strict=False):
            if not program.file and word.literal is not None and after.literal is not None:
                continue
            option, value = option_of(word, after)
            if word.literal is not None and program.code and re.fullmatch(program.code, option):
                continue
            short = program.program
            if option and program.file and re.fullmatch(program.file, option):
                self._is_file(value, at)
            elif option and short and re.fullmatch(short, option):
                start = value.prefix.find("=") + 1 if name == "git" else 0
                signs = re.compile("!*").match(value.prefix, start)
                self._names_program(cut_word(value, signs.end() if signs else start), at)
            elif option.startswith("--") and names_code(option):
                self._names_program(value, at)
            elif short and (behind := glued(word, short)) is not None:
                self._names_program(behind, at)
            if name not in PRINTS_ONLY and word.literal is None:
                self._setting(word, at)

    def _setting(self, word: Word, at: At) -> None:
        """`ProxyCommand=...` in whatever word."""
        for found in _SETTING.finditer(word.prefix):
            if names_code(found[1] or found[2]):
                self._names_program(cut_word(word, found.end()), at)

    def _names_program(self, value: Word, at: At) -> None:
        sizes = (Kind.SIZE, Kind.DURATION)
        values = self._harmful(self._values(value, at))
        if any(self._report.values[v].kind.kind not in sizes for v in values):
            self._nested(value, at)

    # Operands that are run.

    def _operands(
        self, name: str, program: Program, rest: list[Word], at: At, *, runs: bool
    ) -> None:
        first = skip_options(rest, program.valued)
        if program.runs == "many":
            self._fed({v for w in rest for v in self._values(w, at)} | self._read(at), at)
        elif program.runs == "joined" and rest[first + program.operands :]:
            told = rest[first + program.operands :]
            self._nested(join_words(told[skip_options(told, program.valued) :]), at)
        elif program.runs == "text":
            self._nested(join_words(rest[first : first + 1]), at)
        elif program.runs == "file" and first < len(rest):
            self._is_file(rest[first], at)
        elif program.runs in _LANGUAGES:
            self._program(name, program, rest, at)
        elif not self._code_option(name, program, rest, at):
            if program.runs == "shell":
                self._shell(name, rest, first, at)
            elif program.reads and not runs:
                self._feed(at)

    def _code_option(self, name: str, program: Program, rest: list[Word], at: At) -> bool:
        """The text of `sh -c`, and what it is given; whether there is one."""
        if not program.code:
            return False
        for number, word in enumerate(rest):
            if word.literal is not None and re.fullmatch(program.code, word.prefix):
                after = rest[number + 1 :]
                if program.runs == "shell":
                    after = after[skip_options(after, program.valued) :]
                after = [w for w in after if w.literal != "--"]
                if after:
                    self._nested(after[0], at, after[1:] or [literal_word(name)])
                return True
        return False

    def _shell(self, name: str, rest: list[Word], first: int, at: At) -> None:
        """A shell that runs a file, or what it reads."""
        operand = rest[first] if first < len(rest) else None
        reads = any(w.literal == "-s" for w in rest[: first + 1])
        if operand is None or reads or operand.literal == "-":
            after = rest[first + (operand is not None and not reads) :]
            self._feed(at, [literal_word(name), *after])
        else:
            self._is_file(operand, at)

    def _is_file(self, word: Word, at: At) -> None:
        """A file that is run."""
        if word.literal in _STANDARD_INPUT:
            self._feed(at)
            return
        if re.match(r"/dev/fd/|/proc/", word.prefix):
            self._fed(self._any, at)
            return
        values = self._harmful(self._values(word, at))
        if values:
            if not self._is_placed(word, values):
                reason = '"{}" would be a file that is run'
                self._refuse(Rule.FILE, values, word, reason, _PLACE_IT)
            return
        if self._any and word.literal is None and self.flow.ways(word, at.function) is None:
            reason = "what is run here is not written out, and may be a value"
            self._report.add(Rule.FILE, "", self._line_of(word), reason)
            return
        text = "".join(part.text for part in word.parts)
        written = self.written(text, at.node)
        self._refuse(Rule.FILE, written, word, 'a file that "{}" may be written to is run', "")
        if _RELATIVE.match(word.prefix) or (word.literal and "/" not in word.literal):
            reason = '"{}" names the folder of a file that is run'
            self._refuse(Rule.FILE, self._folders, word, reason, _PLACE_IT)

    @cached_property
    def _folders(self) -> set[str]:
        """The values that say in which folder the script works."""
        found: set[str] = set()
        for node in self._syntax.nodes:
            moves = node.head in ("cd", "pushd") or any(
                node.head in ("env", "sudo") and re.match(r"-C|--chdir|-D", word.prefix)
                for word in node.words
            )
            for word in node.words[1:] if moves else ():
                values = self._harmful(self._values(word, At(node, node.function)))
                found |= set() if values and self._is_placed(word, values) else values
        return found

    # Texts that a shell reads.

    def _nested(self, word: Word, at: At, arguments: Sequence[Word] = ()) -> None:
        """A text that a shell reads."""
        ways = self.flow.ways(word, at.function) if word.literal is None else None
        for way in [[word]] if ways is None else ways:
            text, marks = self._as_text(join_words(way), at)
            held = self._harmful(set[str]().union(*marks.values()))
            self._report.read_as_code(held, self._line_of(word), "a shell")
            self._nested_text(text, marks, at, arguments, self._line_of(word))

    def _as_text(self, word: Word, at: At) -> tuple[str, dict[str, frozenset[str]]]:
        """A text as a shell reads it, and what the marks in it carry."""
        marks: dict[str, frozenset[str]] = {}
        text = ""
        for part in word.parts:
            if not part.expands:
                text += part.text
                continue
            piece = Word((part,), word.start)
            name = part.name if part.is_value else f"OPSMCP_T{len(marks)}0{self._level}"
            marks[name] = frozenset(self.flow.carried(piece, at.function))
            text += f"${{{name}}}"
        return text, marks

    def check_text(
        self, text: str, marks: Mapping[str, frozenset[str]], line: int, writes: bool
    ) -> None:
        """Check what another language hands to a shell; `writes` is whether it writes files."""
        self.writes_files = writes
        self._nested_text(text, marks, At(None, line=line), (), line)

    def _nested_text(
        self,
        text: str,
        marks: Mapping[str, frozenset[str]],
        at: At,
        arguments: Sequence[Word],
        line: int,
    ) -> None:
        given = {v for word in arguments for v in self._values(word, at)}
        involved = given.union(*marks.values())
        if not (involved or self._any):
            return
        self._report.spend(len(text.encode(errors="replace")), nested=True)
        seeds = {key: self.flow.carried_by(key) for key in self.flow.seeds} | {**marks}
        for number, word in enumerate(arguments):
            values = frozenset(self.flow.carried(word, at.function))
            seeds[f":{number}"] = values
            seeds[":@"] = seeds.get(":@", frozenset()) | (values if number else frozenset())
        try:
            if self._level >= _DEEPEST:
                raise Unreadable(0)
            ScriptCheck(parse(text), seeds, self._report, self, at, line).run()
        except Unreadable:
            reason = '"{}" stands in a text for a shell that cannot be read'
            values = self._harmful(involved)
            self._report.refuse(Rule.UNREADABLE, values, line, reason, "Write it simpler")

    def _feed(self, at: At, arguments: Sequence[Word] = ()) -> None:
        """What a shell reads from its input."""
        given = self.input_of(at.node)
        inside = replace(at, node=None)
        if given.file is not None:
            self._is_file(given.file, at)
        elif given.document is not None:
            self._nested(given.document, inside, arguments)
        elif given.writer is not None:
            self._feed_from(given.writer, at, arguments)
        elif given.unknown:
            self._fed(self._any, at)
        elif isinstance(self._outer, ScriptCheck) and self._running and self._running.node:
            self._outer._feed(self._running, arguments)

    def _feed_from(self, writer: Node, at: At, arguments: Sequence[Word]) -> None:
        """The output of a command that a shell reads."""
        inside = replace(at, node=None)
        name, words = writer.head.rpartition("/")[2], writer.words[1:]
        if name == "echo":
            plain = [w for w in words if not re.fullmatch(r"-[neE]+", w.literal or "")]
            self._nested(join_words(plain), inside, arguments)
        elif name == "printf" and len(words) == 1:
            self._nested(words[0], inside, arguments)
        elif name == "cat" and not words and (own := self.input_of(writer)).document:
            self._nested(own.document or NO_WORD, inside, arguments)
        else:
            self._fed(set() if self._is_written_out(writer) else self._any, at)

    def _fed(self, values: set[str], at: At) -> None:
        reason = '"{}" may be in what feeds a shell'
        values = self._harmful(values)
        self._report.refuse(Rule.COMMAND, values, at.line, reason, "Write the command out")

    # Programs of other languages.

    def _program(self, name: str, program: Program, rest: list[Word], at: At) -> None:
        language = program.runs
        codes, others = self._codes(name, program, rest, at)
        for code in codes:
            self._code(name, language, code, at)
        text = "\n".join("".join(p.text for p in code.parts if not p.expands) for code in codes)
        if not runs_arguments(language, text):
            return
        given = {v for word in others for v in self._values(word, at)}
        given |= self._read(at) if codes else set()
        given |= {
            v
            for made in (at.node.assignments if at.node else ())
            for word in made.words
            for v in self._values(word, at)
        }
        given |= self._any if _ENVIRONMENT.search(text) else set()
        reason = f'"{{}}" is given to a program of {name} that runs others'
        values = {v for v in given if not self._report.values[v].is_number}
        self._report.refuse(Rule.COMMAND, values, at.line, reason, "Write it out as a command")

    def _codes(
        self, name: str, program: Program, rest: list[Word], at: At
    ) -> tuple[list[Word], list[Word]]:
        """The words that are code, and the others."""
        codes: list[Word] = []
        others: list[Word] = []
        pending = list(rest)
        while pending:
            word = pending.pop(0)
            found = re.match(rf"(?:{program.code or '(?!)'})", word.prefix)
            if found and found.end() == len(word.prefix) and word.literal is not None:
                codes += pending[:1]
                pending = pending[1:]
            elif found and (behind := cut_word(word, found.end())).parts:
                codes.append(cut_word(behind, 1) if behind.prefix.startswith("=") else behind)
            else:
                others.append(word)
        files = program.file or "(?!)"
        if codes or any(re.fullmatch(files, word.prefix) for word in others):
            return codes, others
        return self._operand(name, program, others, at)

    def _operand(
        self, name: str, program: Program, words: list[Word], at: At
    ) -> tuple[list[Word], list[Word]]:
        """Code that stands without an option, or comes as input; else a file of it is run."""
        language = program.runs
        first = skip_options(words, program.valued)
        if language == "jq":
            first = _skip_options_of_jq(words, program.valued)
        if language in ("awk", "sed", "jq"):
            if name == "yq" and first < len(words) and words[first].literal in ("eval", "e", "ea"):
                first += 1
            return words[first : first + 1], words[:first] + words[first + 1 :]
        if program.operands and len(words) > first + 1:
            return words[first + 1 :], words[: first + 1]
        if language == "sql" or first >= len(words) or words[first].literal == "-":
            return self._input_code(at), words
        if name in _SCRIPT_FILES | SHELLS:
            self._is_file(words[first], at)
        return [], words

    def _input_code(self, at: At) -> list[Word]:
        """The text that another language reads from its input, where a value is in it."""
        given = self.input_of(at.node)
        words = [given.document] if given.document else []
        if given.writer is not None and given.writer.kind == "command":
            words.append(join_words(given.writer.words[1:]))
        return [word for word in words if self._values(word, at)]

    def _code(self, name: str, language: str, code: Word, at: At) -> None:
        values, line = self._values(code, at), self._line_of(code)
        if language not in ("jq", "sql"):
            self._report.read_as_code(values, line, "Python" if language == "python" else name)
        if language != "python":
            pieces = [(part, self._values(Word((part,)), at)) for part in code.parts]
            CodeCheck(name, language, line, self._report).check(pieces)
        elif values:
            text, marks = self._as_text(code, at)
            check_python(text, marks, self._report, line, self.check_text)


@lru_cache(maxsize=1_024)
def _may_run(head: str) -> bool:
    """Whether a command may run what is not written in it."""
    return not head or "/" in head or bool({head, interpreter(head)} & _ACTIVE)


def _skip_options_of_jq(words: Sequence[Word], valued: frozenset[str]) -> int:
    """Past the options, of which some take a name and a value."""
    at = 0
    while at < len(words) and words[at].prefix.startswith("-"):
        option = words[at].prefix
        at += 3 if option in _JQ_PAIRS else 2 if option in valued else 1
    return at
