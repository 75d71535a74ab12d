"""Where values may stand in a Python step: text where it is printed, others wherever they like.

Inert values do no harm but in what is run. So a script that holds one imports modules of a list,
and starts programs by calls whose command lines can be told, which are then checked like those of a
shell. The references are identifiers that occur nowhere else (`mark_references`), so that the
standard parser reads the script as it will be run. Pure.
"""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from typing import TypeGuard, cast

from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.python_commands import ANY, RUNNING, PythonCommands, decoded
from opsmcp_pipelines.shell.references import find_references
from opsmcp_pipelines.shell.report import MOST_BYTES, Report, over
from opsmcp_pipelines.shell.values import Rule, Value

__all__ = ["ShellText", "check_python", "mark_references", "unused_mark"]

ShellText = Callable[[str, dict[str, frozenset[str]], int, bool], None]
"""Checks a text that a shell reads: the text, what its placeholders carry, its line, and whether
files may hold any of that."""

_VALUE = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_UNKNOWN = "OPSMCP_U0"
_MODULES = names(
    "argparse asyncio base64 bisect calendar certifi collections concurrent.futures contextlib copy"
    " csv dataclasses datetime dateutil dateutil.parser decimal difflib email email.utils enum"
    " errno fnmatch fractions functools glob grp gzip hashlib heapq hmac html http.client io"
    " ipaddress itertools json locale logging math operator os os.path pathlib platform psutil pwd"
    " pytz queue random re requests secrets shlex shutil signal socket ssl stat statistics string"
    " struct subprocess sys tempfile textwrap threading time traceback typing unicodedata urllib"
    " urllib.error urllib.parse urllib.request uuid warnings xml.etree.ElementTree yaml zlib"
    " zoneinfo"
)
"""Modules that read no code, and start no program but by members that are known."""

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
        " TimeoutExpired call check_call check_output getoutput getstatusoutput run"
    ),
    "yaml": names("YAMLError dump dump_all safe_dump safe_dump_all safe_load safe_load_all"),
}
"""What may be used of modules that have more."""

_CODE = names(
    "setattr delattr globals locals vars exec eval compile __import__ breakpoint help"
    " builtins importlib modules redirect_stdout redirect_stderr dup2 f_globals f_locals f_builtins"
    " get_type_hints os sys subprocess methodcaller attrgetter"
)
_STARTS = re.compile(
    r"system|popen|Popen|exec|exec[lv]\w*|spawn\w*|get(?:status)?output|startfile"
    r"|(?:create_)?subprocess_\w+"
)
_WRITING = names(
    "chmod copy copy2 copyfile copytree link mkstemp move NamedTemporaryFile open rename symlink"
    " symlink_to hardlink_to urlretrieve write_bytes write_text"
)
_PLAIN = names("__name__ __doc__ __file__ __version__ platform.system re.compile")
_QUIET = names("sep end flush indent sort_keys ensure_ascii")
_OUTPUTS = names("sys.stdout sys.stderr")
_PRINTED = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.Call)
_REMEDY = "Print it whole, or answer for it: opsmcp/text.STEP: {name}"
_AS_RUN = (
    'what is run here cannot be told, and it may be "{}"',
    "Write its words out in one list where it is run: subprocess.run(['ls', '-l', ...])",
)
_AS_MODULE = (
    'what this module does with "{}" is not known',
    "Hand the value to a program: subprocess.run(['/opt/tools/NAME', ...])",
)


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
    for node in ast.walk(tree):
        _place(node, lambda text: pattern.sub(lambda m: f"${{{known[int(m[1])]}}}", text))
    _Check(PythonCommands(tree), marks, report, line, shell).run()


def _place(node: ast.AST, placed: Callable[[str], str]) -> None:
    """Put the placeholders of values back, as what nothing else in a script looks like."""
    for name, field in ast.iter_fields(node):
        if isinstance(node, ast.Constant) and name == "value":
            text = decoded(field)
            node.value = field if text is None else placed(text)
        elif isinstance(field, str):
            setattr(node, name, placed(field))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [placed(text) for text in node.names]


class _Check:
    def __init__(
        self,
        script: PythonCommands,
        marks: Mapping[str, frozenset[str]],
        report: Report,
        line: int,
        shell: ShellText,
    ) -> None:
        self._script, self._marks, self._report = script, marks, report
        self._line, self._shell = line, shell
        self._texts: set[str] = set()

    def run(self) -> None:
        harmful: set[str] = set()
        for node in self._script.nodes:
            if isinstance(node, ast.Constant):
                harmful |= self._string(node)
            elif isinstance(node, ast.Name) and _VALUE.fullmatch(node.id):
                self._bare(node)
            else:
                self._misplaced(node)
        if harmful or self._texts:
            self._look_at_commands(harmful)

    # Values.

    def _values(self, text: str) -> set[str]:
        return set[str]().union(*(self._marks[name] for name in _VALUE.findall(text)))

    def _at(self, node: ast.AST) -> int:
        return self._line + _line_of(node) - 1

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
        self._texts |= values
        reason = '"{}" may be any text, and what this Python script makes of it is not known'
        for value in values if values and not self._is_printed(node) else ():
            self._report.add(Rule.TEXT, value, self._at(node), reason, _REMEDY)

    def _is_printed(self, node: ast.AST) -> bool:
        """Whether a text is printed, with other strings or as JSON, or compared."""
        if any(isinstance(n, ast.ClassDef) for n in self._script.nodes):
            return False  # Its objects say themselves what comparing them does.
        below, parent = node, self._script.parents[node]
        while isinstance(parent, _PRINTED):
            if isinstance(parent, ast.Call):
                name = self._script.dotted(parent.func)
                quiet = all(map(self._is_output, parent.keywords))
                if name not in ("print", "json.dumps") or not quiet or below not in parent.args:
                    return False
                if name == "print":
                    return True
            elif isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.Add):
                return False
            below, parent = parent, self._script.parents[parent]
        equals = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
        return isinstance(parent, ast.Compare) and all(isinstance(o, equals) for o in parent.ops)

    def _is_output(self, keyword: ast.keyword) -> bool:
        """Whether something is still printed to an output of the step."""
        if keyword.arg == "file":
            return self._script.dotted(keyword.value) in _OUTPUTS
        return keyword.arg in _QUIET

    def _misplaced(self, node: ast.AST) -> None:
        """A value within a longer name."""
        for _, field in ast.iter_fields(node):
            for text in cast("list[object]", field) if isinstance(field, list) else [field]:
                values = self._values(text) if isinstance(text, str) else ()
                reason = '"{}" is part of a longer name in a Python script'
                for value in values:
                    self._report.add(Rule.UNREADABLE, value, self._at(node), reason)

    # What is run.

    def _look_at_commands(self, harmful: set[str]) -> None:
        known = self._report.values
        anything = Value(VariableKind(Kind.TEXT), vouched=True)
        self._report.values = {**known, _UNKNOWN: anything}
        carried = {**self._marks, ANY[2:-1]: frozenset({*harmful, _UNKNOWN})}
        script = ""
        for node in sorted(filter(self._may_start, self._script.nodes), key=_line_of):
            lines = self._lines(node)
            if lines is None:
                told = _AS_MODULE if isinstance(node, (ast.Import, ast.ImportFrom)) else _AS_RUN
                self._report.refuse(Rule.COMMAND, harmful | self._texts, self._at(node), *told)
            for text in lines or ():
                script += "\n" * (_line_of(node) - 1 - script.count("\n")) + text + "\n"
                over(len(script), MOST_BYTES, "bytes")
        if script:
            self._shell(script, carried, self._line, any(map(self._is_writing, self._script.nodes)))
        self._report.values = known

    def _lines(self, node: ast.AST) -> list[str] | None:
        """The command lines of what may start a program."""
        call, name = self._script.parents.get(node), self._script.dotted(node)
        if not isinstance(call, ast.Call) or call.func is not node:
            return None
        if name == "os.chdir":
            return [] if all(map(self._script.is_fixed, call.args)) else None
        return self._script.lines(call) if name in RUNNING else None

    def _may_start(self, node: ast.AST) -> bool:
        """Whether a node may run a program or code, or be a way to what does."""
        if isinstance(node, ast.Import):
            return not {alias.name for alias in node.names} <= _MODULES or self._is_renamed(node)
        if isinstance(node, ast.ImportFrom):
            wanted = {alias.name for alias in node.names}
            members = _MEMBERS.get(node.module or "", wanted - _CODE - {"*"})
            known = node.module in _MODULES and wanted <= members
            return not known or self._is_renamed(node)
        if isinstance(node, ast.Name):
            return isinstance(node.ctx, ast.Load) and self._name_starts(node)
        return isinstance(node, ast.Attribute) and self._attribute_starts(node)

    def _is_renamed(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether a name that leads to what is run may mean something else, too."""
        bound = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        return any(self._script.binders[name] for name in bound)

    def _name_starts(self, node: ast.Name) -> bool:
        parent, name = self._script.parents[node], self._script.dotted(node)
        member = parent.attr if isinstance(parent, ast.Attribute) else ""
        known = _MEMBERS.get(name) if node.id in self._script.imports else None
        if known is not None and member not in known:
            return True
        if name == "getattr":
            asked = parent.args[1] if _calls(parent, node) and parent.args[1:] else None
            text = asked.value if isinstance(asked, ast.Constant) else None
            return not isinstance(text, str) or "${" in text or _leads(text)
        inner = node.id.startswith("__") and node.id not in _PLAIN
        return inner or (known is None and node.id in _CODE) or name in RUNNING | {"os.environ"}

    def _attribute_starts(self, node: ast.Attribute) -> bool:
        name = self._script.dotted(node)
        if name == "os.environ":
            return self._is_changed(node)
        leads = _leads(node.attr)
        changes = isinstance(node.ctx, ast.Store) and name != ""
        return name == "os.chdir" or name in RUNNING or changes or (leads and name not in _PLAIN)

    def _is_changed(self, environ: ast.Attribute) -> bool:
        """Whether the environment may be changed, but to a text of the author."""
        parent = self._script.parents[environ]
        if isinstance(parent, ast.Attribute):
            return parent.attr not in ("get", "copy", "items")
        if not isinstance(parent, ast.Subscript):
            return not isinstance(parent, (ast.Compare, ast.Call, ast.Dict, ast.keyword))
        store = self._script.parents[parent]
        plain = isinstance(store, ast.Assign) and isinstance(store.value, ast.Constant)
        return not isinstance(parent.ctx, ast.Load) and not (plain and self._script.is_fixed(store))

    def _is_writing(self, node: ast.AST) -> bool:
        """Whether a call may write a file, or give one another name."""
        if not isinstance(node, ast.Call):
            return False
        if self._script.dotted(node.func) == "open":
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            return not all(isinstance(m, ast.Constant) and m.value in ("r", "rb") for m in modes)
        return getattr(node.func, "attr", getattr(node.func, "id", "")) in _WRITING


def _calls(call: ast.AST, function: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(call, ast.Call) and call.func is function


def _leads(member: str) -> bool:
    """Whether a member of this name may run something, or lead to what does."""
    inner = member.startswith("__") and member.endswith("__") and member not in _PLAIN
    return inner or member in _CODE or _STARTS.fullmatch(member) is not None


def _line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)
