"""What every rule needs: the values of a word, how one is refused, and what options say. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.programs import names, runs_its_value
from opsmcp_pipelines.shell.reader import Command
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.script import Script
from opsmcp_pipelines.shell.tree import Part, Word, literal_word
from opsmcp_pipelines.shell.values import Rule

__all__ = ["ArgumentRules", "cut_word"]

_SETS_VARIABLES = names("env sudo doas make gmake export declare local readonly typeset")
_NAMES_VARIABLES = names("read mapfile readarray unset getopts export declare local typeset")
_SIGNALLING = names("kill pkill killall docker podman timeout")
_OPTION_LETTERS = re.compile(r"--?[A-Za-z0-9-]*")
_ASSIGNING = (Kind.SELECTOR, Kind.PATTERN)
"""Kinds whose values may have the form of an assignment."""


class ArgumentRules:
    """What holds for the words of any program: variables, and the letters of options."""

    def __init__(self, script: Script, report: Report) -> None:
        """Look at one script; findings go to the report."""
        self._script = script
        self._report = report

    def _line(self, line: int) -> int:
        return self._script.line + max(line, 1) - 1 if self._script.depth else line

    def _values(self, word: Word, command: Command) -> set[str]:
        return self._script.values_in(word, command.place.function)

    def _inert(self, values: set[str]) -> set[str]:
        return {v for v in values if not self._report.values[v].is_author}

    def _refuse(self, rule: Rule, values: set[str], word: Word, reason: str, remedy: str) -> None:
        self._report.refuse(rule, values, self._line(word.line), reason, remedy)

    def _assigned(self, name: str, word: Word) -> None:
        if runs_its_value(name):
            reason = f'"{{}}" is assigned to {name}, which programs take code from'
            remedy = "Give it enums, or write the value out"
            self._refuse(Rule.VARIABLE, self._script.values_in(word), word, reason, remedy)

    def _need(self, need: Need, value: str, word: Word) -> None:
        """Note what a place takes of a kind, if it takes it at all."""
        line = self._line(word.line)
        self._report.demand(need, [value], line, Rule.PROGRAM, reason="", remedy="")

    def _names_variable(self, values: set[str], word: Word) -> None:
        reason = '"{}" would be the name of a variable'
        self._refuse(Rule.VARIABLE, values, word, reason, "Write the name out, or give it enums")

    def _arguments(self, name: str, words: Sequence[Word], command: Command) -> None:
        for before, word in zip([literal_word(""), *words], words, strict=False):
            values = self._inert(self._values(word, command))
            if not values:
                continue
            self._variable(name, before, word, values)
            self._option(name, word, values)

    def _variable(self, name: str, before: Word, word: Word, values: set[str]) -> None:
        prefix = word.prefix
        for variable in re.findall(r"\b([A-Za-z_]\w*)=", prefix):
            if runs_its_value(variable):
                self._assigned(variable, word)
        begins = not prefix or re.fullmatch(r"(?:-e|--env|--setenv)=?", prefix) is not None
        sets = name in _SETS_VARIABLES or before.literal in ("-e", "--env", "--setenv")
        assigns = len(word.parts) > 1 and word.parts[1].text.startswith("=")
        assigns |= bool(prefix) and any(part.text.startswith("=") for part in word.parts[1:])
        assigns |= all(self._report.values[v].kind.kind in _ASSIGNING for v in values)
        if (begins and sets and assigns) or (name in _NAMES_VARIABLES and not prefix):
            self._names_variable(values, word)
        if name == "printf" and before.literal == "-v":
            self._names_variable(values, word)

    def _option(self, name: str, word: Word, values: set[str]) -> None:
        prefix = word.prefix
        if not prefix.startswith("-") or not _OPTION_LETTERS.fullmatch(prefix):
            return
        if name in ("echo", "printf"):
            return
        values = {v for v in values if not self._is_amount(v)}
        if len(prefix) < 3 and prefix != "--":
            need = Need.SIGNAL if name in _SIGNALLING else Need.OPTION
            where = "in the letters of an option"
            self._report.number(values, self._line(word.line), where, Rule.OPTION, need)
            return
        reason = f'"{{}}" stands in the letters of an option ({prefix}...)'
        self._refuse(Rule.OPTION, values, word, reason, "Write --name=${...}, or two words")

    def _is_amount(self, value: str) -> bool:
        return self._report.values[value].is_number


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
    return replace(word, parts=tuple(parts))
