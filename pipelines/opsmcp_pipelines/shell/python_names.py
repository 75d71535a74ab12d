"""What the names of a Python script mean, as far as its text tells: bound, imported, able to run.

A name that the script may give another meaning is not believed to be what it is called. Pure.
"""

import ast
import re
from collections import Counter, defaultdict
from functools import cached_property

from opsmcp_pipelines.shell.programs import names

__all__ = ["PythonNames", "last_name"]

_RUNS = re.compile(
    r"system|popen|Popen|run|call|check_call|check_output|exec\w*|spawn\w*|get(?:status)?output"
    r"|startfile"
)
_RENAMING = names(
    "setattr delattr globals locals vars exec eval compile __import__ builtins __builtins__"
    " importlib modules redirect_stdout redirect_stderr dup2"
)
_RENAMING_MEMBERS = _RENAMING - {"compile"}
_PLAIN = names("__name__ __doc__ __file__ __version__")
_MODULES = names(
    "argparse base64 bisect calendar collections contextlib copy csv dataclasses datetime decimal"
    " difflib email email.utils enum errno fnmatch fractions functools glob gzip hashlib heapq"
    " hmac html http.client io ipaddress itertools json locale logging math operator os os.path"
    " pathlib platform random re requests secrets shutil signal socket ssl stat statistics string"
    " struct sys tempfile textwrap time typing unicodedata urllib urllib.error urllib.parse"
    " urllib.request uuid xml.etree.ElementTree zlib zoneinfo"
)
"""Modules that start no program and read no code; of two of them, what is in the next two lists."""

_OF_OS = names(
    "F_OK O_RDONLY R_OK ST_RDONLY W_OK X_OK access chmod chown close cpu_count devnull environ"
    " error fspath fstat fsync fwalk getcwd getenv getgid geteuid getloadavg getpid getppid getuid"
    " kill linesep link listdir lstat makedirs major minor mkdir name nice path pathsep read"
    " readlink remove removedirs rename replace rmdir scandir sep stat statvfs strerror symlink"
    " sysconf times truncate umask uname unlink utime walk"
)
_OF_SYS = names(
    "argv byteorder exc_info exit getsizeof maxsize platform stderr stdin stdout version"
    " version_info"
)


class PythonNames:
    """The nodes of a script and its names."""

    def __init__(self, tree: ast.Module, mark: re.Pattern[str]) -> None:
        """Read the tree once; `mark` is how a value looks in it."""
        self.nodes = list(ast.walk(tree))
        self.parents = {c: p for p in self.nodes for c in ast.iter_child_nodes(p)}
        self.bound: Counter[str] = Counter()
        """How often each name is given a meaning."""
        self.loads: dict[str, list[ast.Name]] = defaultdict(list)
        self.functions: dict[str, ast.FunctionDef] = {}
        self._imports: dict[str, str] = {}
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
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            self.functions[node.name] = node
        if not isinstance(node, (ast.Attribute, ast.keyword, ast.alias)):
            bound = (getattr(node, field, None) for field in ("id", "name", "arg", "rest"))
            self.bound.update(name for name in bound if isinstance(name, str))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.bound[name] += 0 if self._imports.get(name) == name else 1
            self._imports[name] = f"{module}{alias.name}" if module or alias.asname else name

    @cached_property
    def rebinds(self) -> bool:
        """Whether a name of the list may mean something else here."""
        return any(
            (isinstance(n, ast.alias) and (n.name == "*" or n.name in _RENAMING))
            or (isinstance(n, ast.Name) and n.id in _RENAMING)
            or (
                isinstance(n, ast.Attribute)
                and (_leads_to_names(n.attr) or self._sets_of_module(n))
            )
            for n in self.nodes
        )

    def _sets_of_module(self, attribute: ast.Attribute) -> bool:
        if not isinstance(attribute.ctx, ast.Store):
            return False
        root = _root(attribute)
        return not isinstance(root, ast.Name) or root.id in self._imports or not self.bound[root.id]

    @cached_property
    def runs_programs(self) -> bool:
        """Whether the script may run another program."""
        return any(
            isinstance(n, ast.Call) and _RUNS.fullmatch(last_name(n.func)) is not None
            for n in self.nodes
        )

    @cached_property
    def starts_nothing(self) -> bool:
        """Whether nothing in the script can run a program or code: then a name stays a name."""
        return not any(self._may_start(node) for node in self.nodes)

    def _may_start(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Import):
            return any(alias.name not in _MODULES or alias.asname for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            known = {"os": _OF_OS, "sys": _OF_SYS}.get(node.module or "")
            return node.module not in _MODULES or any(
                alias.name == "*" or (known is not None and alias.name not in known)
                for alias in node.names
            )
        if isinstance(node, ast.Name):
            outside = node.id in ("os", "sys") and not self._is_known(node)
            return outside or node.id in _RENAMING or (node.id == "getattr" and self._chooses(node))
        return isinstance(node, ast.Attribute) and _starts(node.attr)

    def _chooses(self, function: ast.Name) -> bool:
        """Whether the member that `getattr` reads is not written down."""
        call = self.parents[function]
        name = call.args[1] if isinstance(call, ast.Call) and len(call.args) > 1 else None
        text = name.value if isinstance(name, ast.Constant) else None
        return not isinstance(text, str) or self._mark.search(text) is not None or _starts(text)

    def _is_known(self, module: ast.Name) -> bool:
        attribute = self.parents[module]
        known = _OF_OS if module.id == "os" else _OF_SYS
        return isinstance(attribute, ast.Attribute) and attribute.attr in known

    def dotted(self, function: ast.expr) -> str:
        """What is called, by its full name; empty where the script may mean something else."""
        if isinstance(function, ast.Attribute):
            outer = self.dotted(function.value)
            return f"{outer}.{function.attr}" if outer else ""
        if not isinstance(function, ast.Name):
            return ""
        if function.id in self._imports:
            return self._imports[function.id] if self.bound[function.id] == 1 else ""
        return "" if self.bound[function.id] else function.id

    @cached_property
    def catches(self) -> bool:
        """Whether it looks at errors, which may hold what they were made of."""
        return any(isinstance(n, ast.ExceptHandler) and n.name for n in self.nodes)

    def is_module(self, function: ast.Attribute) -> bool:
        """Whether something is a member of a module."""
        root = _root(function)
        return isinstance(root, ast.Name) and root.id in self._imports


def last_name(function: ast.expr) -> str:
    """The name behind the last dot; empty of what has none."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _root(attribute: ast.Attribute) -> ast.expr:
    root: ast.expr = attribute
    while isinstance(root, ast.Attribute):
        root = root.value
    return root


def _leads_to_names(member: str) -> bool:
    """Whether a member gives access to names by their text."""
    return member in _RENAMING_MEMBERS or _is_inner(member)


def _is_inner(member: str) -> bool:
    return member.startswith("__") and member not in _PLAIN


def _starts(member: str) -> bool:
    """Whether a member of this name may run something, or lead to what does."""
    return (
        _leads_to_names(member)
        or member in ("os", "sys", "subprocess")
        or _RUNS.fullmatch(member) is not None
    )
