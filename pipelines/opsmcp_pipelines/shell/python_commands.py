"""What a Python script runs, as the lines that a shell would read instead. Pure.

Known are calls of a list whose command can be told from the script: texts, lists, and what they
are put together of. What only the run knows may be any value.
"""

import ast
import re
from collections.abc import Sequence
from typing import TypeGuard

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.python_names import RUNNING, PythonNames, arguments_of, last_name

__all__ = ["ANYWHERE", "PythonCommands", "decoded"]

ANYWHERE = "OPSMCP_T0"
"""The placeholder of what is not known in a text that a shell reads."""

_ANY = f"${{{ANYWHERE}}}"
_SHELLS = names("os.system os.popen subprocess.getoutput subprocess.getstatusoutput")
_MOST_CALLS = 200
_CHANGING = names("executable preexec_fn")
_READS = (ast.BinOp, ast.FormattedValue, ast.List, ast.Starred)


class PythonCommands:
    """The command lines of a script; `marks` are the placeholders of values, in order."""

    def __init__(self, known: PythonNames, mark: re.Pattern[str], marks: Sequence[str]) -> None:
        """Look at a script whose names are known."""
        self._names, self._mark, self._marks = known, mark, marks
        self._given: dict[ast.arg, list[str] | None] = {}
        self._held: dict[ast.AST, str | None] = {}
        self._kept: dict[tuple[str, bool], bool] = {}

    def started(self, node: ast.AST) -> list[str] | None:
        """The command lines of what may start a program; None where they cannot be told."""
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

    def _command_lines(self, call: ast.Call) -> list[str] | None:
        """What a shell would read instead; None where that cannot be told."""
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        command = call.args[0] if call.args else given.get("args")
        changed = None in given or given.keys() & _CHANGING or len(call.args) > 1
        fixed = [given[key] for key in ("cwd", "env") if key in given]
        if command is None or changed or not all(map(self._is_fixed, fixed)):
            return None
        texts = self._texts(command)
        if texts is None:
            return None
        if "shell" in given and isinstance(command, ast.List):
            return None
        source = given.get("input", given.get("stdin"))
        fed = source is not None and not self._names.dotted(source).endswith("DEVNULL")
        return [f'{text} <<< "{_ANY}"' if fed else text for text in texts]

    def _is_fixed(self, node: ast.expr, depth: int = 0) -> bool:
        """Whether the author wrote down all that an expression holds besides the environment."""
        inner = list(ast.walk(node))
        texts = [decoded(n.value) or "" for n in inner if isinstance(n, ast.Constant)]
        used = [n for n in inner if isinstance(n, ast.Name)]
        stores = [self._stores(n) for n in used if self._names.dotted(n) not in ("os", "dict")]
        return not any(map(self._mark.search, texts)) and all(
            depth < 3 and len(known) == 1 and self._is_fixed(known[0].value, depth + 1)
            for known in stores
        )

    def _texts(self, node: ast.expr, depth: int = 0) -> list[str] | None:
        """The command lines that an expression may be: of each call, where it is a parameter."""
        binders = self._names.binders(node) if isinstance(node, ast.Name) else []
        if len(binders) == 1 and isinstance(binders[0], ast.arg):
            parameter = binders[0]
            if parameter not in self._given:
                self._given[parameter] = None if depth > 3 else self._calls_of(parameter, depth)
            return self._given[parameter]
        text = self._template(node)
        return None if text is None else [text]

    def _calls_of(self, parameter: ast.arg, depth: int) -> list[str] | None:
        owner = self._names.scope(parameter)
        if not self._names.is_plain(owner):
            return None
        found: list[str] = []
        keeps = self._keeps(parameter.arg)
        for load in self._names.loads[owner.name]:
            call = self._names.parents[load]
            given = arguments_of(call, owner, parameter.arg) if _calls(call, load) else None
            if given is None or not (_is_text(given) or keeps):
                return None
            texts = self._texts(given, depth + 1)
            if texts is None or len(found) > _MOST_CALLS:
                return None
            found += texts
        return found

    def _template(self, node: ast.expr, depth: int = 0) -> str | None:
        """What a shell would read, with placeholders for what only the run knows."""
        if isinstance(node, ast.Constant):
            text = decoded(node.value)
            return None if text is None else self._placed(text)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._template(v, depth) or _ANY for v in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return "".join(self._template(s, depth) or _ANY for s in (node.left, node.right))
        if isinstance(node, (ast.List, ast.Tuple)) and depth < 3:
            words = (self._template(item, 3) or _ANY for item in node.elts)
            return "".join(f"{_double_quoted(word)} " for word in words)
        if isinstance(node, ast.Name) and depth < 3:
            first = self._names.binders(node)[:1]
            if first and first[0] not in self._held:
                self._held[first[0]] = self._assigned(node, depth)
            return self._held[first[0]] if first else None
        if isinstance(node, ast.Attribute) and self._names.dotted(node) == "sys.executable":
            return "python3"
        if isinstance(node, ast.Call) and self._names.dotted(node.func) == "shlex.split":
            return self._template(node.args[0], depth) if node.args else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            bare = node.func.attr in ("split", "strip", "encode") and not node.args
            return self._template(node.func.value, depth) if bare else None
        return None

    def _stores(self, name: ast.Name) -> list[ast.Assign | ast.AugAssign]:
        """All assignments to a variable; none where it gets a value in another way, too."""
        found: list[ast.Assign | ast.AugAssign] = []
        for binder in self._names.binders(name):
            store = self._names.parents.get(binder)
            targets = store.targets if isinstance(store, ast.Assign) else [binder]
            if not isinstance(store, (ast.Assign, ast.AugAssign)) or targets != [binder]:
                return []
            found.append(store)
        return found

    def _assigned(self, name: ast.Name, depth: int) -> str | None:
        """The one text or list that a variable is, with what a list is given later."""
        stores = self._stores(name)
        if not stores:
            return None
        first, *later = stores
        text = self._template(first.value, depth + 1) if _all_grow(later) else None
        if text is None or _is_text(first.value):
            return text if text is None else text + _ANY * len(later)
        uses = [self._names.parents[load] for load in self._names.loads[name.id]]
        added = len(later) + sum(map(self._adds, uses))
        return text + f'"{_ANY}" ' * added if self._keeps(name.id, added=True) else None

    def _keeps(self, name: str, *, added: bool = False) -> bool:
        """Whether nothing in a list is changed, but for what may be added at its end."""
        if (name, added) not in self._kept:
            uses = [self._names.parents[load] for load in self._names.loads[name]]
            kept = all(self._reads(use) or (added and self._adds(use)) for use in uses)
            self._kept[name, added] = kept
        return self._kept[name, added]

    def _reads(self, use: ast.AST) -> bool:
        if isinstance(use, ast.Call):
            known = self._names.dotted(use.func) in RUNNING | {"print", "len"}
            return known or last_name(use.func) == "join"
        return isinstance(use, _READS)

    def _adds(self, use: ast.AST) -> bool:
        known = isinstance(use, ast.Attribute) and use.attr in ("append", "extend")
        return known and _calls(self._names.parents[use], use)

    def _placed(self, text: str) -> str:
        return self._mark.sub(lambda found: f"${{{self._marks[int(found[1])]}}}", text)


def _calls(call: ast.AST | None, function: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(call, ast.Call) and call.func is function


def _all_grow(stores: Sequence[ast.Assign | ast.AugAssign]) -> bool:
    return all(isinstance(s, ast.AugAssign) and isinstance(s.op, ast.Add) for s in stores)


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
