"""Where values may stand in a Python step: text where it is printed, others wherever they like.

Inert values do no harm but in what is run. So each part of a script that may run a program or code
is looked at: it must be a call of the list whose command line can be told, which is then checked
like that of a shell, with any value where only the run knows what stands there. The references are
identifiers that occur nowhere else (`mark_references`), so that the standard parser reads the
script as it will be run. Pure.
"""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from typing import cast

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.python_commands import ANYWHERE, PythonCommands, decoded
from opsmcp_pipelines.shell.python_names import PythonNames
from opsmcp_pipelines.shell.references import find_references
from opsmcp_pipelines.shell.report import MOST_BYTES, Report, over
from opsmcp_pipelines.shell.values import Rule

__all__ = ["ShellText", "check_python", "mark_references", "unused_mark"]

ShellText = Callable[[str, dict[str, frozenset[str]], int, bool], None]
"""Checks a text that a shell reads: the text, what its placeholders carry, its line, and whether
files may hold any of that."""

_VALUE = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_QUIET = names("sep end flush indent sort_keys default ensure_ascii")
_REMEDY = "Print it whole, or answer for it: opsmcp/text.STEP: {name}"


def unused_mark(content: str) -> str:
    """The beginning of identifiers that the script does not have."""
    number = 0
    while f"opsmcp_{number}_" in content:
        number += 1
    return f"opsmcp_{number}_"


def mark_references(content: str, variables: Mapping[str, str], mark: str) -> str:
    """The script with an identifier for each reference; `variables` are by its name."""
    source, done = "", 0
    for found in find_references(content, variables):
        number = re.sub(r"\D", "", variables[found.name])
        source += content[done : found.start] + f"{mark}{number}_"
        done = found.end
    return source + content[done:]


def check_python(
    text: str, marks: Mapping[str, frozenset[str]], report: Report, line: int, shell: ShellText
) -> None:
    """Check code in which values stand as `${OPSMCP_V1}`.

    Args:
        text: The code.
        marks: The values that each placeholder carries.
        report: Takes what is found.
        line: That on which the code begins.
        shell: Checks what the code hands to a shell.
    """
    mark = unused_mark(text)
    known = list(marks)
    source = _VALUE.sub(lambda found: f"{mark}{known.index(found[1])}_", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        reason = 'the Python script that holds "{}" cannot be parsed'
        for value in frozenset[str]().union(*marks.values()):
            report.add(Rule.UNREADABLE, value, line, reason)
        return
    pattern = re.compile(re.escape(mark) + r"([0-9]+)_")
    _Check(tree, pattern, marks, report, line, shell).run()


class _Check:
    def __init__(
        self,
        tree: ast.Module,
        mark: re.Pattern[str],
        marks: Mapping[str, frozenset[str]],
        report: Report,
        line: int,
        shell: ShellText,
    ) -> None:
        self._mark, self._marks, self._known = mark, marks, list(marks)
        self._report, self._line, self._shell = report, line, shell
        self._names = PythonNames(tree, mark)

    def run(self) -> None:
        harmful: set[str] = set()
        for node in self._names.nodes:
            if isinstance(node, ast.Constant):
                harmful |= self._string(node)
            elif isinstance(node, ast.Name) and self._mark.fullmatch(node.id):
                self._bare(node)
            else:
                self._misplaced(node)
        if not harmful:
            return
        commands, script = PythonCommands(self._names, self._mark, self._known), ""
        carried = {**self._marks, ANYWHERE: frozenset(harmful)}
        for node in sorted(filter(self._names.may_start, self._names.nodes), key=_line_of):
            texts = commands.started(node)
            if texts is None:
                reason = 'what is run here cannot be told, and it may be "{}"'
                self._report.refuse(Rule.COMMAND, harmful, self._at(node), reason, _REMEDY)
            for text in texts or ():
                if commands.by_shell(node):
                    held = {v for mark in carried if f"{{{mark}}}" in text for v in carried[mark]}
                    self._report.read_as_code(held, self._at(node), "a shell")
                script += "\n" * (_line_of(node) - 1 - script.count("\n")) + text + "\n"
                over(len(script), MOST_BYTES, "bytes")
        if script:
            self._shell(script, carried, self._line, self._names.writes)

    # Values.

    def _values(self, text: str) -> set[str]:
        found = self._mark.findall(text)
        return set[str]().union(*(self._marks[self._known[int(n)]] for n in found))

    def _at(self, node: ast.AST) -> int:
        return self._line + getattr(node, "lineno", 1) - 1

    def _bare(self, node: ast.Name) -> None:
        values = self._values(node.id)
        texts = {v for v in values if self._report.values[v].is_text}
        self._report.number(values - texts, self._at(node), "as code of Python")
        self._text(texts, node)

    def _string(self, node: ast.Constant) -> set[str]:
        """The values in a string that must not decide what is run."""
        known = self._report.values
        values = self._values(decoded(node.value) or "")
        texts = {v for v in values if known[v].is_text and not known[v].vouched}
        self._text(texts, node)
        return {v for v in values - texts if not (known[v].is_author or known[v].is_number)}

    def _text(self, values: set[str], node: ast.expr) -> None:
        reason = '"{}" may be any text, and what this Python script makes of it is not known'
        for value in values if values and not self._is_printed(node) else ():
            self._report.add(Rule.TEXT, value, self._at(node), reason, _REMEDY)

    def _is_printed(self, node: ast.expr) -> bool:
        """Whether a text is printed, with other strings or as JSON, or compared."""
        if self._names.rebinds or any(isinstance(n, ast.ClassDef) for n in self._names.nodes):
            return False
        below, parent = node, self._names.parents[node]
        while isinstance(
            parent, (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.Call)
        ):
            if isinstance(parent, ast.Call):
                name = self._names.dotted(parent.func)
                quiet = all(map(self._is_output, parent.keywords))
                if name not in ("print", "json.dumps") or not quiet or below not in parent.args:
                    return False
                if name == "print":
                    return True
            elif isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.Add):
                return False
            below, parent = parent, self._names.parents[parent]
        equals = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
        return isinstance(parent, ast.Compare) and all(isinstance(o, equals) for o in parent.ops)

    def _is_output(self, keyword: ast.keyword) -> bool:
        """Whether something is still printed to an output of the step."""
        if keyword.arg == "file":
            return self._names.dotted(keyword.value) in ("sys.stdout", "sys.stderr")
        return keyword.arg in _QUIET

    def _misplaced(self, node: ast.AST) -> None:
        """A value within a longer name."""
        for _, field in ast.iter_fields(node):
            texts = cast("list[object]", field) if isinstance(field, list) else [field]
            for text in texts:
                if isinstance(text, str) and (values := self._values(text)):
                    reason = '"{}" is part of a longer name in a Python script'
                    for value in values:
                        self._report.add(Rule.UNREADABLE, value, self._at(node), reason)


def _line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)
