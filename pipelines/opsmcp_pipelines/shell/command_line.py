"""Words of a command line: its options and operands, and the command lines that it runs. Pure.

Where an unknown option may take a value, both places are named where another command may begin.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsmcp_pipelines.shell.programs import (
    ASSIGNING,
    CONTAINER_COMMANDS,
    FLAGS,
    Program,
)
from opsmcp_pipelines.shell.syntax import Part, Word

__all__ = ["cut_word", "glued", "inner_lines", "option_of", "replaced", "skip_options"]

_EXECS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def inner_lines(name: str, program: Program, rest: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The command lines that a command line runs, of words that the program only passes on."""
    if program.runs == "line":
        for at in _after_options(rest, program):
            while name in ASSIGNING and at < len(rest) and re.match(r"\w+=", rest[at].prefix):
                at += 1
            yield rest[at:]
    elif name == "ip" and [word.prefix for word in rest[:2]] == ["netns", "exec"]:
        yield rest[3:]
    elif name == "find":
        starts = [at for at, word in enumerate(rest) if word.prefix in _EXECS]
        yield from (rest[at + 1 :] for at in starts)
    elif program.runs == "client":
        yield from _in_containers(rest)


def _in_containers(rest: Sequence[Word]) -> Iterator[Sequence[Word]]:
    at = next((at for at, word in enumerate(rest) if word.literal in CONTAINER_COMMANDS), None)
    if at is None:
        return  # `kubectl get node` is no interpreter.
    for number, word in enumerate(rest[at:], at):
        if word.literal == "--":
            yield rest[number + 1 :]
            return
    after = rest[at + 1 :]
    yield from (after[n:] for n in _after_options(after, CONTAINER_COMMANDS[rest[at].prefix]))


def _after_options(words: Sequence[Word], program: Program) -> list[int]:
    """After options and operands; twice when an unknown long option may have a value."""
    plain = skip_options(words, program.valued)
    long_ = {w.prefix for w in words[:plain] if re.match(r"--\w[\w-]*$", w.prefix)} - FLAGS
    doubtful = skip_options(words, program.valued | long_)
    return [at + program.operands for at in dict.fromkeys((plain, doubtful))]


def skip_options(words: Sequence[Word], valued: frozenset[str] = frozenset()) -> int:
    """Where the words after the options begin; `valued` are the options that take a value."""
    at = 0
    while at < len(words) and words[at].prefix.startswith(("-", "+")):
        if words[at].literal == "--":
            return at + 1
        at += 2 if _takes_next(words[at], valued) else 1
    return at


def _takes_next(word: Word, valued: frozenset[str]) -> bool:
    """Whether an option takes the next word as its value: `-u`, `-nu`, `--us` for `--user`."""
    option = word.prefix
    if word.literal is None:
        return False
    if option.startswith("--"):
        return any(name.startswith(option) for name in valued)
    letters = [at for at in range(1, len(option)) if f"-{option[at]}" in valued]
    return option in valued or (bool(letters) and letters[0] == len(option) - 1)


def option_of(word: Word, after: Word) -> tuple[str, Word]:
    """An option and its value, in one word or in two."""
    prefix = word.prefix
    if not prefix.startswith(("-", "+")):
        return "", word
    if prefix.startswith("--") and "=" in prefix:
        name = prefix.partition("=")[0]
        return name, cut_word(word, len(name) + 1)
    return (prefix, after) if word.literal is not None else ("", word)


def glued(word: Word, pattern: str) -> Word | None:
    """The value that stands in one word with a short option: `-I${x}`."""
    found = re.match(rf"(?:{pattern})", word.prefix)
    if found is None or word.literal is not None or found[0].startswith("--"):
        return None
    return cut_word(word, found.end())


def cut_word(word: Word, length: int) -> Word:
    """A word without the first characters of its literal beginning."""
    parts: list[Part] = []
    for part in word.parts:
        if length and not part.expands:
            text = part.text[length:]
            length = max(0, length - len(part.text))
            parts += [replace(part, text=text)] if text else []
        else:
            parts.append(part)
    return word.of(parts)


def replaced(word: Word, sign: str, mark: Part) -> Word:
    """A word with a part of it in place of each sign."""
    if not sign or not any(sign in part.text for part in word.parts):
        return word
    parts: list[Part] = []
    for part in word.parts:
        if part.expands or sign not in part.text:
            parts.append(part)
            continue
        for number, text in enumerate(part.text.split(sign)):
            parts += [mark] if number else []
            parts += [replace(part, text=text)] if text else []
    return word.of(parts)
