"""Where text may stand in a shell script: a list of places known to keep it data, and no other.

Text is what may be any line: values of that kind, and whatever a step prints. Each place of the
list approves the expansions that stand in it; what nothing approved is refused.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.reader import FILE, Command, Test
from opsmcp_pipelines.shell.report import Report, over
from opsmcp_pipelines.shell.script import Script
from opsmcp_pipelines.shell.tree import Part, Word
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import WRAPPERS, skip_options

__all__ = ["check_text"]

_PRINTERS = names("echo printf logger")
_FILTERS = names(
    "cat grep head tail sort uniq wc tr cut fold nl base64 sha256sum jq echo printf true :"
)
"""Programs that may read text; of the last four only jq does."""

_OF_OPTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "curl": names("--data-raw"),
        "date": names("-d --date"),
        "find": names("-name -iname -path"),
        "git": names("-m --message"),
        "grep": names("-e --regexp"),
        "journalctl": names("--since --until --grep -g -S -U"),
    }
)
"""Programs that take text as the value of an option."""

_GREP_VALUED = names("-A -B -C -m -d -D --include --exclude --color --max-count")
_WRAPPERS = names("sudo timeout nice ionice nohup command stdbuf env")
_LISTED = _PRINTERS | _FILTERS | _OF_OPTIONS.keys() | names("kubectl oc test [")
_HEADER = re.compile(r"[A-Za-z0-9-]+: ")
_KEYED = re.compile(r"[A-Za-z0-9._/-]+=")
_BARE_COMPARISONS = frozenset({"=", "==", "!="})
_MOST_VARIABLES = 64
_OWN_NAMES = names(
    "RANDOM SRANDOM SECONDS LINENO OPTIND OPTERR HISTCMD HISTSIZE HISTFILESIZE MAILCHECK TMOUT"
    " COLUMNS LINES BASHPID UID EUID PPID HOME USER LOGNAME LANG TZ TMPDIR KUBECONFIG PWD OLDPWD"
    " SSL_CERT_FILE SSL_CERT_DIR"
)
"""Variables that a shell calculates with, or that a step has in its environment."""
_REMEDY = (
    "Print it, make it a result of a kind (opsmcp/kind.RESULT: KIND), or answer for it by the label"
    " opsmcp/text.STEP: VARIABLE"
)


def check_text(script: Script, report: Report, *, pasted: bool) -> None:
    """Refuse text wherever it is not known to stay data.

    Args:
        script: The script of a step.
        report: Takes what is found.
        pasted: Whether the source pastes values as text, so that only double quotes hold them.
    """
    text = {name for name, value in report.values.items() if value.is_text}
    if text:
        _Check(script, report, text, pasted=pasted).run()


class _Check:
    def __init__(self, script: Script, report: Report, text: set[str], *, pasted: bool) -> None:
        self._script = script
        self._report = report
        self._text = text
        self._pasted = pasted
        self._good: set[int] = set()
        self._redefined = script.reader.functions & _LISTED

    def run(self) -> None:
        reader = self._script.reader
        for command in reader.commands:
            self._command(command)
        for test in reader.tests:
            self._test(test)
        for word, pattern in reader.cases:
            self._approve(word, whole=pattern, any_quote=not pattern)
        variables: set[str] = set()
        for name, word, bad in reader.assignments:
            held = self._in(word)
            own = name in _OWN_NAMES or name.startswith("LC_")
            if held and not bad and not own and name not in reader.integers:
                variables.add(name)
                self._approve(word, whole=True, any_quote=True)
        over(len(variables), _MOST_VARIABLES, "variables that hold text")
        self._surroundings(variables)
        self._refuse_the_rest()

    def _in(self, word: Word, function: str = "") -> set[str]:
        return self._script.values_in(word, function) & self._text

    def _at(self, part: Part, function: str = "") -> set[str]:
        return self._script.values_at(part, function) & self._text

    def _refuse(self, values: set[str], line: int, reason: str, remedy: str = _REMEDY) -> None:
        for value in sorted(values):
            if not self._report.values[value].vouched:
                self._report.add(Rule.TEXT, value, line, reason, remedy)

    def _surroundings(self, variables: set[str]) -> None:
        """What a script that holds text must not do, or the list would mean something else."""
        reader = self._script.reader
        held_in_variables = bool(variables)
        said = next(iter(sorted(self._redefined)), "")
        reason = f"{said} is a function of this script" if said else ""
        for command in reader.commands:
            head = command.words[0].literal if command.words else ""
            if head == "exec" and command.place.sink.startswith(FILE):
                reason = "all output of this script goes to a file (exec >)"
            if head in ("alias", "hash", "enable"):
                reason = "the script gives commands other names"
            if held_in_variables and (named := _passed_on(command.words, variables)):
                reason = f"the script holds it in a variable and uses {named}"
            if held_in_variables and head in ("eval", "source", "."):
                reason = f"the script holds it in a variable and uses {head}"
        by_name = reader.renames or self._is_indirect() or self._counts_by_name(variables)
        if held_in_variables and by_name:
            reason = "the script holds it in a variable and gives variables other names"
        if reason:
            self._refuse(self._text, 1, f'"{{}}" may be any text, and {reason}')

    def _is_indirect(self) -> bool:
        return any(part.text.startswith("${!") for part, _, _ in self._script.reader.uses)

    def _counts_by_name(self, variables: set[str]) -> bool:
        """Whether arithmetic reads a variable that holds the name of one with text."""
        assigned = self._script.reader.assigned
        return any(
            word.literal in variables
            for part, place, _ in self._script.reader.uses
            if place.number and part.name
            for words in assigned.get(part.name, ())
            for word in words or ()
        )

    def _refuse_the_rest(self) -> None:
        programs = self._programs()
        for part, place, line in self._script.reader.uses:
            held = self._at(part, place.function)
            if part.start in self._good or not held:
                continue
            known = "where it is not known to stay data"
            if program := programs.get(part.start):
                known = f"in an argument of {program!r}, which is not known to keep it data"
            self._refuse(held, line, f'"{{}}" may be any text, and it stands {known}')

    def _programs(self) -> Mapping[int, str]:
        """The program of which each expansion is in an argument."""
        return {
            part.start: command.words[0].literal or "a command"
            for command in self._script.reader.commands
            for word in command.words[1:]
            for part in word.parts
            if part.expands
        }

    # Approving.

    def _approve(
        self,
        word: Word,
        function: str = "",
        *,
        whole: bool = False,
        any_quote: bool = False,
    ) -> bool:
        """Take the text in a word for good if it is quoted; `whole` when it must be all of it."""
        held = [part for part in word.parts if self._at(part, function)]
        if whole and held and len(word.parts) != 1:
            return False
        if not all(self._is_held(part, any_quote=any_quote) for part in held):
            return False
        self._good |= {part.start for part in held}
        return True

    def _is_held(self, part: Part, *, any_quote: bool) -> bool:
        """Whether the shell makes one piece of it, and all of it."""
        substitution = part.node is not None and part.node.type == "command_substitution"
        if not (part.name or substitution):
            return False  # It is cut: `${v#a}`.
        if part.is_value and not self._pasted:
            return True
        return part.quote == '"' or (any_quote and not (part.is_value and self._pasted))

    def _begins(self, words: Sequence[Word], at: int, function: str) -> None:
        """Note text that begins an argument, unless `--` stands before it."""
        first = words[at].parts[:1]
        if any(word.literal == "--" for word in words[:at]) or not first:
            return
        held = self._at(first[0], function)
        self._report.beginnings |= {self._report.names[value] for value in held}

    # Commands.

    def _command(self, command: Command) -> None:
        words = _unwrapped(command.words)
        name = words[0].program if words else ""
        function = command.place.function
        read = self._script.read_by(command) & self._text
        known = name not in self._redefined
        if known and name in _PRINTERS:
            self._print(name, words, function)
        elif known and words:
            self._options(name, words, function)
        if name in _FILTERS and known and not _writes(name, words):
            for document in command.place.documents:
                self._document(document, function)
        elif name not in self._script.reader.functions:
            said = f"{name!r} reads it, which is not known to keep it data"
            self._refuse(read, command.line, f'"{{}}" may be any text, and {said}')
        self._output(name, words, command, read)
        for number, word in enumerate(words):
            if self._vouched(word, function):
                self._begins(words, number, function)

    def _vouched(self, word: Word, function: str) -> bool:
        return any(self._report.values[value].vouched for value in self._in(word, function))

    def _output(self, name: str, words: Sequence[Word], command: Command, read: set[str]) -> None:
        printed = read if name in _FILTERS else set[str]()
        if name in _PRINTERS or name == "jq":
            printed = printed.union(*(self._in(w, command.place.function) for w in words[1:]))
        if name in self._script.reader.functions:
            printed = self._script.values_of([f"call:{name}"]) & self._text
        if command.place.sink.startswith(FILE):
            reason = '"{}" may be any text, and is written to a file, which something could run'
            self._refuse(printed, command.line, reason)

    def _document(self, word: Word, function: str) -> None:
        held = [part for part in word.parts if self._at(part, function)]
        alone = _is_alone(word) and self._pasted
        if all(part.name or part.node is not None for part in held) and not alone:
            self._good |= {part.start for part in held if self._is_in_document(part)}

    def _is_in_document(self, part: Part) -> bool:
        return bool(part.name) or (
            part.node is not None and part.node.type == "command_substitution"
        )

    def _print(self, name: str, words: Sequence[Word], function: str) -> None:
        first = 2 if name == "printf" else 1
        if name == "printf" and words[1:2] and words[1].prefix.startswith("-"):
            return
        for at in range(first, len(words)):
            if self._approve(words[at], function) and name != "printf":
                self._begins(words, at, function)

    def _options(self, name: str, words: Sequence[Word], function: str) -> None:
        """Text as the value of an option, or as an operand that is only data to the program."""
        if name == "git" and (len(words) < 2 or words[1].literal != "commit"):
            return
        options = _OF_OPTIONS.get(name, frozenset[str]())
        for word in _after(words, *options):
            self._approve(word, function, whole=True)
        if name == "grep" and not any(w.literal in options for w in words):
            at = 1 + skip_options(words[1:], _GREP_VALUED)
            if at < len(words) and self._approve(words[at], function, whole=True):
                self._begins(words, at, function)
        elif name == "jq":
            for word in _after(words, "--arg", distance=2):
                self._approve(word, function, whole=True)
        elif name in ("kubectl", "oc") and _has(words[1:3], "annotate", "label"):
            self._keyed(words[1:], _KEYED, function)
        elif name == "curl":
            self._keyed(_after(words, "--data-urlencode"), _KEYED, function)
            self._keyed(_after(words, "-H", "--header"), _HEADER, function)
        elif name in ("test", "["):
            self._test_command(words, function)

    def _keyed(self, words: Sequence[Word], pattern: re.Pattern[str], function: str) -> None:
        """Text behind a literal name: `KEY=V`."""
        for word in words:
            single = not any(self._report.values[v].output for v in self._in(word, function))
            if (
                pattern.fullmatch(word.prefix)
                and len(word.parts) == 2
                and (single or pattern is _KEYED)
            ):
                self._approve(word, function)

    def _test_command(self, words: Sequence[Word], function: str) -> None:
        operands = [word for word in words[1:] if word.literal not in ("]", "!")]
        if len(operands) == 3 and operands[1].literal in _BARE_COMPARISONS:
            self._approve(operands[0], function, whole=True)
            self._approve(operands[2], function, whole=True)
        elif len(operands) == 2 and operands[0].literal in ("-n", "-z"):
            self._approve(operands[1], function, whole=True)

    def _test(self, test: Test) -> None:
        if test.left is None:
            if test.operator in ("-n", "-z") and test.plain:
                self._approve(test.right, whole=True, any_quote=test.double)
        elif test.operator in _BARE_COMPARISONS and test.plain:
            self._approve(test.left, any_quote=test.double)
            self._approve(test.right)


def _passed_on(words: Sequence[Word], variables: set[str]) -> str:
    """The builtin that exports a variable that holds text, or calculates with it."""
    head = words[0].literal if words else ""
    rest = [word.literal or "" for word in words[1:]]
    if head == "set" and any(w == "allexport" or re.match(r"-\w*a", w) for w in rest):
        return "set -a"
    if head in ("export", "declare", "typeset", "readonly", "let"):
        named = any(set(re.findall(r"\w+", word)) & variables for word in rest)
        return str(head) if named else ""
    return ""


def _unwrapped(words: Sequence[Word]) -> Sequence[Word]:
    """The words behind `sudo`, `timeout 5` and their like, when no value stands in those."""
    while len(words) > 1 and words[0].program in _WRAPPERS:
        wrapper = WRAPPERS[words[0].program]
        at = 1 + skip_options(words[1:], wrapper.valued) + wrapper.operands
        if any(word.literal is None for word in words[:at]):
            return words
        words = words[at:]
    return words


def _writes(name: str, words: Sequence[Word]) -> bool:
    """Whether a filter writes to a file instead of its output."""
    if name == "uniq":
        return any(not word.prefix.startswith("-") for word in words[1:])
    return name == "sort" and any(re.match(r"-\w*o|--o", word.prefix) for word in words[1:])


def _after(words: Sequence[Word], *options: str, distance: int = 1) -> list[Word]:
    """The words that follow one of the options."""
    pairs = zip(words, words[distance:], strict=False)
    return [after for word, after in pairs if word.literal in options]


def _has(words: Sequence[Word], *literals: str) -> bool:
    return any(word.literal in literals for word in words)


def _is_alone(word: Word) -> bool:
    """Whether a value is all there is on a line, so that pasted it could end a here-document."""
    text = "".join("\0" if part.expands else part.text for part in word.parts)
    return any(line.strip().strip("\0") == "" and "\0" in line for line in text.split("\n"))
