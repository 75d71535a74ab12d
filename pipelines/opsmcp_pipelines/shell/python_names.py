"""What a Python script's names mean, and which of its nodes may run a program or code.

Decided by lists of modules and of their members that do neither. A name that the script itself
gives a meaning is not believed to be what it is called. Pure.
"""

import ast
import re
from collections import defaultdict
from functools import cached_property

from opsmcp_pipelines.shell.programs import names

__all__ = ["RUNNING", "PythonNames", "last_name"]

RUNNING = names(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput subprocess.run"
    " subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
)
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
"""Modules that read no code, and start no program but by what `RUNNING` and `_RUNS` name."""

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
"""What may be used of modules that have more."""

_RUNS = re.compile(
    r"system|popen|Popen|run|call|check_call|check_output|exec(?!utable$)\w*|spawn\w*"
    r"|get(?:status)?output|startfile|(?:create_)?subprocess_\w+"
)
_RENAMING = names(
    "setattr delattr globals locals vars exec eval compile __import__ builtins __builtins__"
    " importlib modules redirect_stdout redirect_stderr dup2"
)
_WRITING = names(
    "chmod copy2 copyfile copytree link mkstemp move NamedTemporaryFile open rename symlink"
    " symlink_to hardlink_to urlretrieve write_bytes write_text"
)
_HARMLESS = names("platform.system asyncio.run")
_PLAIN = names("__name__ __doc__ __file__ __version__ compile")


class PythonNames:
    """The nodes of a script and its names; `mark` is how a value looks in it."""

    def __init__(self, tree: ast.Module, mark: re.Pattern[str]) -> None:
        """Read the tree once."""
        self.nodes = list(ast.walk(tree))
        self.parents = {c: p for p in self.nodes for c in ast.iter_child_nodes(p)}
        self.loads: dict[str, list[ast.Name]] = defaultdict(list)
        self.binders: dict[str, list[ast.AST]] = defaultdict(list)
        """All that gives a name a meaning, imports aside."""
        self._imports: dict[str, str] = {}
        self._mark = mark
        for node in self.nodes:
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self.loads[node.id].append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                full = f"{module}{alias.name}" if module or alias.asname else name
                self._imports[name] = full if self._imports.get(name, full) == full else ""
        elif not isinstance(node, (ast.Attribute, ast.keyword, ast.alias)):
            bound = (getattr(node, field, None) for field in ("id", "name", "arg", "rest"))
            for name in bound:
                if isinstance(name, str):
                    self.binders[name].append(node)

    def dotted(self, node: ast.AST) -> str:
        """The full name of what is named; empty where the script may mean something else."""
        if isinstance(node, ast.Attribute):
            outer = self.dotted(node.value)
            return f"{outer}.{node.attr}" if outer else ""
        if not isinstance(node, ast.Name) or self.binders[node.id]:
            return ""
        return self._imports.get(node.id, node.id)

    def may_start(self, node: ast.AST) -> bool:
        """Whether a node may run a program or code, or be a way to what does."""
        if isinstance(node, ast.Import):
            return any(alias.name not in _MODULES for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            members = _MEMBERS.get(node.module or "", frozenset(a.name for a in node.names))
            wanted = {alias.name for alias in node.names}
            return node.module not in _MODULES or "*" in wanted or not wanted <= members
        if isinstance(node, ast.Name):
            return isinstance(node.ctx, ast.Load) and self._name_starts(node)
        return isinstance(node, ast.Attribute) and self._attribute_starts(node)

    def _name_starts(self, node: ast.Name) -> bool:
        parent = self.parents[node]
        known = _MEMBERS.get(self._imports.get(node.id, ""))
        member = parent.attr if isinstance(parent, ast.Attribute) else ""
        if node.id in _RENAMING or (known is not None and member not in known):
            return True
        if node.id == "getattr":
            name = parent.args[1] if isinstance(parent, ast.Call) and parent.args[1:] else None
            text = name.value if isinstance(name, ast.Constant) else None
            return not isinstance(text, str) or bool(self._mark.search(text)) or _starts(text)
        return self.dotted(node) in RUNNING or (self.dotted(node) == "os.environ")

    def _attribute_starts(self, node: ast.Attribute) -> bool:
        name = self.dotted(node)
        if name == "os.environ":
            return self._is_changed(node)
        return name == "os.chdir" or (name not in _HARMLESS and _starts(node.attr))

    def _is_changed(self, environ: ast.Attribute) -> bool:
        """Whether the environment may be changed, but to a text of the author."""
        parent = self.parents[environ]
        if isinstance(parent, ast.Attribute):
            return parent.attr not in ("get", "copy", "items")
        if not isinstance(parent, ast.Subscript):
            return not isinstance(parent, (ast.Compare, ast.Call, ast.Dict, ast.keyword))
        store = self.parents[parent]
        value = store.value if isinstance(store, ast.Assign) else None
        text = value.value if isinstance(value, ast.Constant) else None
        plain = isinstance(text, str) and self._mark.search(text) is None
        return not isinstance(parent.ctx, ast.Load) and not plain

    @cached_property
    def writes(self) -> bool:
        """Whether the script may write a file, or give one another name."""
        return any(isinstance(node, ast.Call) and self._is_writing(node) for node in self.nodes)

    def _is_writing(self, call: ast.Call) -> bool:
        name = self.dotted(call.func)
        if name == "open":
            modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
            return not all(isinstance(m, ast.Constant) and m.value in ("r", "rb") for m in modes)
        return name == "shutil.copy" or last_name(call.func) in _WRITING

    @cached_property
    def rebinds(self) -> bool:
        """Whether `print` or `json` may be something else than what they are called."""
        return any(map(self._renames, self.nodes))

    def _renames(self, node: ast.AST) -> bool:
        if isinstance(node, ast.ClassDef):
            return True  # Its objects say themselves what comparing them does.
        if isinstance(node, (ast.alias, ast.Name)):
            return (node.name if isinstance(node, ast.alias) else node.id) in {"*", *_RENAMING}
        if not isinstance(node, ast.Attribute):
            return False
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        own = isinstance(root, ast.Name) and bool(self.binders[root.id])
        return _leads_to_names(node.attr) or (isinstance(node.ctx, ast.Store) and not own)


def last_name(function: ast.expr) -> str:
    """The name behind the last dot; empty of what has none."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _leads_to_names(member: str) -> bool:
    """Whether a member gives access to names by their text."""
    inner = member.startswith("__") and member.endswith("__")
    return (member in _RENAMING or inner) and member not in _PLAIN


def _starts(member: str) -> bool:
    """Whether a member of this name may run something, or lead to what does."""
    known = ("os", "sys", "subprocess")
    return _leads_to_names(member) or member in known or _RUNS.fullmatch(member) is not None
