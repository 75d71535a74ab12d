"""Values in programs of other languages: within their quotes, or as numbers. Pure."""

import re
from collections.abc import Sequence

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.arguments import ArgumentRules, Line, cut_word
from opsmcp_pipelines.shell.languages import (
    Spot,
    find_spots,
    language_of,
    runs_arguments,
    runs_something,
)
from opsmcp_pipelines.shell.programs import CODE_OPTIONS, FILE_OPTIONS, SHELLS, names
from opsmcp_pipelines.shell.script import ANY
from opsmcp_pipelines.shell.tree import Word, word_of
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import skip_options

__all__ = ["ForeignRules"]

_ENVIRONMENT = re.compile(r"ENVIRON|environ|getenv|%ENV|\$ENV|process\.env")
_SCRIPT_FILES = names("python perl ruby node php lua tclsh expect") | SHELLS
_WIDE_DELIMITERS = frozenset("|#;^\n\"'")
_NAME_SIGNS = frozenset("._+~-")
_PAIRS = names("--arg --argjson --slurpfile --rawfile")
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

    def _is_file(self, word: Word, at: Line) -> None:
        raise NotImplementedError

    def _python(self, code: Word, at: Line) -> None:
        raise NotImplementedError

    def _read(self, at: Line) -> set[str]:
        raise NotImplementedError

    def _input_code(self, at: Line) -> list[Word]:
        raise NotImplementedError

    def _programs(self, name: str, rest: list[Word], at: Line) -> None:
        language = language_of(name)
        if not language:
            return
        codes, others = self._codes(name, language, rest, at)
        for code in codes:
            self._code(name, language, code, at)
        text = "\n".join("".join(p.text for p in code.parts if not p.expands) for code in codes)
        if not runs_arguments(language, text):
            return
        given = {v for word in others for v in self._values(word, at)}
        given |= self._read(at) if codes else set()
        given |= self._environment(at)
        if _ENVIRONMENT.search(text):
            given |= self._harmful({ANY})
        if given:
            reason = f'"{{}}" is given to a program of {name} that runs others'
            values = {v for v in given if not self._report.values[v].is_number}
            self._report.refuse(Rule.COMMAND, values, at.line, reason, "Write it out as a command")

    def _codes(
        self, name: str, language: str, rest: list[Word], at: Line
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
            codes, others = self._operand(name, language, others, at)
        return codes, others

    def _operand(
        self, name: str, language: str, words: list[Word], at: Line
    ) -> tuple[list[Word], list[Word]]:
        """Code that stands without an option, or comes as input; else a file of it is run."""
        valued = _VALUED.get(name, frozenset[str]())
        first = _skip_options_of_jq(words) if language == "jq" else skip_options(words, valued)
        if language in ("awk", "sed", "jq"):
            if name == "yq" and first < len(words) and words[first].literal in ("eval", "e", "ea"):
                first += 1
            return words[first : first + 1], words[:first] + words[first + 1 :]
        if name in ("sqlite3", "duckdb") and len(words) > first + 1:
            return words[first + 1 :], words[: first + 1]
        if language == "sql" or first >= len(words) or words[first].literal == "-":
            return self._input_code(at), words
        if name in _SCRIPT_FILES:
            self._is_file(words[first], at)
        return [], words

    def _environment(self, at: Line) -> set[str]:
        """The values that are assigned in front of a command."""
        children = at.node.children if at.node is not None else []
        values = (
            c.child_by_field_name("value") for c in children if c.type == "variable_assignment"
        )
        return {v for value in values if value for v in self._values(word_of(value), at)}

    def _code(self, name: str, language: str, code: Word, at: Line) -> None:
        if language == "python":
            values = self._values(code, at)
            if values:
                self._python(code, at)
            return
        if language not in ("jq", "sql"):
            self._report.read_as_code(self._values(code, at), self._script.line_at(code), name)
        literal = "".join(part.text for part in code.parts if not part.expands)
        for spot in find_spots(language, code.parts, mysql=name in ("mysql", "mariadb")):
            values = self._values(Word((spot.part,)), at)
            values = {v for v in values if not self._report.values[v].is_number}
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
        line = self._script.line_at(code)
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
        line = self._script.line_at(code)
        where = f"in a program of {name} outside of its quotes"
        if language in ("sed", "awk", "sql"):
            self._report.number(values, line, where, Rule.PROGRAM)
            return
        remedy = "Put it within quotes of that language, or pass it as an argument"
        self._report.refuse(Rule.PROGRAM, values, line, f'"{{}}" stands {where}', remedy)


def _skip_options_of_jq(words: Sequence[Word]) -> int:
    """Past the options, of which some take a name and a value."""
    at = 0
    while at < len(words) and words[at].prefix.startswith("-"):
        option = words[at].prefix
        at += 3 if option in _PAIRS else 2 if option in _VALUED["yq"] | _VALUED["jq"] else 1
    return at
