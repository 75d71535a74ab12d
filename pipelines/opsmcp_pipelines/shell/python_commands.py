"""What a Python step runs, as the lines that a shell would read instead. Pure.

Told is what calls of `RUNNING` are given: texts and lists, what plain assignments give a variable,
what is put at the end of a list, and what the calls of a function give for its parameters. Whatever
else may be any text, as a word.
"""

import ast
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import TypeVar

from opsmcp_pipelines.shell.programs import CONTAINER_COMMANDS, names

__all__ = ["ANY", "RUNNING", "PythonCommands", "decoded"]

ANY = "${OPSMCP_T0}"
"""Stands in a command line for what only the run knows."""

_SHELLS = names("os.system os.popen subprocess.getoutput subprocess.getstatusoutput")
RUNNING = _SHELLS | names(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
)
_READERS = RUNNING | names("print len")
_LOGS = names("add_argument debug error exception info startswith warning")
_NUMBERS = names("int len round")
_MADE = (
    *(ast.List, ast.Tuple, ast.Starred, ast.JoinedStr, ast.FormattedValue, ast.BinOp),
    *(ast.IfExp, ast.keyword),
)
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_MOST_TEXTS = 64
T = TypeVar("T")
Known = TypeVar("Known", str, list[str])


class PythonCommands:
    """The names of a script, and the command lines that it runs."""

    def __init__(self, tree: ast.Module) -> None:
        """Read the tree once; references are placeholders of a shell in it."""
        self.nodes = list(ast.walk(tree))
        self.parents = {c: p for p in self.nodes for c in ast.iter_child_nodes(p)}
        self.binders: dict[str, list[ast.AST]] = defaultdict(list)
        """All that gives a name a meaning, imports aside."""
        self.imports: dict[str, str] = {}
        self._loads: dict[str, list[ast.Name]] = defaultdict(list)
        self._additions: dict[str, list[tuple[ast.Name, ast.expr]]] = defaultdict(list)
        """What statements put at the end of a list, in the order of the script."""
        self._busy: set[str] = set()
        self._told: set[str] = set()
        for node in self.nodes:
            self._note(node)
        for added in self._additions.values():
            added.sort(key=lambda one: _place(one[0]))

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and (added := self._added(node)) is not None:
            self._additions[node.id].append((node, added))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self._loads[node.id].append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                full = f"{module}{alias.name}" if module or alias.asname else name
                if self.imports.setdefault(name, full) != full:
                    self.binders[name].append(node)
        elif not isinstance(node, (ast.Attribute, ast.keyword, ast.alias)):
            for field in ("id", "name", "arg", "rest"):
                if isinstance(name := getattr(node, field, None), str):
                    self.binders[name].append(node)

    def _added(self, name: ast.Name) -> ast.expr | None:
        """The list that a statement puts at the end of that of a name; None where it is none."""
        above = self.parents[name]
        if isinstance(above, ast.AugAssign):
            grows = above.target is name and isinstance(above.op, ast.Add)
            return above.value if grows and _is_list(above.value) else None
        call = self.parents[above]
        if not (isinstance(above, ast.Attribute) and isinstance(call, ast.Call)):
            return None
        plain = isinstance(self.parents[call], ast.Expr) and len(call.args) == 1
        if not plain or call.func is not above or call.keywords:
            return None
        item = call.args[0]
        if above.attr == "append":
            return ast.List([item], ast.Load())
        return item if above.attr == "extend" and _is_list(item) else None

    def dotted(self, node: ast.AST) -> str:
        """The full name of what is named; empty where the script may mean something else."""
        if isinstance(node, ast.Attribute):
            outer = self.dotted(node.value)
            return f"{outer}.{node.attr}" if outer else ""
        if not isinstance(node, ast.Name) or self.binders[node.id]:
            return ""
        return self.imports.get(node.id, node.id)

    def lines(self, call: ast.Call) -> list[str] | None:
        """The command lines of a call that starts a program; None where they cannot be told."""
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        command = call.args[0] if call.args else given.get("args")
        changed = {None, "executable", "preexec_fn"} & given.keys() or len(call.args) > 1
        fixed = all(self.is_fixed(given[key]) for key in ("cwd", "env") if key in given)
        if command is None or changed or not fixed:
            return None
        shell = "shell" in given or self.dotted(call.func) in _SHELLS
        words = None if shell else self._words(command)
        lines = self._texts(command) if shell else [shlex.join(line) for line in words or ()]
        source = given.get("input", given.get("stdin"))
        if source is not None and not self.dotted(source).endswith("DEVNULL"):
            lines = [f'{{ {line}\n}} <<< "{ANY}"' for line in lines or ()]
        if not lines or (ANY in "".join(lines) and any(map(self._is_hidden, self.nodes))):
            return None
        return [f"sh -c {shlex.quote(line)}" for line in lines] if shell else lines

    def _is_hidden(self, node: ast.AST) -> bool:
        """Whether an option of the author may be what only the run knows."""
        text = decoded(node.value) if isinstance(node, ast.Constant) else None
        if text is None or not (text.startswith(("-", "+")) or text in CONTAINER_COMMANDS):
            return False
        return not self._is_told(node)

    def is_fixed(self, node: ast.AST) -> bool:
        """Whether the author wrote down all that an expression holds besides the environment."""
        inner = list(ast.walk(node))
        texts = [decoded(n.value) or "" for n in inner if isinstance(n, ast.Constant)]
        used = {n.id for n in inner if isinstance(n, ast.Name)} - {"os", "dict"}
        given = [value for name in used for value in self._given(name) or [None]]
        given += [value for name in used for _, value in self._additions[name]]
        return not any("${" in text for text in texts) and (
            all(map(self._name_is_told, used))
            and all(value is not None and self.is_fixed(value) for value in given)
        )

    # What expressions may be.

    def _words(self, node: ast.expr) -> list[list[str]] | None:
        """All lists of words that an expression may be; None of what is no such list."""
        if isinstance(node, (ast.List, ast.Tuple)):
            return _product([[[]], *map(self._item, node.elts)])
        if isinstance(node, ast.IfExp):
            return _either(self._words(node.body), self._words(node.orelse))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _product((self._words(node.left), self._words(node.right)))
        if isinstance(node, ast.Name) and self._name_is_told(node.id):
            return self._grown(node.id)
        texts = None if isinstance(node, ast.Name) else self._texts(node)
        return [[text] for text in texts] if texts else None

    def _grown(self, name: str) -> list[list[str]] | None:
        """All that a list may be while the script puts words at its end, or has not yet."""
        words, added = self._of_name(name, self._words), self._additions[name]
        if words is None or not added:
            return words
        if not self._only_grows(name):
            return None
        self._busy.add(name)
        ways = [words]
        for node, value in added:
            some = self._words(value) or [[ANY, ANY]]
            twice = [a + b for a in some for b in some] if self._loops(node) else []
            ways.append([[], *some, *twice])
        self._busy.discard(name)
        return _product(ways)

    def _only_grows(self, name: str) -> bool:
        """Whether a list has one beginning and one name, and one order of what is put to it."""
        nodes = [node for node, _ in self._additions[name]]
        begun = [binder for binder in self.binders[name] if binder not in nodes]
        fresh = all(isinstance(value, (ast.List, ast.BinOp)) for value in self._given(name))
        if len(begun) != 1 or not fresh:
            return False
        looped = [node for node in nodes if self._loops(node) - self._loops(begun[0])]
        there = all(
            self._scope(node) is self._scope(begun[0]) and _place(node) > _place(begun[0])
            for node in nodes
        )
        return there and not looped[1:] and all(map(self._only_read, self._loads[name]))

    def _only_read(self, load: ast.Name) -> bool:
        above = self.parents[load]
        read = isinstance(above, ast.Call) and self.dotted(above.func) in _READERS
        copied = isinstance(above, (ast.Starred, ast.BinOp))
        return read or copied or self._added(load) is not None

    def _above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node is in, up to its function."""
        while not isinstance(node, _SCOPES):
            node = self.parents[node]
            yield node

    def _scope(self, node: ast.AST) -> ast.AST:
        return next(above for above in self._above(node) if isinstance(above, _SCOPES))

    def _loops(self, node: ast.AST) -> set[ast.AST]:
        return {above for above in self._above(node) if isinstance(above, _LOOPS)}

    def _item(self, item: ast.expr) -> list[list[str]] | None:
        if isinstance(item, ast.Starred):
            return self._words(item.value) or [[ANY, ANY]]
        return [[text] for text in self._texts(item) or [ANY]]

    def _texts(self, node: ast.expr) -> list[str] | None:
        """All texts that an expression may be; None where nothing of it can be told."""
        if isinstance(node, ast.Constant):
            text = decoded(node.value)
            return None if text is None else [text]
        if isinstance(node, ast.JoinedStr):
            return _product(map(self._piece, node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _product((self._piece(node.left), self._piece(node.right)))
        if isinstance(node, ast.IfExp):
            return _either(self._texts(node.body), self._texts(node.orelse))
        if isinstance(node, ast.Name):
            return None if self._additions[node.id] else self._of_name(node.id, self._texts)
        if isinstance(node, ast.Call) and self.dotted(node.func) in _NUMBERS:
            return ["0"]
        return ["python3"] if self.dotted(node) == "sys.executable" else None

    def _piece(self, node: ast.expr) -> list[str]:
        return self._texts(node.value if isinstance(node, ast.FormattedValue) else node) or [ANY]

    def _of_name(self, name: str, read: Callable[[ast.expr], list[T] | None]) -> list[T] | None:
        """All that a variable may be, whoever gives it that."""
        given = self._given(name)
        if name in self._busy or not given:
            return None
        self._busy.add(name)
        found = [read(value) if isinstance(value, ast.expr) else None for value in given]
        self._busy.discard(name)
        return None if None in found else [item for items in found for item in items or ()]

    def _given(self, name: str) -> list[ast.expr | None]:
        """What gives a variable a value; None where that cannot be told."""
        return [value for binder in self.binders[name] for value in self._values(binder)]

    def _values(self, binder: ast.AST) -> Iterator[ast.expr | None]:
        store = self.parents.get(binder)
        if isinstance(binder, ast.arg):
            yield from self._arguments(binder)
        elif not (isinstance(binder, ast.Name) and self._added(binder) is not None):
            yield store.value if isinstance(store, ast.Assign) and not store.targets[1:] else None

    # Where expressions go.

    def _is_told(self, node: ast.AST) -> bool:
        """Whether what is made of an expression is only run as written, compared or printed."""
        above = self.parents[node]
        while isinstance(above, _MADE) or _is_joined(above):
            node, above = above, self.parents[above]
        if isinstance(node, ast.Name) and self._added(node) is not None:
            return self._only_grows(node.id)
        if (grown := self._grown_by(above)) is not None:
            return self._name_is_told(grown)
        if isinstance(above, ast.Assign):
            return all(isinstance(t, ast.Name) and self._name_is_told(t.id) for t in above.targets)
        if not isinstance(above, ast.Call):
            index = isinstance(above, ast.Subscript) and above.slice is node
            return index or isinstance(above, (ast.Compare, ast.Expr))
        own = self._function(above.func.id) if isinstance(above.func, ast.Name) else None
        if own is None:
            member = above.func.attr if isinstance(above.func, ast.Attribute) else ""
            logs = member in _LOGS and not self.binders[member]
            return logs or self.dotted(above.func) in _READERS
        return all(self._name_is_told(n.arg) for n in ast.walk(own.args) if isinstance(n, ast.arg))

    def _grown_by(self, node: ast.AST) -> str | None:
        """The name of the list that a statement or a call puts something to."""
        if isinstance(node, ast.AugAssign):
            name = node.target
        else:
            member = node.func if isinstance(node, ast.Call) else None
            name = member.value if isinstance(member, ast.Attribute) else None
        return name.id if isinstance(name, ast.Name) and self._added(name) is not None else None

    def _name_is_told(self, name: str) -> bool:
        if name in self._told:
            return True  # While it is looked at.
        self._told.add(name)
        told = all(map(self._is_told, self._loads[name]))
        self._told.discard(name)
        return told

    # What calls of functions give.

    def _function(self, name: str) -> ast.FunctionDef | None:
        """The function that a name means wherever it stands."""
        found = self.binders[name]
        function = found[0] if len(found) == 1 else None
        if not isinstance(function, ast.FunctionDef) or function.decorator_list:
            return None
        return None if isinstance(self.parents[function], ast.ClassDef) else function

    def _arguments(self, parameter: ast.arg) -> Iterator[ast.expr | None]:
        """What each call gives for a parameter; None where that cannot be told."""
        owner = self.parents[self.parents[parameter]]
        function = self._function(owner.name) if isinstance(owner, ast.FunctionDef) else None
        if function is not owner or function is None:
            yield None
            return
        for load in self._loads[function.name]:
            call = self.parents[load]
            if isinstance(call, ast.Call) and call.func is load:
                yield _argument(call, function.args, parameter)
            else:
                yield None


def _place(node: ast.AST) -> tuple[int, int]:
    """Where a node stands; of what has no place of its own the beginning."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _is_list(node: ast.expr) -> bool:
    """Whether an expression is written as a list: a text would be put there letter by letter."""
    if isinstance(node, ast.IfExp):
        return _is_list(node.body) and _is_list(node.orelse)
    return isinstance(node, (ast.List, ast.Tuple))


def _is_joined(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr == "join"


def _argument(call: ast.Call, known: ast.arguments, wanted: ast.arg) -> ast.expr | None:
    parameters = [*known.posonlyargs, *known.args]
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if wanted is known.vararg:
        return ast.List(call.args[len(parameters) :], ast.Load())
    if wanted in parameters[: len(call.args)]:
        return call.args[parameters.index(wanted)]
    return next((k.value for k in call.keywords if k.arg == wanted.arg), None)


def _product(pieces: Iterable[list[Known] | None]) -> list[Known] | None:
    """All that the pieces may be together."""
    chosen: list[Known] | None = None
    for found in pieces:
        if found is None:
            return None
        chosen = found if chosen is None else [a + b for a, b in product(chosen, found)]
        if len(chosen) > _MOST_TEXTS:
            return None
    return chosen


def _either(first: list[T] | None, second: list[T] | None) -> list[T] | None:
    return None if first is None or second is None else first + second


def decoded(value: object) -> str | None:
    """The text of a constant; None where it is none."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None
