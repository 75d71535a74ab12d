"""Which words of a command line a program would run, or evaluate as a program of its own.

What programs do is in the tables of `programs`; what they do with their input is in
`command_input`. Pure; the words come with whatever node they stand for.
"""

import re
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.shell.programs import (
    AWKS,
    CODE_OPTIONS,
    EVALUATES,
    HARMLESS,
    NAMES_VARIABLES,
    OWN_LANGUAGE,
    RUN_BY_OPTION,
    RUNS_ALL,
    RUNS_ITS_ARGUMENTS,
    SHELLS,
    SSH_VALUED,
    SSHES,
    interpreter,
    runs_its_value,
)
from opsmcp_pipelines.shell.word import Danger, Finding, NodeT, Word
from opsmcp_pipelines.shell.wrappers import command_lines, skip_options, words_in_front

__all__ = ["after_ssh_destination", "code_words", "command_dangers"]

_NO_SCRIPT_FILES = frozenset({"su", "mysql", "psql", "runuser", "script", "flock", "sg", "vagrant"})
_NAMES_A_SESSION = frozenset({"-t", "-s", "-S", "-L", "-n", "-x", "-y"})


def command_dangers(words: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """Each word that would be run or evaluated, with a few words on why."""
    for line in command_lines(words):
        yield from _line_dangers(line)
        kind = interpreter(line[0].name)
        if kind in SHELLS and _evaluates(code_words(kind, line[1:])):
            # `docker exec -e A=x c sh -c 'eval "$A"'`
            before = words[: len(words) - len(line)]
            set_ = (word for word in before if re.match(r"\w+=", word.text))
            yield from ((f"variable of {kind} -c", Danger.CODE, word) for word in set_)


def _line_dangers(words: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    name, rest = words[0].name, words[1:]
    yield "as the name of a command", Danger.CODE, words[0]
    if not name or re.search(r"[$`]", name):
        yield from (("given to a command of unknown name", Danger.WORD, word) for word in rest)
    if name in HARMLESS:
        yield from _printf_dangers(name, rest)
        return
    for word in words_in_front(words):
        if word.expands:
            yield f"in front of what {name} runs", Danger.SPLIT, word
    yield from _own_dangers(name, rest)
    yield from _option_dangers(name, rest)
    yield from _interpreter_dangers(name, rest)


def _own_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """What a program does with its own arguments."""
    if name in RUNS_ALL or name in RUNS_ITS_ARGUMENTS:
        named = {
            id(after)
            for word, after in zip(rest, rest[1:], strict=False)
            if name in ("tmux", "screen") and word.text in _NAMES_A_SESSION
        }
        yield from ((name, Danger.CODE, word) for word in rest if id(word) not in named)
    elif name == "let":
        yield from ((name, Danger.NUMBER, word) for word in rest)
    elif name in SSHES:
        yield from ((name, Danger.CODE, word) for word in after_ssh_destination(rest))
    elif name in NAMES_VARIABLES:
        yield from (("as the name of a variable", Danger.CODE, word) for word in rest)
    elif name in AWKS or name == "sed":
        yield from _program_dangers(name, rest)
    elif name == "test":
        yield from _after(rest, "-v", "test -v")
    elif name in ("env", "sudo", "doas"):
        yield from (
            (f"assigned to {word.text.partition('=')[0]}", Danger.CODE, word)
            for word in rest
            if runs_its_value(word.text.partition("=")[0])
        )
    elif name in OWN_LANGUAGE:
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _option_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """Values of options that run something, and arguments that could be taken for such options."""
    options = RUN_BY_OPTION.get(name)
    if options is None:
        return
    for number, word in enumerate(rest):
        if word.text == "--" and name != "find":
            return
        if match := re.match(rf"({options})(.*)", word.text, re.DOTALL):
            given = [word] if match[2] else rest[number + 1 : number + 2]
            yield from ((f"{name} {match[1]}", Danger.CODE, value) for value in given)
        elif word.expands and _in_option(name, word.text):
            yield f"as part of an option of {name}", Danger.COMMAND, word
        elif word.expands:
            yield f"as an argument of {name}", Danger.OPTION, word


def _in_option(name: str, text: str) -> bool:
    """Whether what is expanded could add to an option: `-${x}`, but not `--file=${x}`."""
    written = re.split(r"[$`]", re.sub(r"[\"']", "", text), maxsplit=1)[0]
    known = name in SSHES and written in SSH_VALUED
    return written.startswith("-") and "=" not in written and not known


def _printf_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    if name == "printf":
        yield from _after(rest[:2], "-v", "as the name of a variable")


def _after(words: Sequence[Word[NodeT]], option: str, where: str) -> Iterator[Finding[NodeT]]:
    for word, after in zip(words, words[1:], strict=False):
        if word.text == option:
            yield where, Danger.CODE, after


def after_ssh_destination(rest: Sequence[Word[NodeT]]) -> Sequence[Word[NodeT]]:
    """The words that ssh hands to the other machine, of those after its name."""
    return rest[skip_options(rest, SSH_VALUED) + 1 :]


def _program_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """The program text of awk or sed: the argument of -e or -f, or else the first operand."""
    valued = frozenset({"-F", "-v", "-f", "-e", "-l", "-E"} if name in AWKS else {"-e", "-f", "-l"})
    given = False
    for word, after in zip(rest, rest[1:], strict=False):
        if word.text in ("-f", "-e", "--expression", "--file"):
            given = True
            yield f"{name} {word.text}", _danger_in(name, after), after
    at = skip_options(rest, valued)
    yield from ((name, Danger.CODE, word) for word in rest[:at] if word.text.startswith("--"))
    if not given and at < len(rest):
        yield name, _danger_in(name, rest[at]), rest[at]
    if name in AWKS:
        yield from _awk_dangers(name, rest)


def _awk_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """What an awk program is given, when it runs commands."""
    if any(EVALUATES["awk runs"].search(word.text) for word in rest):
        yield from ((f"given to {name}", Danger.CODE, word) for word in rest)
    if any(EVALUATES["awk"].search(word.text) for word in rest):
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _danger_in(name: str, word: Word[NodeT]) -> Danger:
    # A letter is a command or a flag to sed, unless it stands between the delimiters of `s/a/b/`.
    between = all(
        word.text[match.end() : match.end() + 1] in ("/", "|", "#", "@", "$")
        for match in re.finditer(r"\$\{OPSMCP_V[0-9]+\}", word.text)
    )
    return Danger.PROGRAM if name in AWKS or between else Danger.COMMAND


def _interpreter_dangers(name: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    kind = interpreter(name)
    if kind:
        yield from ((name, Danger.CODE, code) for code in code_words(kind, rest))
        yield from _code_arguments(name, kind, rest)
        yield from _script_file(name, kind, rest)


def code_words(kind: str, rest: Sequence[Word[NodeT]]) -> list[Word[NodeT]]:
    """The arguments that an interpreter takes as code."""
    found: list[Word[NodeT]] = []
    for number, word in enumerate(rest):
        if not re.match(rf"-[A-Za-z]*[{CODE_OPTIONS[kind]}]", word.text):
            continue
        found.append(word)
        found += [after for after in rest[number + 1 : number + 3] if after.text != "--"][:1]
    return found


def _code_arguments(name: str, kind: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """The arguments of an interpreter's code, when that code evaluates what it is given."""
    codes = code_words(kind, rest)
    if kind in SHELLS:
        if _evaluates(codes):
            yield from ((f"argument of {name} -c", Danger.CODE, word) for word in rest)
        if any(EVALUATES["arithmetic"].search(code.text) for code in codes):
            yield from ((f"argument of {name} -c", Danger.NUMBER, word) for word in codes)
    elif kind == "perl" or any(EVALUATES["others"].search(code.text) for code in codes):
        # Perl opens `| command` where it is to open a file.
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _evaluates(codes: Sequence[Word[NodeT]]) -> bool:
    return any(EVALUATES["sh"].search(code.text) for code in codes)


def _script_file(name: str, kind: str, rest: Sequence[Word[NodeT]]) -> Iterator[Finding[NodeT]]:
    """The first operand: the script that an interpreter would run."""
    yield from _after(rest, "--rcfile", f"as a script for {name}")
    yield from _after(rest, "--init-file", f"as a script for {name}")
    if kind in _NO_SCRIPT_FILES or code_words(kind, rest):
        return
    if any(word.text == "-s" for word in rest):
        return
    operands = [word for word in rest if not word.text.startswith(("-", "+"))]
    yield from ((f"as a script for {name}", Danger.CODE, word) for word in operands[:1])
