"""Where values stand in a program of another language: within its quotes, or outside of them.

Knows of each language its quotes and comments, no more: an inert value means nothing within quotes.
Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from opsmcp_pipelines.shell.programs import SQL_CLIENTS
from opsmcp_pipelines.shell.tree import Part

__all__ = ["Spot", "find_spots", "language_of", "runs_arguments", "runs_something"]

_MARK = "\ue000"
"""Stands for a value while a program is read."""

_LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(SQL_CLIENTS, "sql"),
        **{name: name for name in ("awk", "sed", "jq", "perl", "ruby", "node", "php", "lua")},
        "gawk": "awk",
        "yq": "jq",
        "mongosh": "node",
        "tclsh": "node",
        "expect": "node",
        "python": "python",
    }
)
_QUOTES = MappingProxyType({"awk": '"/', "jq": '"', "sql": "'\"`", "node": "'\""})
_COMMENTS = MappingProxyType({"sql": "--", "lua": "--", "node": "//"})
_CODE_IN_QUOTES = MappingProxyType({"jq": "\\(", "ruby": "#{"})
"""What begins code within quotes; all values of such a program count as outside of them."""

_BEFORE_REGEX = "~(,;!&|{\n"
_TABLE = re.compile(
    r"\b(?:from|into|table|update|join|analyze|database|schema|index)\s+"
    r"(?:if\s+(?:not\s+)?exists\s+)?(?:[\w\"`]+\.)?[\"`]?\Z",
    re.IGNORECASE,
)
_RUNS = re.compile(
    r"system|exec|popen|eval|spawn|fork|require|import|\bqx\b|`|\bopen\b|\bload|\bdo\b|getline|\|"
    r"|child_process|\bsend\b|\\!"
)
_AWK_RUNS_ARGUMENTS = re.compile(
    r"\bsystem\s*\(\s*(?![\s\"])|[\w\])]\s*\|&?\s*getline"
    r"|\bprintf?\b[^;}\n|]*\|&?\s*(?![\s\"|&])"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A value in a program.

    `delimiter` is what quotes it, empty outside of quotes; `first` when nothing but the value
    stands before in its quotes; `table` where SQL wants the name of a table.
    """

    part: Part
    delimiter: str
    first: bool = False
    table: bool = False


def language_of(program: str) -> str:
    """The language that a program reads; empty when it is none of those that are known."""
    return _LANGUAGES.get(program, "")


def runs_something(text: str) -> bool:
    """Whether a program might run other programs, or code that it puts together."""
    return _RUNS.search(text) is not None


def runs_arguments(language: str, text: str) -> bool:
    """Whether a program might run what it is given besides its text."""
    if language == "awk":
        return _AWK_RUNS_ARGUMENTS.search(text) is not None
    return language not in ("sed", "jq", "sql") and runs_something(text)


def find_spots(language: str, parts: Sequence[Part], *, mysql: bool = False) -> Iterator[Spot]:
    """Where the expansions of a text stand in a program of that language."""
    text = "".join(_MARK if part.expands else part.text.replace(_MARK, "") for part in parts)
    found = [part for part in parts if part.expands]
    scan = _scan_sed(text) if language == "sed" else _scan_quotes(language, text, mysql=mysql)
    delimiters = dict(scan)
    for part, match in zip(found, re.finditer(_MARK, text), strict=True):
        at = match.start()
        delimiter = delimiters.get(at, "")
        yield Spot(
            part,
            delimiter,
            first=bool(delimiter) and text[:at].rstrip().endswith(delimiter[-1]),
            table=language == "sql" and _TABLE.search(text[max(0, at - 120) : at]) is not None,
        )


def _scan_quotes(language: str, text: str, *, mysql: bool) -> Iterator[tuple[int, str]]:
    """The positions of values within quotes, each with its quote."""
    if _CODE_IN_QUOTES.get(language, "\0") in text:
        return
    quotes = _QUOTES.get(language, "'\"")
    comment = _COMMENTS.get(language, "#")
    escapes = language != "sql" or mysql
    at, quote, before = 0, "", "\n"
    while at < len(text):
        char = text[at]
        if char == _MARK and quote:
            yield at, quote
        if quote:
            at += 2 if escapes and char == "\\" else 1
            quote = "" if char == quote else quote
            continue
        if text.startswith(comment, at) and (
            language == "sql" or text[max(0, at - 1) : at] in ("", " ", "\t", "\n", ";")
        ):
            at = max(text.find("\n", at), 0) or len(text)
            continue
        if char in quotes and (char != "/" or before in _BEFORE_REGEX):
            quote = char
        before = before if char in " \t" else char
        at += 1


def _scan_sed(text: str) -> Iterator[tuple[int, str]]:
    """The positions between delimiters of `s`, `y` and addresses, and in texts to the line's end.

    Nothing is yielded for a program that runs its input (`e`), so that all counts as outside.
    """
    found: list[tuple[int, str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in "sy":
            delimiter = text[at + 1 : at + 2]
            middle = _section(text, at + 2, delimiter, found)
            at = _section(text, middle, delimiter, found)
            flags = re.compile(r"[A-Za-z0-9\ue000]*").match(text, at)
            at = flags.end() if flags else at
            if char == "s" and flags and "e" in flags[0]:
                return
        elif char == "/" or (char == "\\" and text[at + 1 : at + 2].strip()):
            start = at + (1 if char == "/" else 2)
            at = _section(text, start, text[start - 1], found)
        elif char in "aicrwRW":
            end = text.find("\n", at)
            end = end if end >= 0 else len(text)
            found += [(m.start(), "\n") for m in re.compile(_MARK).finditer(text, at, end)]
            at = end
        elif char == "e":
            return
        else:
            at += 1
    yield from found


def _section(text: str, at: int, delimiter: str, found: list[tuple[int, str]]) -> int:
    """Past the next delimiter; the values before it are noted."""
    in_class = False
    while at < len(text) and (in_class or text[at] != delimiter):
        if text[at] == _MARK:
            found.append((at, delimiter))
        if text[at] == "\\":
            at += 1
        elif text[at] in "[]":
            in_class = text[at] == "["
        at += 1
    return at + 1
