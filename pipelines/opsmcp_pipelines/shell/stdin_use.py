"""What a command does with what it reads from its standard input: does it run it? Pure.

Where a command could read its input as a program, it counts as reading it so.
"""

import re
from collections.abc import Iterator, Sequence

from opsmcp_pipelines.shell.command_line import (
    after_ssh_destination,
    code_words,
    command_dangers,
)
from opsmcp_pipelines.shell.programs import (
    AWKS,
    EVALUATES,
    OWN_LANGUAGE,
    RUNS_INPUT,
    SHELL_CODE,
    SHELL_WITHOUT_COMMAND,
    SSHES,
    interpreter,
)
from opsmcp_pipelines.shell.word import Danger, NodeT, Word
from opsmcp_pipelines.shell.wrappers import command_lines, wrapped

__all__ = ["input_dangers"]

_STANDARD_INPUT = re.compile(r"-|/dev/stdin|(/dev|/proc/self)/fd/[0-9]+")


def input_dangers(words: Sequence[Word[NodeT]]) -> Iterator[tuple[str, Danger]]:
    """What would happen to a value in the input of a command line, with a few words on where."""
    for line in command_lines(words):
        name, rest = line[0].name, line[1:]
        if _reads_code(name, rest):
            yield "an interpreter", Danger.CODE
        if _hands_on(name, rest) or name in OWN_LANGUAGE:
            yield name, Danger.WORD
        if line[0].expands:
            yield "a command of unknown name", Danger.WORD
        if name == "xargs":
            yield from _appended(rest)


def _reads_code(name: str, rest: Sequence[Word[NodeT]]) -> bool:
    if name in RUNS_INPUT:
        return True
    if name in SSHES:
        remote = " ".join(word.text for word in after_ssh_destination(rest))
        return not remote or _may_run_input(remote)
    if name in SHELL_WITHOUT_COMMAND - SHELL_CODE:
        return all(at >= len(rest) for at in wrapped(name, rest))
    if name == "sudo":
        shell = any(re.match(r"-[A-Za-z]*[is]|--login$|--shell$", word.text) for word in rest)
        return shell and any(at >= len(rest) for at in wrapped(name, rest))
    if name == "xargs":
        return any(interpreter(word.name) for word in rest)
    if name in AWKS or name == "sed":
        programs = zip(rest, rest[1:], strict=False)
        return any(
            option.text in ("-f", "--file", "-nf") and _STANDARD_INPUT.fullmatch(file.text)
            for option, file in programs
        )
    kind = interpreter(name)
    return bool(kind) and _interprets(kind, rest)


def _interprets(kind: str, rest: Sequence[Word[NodeT]]) -> bool:
    """Whether an interpreter runs its input, or code that does."""
    codes = code_words(kind, rest)
    if codes:
        return kind in SHELL_CODE and any(_may_run_input(word.text) for word in codes)
    if kind in SHELL_CODE:
        return kind != "flock" and _is_without_script(kind, rest)
    operands = [word for word in rest if not word.text.startswith("-")]
    return not operands or any(_STANDARD_INPUT.fullmatch(word.text) for word in rest)


def _is_without_script(kind: str, rest: Sequence[Word[NodeT]]) -> bool:
    if kind in SHELL_WITHOUT_COMMAND:
        return kind != "runuser" or not any(re.match(r"-u|--user", w.text) for w in rest)
    if any(re.fullmatch(r"-[A-Za-z]*s[A-Za-z]*", word.text) for word in rest):
        return True
    at = 0
    while at < len(rest) and re.match(r"[-+].", rest[at].text):
        takes = re.fullmatch(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file", rest[at].text)
        at += 2 if takes else 1
    return at >= len(rest) or _STANDARD_INPUT.fullmatch(rest[at].text) is not None


def _may_run_input(code: str) -> bool:
    return any(EVALUATES[kind].search(code) for kind in ("sh", "input"))


def _hands_on(name: str, rest: Sequence[Word[NodeT]]) -> bool:
    """Whether a program of another language runs commands, perhaps of what it reads."""
    if name in AWKS:
        return any(EVALUATES["awk"].search(word.text) for word in rest)
    kind = interpreter(name)
    if not kind or kind in SHELL_CODE:
        return False
    return any(EVALUATES["others"].search(word.text) for word in code_words(kind, rest))


def _appended(rest: Sequence[Word[NodeT]]) -> Iterator[tuple[str, Danger]]:
    """What the command that xargs runs does with the words that xargs reads."""
    for start in wrapped("xargs", rest):
        mark = _replaced(rest[:start])
        for command in rest[start : start + 1]:  # without one, xargs prints
            given = Word("$input", command.node)
            line = [given if mark and mark in word.text else word for word in rest[start:]]
            line += [] if mark else [given]
            for _, danger, word in command_dangers(line):
                if word is given:
                    yield "xargs", Danger.PARTS if danger is Danger.OPTION else danger


def _replaced(options: Sequence[Word[NodeT]]) -> str:
    """What xargs replaces by what it reads: `{}` in `-I{}`; or empty."""
    for number, word in enumerate(options):
        match = re.fullmatch(r"(-I|-i|--replace=?)(.*)", word.text)
        if match is not None:
            after = [other.text for other in options[number + 1 : number + 2]]
            return match[2] or (after[0] if match[1] == "-I" and after else "{}")
    return ""
