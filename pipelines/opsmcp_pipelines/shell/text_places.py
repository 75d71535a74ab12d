"""Where text may stand in a shell script: a list of places known to keep it data, and no other.

Text is what may be any line: values of that kind, and whatever a step prints. Each place where it
stands is looked at from the inside out: its word, the program that gets it, and where its output
goes. What is not on the list is refused, and so is any other mention of a variable that holds text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from opsmcp_pipelines.shell.command_line import skip_options
from opsmcp_pipelines.shell.flow import Flow, key_of, naming, parts_within
from opsmcp_pipelines.shell.programs import SETS_VARIABLES, names
from opsmcp_pipelines.shell.report import Report, over
from opsmcp_pipelines.shell.syntax import Assignment, Node, Part, Redirect, Word
from opsmcp_pipelines.shell.values import Rule

__all__ = ["check_text"]

_PRINTERS = names("echo printf logger : true")
_FILTERS = names("cat grep head tail sort uniq wc tr cut fold nl base64 sha256sum jq")
_FREE = _PRINTERS | _FILTERS - names("sort uniq") | names("kubectl oc test [")
"""Programs of the list that neither write nor run anything, whatever their other words are."""

_OF_OPTIONS = MappingProxyType(
    {
        "curl": "--data-raw",
        "date": "-d|--date",
        "find": "-i?name|-path",
        "git": "-[aesqvnp]*m|--message",
        "grep": "-e|--regexp",
        "journalctl": "--since|--until|--grep|-[gSU]",
    }
)
"""Programs that take text as the value of an option."""

_WRITES = MappingProxyType(
    {
        "curl": r"-\w*[oOKDc]|--(?:output|remote|config|dump|cookie-jar|trace|stderr|libcurl|etag)",
        "date": "-s|--s",
        "find": "-(?:exec|ok|delete|fprint|fls)",
        "git": "-c|--(?:exec|config|edit|template)|-[a-z]*e",
        "journalctl": "--cursor-file",
        "sort": r"-\w*[oT]|--o|--c[ho]|--t",
    }
)
"""Options by which the others write, or run something."""

_GIT = names("commit tag notes stash")
_OPTIONS_BEFORE: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "grep": (
            r"-[EFGPivwxcoqsnhHlLrRazI]+|-[ABCm]\d*|--(?:colou?r|include|exclude|max-count)(?:=.*)?",
            names("-A -B -C -m --include --exclude --max-count"),
        ),
        "logger": (
            r"-[ies]+|-[tp].*|--(?:tag|priority|id)(?:=.*)?|--stderr",
            names("-t -p --tag --priority"),
        ),
    }
)
"""Options behind which text may be an operand, known to name no file; those that take a value."""

_PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "nice": r"(?:-n [+-]?\d+ )?",
        "nohup": r"",
        "sudo": r"(?:-[nHE]+ |-u [\w-]+ |-- )*",
        "timeout": r"(?:-k [\d.]+[smhd]? )?[\d.]+[smhd]? ",
    }
)
"""Programs that only run what stands behind them, and their own words that are known."""

_LISTED = _FREE | _OF_OPTIONS.keys() | _PREFIXES.keys() | names("sort uniq")
_FOLDERS = names("/bin /usr/bin /usr/local/bin /sbin /usr/sbin")
_CURL_INPUT = names("-d --data --data-binary")
_HEADER = re.compile(r"[A-Za-z0-9-]+: ")
_KEYED = re.compile(r"[A-Za-z0-9._/-]+=")
_EQUALS = frozenset({"=", "==", "!="})
_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_QUIET = re.compile(r"(?:LC_\w+|LANG|TZ)=[\w.:/@+-]*")
_SINKS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "1", "2", "-"})
_NAMES_COMMANDS = names("alias hash enable complete compgen bind")
_BUILDS_NAMES = names("eval source . let")
_DECLARES = names("export declare readonly typeset local")
_CHANGES = _NAMES_COMMANDS | _BUILDS_NAMES | _DECLARES | {"set", "exec"}
_OWN_NAMES = names(
    "RANDOM SRANDOM SECONDS LINENO OPTIND OPTERR HISTCMD HISTSIZE HISTFILESIZE MAILCHECK TMOUT"
    " COLUMNS LINES BASHPID UID EUID PPID HOME USER LOGNAME LANG TZ TMPDIR KUBECONFIG PWD OLDPWD"
    " SSL_CERT_FILE SSL_CERT_DIR PATH IFS ENV BASH_ENV PS0 PS1 PS2 PS4 CDPATH SHELLOPTS"
)
"""Variables that a shell calculates with, or that a step has in its environment."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_MOST_VARIABLES = 64
_UNKNOWN = "it stands where it is not known to stay data"
_UNQUOTED = "it stands without quotes"
_REMEDY = (
    "Print it, give it a kind (opsmcp/kind.{name}: KIND), or answer for it:"
    " opsmcp/text.STEP: {name}"
)


def check_text(flow: Flow, report: Report, *, pasted: bool) -> None:
    """Refuse text wherever it is not known to stay data.

    Args:
        flow: The script of a step, and what its variables hold.
        report: Takes what is found.
        pasted: Whether the source pastes values as text, so that only double quotes hold them.
    """
    text = {name for name, value in report.values.items() if value.is_text}
    if text:
        _Check(flow, report, text, pasted=pasted).run()


@dataclass(frozen=True, slots=True)
class _Spot:
    """A word in the script; `of` is what it is the word of, besides its command."""

    node: Node
    word: Word
    of: Assignment | Redirect | str = ""


class _Check:
    def __init__(self, flow: Flow, report: Report, text: set[str], *, pasted: bool) -> None:
        self._flow, self._report, self._pasted = flow, report, pasted
        self._nodes = flow.syntax.nodes
        self._vouched = {name for name in text if report.values[name].vouched}
        self._text = text - self._vouched
        self._held = flow.reached(self._text)
        self._variables = {n for n in self._held if n not in text and _NAME.fullmatch(n)}
        self._spots: dict[int, tuple[_Spot, Part]] = {}

    def run(self) -> None:
        over(len(self._variables), _MOST_VARIABLES, "variables that hold text")
        self._begin_vouched()
        if not self._text:
            return
        if reason := self._surroundings():
            self._refuse(self._text, *reason)
            return
        spots = [spot for node in self._nodes for spot in self._matters(node)]
        for spot in spots:
            for part in spot.word.parts:
                if part.script is not None:
                    self._spots[id(part.script)] = (spot, part)
        for spot in spots:
            self._look_at(spot)

    def _matters(self, node: Node) -> Iterable[_Spot]:
        """The words of a node that expand, and those that may name a variable of the shell."""
        bodies = (redirect.body for redirect in node.redirects if redirect.body)
        spans = [(node.start, node.end), *((body.start, body.end) for body in bodies)]
        if not any(self._named.search(self._flow.syntax.text, *span) for span in spans):
            return ()
        own = node.head in SETS_VARIABLES or node.head in self._flow.functions
        own |= not node.head or node.head == "printf" or _is_substituted(node)
        names = self._variables and (own or bool(node.assignments))
        return (
            _Spot(node, word, of) for word, of in _words_of(node) if names or word.literal is None
        )

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """Text, and what holds it, wherever it is named."""
        return naming(self._held)

    def _refuse(self, values: Iterable[str], at: int, why: str) -> None:
        for value in sorted(values):
            reason = f'"{{}}" may be any text, and {why}'
            line = self._flow.syntax.line_at(at)
            self._report.add(Rule.TEXT, value, line, reason, _REMEDY)

    def _look_at(self, spot: _Spot) -> None:
        """One word, with all that it names."""
        if self._variables:
            self._look_for_names(spot)
        if spot.word.literal is not None:
            return
        for part in spot.word.parts:
            if values := self._values(part, spot.node.function):
                if why := self._stands(spot, part):
                    self._refuse(values, part.start, why)
            elif part.operator and part.script is None:
                for inner in parts_within((part,)):
                    held = self._held.get(key_of(inner.name, spot.node.function), set[str]())
                    self._refuse(held, inner.start, _UNKNOWN)

    def _values(self, part: Part, function: str) -> set[str]:
        """The text that a plain expansion holds."""
        keys = self._flow.keys_of(Word((part,)), function) if part.plain else ()
        return {v for key in keys for v in self._held.get(key, ())}

    def _look_for_names(self, spot: _Spot) -> None:
        """A variable that is named otherwise than by its expansion."""
        node = spot.node
        own = node.head in SETS_VARIABLES or node.head in self._flow.functions
        into = node.head == "printf" and [w.literal for w in node.words[1:2]] == ["-v"]
        plain = node.head and not own and not into and not _is_substituted(node)
        if isinstance(spot.of, Redirect) or (plain and spot.of == ""):
            return
        if node.head == "local" and spot.of == "" and len(node.words) == 2:
            return
        for part in spot.word.parts:
            named = () if part.expands else _NAME.findall(part.text)
            for name in self._variables.intersection(named):
                why = f"{name!r}, which holds it, is named here"
                self._refuse(self._held[name], part.start, why)

    def _surroundings(self) -> tuple[int, str] | None:
        """What a script that holds text must not do, or the list would mean something else."""
        for name in sorted(self._flow.functions.keys() & _LISTED):
            return 0, f"{name} is a function of this script"
        for node in self._nodes:
            if node.kind == "command" and (why := self._changes(node)):
                return node.start, why
        return None

    def _changes(self, node: Node) -> str:
        """Why a script that holds text must not have a command."""
        head = node.head
        indirect = any(
            part.operator.startswith("!")
            for word in node.words
            for part in (parts_within(word.parts) if word.literal is None else ())
        )
        if self._variables and indirect:
            return "the script holds it in a variable and gives variables other names"
        if head not in _CHANGES and not node.redirects:
            return ""
        if head in _NAMES_COMMANDS:
            return "the script gives commands other names"
        if head == "exec" and not all(map(_is_sink, node.redirects)):
            return "all output of this script goes to a file (exec >)"
        if self._variables and head in _BUILDS_NAMES:
            return f"the script holds it in a variable and uses {head}"
        if self._variables and any("{" in r.number for r in node.redirects):
            return _UNKNOWN
        options = [word.prefix for word in node.words[1:] if word.prefix.startswith("-")]
        if head == "set" and any(re.match(r"-\w*a", o) for o in options):
            return "the script exports its variables (set -a)"
        if head == "set" and any(word.literal == "allexport" for word in node.words):
            return "the script exports its variables (set -a)"
        named = head in _DECLARES and any(re.match(r"-\w*[nix]", o) for o in options)
        if self._variables and named:
            return "the script holds it in a variable and gives variables other names"
        return ""

    # One place, from the inside out.

    def _stands(self, spot: _Spot, part: Part) -> str:
        """Why text may not stand in a word; empty when it may."""
        held = part.quote == '"'
        if isinstance(spot.of, Redirect):
            return self._redirected(spot, spot.of, held=held or part.is_value)
        if part.quote in ("$'", "/", ":"):
            return _UNKNOWN
        if part.is_value:
            if self._pasted and not held:
                return "it is pasted outside of double quotes"
            held = True
        if isinstance(spot.of, Assignment):
            return self._assigned(spot.node, spot.of)
        kind = spot.node.kind
        if kind == "command":
            return self._argument(spot, part) if held else _UNQUOTED
        if kind == "test":
            return self._compared(spot, held=held)
        if spot.of == "pattern":
            return "" if held and len(spot.word.parts) == 1 else "it is a pattern"
        return "" if kind == "case" else _UNKNOWN

    def _redirected(self, spot: _Spot, redirect: Redirect, *, held: bool) -> str:
        """In a here-document, or a line that is read like one."""
        if spot.word is not redirect.body:
            return _UNKNOWN
        if redirect.sign == "<<<" and not held:
            return _UNQUOTED
        return self._reads(spot.node) or self._goes(spot.node)

    @staticmethod
    def _assigned(node: Node, made: Assignment) -> str:
        """Why text may not be in an assignment."""
        if made.array or made.index is not None:
            return "it is put into an array"
        if made.name in _OWN_NAMES or made.name.startswith("LC_"):
            return f"{made.name} is read by the shell and by other programs"
        if not node.words:
            return ""
        if node.head not in _DECLARES:
            return "it is in the environment of a command"
        return "" if node.head == "local" else f"it is given to {node.head!r}"

    def _compared(self, spot: _Spot, *, held: bool) -> str:
        """Within `[[ ]]`."""
        words = spot.node.words
        at = next(n for n, word in enumerate(words) if word is spot.word)
        before, after = (words[n].literal if 0 <= n < len(words) else "" for n in (at - 1, at + 1))
        if before in ("-n", "-z") or ({before, after} <= {"", "&&", "||", "!", "("} and held):
            return "" if len(spot.word.parts) == 1 else _UNKNOWN
        if {before, after} & _COMPARES:
            return "it would be calculated with"
        if after in _EQUALS:
            return ""
        if before in _EQUALS:
            return "" if held else "it is a pattern"
        return _UNKNOWN

    # Programs.

    def _argument(self, spot: _Spot, part: Part) -> str:
        name, words = _program(spot.node)
        index = next((n for n, word in enumerate(words) if word is spot.word), 0)
        why = f"it stands in an argument of {name or 'a command'!r}"
        why += ", which is not known to keep it data"
        if not name or not index:
            return why
        if name in ("test", "["):
            return "" if _is_operand(words) and len(spot.word.parts) == 1 else why
        place = _place(name, words, index)
        if place is None or (place == "line" and self._is_output(spot)):
            return why
        begins = place == "first" and spot.word.parts[0] is part
        if begins and not any(w.literal == "--" for w in words[:index]):
            start, end = part.start, part.start + len(part.text)
            self._begin(
                self._flow.depends(Word((part,), start, end), spot.node.function) & self._text
            )
        return self._keeps(name, words) or self._goes(spot.node)

    def _is_output(self, spot: _Spot) -> bool:
        held = self._flow.depends(spot.word, spot.node.function) & self._text
        return any(self._report.values[value].output for value in held)

    def _begin(self, values: set[str]) -> None:
        self._report.beginnings |= {self._report.names[value] for value in values}

    def _begin_vouched(self) -> None:
        """What an author answers for must not begin like an option, either."""
        for node in self._nodes if self._vouched else ():
            for word in node.words[1:] if node.kind == "command" else ():
                if word.literal == "--":
                    break
                self._begin(self._flow.carried(Word(word.parts[:1]), node.function) & self._vouched)

    @staticmethod
    def _keeps(name: str, words: Sequence[Word]) -> str:
        """Why a listed program could do more with its input or its words than print."""
        if name in _FREE:
            return ""
        if name == "uniq" and sum(not w.prefix.startswith("-") for w in words[1:]) > 1:
            return "uniq writes it to a file"
        writes = _WRITES.get(name, "(?!)")
        for before, word in zip(words, words[1:], strict=False):
            if re.fullmatch(_OF_OPTIONS.get(name, "(?!)"), before.prefix):
                continue
            expanded = [p for p in word.parts if p.expands and not p.is_value]
            if any(p.quote != '"' or name in ("sort", "uniq") for p in expanded):
                return f"a word of {name} is not written out"
            if re.match(writes, word.prefix):
                return f"{name} may write it to a file, or run it ({word.prefix[:20]})"
        return ""

    def _reads(self, stage: Node) -> str:
        """Why a command must not read text."""
        if stage.kind != "command":
            return "what reads it is not known to keep it data"
        name, words = _program(stage)
        posts = name == "curl" and any(
            before.literal in _CURL_INPUT and word.literal == "@-"
            for before, word in zip(words, words[1:], strict=False)
        )
        if posts or name in _FILTERS | _PRINTERS:
            return self._keeps(name, words)
        said = (words[0].literal or "") if words else ""
        return f"{said or 'a command'!r} reads it, which is not known to keep it data"

    def _goes(self, node: Node) -> str:
        around: Node | None = node
        while around is not None:
            if not all(map(_is_sink, around.redirects)):
                return "it is written to a file, which something could run"
            stage = around.after
            while stage is not None:
                if why := self._reads(stage):
                    return why
                if not all(map(_is_sink, stage.redirects)):
                    return "it is written to a file, which something could run"
                stage = stage.after
            if around.kind == "substitution":
                spot, part = self._spots.get(id(around), (None, None))
                if spot is None or part is None or part.operator != "(":
                    return _UNKNOWN
                return self._stands(spot, part)
            if around.kind == "function":
                return "a function prints it"
            around = around.parent
        return ""


def _is_substituted(node: Node) -> bool:
    """Whether what a command prints becomes part of a word."""
    around = node.parent
    while around is not None and around.kind != "substitution":
        around = around.parent
    return around is not None


def _words_of(node: Node) -> Iterator[tuple[Word, Assignment | Redirect | str]]:
    """The words of a node, with what they are the words of besides a command."""
    for word in node.words:
        yield word, ""
    for word in node.patterns:
        yield word, "pattern"
    for made in node.assignments:
        for word in (*made.words, *([made.index] if made.index else ())):
            yield word, made
    for redirect in node.redirects:
        if redirect.body is not redirect.word:
            yield redirect.word, redirect
        if redirect.body is not None:
            yield redirect.body, redirect


def _program(node: Node) -> tuple[str, Sequence[Word]]:
    """The name of the listed program that a command runs, and its words; no name if uncertain."""
    quiet = all(
        _QUIET.fullmatch(f"{made.name}={word.literal}")
        for made in node.assignments
        for word in made.words
    )
    words: Sequence[Word] = node.words
    while words and (inner := _behind_prefix(words)):
        words = words[inner:]
    folder, _, name = ((words[0].literal or "") if words else "").rpartition("/")
    return name if quiet and (not folder or folder in _FOLDERS) else "", words


def _behind_prefix(words: Sequence[Word]) -> int:
    """Where the command begins that a prefix runs; 0 where there is none that is certain."""
    known = _PREFIXES.get(words[0].literal or "")
    own = ""
    for at, word in enumerate(words[1:], 1) if known is not None else ():
        if word.literal is None:
            return 0
        if not word.literal.startswith("-") and re.fullmatch(known or "", own):
            return at
        own += f"{word.literal} "
    return 0


def _is_sink(redirect: Redirect) -> bool:
    """Whether nothing is written by a redirection but to an output of the step."""
    if redirect.body is not None or redirect.sign == "<":
        return True
    return redirect.word.literal in _SINKS and "<" not in redirect.sign


def _place(name: str, words: Sequence[Word], at: int) -> str | None:
    """What of a program's words text may be: any, its first, a line; None where it may not be."""
    before, word = words[at - 1], words[at]
    if name in _PRINTERS:
        formats = name == "printf" and (at < 2 or not words[1].literal or words[1].prefix[0] == "-")
        if formats or (name == "logger" and not _is_known_before(name, words[1:at])):
            return None
        return "first" if name != "printf" else "any"
    if name in ("kubectl", "oc"):
        said = _operand(words, names("-n --namespace --context"))
        return "any" if said in ("annotate", "label") and _is_keyed(word, _KEYED) else None
    if name == "curl" and _is_keyed(word, _HEADER) and before.literal in ("-H", "--header"):
        return "line"
    if name == "curl" and _is_keyed(word, _KEYED) and before.literal == "--data-urlencode":
        return "any"
    return _whole_place(name, words, at) if len(word.parts) == 1 else None


def _whole_place(name: str, words: Sequence[Word], at: int) -> str | None:
    """The same for programs that take only a whole word of it."""
    if name == "jq":
        return "any" if at > 2 and words[at - 2].literal == "--arg" else None
    if name == "git" and _operand(words, names("-C")) not in _GIT:
        return None
    option = _OF_OPTIONS.get(name, "(?!)")
    if re.fullmatch(option, words[at - 1].literal or ""):
        return "any"
    if name == "grep" and not any(re.fullmatch(option, w.prefix) for w in words):
        first = at == 1 + skip_options(words[1:], _OPTIONS_BEFORE[name][1])
        return "first" if first and _is_known_before(name, words[1:at]) else None
    return None


def _is_known_before(name: str, words: Sequence[Word]) -> bool:
    """Whether every option among the words in front of an operand is known to name no file."""
    known, _ = _OPTIONS_BEFORE[name]
    options = [word for word in words if word.prefix.startswith("-") and word.literal != "--"]
    return all(re.fullmatch(known, word.literal or "") for word in options)


def _operand(words: Sequence[Word], valued: frozenset[str]) -> str | None:
    at = 1 + skip_options(words[1:], valued)
    return words[at].literal if at < len(words) else None


def _is_keyed(word: Word, pattern: re.Pattern[str]) -> bool:
    return (
        pattern.fullmatch(word.prefix) is not None
        and sum(p.expands for p in word.parts) == 1
        and word.parts[-1].expands
    )


def _is_operand(words: Sequence[Word]) -> bool:
    """Whether `[` compares two words, or looks at one."""
    operands = [word for word in words[1:] if word.literal not in ("]", "!")]
    if len(operands) == 3:
        return operands[1].literal in _EQUALS | _COMPARES
    return len(operands) == 2 and operands[0].literal in ("-n", "-z")
