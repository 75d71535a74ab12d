"""Where values may stand in a Python step: within strings, and not where they would be run.

The references are identifiers that occur nowhere else (`mark_references`), so that the standard
parser reads the script as it will be run. Pure.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from opsmcp_pipelines.shell.references import find_references
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.values import Rule

__all__ = ["check_python", "mark_references", "unused_mark"]

ShellText = Callable[[str, dict[str, set[str]], int], None]
"""Checks a text that a shell reads: the text, what its placeholders carry, and its line."""

_VALUE = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_RUNS = re.compile(
    r"system|popen\w*|run\w*|call|check_\w+|Popen|exec\w*|spawn\w*|eval|compile|__import__"
    r"|import_module|getattr|create_subprocess_\w+|get(?:status)?output|startfile|fork\w*|shell"
    r"|setattr|delattr|timeit|load_module|CDLL|LoadLibrary"
)
_CODE = re.compile(r"exec|eval|compile|__import__|import_module|getattr|setattr|run_\w+|timeit")
_TEXT_CALLS = frozenset({"print", "json.dumps"})
_REMEDY = "Print it whole, or answer for it by the label opsmcp/text.STEP: VARIABLE"


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
    text: str, marks: Mapping[str, set[str]], report: Report, line: int, shell: ShellText
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
    names = list(marks)
    source = _VALUE.sub(lambda found: f"{mark}{names.index(found[1])}_", text)
    tree = _parse(source)
    everything = set[str]().union(*marks.values())
    if tree is None:
        reason = 'the Python script that holds "{}" cannot be parsed'
        for value in everything:
            report.add(Rule.UNREADABLE, value, line, reason)
        return
    _Check(
        tree, re.compile(re.escape(mark) + r"([0-9]+)_"), names, marks, report, line, shell
    ).run()


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Check:
    def __init__(
        self,
        tree: ast.Module,
        mark: re.Pattern[str],
        names: list[str],
        marks: Mapping[str, set[str]],
        report: Report,
        line: int,
        shell: ShellText,
    ) -> None:
        self._tree = tree
        self._mark = mark
        self._names = names
        self._marks = marks
        self._report = report
        self._line = line
        self._shell = shell
        self._good: set[int] = set()
        self._assigned: dict[str, list[ast.expr]] = {}
        self._parameters: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._runs: set[str] = set()
        self._environment = False
        self._files: set[str] = set()

    def run(self) -> None:
        nodes = list(ast.walk(self._tree))
        for node in nodes:
            self._note(node)
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        for _ in range(2):  # What a function runs of its parameters, its callers run.
            for call in calls:
                self._note_parameter(call)
        for call in calls:
            if self._is_running(call):
                self._run(call)
        own = {n.name for n in nodes if isinstance(n, ast.FunctionDef)} | self._assigned.keys()
        for node in nodes:
            self._approve(node, own)
        for node in nodes:
            self._use(node)

    def _values(self, text: str) -> set[str]:
        found = self._mark.findall(text)
        return set[str]().union(*(self._marks[self._names[int(n)]] for n in found))

    def _at(self, node: ast.AST) -> int:
        return self._line + getattr(node, "lineno", 1) - 1

    def _note(self, node: ast.AST) -> None:
        """What is assigned, named otherwise, written to, or a parameter of a function."""
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    self._assigned.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.alias):
            self._aliases |= {node.asname: node.name} if node.asname else {}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = (*node.args.posonlyargs, *node.args.args, node.args.vararg)
            self._parameters |= {a.arg: node.name for a in arguments if a is not None}
        elif isinstance(node, (ast.Attribute, ast.keyword)):
            name = node.attr if isinstance(node, ast.Attribute) else node.arg
            self._environment = self._environment or name in ("environ", "putenv", "env")
        elif isinstance(node, ast.Call) and self._name(node.func) in ("open", "Path"):
            names = (_decoded(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))
            self._files |= {name for name in names if name}

    def _name(self, function: ast.expr) -> str:
        """The last name of what is called, with its own name where it was given another."""
        if isinstance(function, ast.Attribute):
            return function.attr
        if isinstance(function, ast.Call) and self._name(function.func) == "getattr":
            named = function.args[1] if len(function.args) > 1 else None
            return str(named.value) if isinstance(named, ast.Constant) else ""
        if not isinstance(function, ast.Name):
            return ""
        for value in self._assigned.get(function.id, []):
            if isinstance(value, (ast.Attribute, ast.Name)) and value is not function:
                found = value.attr if isinstance(value, ast.Attribute) else value.id
                if _RUNS.fullmatch(found):
                    return found
        return self._aliases.get(function.id, function.id)

    def _is_running(self, call: ast.Call) -> bool:
        name = self._name(call.func)
        if isinstance(call.func, ast.Attribute) and _is_module(call.func.value, "re"):
            return False
        return _RUNS.fullmatch(name) is not None or name in self._runs

    def _note_parameter(self, call: ast.Call) -> None:
        first = _first(call)
        first = first.value if isinstance(first, ast.Starred) else first
        if self._is_running(call) and isinstance(first, ast.Name):
            owner = self._parameters.get(first.id)
            self._runs |= {owner} if owner else set()

    def _run(self, call: ast.Call) -> None:
        """What a call runs, or hands to a shell."""
        name = self._name(call.func)
        arguments = [*call.args, *(k.value for k in call.keywords if k.arg in ("args", "cmd"))]
        checked = arguments if _CODE.fullmatch(name) else arguments[:1]
        if name.endswith("attr"):
            checked = arguments[1:2]
        if name.startswith(("exec", "spawn")) and not _CODE.fullmatch(name):
            checked = arguments
        for argument in checked:
            self._runs_argument(argument, call, code=_CODE.fullmatch(name) is not None)

    def _runs_argument(self, argument: ast.expr, call: ast.Call, *, code: bool) -> None:
        ways = list(self._resolved(argument))
        for way in ways:
            text = self._text_of(way)
            if text is None:
                self._unknown(way, call)
            elif code:
                self._refuse(Rule.COMMAND, self._values(text), call, '"{}" would be run as code')
            elif self._mark.search(text) or self._environment or self._files:
                self._shell(self._placeholders(text), self._carried(text), self._at(call))
                files = {name for name in self._files if name in text}
                reason = 'a file that "{}" is written to is run'
                self._refuse(Rule.FILE, self._all() if files else set(), call, reason)

    def _all(self) -> set[str]:
        return {v for values in self._marks.values() for v in values}

    def _carried(self, text: str) -> dict[str, set[str]]:
        carried = {name: set(values) for name, values in self._marks.items()}
        variables = re.findall(r"\$\{?(\w+)", text) if self._environment else ()
        return {name: self._all() for name in variables} | carried

    def _placeholders(self, text: str) -> str:
        return self._mark.sub(lambda found: f"${{{self._names[int(found[1])]}}}", text)

    def _unknown(self, argument: ast.expr, call: ast.Call) -> None:
        """What is run cannot be told: then no value may be in the script."""
        if isinstance(argument, ast.Name) and argument.id in self._parameters:
            return  # The calls of that function are looked at.
        numbers = {v for v in self._all() if self._report.values[v].is_number}
        reason = 'what is run here cannot be told, and it may be "{}"'
        self._refuse(Rule.COMMAND, self._all() - numbers, call, reason)

    def _resolved(self, node: ast.expr, depth: int = 0) -> Iterator[ast.expr]:
        """An expression, or what a variable of it was assigned."""
        known = self._assigned.get(node.id) if isinstance(node, ast.Name) else None
        if known and depth < 2:
            for value in known:
                yield from self._resolved(value, depth + 1)
        else:
            yield node

    def _text_of(self, node: ast.expr) -> str | None:
        """What a shell would read, or a command line as one; None when its beginning is unknown."""
        if isinstance(node, ast.Constant):
            return _decoded(node.value)
        if isinstance(node, ast.JoinedStr):
            parts = [self._text_of(value) for value in node.values]
            return "".join(part or "" for part in parts) if parts and parts[0] else None
        if isinstance(node, ast.FormattedValue):
            return None
        if isinstance(node, ast.BinOp):
            left, right = self._text_of(node.left), self._text_of(node.right)
            templated = isinstance(node.op, ast.Mod) and (left or "").lstrip().startswith("%")
            return f"{left}{right or ''}" if left and not templated else None
        if isinstance(node, (ast.List, ast.Tuple)):
            return self._line_of(node.elts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._made_of(node.func)
        return None

    def _made_of(self, function: ast.Attribute) -> str | None:
        """The text of which a method makes another."""
        if function.attr not in ("split", "format", "strip", "encode"):
            return None
        text = self._text_of(function.value)
        filled = function.attr == "format" and (text or "").startswith("{")
        return None if filled else text

    def _line_of(self, items: list[ast.expr]) -> str | None:
        texts: list[str] = []
        for number, item in enumerate(items):
            [way, *more] = list(self._resolved(item)) or [item]
            text = None if more else self._text_of(way)
            if text is None and number == 0 and not _is_interpreter(item):
                return None
            texts.append("python3" if _is_interpreter(item) else text or "unknown")
        return " ".join(_double_quoted(text) for text in texts)

    def _approve(self, node: ast.AST, own: set[str]) -> None:
        """Text that is printed, turned into JSON, or compared."""
        if isinstance(node, ast.Compare):
            good = all(isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for op in node.ops)
            self._good |= {id(n) for n in (node.left, *node.comparators)} if good else set()
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _TEXT_CALLS:
            name = ast.unparse(node.func).partition(".")[0]
            plain = all(k.arg in ("sep", "end", "flush", "indent") for k in node.keywords)
            if plain and name not in own:
                for argument in node.args:
                    self._good |= {id(n) for n in _strings(argument)}

    def _use(self, node: ast.AST) -> None:
        """One node: a value in a string, as a number, or where nothing can be."""
        if isinstance(node, ast.Constant):
            text = _decoded(node.value)
            values = self._values(text or "")
            texts = {v for v in values if self._report.values[v].is_text}
            if id(node) not in self._good:
                self._text(texts, node)
            return
        if isinstance(node, ast.Name) and self._mark.fullmatch(node.id):
            values = self._values(node.id)
            self._report.number(values, self._at(node), "as code of Python")
            self._text({v for v in values if self._report.values[v].is_text}, node)
            return
        for _, value in ast.iter_fields(node):
            texts = cast("list[object]", value) if isinstance(value, list) else [value]
            for text in texts:
                if isinstance(text, str):
                    reason = '"{}" is part of a longer name in a Python script'
                    self._refuse(Rule.UNREADABLE, self._values(text), node, reason)

    def _text(self, values: set[str], node: ast.AST) -> None:
        for value in sorted(values):
            if not self._report.values[value].vouched:
                reason = (
                    '"{}" may be any text, and what this Python script makes of it is not known'
                )
                self._report.add(Rule.TEXT, value, self._at(node), reason, _REMEDY)

    def _refuse(self, rule: Rule, values: set[str], node: ast.AST, reason: str) -> None:
        self._report.refuse(rule, values, self._at(node), reason)


def _first(call: ast.Call) -> ast.expr | None:
    named = (k.value for k in call.keywords if k.arg in ("args", "cmd", "command"))
    return call.args[0] if call.args else next(named, None)


def _is_module(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_interpreter(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "executable"


def _decoded(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _strings(node: ast.expr) -> Iterator[ast.expr]:
    """The constants of a string, an f-string, or what is put together of them."""
    if isinstance(node, ast.JoinedStr):
        yield from (v for v in node.values if isinstance(v, ast.Constant))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from (*_strings(node.left), *_strings(node.right))
    elif isinstance(node, (ast.Dict, ast.List, ast.Tuple)):
        items = node.values if isinstance(node, ast.Dict) else node.elts
        yield from (found for item in items for found in _strings(item))
    elif isinstance(node, ast.Constant):
        yield node


def _double_quoted(text: str) -> str:
    """The text as one word of a shell, with its placeholders left open."""
    escaped = re.sub(r'[\\"`]|\$(?!\{OPSMCP_)', lambda found: f"\\{found[0]}", text)
    return f'"{escaped}"'
