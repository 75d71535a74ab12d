"""Where values may stand in a Python step: a list of what may be done with them, and no more.

The references are identifiers that occur nowhere else (`mark_references`), so that the standard
parser reads the script as it will be run. From each, and from each variable that holds one, what is
done with it is followed outwards: it is put together with other strings, assigned, compared, or
given to a function of the list. All else is refused, and so is a name of the list that the script
gives another meaning. Pure.
"""

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.python_names import PythonNames, last_name
from opsmcp_pipelines.shell.references import find_references
from opsmcp_pipelines.shell.report import Report
from opsmcp_pipelines.shell.values import Rule

__all__ = ["ShellText", "check_python", "mark_references", "unused_mark"]

ShellText = Callable[[str, dict[str, frozenset[str]], int], None]
"""Checks a text that a shell reads: the text, what its placeholders carry, and its line."""

_VALUE = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_PASSING = names(
    "str int float bool bytes repr len sorted list tuple set dict min max enumerate zip reversed"
    " json.dumps json.loads os.path.join os.path.basename os.path.dirname os.path.abspath"
    " os.path.normpath os.path.realpath pathlib.Path Path shlex.quote shlex.split textwrap.dedent"
    " urllib.parse.quote urllib.parse.quote_plus urllib.parse.urlencode urllib.parse.urljoin"
    " urllib.parse.urlparse ipaddress.ip_address ipaddress.ip_network urllib.request.Request"
    " datetime.datetime.fromisoformat datetime.datetime.strptime datetime.timedelta"
)
"""Functions of which the result may hold what they are given."""

_ENDING = names(
    "print isinstance range any all sum os.path.exists os.path.isfile os.path.isdir"
    " os.path.getsize os.path.getmtime os.listdir os.walk os.scandir os.stat os.statvfs os.kill"
    " os.getenv os.access os.remove os.unlink os.rmdir os.utime shutil.disk_usage shutil.rmtree"
    " urllib.request.urlopen requests.get requests.post requests.put requests.patch"
    " requests.delete requests.head socket.gethostbyname socket.getaddrinfo"
    " socket.create_connection socket.gethostbyaddr http.client.HTTPConnection"
    " http.client.HTTPSConnection time.sleep sys.exit exit SystemExit logging.info logging.warning"
    " logging.error logging.debug re.match re.search re.fullmatch re.findall re.escape glob.glob"
    " pwd.getpwnam grp.getgrnam signal.alarm sys.stdout.write sys.stderr.write"
)
"""Functions that do with a name or a number what they say, and whose results are their own."""

_FILES = names(
    "open os.makedirs os.mkdir os.rename os.replace os.chmod os.chown os.chdir shutil.copy"
    " shutil.copy2 shutil.copyfile shutil.move shutil.chown os.truncate"
)
"""Functions that change what a later command could run: only where nothing is run."""

_SHELLS = names("os.system os.popen subprocess.getoutput subprocess.getstatusoutput")
_RUNNING = names(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
)
_METHODS = names(
    "format join strip lstrip rstrip split rsplit splitlines partition rpartition replace lower"
    " upper title encode decode startswith endswith removeprefix removesuffix isdigit zfill ljust"
    " rjust center count find index items keys values get copy exists is_file is_dir read_text stat"
)
_FILLING = names("append add extend insert")
_WRITING = names("write writelines write_text")
_ERRORS = names("Exception ValueError RuntimeError")
_QUIET = names("sep end flush indent sort_keys default ensure_ascii")
_THROUGH = (
    *(ast.JoinedStr, ast.FormattedValue, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.IfExp),
    *(ast.BoolOp, ast.Subscript, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp),
    ast.Starred,
)
_READS = (ast.Call, ast.BinOp, ast.FormattedValue, ast.List)
_ENDS = (ast.Expr, ast.If, ast.While, ast.Assert, ast.Compare, ast.UnaryOp, ast.withitem)
_REMEDY = "Print it whole, or answer for it by the label opsmcp/text.STEP: VARIABLE"
_UNKNOWN = '"{}" may not be known to stay data in what this Python script makes of it'
_ANYWHERE = "OPSMCP_T0"
"""The placeholder of what is not known in a text that a shell reads."""


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
    tree = _parse(source)
    if tree is None:
        reason = 'the Python script that holds "{}" cannot be parsed'
        for value in frozenset[str]().union(*marks.values()):
            report.add(Rule.UNREADABLE, value, line, reason)
        return
    pattern = re.compile(re.escape(mark) + r"([0-9]+)_")
    _Check(tree, pattern, known, marks, report, line, shell).run()


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Refused(Exception):
    pass


class _Check:
    def __init__(
        self,
        tree: ast.Module,
        mark: re.Pattern[str],
        known: list[str],
        marks: Mapping[str, frozenset[str]],
        report: Report,
        line: int,
        shell: ShellText,
    ) -> None:
        self._mark, self._known, self._marks = mark, known, marks
        self._report, self._line, self._shell = report, line, shell
        self._names = PythonNames(tree, mark)
        self._parents, self._loads = self._names.parents, self._names.loads
        self._carrying: dict[str, set[str]] = defaultdict(set)

    def run(self) -> None:
        for node in self._names.nodes:
            if isinstance(node, ast.Constant):
                self._string(node)
            elif isinstance(node, ast.Name) and self._mark.fullmatch(node.id):
                values = self._values(node.id)
                numbers = {v for v in values if not self._report.values[v].is_text}
                self._report.number(numbers, self._at(node), "as code of Python")
                self._text(values - numbers, node)
            else:
                self._misplaced(node)

    # Values.

    def _values(self, text: str) -> set[str]:
        found = self._mark.findall(text)
        return set[str]().union(*(self._marks[self._known[int(n)]] for n in found))

    def _at(self, node: ast.AST) -> int:
        return self._line + getattr(node, "lineno", 1) - 1

    def _string(self, node: ast.Constant) -> None:
        values = {
            v
            for v in self._values(_decoded(node.value) or "")
            if not self._report.values[v].is_author
        }
        texts = {v for v in values if self._report.values[v].is_text}
        vouched = self._report.vouched(texts)
        self._text(texts - vouched, node)
        self._inert((values - texts) | vouched, node)

    def _text(self, values: set[str], node: ast.expr) -> None:
        if not values:
            return
        try:
            self._printed(node)
        except _Refused:
            reason = '"{}" may be any text, and what this Python script makes of it is not known'
            for value in values:
                self._report.add(Rule.TEXT, value, self._at(node), reason, _REMEDY)

    def _printed(self, node: ast.expr) -> None:
        """Text is printed, with other strings or as JSON, or compared.

        Raises:
            _Refused: It is not.
        """
        if self._names.rebinds or any(isinstance(n, ast.ClassDef) for n in self._names.nodes):
            raise _Refused
        below, parent = node, self._parents[node]
        while isinstance(
            parent, (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.Call)
        ):
            if isinstance(parent, ast.Call):
                name = self._names.dotted(parent.func)
                quiet = all(map(self._is_output, parent.keywords))
                if name not in ("print", "json.dumps") or not quiet or below not in parent.args:
                    raise _Refused
                if name == "print":
                    return
            elif isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.Add):
                raise _Refused
            below, parent = parent, self._parents[parent]
        equals = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
        if not (isinstance(parent, ast.Compare) and all(isinstance(o, equals) for o in parent.ops)):
            raise _Refused

    def _is_output(self, keyword: ast.keyword) -> bool:
        """Whether something is still printed to an output of the step."""
        if keyword.arg == "file":
            return self._names.dotted(keyword.value) in ("sys.stdout", "sys.stderr")
        return keyword.arg in _QUIET

    def _inert(self, values: set[str], node: ast.expr) -> None:
        if not values or self._names.starts_nothing:
            return
        try:
            if self._names.rebinds:
                raise _Refused
            self._follow(node, values)
        except _Refused as error:
            reason = str(error) or _UNKNOWN
            harmful = {v for v in values if not self._report.values[v].is_number}
            self._report.refuse(Rule.COMMAND, harmful, self._at(node), reason, _REMEDY)

    def _follow(self, node: ast.AST, values: set[str]) -> None:
        """What is done with a value, outwards.

        Raises:
            _Refused: It is not on the list.
        """
        below = node
        while True:
            parent = self._parents[below]
            if isinstance(parent, _ENDS) or (
                isinstance(parent, ast.IfExp) and below is parent.test
            ):
                return
            if isinstance(parent, _THROUGH) or (
                isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Mod, ast.Div))
            ):
                below = parent
            elif isinstance(parent, ast.keyword):
                if not self._keyword(parent, values):
                    return
                below = self._parents[parent]
            elif isinstance(parent, ast.Call):
                if not self._call(parent, below, values):
                    return
                below = parent
            elif isinstance(parent, ast.Attribute):
                below = self._method(parent)
            elif not self._ends(parent, below, values):
                raise _Refused
            else:
                return

    def _ends(self, parent: ast.AST, below: ast.AST, values: set[str]) -> bool:
        """Whether a statement keeps a value in a variable, or hands it on to the list."""
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            if isinstance(self._parents.get(parent), ast.ClassDef):
                return False
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            return self._bind_all(targets, values)
        if isinstance(parent, (ast.For, ast.comprehension)):
            good = self._bind(parent.target, values)
            if good and isinstance(parent, ast.comprehension):
                self._follow(self._parents[parent], values)
            return good
        if isinstance(parent, ast.Return):
            owner = self._parents[parent]
            while not isinstance(owner, (ast.FunctionDef, ast.Module, ast.AsyncFunctionDef)):
                owner = self._parents[owner]
            if not isinstance(owner, ast.FunctionDef):
                return False
            return self._carry(f"{owner.name}()", self._loads[owner.name], values, call=True)
        return isinstance(parent, ast.Raise) and isinstance(below, ast.Call)

    def _bind_all(self, targets: Sequence[ast.expr], values: set[str]) -> bool:
        return not any(not self._bind(target, values) for target in targets)

    def _bind(self, target: ast.expr, values: set[str]) -> bool:
        if isinstance(target, (ast.Tuple, ast.List)):
            return self._bind_all(target.elts, values)
        if isinstance(target, ast.Subscript):
            target = target.value
        if not isinstance(target, ast.Name):
            return False
        return self._carry(target.id, self._loads[target.id], values)

    def _carry(
        self, key: str, loads: list[ast.Name], values: set[str], *, call: bool = False
    ) -> bool:
        """Follow each use of a variable, or each call of a function, that now holds values."""
        new = values - self._carrying[key]
        self._carrying[key] |= new
        for load in loads if new else ():
            parent = self._parents[load]
            if not call:
                self._follow(load, new)
            elif isinstance(parent, ast.Call) and parent.func is load:
                self._follow(parent, new)
            else:
                return False
        return True

    def _keyword(self, keyword: ast.keyword, values: set[str]) -> bool:
        """An argument by its name; whether the result of the call may hold the value.

        Raises:
            _Refused: It is not known what is done with it.
        """
        call = self._parents[keyword]
        if not isinstance(call, ast.Call):
            raise _Refused
        name = self._names.dotted(call.func)
        if name in _ENDING:
            return False
        if name in _PASSING or last_name(call.func) == "format":
            return True
        function = self._names.functions.get(last_name(call.func))
        if function is None or keyword.arg not in _parameters(function):
            raise _Refused
        if not isinstance(call.func, ast.Name) or self._names.bound[function.name] != 1:
            raise _Refused
        self._carry(str(keyword.arg), self._loads[str(keyword.arg)], values)
        return False

    def _method(self, attribute: ast.Attribute) -> ast.AST:
        """A method of a string, or of what holds strings."""
        call = self._parents[attribute]
        if not isinstance(call, ast.Call) or attribute.attr not in _METHODS | _FILLING | _WRITING:
            raise _Refused
        if attribute.attr in _WRITING and self._names.runs_programs:
            raise _Refused
        return call

    def _call(self, call: ast.Call, below: ast.AST, values: set[str]) -> bool:
        """A call with a value as an argument; whether its result may hold the value.

        Raises:
            _Refused: It is not known what it does with it.
        """
        name = self._names.dotted(call.func)
        if below is call.func:
            raise _Refused
        if name in _SHELLS | _RUNNING:
            if name in _SHELLS or not self._is_list(call.args[:1]):
                self._report.read_as_code(values, self._at(call), "a shell")
            self._run(call, below)
            return False
        if name in _PASSING:
            return True
        if name in _ENDING or (name in _ERRORS and not self._names.catches):
            return self._ended(name, call)
        if name in _FILES:
            if self._names.runs_programs and not (name == "open" and _only_reads(call)):
                raise _Refused('a file or folder that "{}" names is changed where others are run')
            return False
        if isinstance(call.func, ast.Attribute) and not self._names.is_module(call.func):
            return self._on_object(call.func, values)
        if isinstance(call.func, ast.Name) and self._names.bound[call.func.id] == 1:
            return self._parameter(call, below, values)
        raise _Refused

    def _ended(self, name: str, call: ast.Call) -> bool:
        if (
            name == "print"
            and self._names.runs_programs
            and not all(map(self._is_output, call.keywords))
        ):
            raise _Refused
        return False

    def _on_object(self, method: ast.Attribute, values: set[str]) -> bool:
        """A method of what is no module: of a string, a list, a file."""
        if method.attr in _METHODS:
            return True
        if method.attr in _FILLING and self._bind(method.value, values):
            return False
        if method.attr in _WRITING and not self._names.runs_programs:
            return False
        raise _Refused

    def _parameter(self, call: ast.Call, below: ast.AST, values: set[str]) -> bool:
        """A function of the script: its parameter holds the value from there on."""
        function = self._names.functions.get(last_name(call.func))
        if function is None or any(isinstance(a, ast.Starred) for a in call.args):
            raise _Refused
        parameters = [*function.args.posonlyargs, *function.args.args]
        index = next(n for n, a in enumerate(call.args) if a is below)
        if index < len(parameters):
            name = parameters[index].arg
        elif function.args.vararg is not None:
            name = function.args.vararg.arg
        else:
            raise _Refused
        if not self._carry(name, self._loads[name], values):
            raise _Refused
        return False

    # What is run.

    def _is_list(self, given: Sequence[ast.expr]) -> bool:
        """Whether a command line is given as its words, also through a variable."""
        names = {node.id for node in given if isinstance(node, ast.Name)}
        stored = [
            n.value for n in self._names.nodes if isinstance(n, ast.Assign) and _target(n) in names
        ]
        return all(isinstance(node, (ast.List, ast.Tuple)) for node in stored or given)

    def _run(self, call: ast.Call, below: ast.AST) -> None:
        """A command line: its words as a shell would read them.

        Raises:
            _Refused: What is run cannot be told.
        """
        if not call.args or below is not call.args[0]:
            raise _Refused
        shell = any(k.arg == "shell" for k in call.keywords)
        text = self._template(call.args[0])
        if any(k.arg in ("executable", "env", "preexec_fn", "cwd") for k in call.keywords):
            raise _Refused
        if text is None or (shell and isinstance(call.args[0], ast.List)):
            raise _Refused('what is run here cannot be told, and it may be "{}"')
        carried = {name: frozenset(values) for name, values in self._marks.items()}
        carried[_ANYWHERE] = frozenset[str]().union(*carried.values())
        self._shell(text, carried, self._at(call))

    def _template(self, node: ast.expr, depth: int = 0) -> str | None:
        """What a shell would read, with placeholders for what only the run knows."""
        if isinstance(node, ast.Constant):
            text = _decoded(node.value)
            return None if text is None else self._placed(text)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._template(v, depth) or f"${{{_ANYWHERE}}}" for v in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = [self._template(side, depth) for side in (node.left, node.right)]
            return "".join(side or f"${{{_ANYWHERE}}}" for side in sides)
        if isinstance(node, (ast.List, ast.Tuple)) and depth < 3:
            words = (self._template(item, 3) or f"${{{_ANYWHERE}}}" for item in node.elts)
            return " ".join(_double_quoted(word) for word in words)
        if isinstance(node, ast.Name) and depth < 3:
            return self._assigned(node, depth)
        if isinstance(node, ast.Attribute) and self._names.dotted(node) == "sys.executable":
            return "python3"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            bare = node.func.attr in ("split", "strip", "encode") and not node.args
            return self._template(node.func.value, depth) if bare else None
        return None

    def _assigned(self, name: ast.Name, depth: int) -> str | None:
        """The one text or list that a variable is, with what a list is given later."""
        stores = (ast.Assign, ast.AugAssign)
        stored = [n for n in self._names.nodes if isinstance(n, stores) and _target(n) == name.id]
        if not stored or len(stored) != self._names.bound[name.id]:
            return None
        first, *later = stored
        if later and not (isinstance(first.value, ast.List) and _all_grow(later)):
            return None
        given = [n.value for n in later]
        for load in self._loads[name.id]:
            parent = self._parents[load]
            if isinstance(parent, ast.Attribute) and isinstance(first.value, ast.List):
                call = self._parents[parent]
                if parent.attr not in ("append", "extend") or not isinstance(call, ast.Call):
                    return None
                given += call.args
            elif not isinstance(parent, _READS) or (
                isinstance(parent, ast.Call) and parent.func is load
            ):
                return None
        text = self._template(first.value, depth + 1)
        if text is None:
            return None
        return " ".join([text, *(f'"${{{_ANYWHERE}}}"' for _ in given)]).strip()

    def _placed(self, text: str) -> str:
        return self._mark.sub(lambda found: f"${{{self._known[int(found[1])]}}}", text)

    def _misplaced(self, node: ast.AST) -> None:
        """A value within a longer name."""
        for _, field in ast.iter_fields(node):
            texts = cast("list[object]", field) if isinstance(field, list) else [field]
            for text in texts:
                if isinstance(text, str) and (values := self._values(text)):
                    reason = '"{}" is part of a longer name in a Python script'
                    for value in values:
                        self._report.add(Rule.UNREADABLE, value, self._at(node), reason)


def _parameters(function: ast.FunctionDef) -> list[str]:
    """Those that can be given by their names."""
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]


def _target(store: ast.Assign | ast.AugAssign) -> str:
    targets = store.targets if isinstance(store, ast.Assign) else [store.target]
    return next((t.id for t in targets if isinstance(t, ast.Name)), "")


def _all_grow(stores: Sequence[ast.Assign | ast.AugAssign]) -> bool:
    return all(isinstance(s, ast.AugAssign) and isinstance(s.op, ast.Add) for s in stores)


def _only_reads(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
    return all(isinstance(m, ast.Constant) and m.value in ("r", "rb", "rt") for m in modes)


def _decoded(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _double_quoted(text: str) -> str:
    """The text as one word of a shell, with its placeholders left open."""
    escaped = re.sub(r'[\\"`]|\$(?!\{OPSMCP_)', lambda found: f"\\{found[0]}", text)
    return f'"{escaped}"'
