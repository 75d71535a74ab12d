"""Values in programs of other languages: within their quotes, or as numbers. Pure."""

import re
from collections.abc import Sequence

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.languages import (
    Spot,
    find_spots,
    language_of,
    runs_arguments,
    runs_something,
)
from opsmcp_pipelines.shell.programs import CODE_OPTIONS, FILE_OPTIONS, SHELLS, names
from opsmcp_pipelines.shell.reader import Command
from opsmcp_pipelines.shell.rules import ArgumentRules, cut_word
from opsmcp_pipelines.shell.tree import Word, join_words
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import skip_options

__all__ = ["ForeignRules"]

_ENVIRONMENT = re.compile(r"ENVIRON|environ|getenv|%ENV|\$ENV|process\.env")
_SCRIPT_FILES = names("python perl ruby node php lua tclsh expect") | SHELLS
_WIDE_DELIMITERS = frozenset("|#;^\n\"'")
_NAME_SIGNS = frozenset("._+~-")
_VALUED = {
    "awk": names("-F -v -f -l --assign --field-separator"),
    "gawk": names("-F -v -f -l --assign --field-separator"),
    "sed": names("-l -f"),
    "jq": names("--indent -L"),
    "yq": names("-I --indent -o -p --output-format"),
    "python": names("-W -X"),
    "perl": names("-I -M"),
}


class ForeignRules(ArgumentRules):
    """What holds for the code of awk, sed, SQL and their like."""

    def _is_file(self, word: Word, command: Command) -> None:
        raise NotImplementedError

    def _python(self, code: Word, command: Command) -> None:
        raise NotImplementedError

    def _programs(self, name: str, rest: list[Word], command: Command) -> None:
        language = language_of(name)
        if not language:
            return
        codes, others = self._codes(name, language, rest, command)
        for code in codes:
            self._code(name, language, code, command)
        given = {v for word in others for v in self._values(word, command)}
        given |= self._script.read_by(command) if codes else set()
        given |= {v for _, word in command.assigned for v in self._values(word, command)}
        text = "\n".join("".join(p.text for p in code.parts if not p.expands) for code in codes)
        if _ENVIRONMENT.search(text):
            given |= self._script.values_of(self._script.reader.assigned)
        if given and runs_arguments(language, text):
            reason = f'"{{}}" is given to a program of {name} that runs others'
            values = {v for v in given if not self._is_amount(v)}
            line = self._line(command.line)
            self._report.refuse(Rule.COMMAND, values, line, reason, "Write it out as a command")

    def _codes(
        self, name: str, language: str, rest: list[Word], command: Command
    ) -> tuple[list[Word], list[Word]]:
        """The words that are code, and the others."""
        codes: list[Word] = []
        others: list[Word] = []
        pattern = CODE_OPTIONS.get(name, r"(?!)")
        pending = list(rest)
        while pending:
            word = pending.pop(0)
            found = re.match(rf"(?:{pattern})", word.prefix)
            if found and found.end() == len(word.prefix) and word.literal is not None:
                codes += pending[:1]
                pending = pending[1:]
            elif found and (glued := cut_word(word, found.end())).parts:
                codes.append(cut_word(glued, 1) if glued.prefix.startswith("=") else glued)
            else:
                others.append(word)
        files = FILE_OPTIONS.get(name, "(?!)")
        has_file = any(re.fullmatch(files, word.prefix) for word in others)
        if not codes and not has_file:
            codes, others = self._operand(name, language, others, command)
        return codes, others

    def _operand(
        self, name: str, language: str, words: list[Word], command: Command
    ) -> tuple[list[Word], list[Word]]:
        """Code that stands without an option, or comes as input; else a file of it is run."""
        valued = _VALUED.get(name, frozenset[str]())
        at = skip_options(words, valued)
        if language in ("awk", "sed", "jq"):
            if name == "yq" and at < len(words) and words[at].literal in ("eval", "e", "ea"):
                at += 1
            at = _skip_arguments(words, at) if language == "jq" else at
            return words[at : at + 1], words[:at] + words[at + 1 :]
        if name in ("sqlite3", "duckdb") and len(words) > at + 1:
            return words[at + 1 :], words[: at + 1]
        if language == "sql" or at >= len(words) or words[at].literal == "-":
            return list(command.place.documents) or self._echoed(command), words
        if name in _SCRIPT_FILES:
            self._is_file(words[at], command)
        return [], words

    def _echoed(self, command: Command) -> list[Word]:
        """The words that `echo` pipes into a program as its code."""
        writers = [w for key in command.place.stdin for w in self._script.writers(key)]
        words = [join_words(w.words[1:]) for w in writers if w.words]
        return [word for word in words if self._values(word, command)]

    def _code(self, name: str, language: str, code: Word, command: Command) -> None:
        if language == "python":
            values = self._values(code, command)
            if values:
                self._python(code, command)
            return
        literal = "".join(part.text for part in code.parts if not part.expands)
        for spot in find_spots(language, code.parts, mysql=name in ("mysql", "mariadb")):
            values = self._script.values_at(spot.part, command.place.function)
            values = {v for v in self._inert(values) if not self._is_amount(v)}
            if not values:
                continue
            if spot.delimiter:
                self._in_quotes(language, spot, values, code, literal)
            elif not (spot.table and self._are_tokens(values)):
                self._outside(name, language, values, code)

    def _are_tokens(self, values: set[str]) -> bool:
        return all(self._report.values[v].kind.kind is Kind.TOKEN for v in values)

    def _in_quotes(
        self, language: str, spot: Spot, values: set[str], code: Word, literal: str
    ) -> None:
        line = self._line(code.line)
        if spot.first and language not in ("sed", "jq", "sql") and runs_something(literal):
            reason = '"{}" would be the name of a command, in a program of another language'
            self._refuse(Rule.COMMAND, values, code, reason, "Write the command out")
        for value in sorted(values):
            known = self._report.values[value]
            if known.kind.kind is Kind.UNIT or (known.kind.kind is Kind.URL and language == "sed"):
                self._need(Need.UNQUOTED, value, code)
            named = known.value_class is ValueClass.NAME and not known.kind.is_list
            good = (
                spot.delimiter not in _NAME_SIGNS if named else (spot.delimiter in _WIDE_DELIMITERS)
            )
            if language in ("sed", "awk") and not good:
                reason = f'"{{}}" may hold {spot.delimiter!r}, which ends its place'
                remedy = "Take another delimiter: s|a|b|"
                self._report.refuse(Rule.PROGRAM, [value], line, reason, remedy)

    def _outside(self, name: str, language: str, values: set[str], code: Word) -> None:
        line = self._line(code.line)
        where = f"in a program of {name} outside of its quotes"
        if language in ("sed", "awk", "sql"):
            self._report.number(values, line, where, Rule.PROGRAM)
            return
        remedy = "Put it within quotes of that language, or pass it as an argument"
        self._report.refuse(Rule.PROGRAM, values, line, f'"{{}}" stands {where}', remedy)


def _skip_arguments(words: Sequence[Word], at: int) -> int:
    """Past options of jq that take a name and a value."""
    while at < len(words) and words[at].prefix.startswith("-"):
        pair = words[at].prefix in ("--arg", "--argjson", "--slurpfile", "--rawfile")
        at += 3 if pair else 1
    for number in range(at):
        if words[number].prefix in ("--arg", "--argjson") and at <= number + 2:
            at = number + 3
            return _skip_arguments(words, at)
    return at
