"""What the names of a Python script mean, and which parts of it may run a program or code.

A name that the script may give another meaning is not believed to be what it is called. Pure.
"""

import ast
import re
from collections import Counter, defaultdict
from functools import cached_property
from typing import TypeGuard

from opsmcp_pipelines.shell.programs import names

__all__ = ["RUNNING", "PythonNames", "arguments_of", "last_name"]

RUNNING = names(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput subprocess.run"
    " subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
)
_RUNS = re.compile(
    r"system|popen|Popen|run|call|check_call|check_output|exec(?!utable$)\w*|spawn\w*"
    r"|get(?:status)?output|startfile|(?:create_)?subprocess_\w+"
)
_RENAMING = names(
    "setattr delattr globals locals vars exec eval compile __import__ builtins __builtins__"
    " importlib modules redirect_stdout redirect_stderr dup2"
)
_HARMLESS = names("platform.system asyncio.run")
_PLAIN = names("__name__ __doc__ __file__ __version__ compile")
_MODULES = names(
    "argparse asyncio base64 bisect calendar certifi collections concurrent.futures contextlib copy"
    " csv dataclasses datetime queue threading"
    " dateutil dateutil.parser decimal difflib email email.utils enum errno fnmatch fractions"
    " functools glob grp gzip hashlib heapq hmac html http.client io ipaddress itertools json"
    " locale logging math operator os os.path pathlib platform psutil pwd pytz random re requests"
    " secrets shlex shutil signal socket ssl stat statistics string struct subprocess sys tempfile"
    " textwrap time traceback typing unicodedata urllib urllib.error urllib.parse urllib.request"
    " uuid warnings xml.etree.ElementTree yaml zlib zoneinfo"
)
"""Modules that read no code, and start no program but by what is looked at; of three, what may be
used is in the next lists."""

_MEMBERS = {
    "os": names(
        "F_OK O_RDONLY R_OK ST_RDONLY W_OK X_OK access chdir chmod chown close cpu_count devnull"
        " environ error fspath fstat fsync fwalk getcwd getenv getgid geteuid getloadavg getpid"
        " getppid getuid kill linesep link listdir lstat makedirs major minor mkdir name nice path"
        " pathsep read readlink remove removedirs rename replace rmdir scandir sep stat statvfs"
        " strerror symlink sysconf times truncate umask uname unlink utime walk system popen"
    ),
    "sys": names(
        "argv byteorder exc_info executable exit getsizeof maxsize platform stderr stdin stdout"
        " version version_info"
    ),
    "subprocess": names(
        "CalledProcessError CompletedProcess DEVNULL PIPE Popen STDOUT SubprocessError"
        " TimeoutExpired call check_call check_output getoutput getstatusoutput list2cmdline run"
    ),
}
_WRITING = names(
    "chmod copy2 copyfile copytree link mkstemp move NamedTemporaryFile open rename symlink"
    " symlink_to hardlink_to urlretrieve write_bytes write_text"
)


class PythonNames:
    """The nodes of a script and its names; `mark` is how a value looks in it."""

    def __init__(self, tree: ast.Module, mark: re.Pattern[str]) -> None:
        """Read the tree once."""
        self.nodes = list(ast.walk(tree))
        self.parents = {c: p for p in self.nodes for c in ast.iter_child_nodes(p)}
        self.bound: Counter[str] = Counter()
        """How often each name is given a meaning."""
        self.loads: dict[str, list[ast.Name]] = defaultdict(list)
        self._imports: dict[str, str] = {}
        self._binders: dict[str, list[ast.AST]] = defaultdict(list)
        self._inner: dict[tuple[str, ast.AST], list[ast.AST]] = defaultdict(list)
        self._shared: set[str] = set()
        self._mark = mark
        for node in self.nodes:
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self.loads[node.id].append(node)
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
            return
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            self._shared.update(node.names)
        for name in _bound_by(node):
            self.bound[name] += 1
            self._binders[name].append(node)
            self._inner[name, self.scope(self.parents[node])].append(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.bound[name] += 0 if self._imports.get(name) == name else 1
            self._imports[name] = f"{module}{alias.name}" if module or alias.asname else name

    def dotted(self, node: ast.AST) -> str:
        """The full name of what is named; empty where the script may mean something else."""
        if isinstance(node, ast.Attribute):
            outer = self.dotted(node.value)
            return f"{outer}.{node.attr}" if outer else ""
        if not isinstance(node, ast.Name):
            return ""
        if node.id in self._imports:
            return self._imports[node.id] if self.bound[node.id] == 1 else ""
        return "" if self.bound[node.id] else node.id

    def scope(self, node: ast.AST) -> ast.AST:
        """The function that a node is in, or the whole script."""
        while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            node = self.parents[node]
        return node

    def binders(self, name: ast.Name) -> list[ast.AST]:
        """All that gives a variable a meaning, in the function or the whole script."""
        inner = None if name.id in self._shared else self._inner.get((name.id, self.scope(name)))
        return inner or self._binders[name.id]

    def is_plain(self, function: ast.AST) -> TypeGuard[ast.FunctionDef]:
        """Whether a function is what its name says, wherever that stands."""
        return (
            isinstance(function, ast.FunctionDef)
            and not isinstance(self.parents[function], ast.ClassDef)
            and not function.decorator_list
            and self.bound[function.name] == 1
        )

    @cached_property
    def rebinds(self) -> bool:
        """Whether a name may mean something else than it says, which no list could follow."""
        return any(self._renames(node) or self._sets_of_module(node) for node in self.nodes)

    def _renames(self, node: ast.AST) -> bool:
        if isinstance(node, (ast.alias, ast.Name)):
            name = node.name if isinstance(node, ast.alias) else node.id
            return name == "*" or name in _RENAMING
        return isinstance(node, ast.Attribute) and _leads_to_names(node.attr)

    def _sets_of_module(self, node: ast.AST) -> bool:
        if not (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)):
            return False
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        return not isinstance(root, ast.Name) or root.id in self._imports or not self.bound[root.id]

    def may_start(self, node: ast.AST) -> bool:
        """Whether a node may run a program or code, or be a way to what does."""
        if self._renames(node):
            return True
        if isinstance(node, ast.Import):
            return any(alias.name not in _MODULES for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            known = _MEMBERS.get(node.module or "")
            members = (alias.name for alias in node.names)
            return node.module not in _MODULES or (
                known is not None and not known.issuperset(members)
            )
        if isinstance(node, ast.Name):
            return self._name_starts(node)
        if not isinstance(node, ast.Attribute):
            return False
        name = self.dotted(node)
        return self._starts(node, name) or (name not in _HARMLESS and _starts(node.attr))

    def _starts(self, node: ast.expr, name: str) -> bool:
        return name in RUNNING | {"os.chdir"} or (name == "os.environ" and self._sets(node))

    def _name_starts(self, node: ast.Name) -> bool:
        if not isinstance(node.ctx, ast.Load):
            return False
        name, parent = self.dotted(node), self.parents[node]
        known = _MEMBERS.get(name or self._imports.get(node.id, ""))
        member = parent.attr if isinstance(parent, ast.Attribute) else ""
        foreign = known is not None and (not name or member not in known)
        chooses = node.id == "getattr" and self._chooses(parent)
        return foreign or chooses or self._starts(node, name)

    def _chooses(self, call: ast.AST) -> bool:
        """Whether the member that `getattr` reads is not written down."""
        name = call.args[1] if isinstance(call, ast.Call) and len(call.args) > 1 else None
        text = name.value if isinstance(name, ast.Constant) else None
        return not isinstance(text, str) or self._mark.search(text) is not None or _starts(text)

    def _sets(self, environ: ast.expr) -> bool:
        """Whether the environment may be changed, but to a text of the author."""
        parent = self.parents[environ]
        if isinstance(parent, ast.Attribute):
            return parent.attr not in ("get", "copy", "items")
        if not isinstance(parent, ast.Subscript):
            return not isinstance(parent, (ast.Compare, ast.Call, ast.Dict, ast.keyword))
        store = self.parents[parent]
        value = store.value if isinstance(store, (ast.Assign, ast.AugAssign)) else None
        text = value.value if isinstance(value, ast.Constant) else None
        plain = isinstance(text, str) and self._mark.search(text) is None
        return not isinstance(parent.ctx, ast.Load) and not plain

    @cached_property
    def writes(self) -> bool:
        """Whether the script may write a file, or give one another name."""
        return any(isinstance(n, ast.Call) and self._is_writing(n) for n in self.nodes)

    def _is_writing(self, call: ast.Call) -> bool:
        name = last_name(call.func)
        if name not in _WRITING and not (
            name == "copy" and self.dotted(call.func) == "shutil.copy"
        ):
            return False
        modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
        reads = all(isinstance(m, ast.Constant) and m.value in ("r", "rb", "rt") for m in modes)
        return self.dotted(call.func) != "open" or not reads


def last_name(function: ast.expr) -> str:
    """The name behind the last dot; empty of what has none."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def arguments_of(call: ast.Call, function: ast.FunctionDef, name: str) -> ast.expr | None:
    """What a call gives for a parameter; None where that cannot be told."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    vararg = function.args.vararg
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if vararg is not None and vararg.arg == name:
        return ast.List([*call.args[len(parameters) :]], ast.Load())
    if name in parameters and parameters.index(name) < len(call.args):
        return call.args[parameters.index(name)]
    return next((k.value for k in call.keywords if k.arg == name), None)


def _bound_by(node: ast.AST) -> list[str]:
    """The names that a node gives a meaning, imports aside."""
    if isinstance(node, (ast.Attribute, ast.keyword, ast.alias)) or (
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ):
        return []
    bound = (getattr(node, field, None) for field in ("id", "name", "arg", "rest"))
    return [name for name in bound if isinstance(name, str)]


def _leads_to_names(member: str) -> bool:
    """Whether a member gives access to names by their text."""
    inner = member.startswith("__") and member.endswith("__")
    return (member in _RENAMING or inner) and member not in _PLAIN


def _starts(member: str) -> bool:
    """Whether a member of this name may run something, or lead to what does."""
    return (
        _leads_to_names(member)
        or member in ("os", "sys", "subprocess")
        or _RUNS.fullmatch(member) is not None
    )
