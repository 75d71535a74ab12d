"""What a Python script runs, as the lines that a shell would read instead. Pure.

Known are calls of `RUNNING` whose command line can be told: texts and lists, what is assigned to a
variable anywhere in the script, and what the calls of a function give for its parameters. What is
not known has no place in a text that a shell reads; as a word of a list it may be any value.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import TypeGuard

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.python_names import RUNNING, PythonNames, last_name

__all__ = ["ANYWHERE", "PythonCommands", "decoded"]

ANYWHERE = "OPSMCP_T0"
"""The placeholder of what is not known in a command line."""

_ANY = f'"${{{ANYWHERE}}}" '
_SHELLS = names("os.system os.popen subprocess.getoutput subprocess.getstatusoutput")
_READERS = RUNNING | {"print", "len"}
_MOST_TEXTS = 64

Texts = list[str] | None
"""All that an expression may be, as a shell would read it; None where that cannot be told."""


class PythonCommands:
    """The command lines of a script; `marks` are the placeholders of values, in order."""

    def __init__(self, known: PythonNames, mark: re.Pattern[str], marks: Sequence[str]) -> None:
        """Look at a script whose names are known."""
        self._names, self._mark, self._marks = known, mark, marks
        self._held: dict[str, Texts] = {}
        self._only_read: dict[str, bool] = {}

    def started(self, node: ast.AST) -> Texts:
        """The command lines of what may start a program."""
        call, name = self._names.parents.get(node), self._names.dotted(node)
        if not _calls(call, node):
            return None
        if name == "os.chdir":
            return [] if all(map(self._is_fixed, call.args)) else None
        return self._command_lines(call) if name in RUNNING else None

    def by_shell(self, node: ast.AST) -> bool:
        """Whether a shell reads the command line of what starts a program."""
        call = self._names.parents.get(node)
        given = call.keywords if isinstance(call, ast.Call) else []
        return self._names.dotted(node) in _SHELLS or any(k.arg == "shell" for k in given)

    def _command_lines(self, call: ast.Call) -> Texts:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        command = call.args[0] if call.args else given.get("args")
        fixed = [given[key] for key in ("cwd", "env") if key in given]
        changed = {None, "executable", "preexec_fn"} & given.keys() or len(call.args) > 1
        if command is None or changed or not all(map(self._is_fixed, fixed)):
            return None
        texts = self._texts(command)
        if texts is None or ("shell" in given and isinstance(command, (ast.List, ast.Tuple))):
            return None
        source = given.get("input", given.get("stdin"))
        fed = source is not None and not self._names.dotted(source).endswith("DEVNULL")
        return [f"{text} <<< {_ANY}" if fed else text for text in texts]

    def _is_fixed(self, node: ast.expr, depth: int = 0) -> bool:
        """Whether the author wrote down all that an expression holds besides the environment."""
        inner = list(ast.walk(node))
        texts = [decoded(n.value) or "" for n in inner if isinstance(n, ast.Constant)]
        used = {n.id for n in inner if isinstance(n, ast.Name)} - {"os", "dict"}
        given = [
            value for name in used for b in self._names.binders[name] for value in self._values(b)
        ]
        return not any(map(self._mark.search, texts)) and (
            all(self._names.binders[name] and self._is_only_read(name) for name in used)
            and all(v is not None and depth < 3 and self._is_fixed(v, depth + 1) for v in given)
        )

    # What expressions may be.

    def _texts(self, node: ast.expr) -> Texts:
        if isinstance(node, ast.Constant):
            text = decoded(node.value)
            return None if text is None else [self._placed(text)]
        if isinstance(node, ast.JoinedStr):
            return _joined(self._texts(value) for value in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._piece(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _joined((self._piece(node.left), self._piece(node.right)))
        if isinstance(node, (ast.List, ast.Tuple)):
            return _joined(map(self._words, node.elts))
        if isinstance(node, ast.Name):
            return self._of_name(node.id)
        if self._names.dotted(node) == "sys.executable":
            return ["python3"]
        return self._of_call(node) if isinstance(node, ast.Call) else None

    def _of_call(self, call: ast.Call) -> Texts:
        function = call.func
        if self._names.dotted(function) == "shlex.split" and call.args:
            return self._texts(call.args[0])
        if not isinstance(function, ast.Attribute) or call.args:
            return None
        same = function.attr in ("split", "strip", "encode")
        return self._texts(function.value) if same else None

    def _piece(self, node: ast.expr) -> Texts:
        """A part of a text: what is no text of the script is a word that only the run knows."""
        known, name = self._texts(node), node.id if isinstance(node, ast.Name) else ""
        stores = [self._names.parents.get(binder) for binder in self._names.binders[name]]
        put_together = any(isinstance(store, (ast.Assign, ast.AugAssign)) for store in stores)
        if known is None and isinstance(node, (ast.Name, ast.Attribute)) and not put_together:
            return [f"${{{ANYWHERE}}}"]
        return known

    def _words(self, item: ast.expr) -> Texts:
        """An item of a list as a word, or those of a list in it as several."""
        if isinstance(item, ast.Starred):
            return self._texts(item.value) or [_ANY * 3]
        return [f"{_double_quoted(t)} " for t in self._texts(item) or [f"${{{ANYWHERE}}}"]]

    def _of_name(self, name: str) -> Texts:
        """All that a variable may be, whoever gives it that."""
        if name not in self._held:
            self._held[name] = None  # While it is looked at: what goes round is not known.
            self._held[name] = self._given(name)
        return self._held[name]

    def _given(self, name: str) -> Texts:
        stores = {binder: self._names.parents.get(binder) for binder in self._names.binders[name]}
        added = [s.value for s in stores.values() if isinstance(s, ast.AugAssign)]
        first = [b for b, store in stores.items() if not isinstance(store, ast.AugAssign)]
        values = [value for binder in first for value in self._values(binder)]
        if not all(value is not None and _is_text(value) for value in values) or added:
            added = self._added(name, added)
        texts = [self._texts(value) if value is not None else None for value in values]
        if added is None or None in texts:
            return None
        # Each of what is added may be, or not.
        more = [[*(self._words(ast.Starred(value)) or ()), ""] for value in added]
        return _joined([[text for given in texts for text in given or ()], *more])

    def _added(self, name: str, added: list[ast.expr]) -> list[ast.expr] | None:
        """What is added to the end of a list; None where it is changed otherwise."""
        if not all(isinstance(value, (ast.List, ast.Tuple)) for value in added):
            return None
        for load in self._names.loads[name]:
            use = self._names.parents[load]
            call = self._names.parents[use]
            if isinstance(use, ast.Attribute) and use.attr == "append" and _calls(call, use):
                added = [*added, ast.List(call.args, ast.Load())]
            elif not self._reads(use):
                return None
        return added

    def _values(self, binder: ast.AST) -> list[ast.expr | None]:
        """What gives a variable a value; None where that cannot be told."""
        store = self._names.parents.get(binder)
        if isinstance(store, ast.Assign) and store.targets == [binder]:
            return [store.value]
        return self._arguments(binder) if isinstance(binder, ast.arg) else [None]

    def _is_only_read(self, name: str) -> bool:
        """Whether nothing changes a list."""
        if name not in self._only_read:
            self._only_read[name] = True  # While it is looked at.
            uses = [self._names.parents[load] for load in self._names.loads[name]]
            self._only_read[name] = all(map(self._reads, uses))
        return self._only_read[name]

    def _reads(self, use: ast.AST) -> bool:
        call = self._names.parents[use] if isinstance(use, ast.keyword) else use
        if not isinstance(call, ast.Call):
            return isinstance(use, (ast.BinOp, ast.FormattedValue, ast.Starred))
        own = self._function(call.func.id) if isinstance(call.func, ast.Name) else None
        if own is not None:
            parameters = (node for node in ast.walk(own.args) if isinstance(node, ast.arg))
            return all(self._is_only_read(parameter.arg) for parameter in parameters)
        return self._names.dotted(call.func) in _READERS or last_name(call.func) == "join"

    # What calls of functions give.

    def _function(self, name: str) -> ast.FunctionDef | None:
        """The function that a name means wherever it stands."""
        found = self._names.binders[name]
        function = found[0] if len(found) == 1 else None
        if not isinstance(function, ast.FunctionDef) or function.decorator_list:
            return None
        return None if isinstance(self._names.parents[function], ast.ClassDef) else function

    def _arguments(self, parameter: ast.arg) -> list[ast.expr | None]:
        """What each call gives for a parameter; None where that cannot be told."""
        owner = self._names.parents[self._names.parents[parameter]]
        function = self._function(owner.name) if isinstance(owner, ast.FunctionDef) else None
        if function is not owner or function is None:
            return [None]
        calls = [(self._names.parents[load], load) for load in self._names.loads[function.name]]
        return [
            _argument(call, function, parameter.arg) if _calls(call, load) else None
            for call, load in calls
        ]

    def _placed(self, text: str) -> str:
        return self._mark.sub(lambda found: f"${{{self._marks[int(found[1])]}}}", text)


def _calls(call: ast.AST | None, function: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(call, ast.Call) and call.func is function


def _argument(call: ast.Call, function: ast.FunctionDef, name: str) -> ast.expr | None:
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if function.args.vararg is not None and function.args.vararg.arg == name:
        return ast.List([*call.args[len(parameters) :]], ast.Load())
    if name in parameters[: len(call.args)]:
        return call.args[parameters.index(name)]
    return next((k.value for k in call.keywords if k.arg == name), None)


def _joined(pieces: Iterable[Texts]) -> Texts:
    """All that the pieces may be together."""
    total, choices = 1, list[list[str]]()
    for texts in pieces:
        total *= len(texts or ())
        if texts is None or total > _MOST_TEXTS:
            return None
        choices.append(texts)
    return ["".join(chosen) for chosen in product(*choices)]


def _is_text(node: ast.expr) -> bool:
    """Whether a value is a text, which nobody can change later as a list."""
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and decoded(node.value) is not None
    )


def _double_quoted(text: str) -> str:
    """The text as one word of a shell, with its placeholders left open."""
    escaped = re.sub(r'[\\"`]|\$(?!\{OPSMCP_)', lambda found: f"\\{found[0]}", text)
    return f'"{escaped}"'


def decoded(value: object) -> str | None:
    """The text of a constant; None where it is none."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None
