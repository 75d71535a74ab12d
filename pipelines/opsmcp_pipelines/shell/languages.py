"""Values in programs of other languages: within their quotes, or as numbers.

Knows of each language its quotes and comments, no more: an inert value means nothing within quotes.
Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.syntax import Part
from opsmcp_pipelines.shell.values import Rule

__all__ = ["CodeCheck", "runs_arguments"]

_MARK = "\ue000"
"""Stands for a value while a program is read."""

_QUOTES = MappingProxyType({"awk": '"/', "jq": '"', "sql": "'\"`", "node": "'\""})
_COMMENTS = MappingProxyType({"sql": "--", "lua": "--", "node": "//"})
_CODE_IN_QUOTES = MappingProxyType({"jq": "\\(", "ruby": "#{"})
"""What begins code within quotes; all values of such a program count as outside of them."""

_BEFORE_REGEX = "~(,;!&|{\n"
_WIDE_DELIMITERS = frozenset("|#;^\n\"'")
_NAME_SIGNS = frozenset("._+~-")
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


def runs_arguments(language: str, text: str) -> bool:
    """Whether a program might run what it is given besides its text."""
    if language == "awk":
        return _AWK_RUNS_ARGUMENTS.search(text) is not None
    return language not in ("sed", "jq", "sql") and _RUNS.search(text) is not None


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """The check of one program of another language.

    Attributes:
        program: What runs it.
        language: What it is written in.
        line: Where it stands.
        report: Takes what is found.
    """

    program: str
    language: str
    line: int
    report: Report

    def check(self, pieces: Sequence[tuple[Part, set[str]]]) -> None:
        """Look at a program, of which each piece comes with the values in it."""
        text = "".join(
            _MARK if part.expands else part.text.replace(_MARK, "") for part, _ in pieces
        )
        held = [values for part, values in pieces if part.expands]
        delimiters = dict(_scan_sed(text) if self.language == "sed" else self._scan_quotes(text))
        for found, values in zip(re.finditer(_MARK, text), held, strict=True):
            wanted = {v for v in values if not self.report.values[v].is_number}
            if wanted:
                self._value(text, found.start(), delimiters.get(found.start(), ""), wanted)

    def _value(self, text: str, at: int, delimiter: str, values: set[str]) -> None:
        if delimiter:
            first = text[:at].rstrip().endswith(delimiter[-1])
            runs = self.language not in ("sed", "jq", "sql") and _RUNS.search(text)
            if first and runs:
                reason = '"{}" would be the name of a command, in a program of another language'
                self._refuse(Rule.COMMAND, values, reason, "Write the command out")
            for value in sorted(values):
                self._in_quotes(delimiter, value)
            return
        table = self.language == "sql" and _TABLE.search(text[max(0, at - 120) : at])
        if not table or any(self.report.values[v].kind.kind is not Kind.TOKEN for v in values):
            self._outside(values)

    def _refuse(self, rule: Rule, values: set[str], reason: str, remedy: str) -> None:
        self.report.refuse(rule, values, self.line, reason, remedy)

    def _in_quotes(self, delimiter: str, value: str) -> None:
        known = self.report.values[value]
        if known.kind.kind is Kind.UNIT or (known.kind.kind is Kind.URL and self.language == "sed"):
            self.report.demand(
                Need.UNQUOTED, [value], self.line, Rule.PROGRAM, reason="", remedy=""
            )
        named = known.value_class is ValueClass.NAME and not known.kind.is_list
        good = delimiter not in _NAME_SIGNS if named else delimiter in _WIDE_DELIMITERS
        if self.language in ("sed", "awk") and not good:
            reason = f'"{{}}" may hold {delimiter!r}, which ends its place'
            self._refuse(Rule.PROGRAM, {value}, reason, "Take another delimiter: s|a|b|")

    def _outside(self, values: set[str]) -> None:
        where = f"in a program of {self.program} outside of its quotes"
        if self.language in ("sed", "awk", "sql"):
            self.report.number(values, self.line, where, Rule.PROGRAM)
            return
        remedy = "Put it within quotes of that language, or pass it as an argument"
        self._refuse(Rule.PROGRAM, values, f'"{{}}" stands {where}', remedy)

    def _scan_quotes(self, text: str) -> Iterator[tuple[int, str]]:
        """The positions of values within quotes, each with its quote."""
        language = self.language
        if _CODE_IN_QUOTES.get(language, "\0") in text:
            return
        quotes = _QUOTES.get(language, "'\"")
        comment = _COMMENTS.get(language, "#")
        escapes = language != "sql" or self.program in ("mysql", "mariadb")
        at, quote, before = 0, "", "\n"
        while at < len(text):
            char = text[at]
            if quote:
                if char == _MARK:
                    yield at, quote
                at += 2 if escapes and char == "\\" else 1
                quote = "" if char == quote else quote
                continue
            begins = language == "sql" or text[max(0, at - 1) : at] in ("", " ", "\t", "\n", ";")
            if begins and text.startswith(comment, at):
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
