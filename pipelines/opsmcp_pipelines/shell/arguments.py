"""What holds for the words of any program: how variables are named, and the letters of options."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.programs import names, runs_its_value
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.script import ANY, Script
from opsmcp_pipelines.shell.tree import NO_WORD, Part, Word
from opsmcp_pipelines.shell.values import Rule

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["ArgumentRules", "Line", "cut_word", "replaced"]

_SETS_VARIABLES = names("env sudo doas make gmake export declare local readonly typeset")
_NAMES_VARIABLES = names("read mapfile readarray unset getopts export declare local typeset")
_SIGNALLING = names("kill pkill killall docker podman timeout")
_OPTION_LETTERS = re.compile(r"--?[A-Za-z0-9-]*")
_ASSIGNING = (Kind.SELECTOR, Kind.PATTERN)
"""Kinds whose values may have the form of an assignment."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a command line stands; the node is that of the command which it is part of."""

    node: "Node | None"
    function: str = ""
    line: int = 1


class ArgumentRules:
    """What holds for the words of any program."""

    def __init__(self, script: Script, report: Report) -> None:
        """Look at one script; findings go to the report."""
        self._script = script
        self._report = report

    def _values(self, word: Word, at: Line) -> set[str]:
        """The values in a word that a caller chooses."""
        return self._given(self._script.carried(word, at.function))

    def _given(self, values: set[str]) -> set[str]:
        return {v for v in values - {ANY} if not self._report.values[v].is_author}

    def _harmful(self, values: set[str]) -> set[str]:
        """Those of the values that could be the name of a command or a file."""
        known = self._report.values
        every = set(known) if ANY in values else values
        return {
            v
            for v in every
            if not (known[v].is_author or known[v].is_number or known[v].kind.kind is Kind.FLAG)
        }

    def _refuse(self, rule: Rule, values: set[str], word: Word, reason: str, remedy: str) -> None:
        self._report.refuse(rule, values, self._script.line_at(word), reason, remedy)

    def _assigned(self, name: str, word: Word, at: Line) -> None:
        if runs_its_value(name):
            reason = f'"{{}}" is assigned to {name}, which programs take code from'
            remedy = "Give it enums, or write the value out"
            self._refuse(Rule.VARIABLE, self._values(word, at), word, reason, remedy)

    def _need(self, need: Need, value: str, word: Word) -> None:
        """Note what a place takes of a kind, if it takes it at all."""
        line = self._script.line_at(word)
        self._report.demand(need, [value], line, Rule.PROGRAM, reason="", remedy="")

    def _names_variable(self, values: set[str], word: Word) -> None:
        reason = '"{}" would be the name of a variable'
        self._refuse(Rule.VARIABLE, values, word, reason, "Write the name out, or give it enums")

    def _arguments(self, name: str, words: Sequence[Word], at: Line) -> None:
        for before, word in zip([NO_WORD, *words], words, strict=False):
            if word.literal is None and (values := self._values(word, at)):
                self._variable(name, before, word, values, at)
                self._option(name, word, values)

    def _variable(self, name: str, before: Word, word: Word, values: set[str], at: Line) -> None:
        prefix = word.prefix
        for variable in re.findall(r"\b([A-Za-z_]\w*)=", prefix):
            self._assigned(variable, word, at)
        begins = not prefix or re.fullmatch(r"(?:-e|--env|--setenv)=?", prefix) is not None
        sets = name in _SETS_VARIABLES or before.literal in ("-e", "--env", "--setenv")
        assigns = any(part.text.startswith("=") for part in word.parts[1:])
        assigns |= all(self._report.values[v].kind.kind in _ASSIGNING for v in values)
        names_one = name in _NAMES_VARIABLES and not prefix
        if (begins and sets and assigns) or names_one or (name, before.literal) == ("printf", "-v"):
            self._names_variable(values, word)

    def _option(self, name: str, word: Word, values: set[str]) -> None:
        prefix = word.prefix
        if not prefix.startswith("-") or not _OPTION_LETTERS.fullmatch(prefix):
            return
        values = {v for v in values if not self._report.values[v].is_number}
        if name in ("echo", "printf") or not values:
            return
        if len(prefix) < 3 and prefix != "--":
            need = Need.SIGNAL if name in _SIGNALLING else Need.OPTION
            where, line = "in the letters of an option", self._script.line_at(word)
            self._report.number(values, line, where, Rule.OPTION, need)
            return
        reason = f'"{{}}" stands in the letters of an option ({prefix}...)'
        self._refuse(Rule.OPTION, values, word, reason, "Write --name=${...}, or two words")


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
