"""Which words of a command line a program would run, or evaluate as a program of its own.

What programs do is in the tables of `programs`. Pure; the words come with whatever node they stand
for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from opsmcp_pipelines.embedded.programs import (
    AWKS,
    CLIENTS,
    CODE_OPTIONS,
    EVALUATES,
    HARMLESS,
    NAMES_VARIABLES,
    OWN_LANGUAGE,
    RUN_BY_OPTION,
    RUN_BY_VARIABLE,
    RUNS_ALL,
    RUNS_INPUT,
    RUNS_ITS_ARGUMENTS,
    SHELLS,
    SSH_VALUED,
    WRAPPERS,
)

__all__ = ["Danger", "Word", "command_dangers", "reads_code"]

_NodeT = TypeVar("_NodeT")


class Danger(Enum):
    """What would happen to a value."""

    CODE = "run"
    NUMBER = "arithmetic"
    PROGRAM = "part of a program"
    COMMAND = "part of a program in which each letter is a command"
    WORD = "given to a program that runs what it is given"
    OPTION = "an argument of a program that an option could make run something"

    @property
    def in_program(self) -> bool:
        """Whether the shell expands the text once, and another program then reads it."""
        return self in (Danger.PROGRAM, Danger.COMMAND, Danger.WORD)

    @property
    def by_name(self) -> bool:
        """Whether variables are read there without a dollar sign."""
        return self in (Danger.NUMBER, Danger.WORD)


@dataclass(frozen=True, slots=True)
class Word(Generic[_NodeT]):
    """A word of a command line: its text without quotes around it, and where it stands."""

    text: str
    node: _NodeT

    @property
    def name(self) -> str:
        """As the name of a program, without its folder."""
        return re.sub(r"[\\'\"]", "", self.text).rpartition("/")[2]


_Finding = tuple[str, Danger, Word[_NodeT]]

_STANDARD_INPUT = frozenset({"-", "-s", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_NO_SCRIPT_FILES = frozenset({"su", "mysql", "psql", "runuser", "script", "flock", "sg"})


def command_dangers(words: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """Each word that would be run or evaluated, with a few words on why."""
    if not words:
        return
    name, rest = words[0].name, words[1:]
    yield "as the name of a command", Danger.CODE, words[0]
    if not name or re.search(r"[$`]", name):
        yield from (("given to a command of unknown name", Danger.WORD, word) for word in rest)
    if name in HARMLESS:
        yield from _printf_dangers(name, rest)
        return
    if name in WRAPPERS:
        yield from command_dangers(_wrapped(name, rest))
    yield from _own_dangers(name, rest)
    yield from _option_dangers(name, rest)
    yield from _nested_dangers(words)


def reads_code(words: Sequence[Word[_NodeT]]) -> bool:
    """Whether a command takes its program from standard input."""
    if not words or words[0].name in HARMLESS:
        return False
    if words[0].name in RUNS_INPUT:
        return True
    if words[0].name == "ssh":
        return len(_after_ssh_destination(words[1:])) == 0
    if words[0].name in ("xargs", "parallel") and any(_interpreter(word.name) for word in words):
        return True  # What it reads becomes part of the code: `xargs -I{} sh -c "ls {}"`.
    for number, word in enumerate(words):
        kind = _interpreter(word.name)
        if kind and not _code_words(kind, words[number + 1 :]):
            operands = [w for w in words[number + 1 :] if not w.text.startswith("-")]
            if not operands or any(w.text in _STANDARD_INPUT for w in words[number + 1 :]):
                return True
    return False


def _interpreter(name: str) -> str:
    """The key of `CODE_OPTIONS` for a program, with versions cut off: `python3.11`."""
    plain = re.sub(r"[0-9.]+$", "", name)
    return plain if plain in CODE_OPTIONS else ""


def _wrapped(name: str, rest: Sequence[Word[_NodeT]]) -> Sequence[Word[_NodeT]]:
    """The command line that a wrapper runs."""
    wrapper = WRAPPERS[name]
    at = _skip_options(rest, wrapper.valued) + wrapper.operands
    while name in ("env", "sudo") and at < len(rest) and re.match(r"\w+=", rest[at].text):
        at += 1
    return rest[at:]


def _skip_options(words: Sequence[Word[_NodeT]], valued: frozenset[str]) -> int:
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        if words[at].text == "--":
            return at + 1
        at += 2 if words[at].text in valued else 1
    return at


def _own_dangers(name: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """What a program does with its own arguments."""
    if name in RUNS_ALL or name in RUNS_ITS_ARGUMENTS:
        yield from ((name, Danger.CODE, word) for word in rest)
    elif name == "let":
        yield from ((name, Danger.NUMBER, word) for word in rest)
    elif name == "ssh":
        yield from (("ssh", Danger.CODE, word) for word in _after_ssh_destination(rest))
    elif name in NAMES_VARIABLES:
        yield from (("as the name of a variable", Danger.CODE, word) for word in rest)
    elif name in AWKS or name == "sed":
        yield from _program_dangers(name, rest)
    elif name == "test":
        yield from _after(rest, "-v", "test -v")
    elif name == "env":
        yield from (
            (f"assigned to {word.text.partition('=')[0]}", Danger.CODE, word)
            for word in rest
            if word.text.partition("=")[0] in RUN_BY_VARIABLE
        )
    elif name in OWN_LANGUAGE:
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _option_dangers(name: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """Values of options that run something, and arguments that could be taken for such options."""
    options = RUN_BY_OPTION.get(name)
    if options is None:
        return
    for number, word in enumerate(rest):
        if word.text == "--":
            return
        if word.text.startswith("$"):
            yield f"as an argument of {name}", Danger.OPTION, word
        elif match := re.match(rf"({options})(.*)", word.text, re.DOTALL):
            given = [word] if match[2] else rest[number + 1 : number + 2]
            yield from ((f"{name} {match[1]}", Danger.CODE, value) for value in given)


def _printf_dangers(name: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    if name == "printf":
        yield from _after(rest[:2], "-v", "as the name of a variable")


def _after(words: Sequence[Word[_NodeT]], option: str, where: str) -> Iterator[_Finding[_NodeT]]:
    for word, after in zip(words, words[1:], strict=False):
        if word.text == option:
            yield where, Danger.CODE, after


def _after_ssh_destination(rest: Sequence[Word[_NodeT]]) -> Sequence[Word[_NodeT]]:
    return rest[_skip_options(rest, SSH_VALUED) + 1 :]


def _program_dangers(name: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """The program text of awk or sed: the argument of -e or -f, or else the first operand."""
    valued = frozenset({"-F", "-v", "-f", "-e", "-l", "-E"} if name in AWKS else {"-e", "-f", "-l"})
    given = False
    for word, after in zip(rest, rest[1:], strict=False):
        if word.text in ("-f", "-e", "--expression", "--file"):
            given = True
            yield f"{name} {word.text}", _danger_in(name, after), after
    at = _skip_options(rest, valued)
    yield from ((name, Danger.CODE, word) for word in rest[:at] if word.text.startswith("--"))
    if not given and at < len(rest):
        yield name, _danger_in(name, rest[at]), rest[at]
    if name in AWKS:
        yield from _awk_dangers(name, rest)


def _awk_dangers(name: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """What an awk program is given, when it runs commands."""
    if any(EVALUATES["awk runs"].search(word.text) for word in rest):
        yield from ((f"given to {name}", Danger.CODE, word) for word in rest)
    if any(EVALUATES["awk"].search(word.text) for word in rest):
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _danger_in(name: str, word: Word[_NodeT]) -> Danger:
    # A letter is a command or a flag to sed, unless it stands between the delimiters of `s/a/b/`.
    between = all(
        word.text[match.end() : match.end() + 1] in ("/", "|", "#", "@", "$")
        for match in re.finditer(r"\$\{OPSMCP_V[0-9]+\}", word.text)
    )
    return Danger.PROGRAM if name in AWKS or between else Danger.COMMAND


def _nested_dangers(words: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """Interpreters and commands anywhere in the line: behind kubectl exec, find -exec, ..."""
    for number, word in enumerate(words):
        rest = words[number + 1 :]
        kind = _interpreter(word.name)
        if kind:
            yield from ((word.name, Danger.CODE, code) for code in _code_words(kind, rest))
            yield from _code_arguments(word.name, kind, rest)
            yield from _script_file(word.name, kind, rest)
        if word.text in ("-exec", "-execdir", "-ok", "-okdir"):
            yield from command_dangers(rest[:1])
        if word.text == "--" and words[0].name in CLIENTS:
            yield from command_dangers(rest)


def _code_words(kind: str, rest: Sequence[Word[_NodeT]]) -> list[Word[_NodeT]]:
    """The arguments that an interpreter takes as code."""
    found: list[Word[_NodeT]] = []
    for number, word in enumerate(rest):
        if not re.match(rf"-[A-Za-z]*[{CODE_OPTIONS[kind]}]", word.text):
            continue
        found.append(word)
        found += [after for after in rest[number + 1 : number + 3] if after.text != "--"][:1]
    return found


def _code_arguments(
    name: str, kind: str, rest: Sequence[Word[_NodeT]]
) -> Iterator[_Finding[_NodeT]]:
    """The arguments of an interpreter's code, when that code evaluates what it is given."""
    codes = _code_words(kind, rest)
    if kind in SHELLS:
        if any(EVALUATES["sh"].search(code.text) for code in codes):
            yield from ((f"argument of {name} -c", Danger.CODE, word) for word in rest)
        if any(EVALUATES["arithmetic"].search(code.text) for code in codes):
            yield from ((f"argument of {name} -c", Danger.NUMBER, word) for word in codes)
    elif kind == "perl" or any(EVALUATES["others"].search(code.text) for code in codes):
        # Perl opens `| command` where it is to open a file.
        yield from ((f"given to {name}", Danger.WORD, word) for word in rest)


def _script_file(name: str, kind: str, rest: Sequence[Word[_NodeT]]) -> Iterator[_Finding[_NodeT]]:
    """The first operand: the script that an interpreter would run."""
    yield from _after(rest, "--rcfile", f"as a script for {name}")
    yield from _after(rest, "--init-file", f"as a script for {name}")
    if kind in _NO_SCRIPT_FILES or _code_words(kind, rest):
        return
    if any(word.text == "-s" for word in rest):
        return
    operands = [word for word in rest if not word.text.startswith(("-", "+"))]
    yield from ((f"as a script for {name}", Danger.CODE, word) for word in operands[:1])
