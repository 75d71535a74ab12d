"""Where text may stand in a shell script: a list of places known to keep it data, and no other.

Text is what may be any line: values of that kind, and whatever a step prints. Each place where it
stands is looked at from the inside out: its word, the program that gets it, and where its output
goes. What is not on the list is refused, and so is any other mention of a variable
that holds text.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.report import Report, over
from opsmcp_pipelines.shell.script import Script
from opsmcp_pipelines.shell.tree import Word, chains, climb, line_of, text_of, word_of
from opsmcp_pipelines.shell.values import Rule
from opsmcp_pipelines.shell.wrappers import WRAPPERS, skip_options

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["check_text"]

_PRINTERS = names("echo printf logger : true")
_FILTERS = names("cat grep head tail sort uniq wc tr cut fold nl base64 sha256sum jq")
_FREE = _PRINTERS | _FILTERS - names("sort uniq") | names("kubectl oc test [")
"""Programs of the list that neither write nor run anything, whatever their other words are."""

_OF_OPTIONS: Mapping[str, str] = MappingProxyType(
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

_WRAPPERS = names("sudo timeout nice ionice nohup command stdbuf time")
_LISTED = _FREE | _OF_OPTIONS.keys() | names("sort uniq")
_FOLDERS = names("/bin /usr/bin /usr/local/bin /sbin /usr/sbin")
_CURL_INPUT = names("-d --data --data-binary")
_HEADER = re.compile(r"[A-Za-z0-9-]+: ")
_KEYED = re.compile(r"[A-Za-z0-9._/-]+=")
_EQUALS = frozenset({"=", "==", "!="})
_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_QUIET = re.compile(r"(?:LC_\w+|LANG|TZ)=[\w.:/@+-]*")
_SINKS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "1", "2", "-"})
_PARTS_OF_TESTS = names("binary_expression unary_expression parenthesized_expression")
_PARTS_OF_WORDS = names("string translated_string concatenation")
_REDIRECTED = names("command redirected_statement function_definition heredoc_redirect")
_AROUND = names(
    "program list if_statement elif_clause else_clause while_statement for_statement do_group"
    " compound_statement subshell case_statement case_item negated_command c_style_for_statement"
    " heredoc_redirect pipeline redirected_statement function_definition"
)
_AROUND_ASSIGNMENTS = _AROUND | names(
    "declaration_command command_substitution variable_assignment string command"
)
_NAMES_COMMANDS = names("alias hash enable complete compgen bind")
_BUILDS_NAMES = names("eval source . let")
_OWN_NAMES = names(
    "RANDOM SRANDOM SECONDS LINENO OPTIND OPTERR HISTCMD HISTSIZE HISTFILESIZE MAILCHECK TMOUT"
    " COLUMNS LINES BASHPID UID EUID PPID HOME USER LOGNAME LANG TZ TMPDIR KUBECONFIG PWD OLDPWD"
    " SSL_CERT_FILE SSL_CERT_DIR PATH IFS ENV BASH_ENV PS0 PS1 PS2 PS4 CDPATH SHELLOPTS"
)
"""Variables that a shell calculates with, or that a step has in its environment."""

Chain = Sequence["Node"]
"""A node, last, and all around it."""

_MOST_VARIABLES = 64
_UNKNOWN = "it stands where it is not known to stay data"
_REMEDY = (
    "Print it, give it a kind (opsmcp/kind.{name}: KIND), or answer for it:"
    " opsmcp/text.STEP: {name}"
)


def check_text(script: Script, report: Report, *, pasted: bool) -> None:
    """Refuse text wherever it is not known to stay data.

    Args:
        script: The script of a step.
        report: Takes what is found.
        pasted: Whether the source pastes values as text, so that only double quotes hold them.
    """
    text = {name for name, value in report.values.items() if value.is_text}
    if text:
        _Check(script, report, text, pasted=pasted).run()


@dataclass(frozen=True, slots=True)
class _Spot:
    """A word with text in it: the nodes around it, itself last, and where the text begins.

    `held` is whether the shell makes one word of it.
    """

    chain: Chain
    at: int
    held: bool

    @property
    def parent(self) -> "Node":
        return self.chain[-2]

    @property
    def word(self) -> Word:
        return word_of(self.chain[-1])

    @property
    def single(self) -> bool:
        return len(self.word.parts) == 1


class _Check:
    def __init__(self, script: Script, report: Report, text: set[str], *, pasted: bool) -> None:
        self._script = script
        self._report = report
        self._pasted = pasted
        self._vouched = {name for name in text if report.values[name].vouched}
        self._text = text - self._vouched
        found = script.reached(self._text) - self._text
        self._variables = {name for name in found if re.fullmatch(r"[A-Za-z_]\w*", name)}
        self._going: set[int] = set()

    def run(self) -> None:
        over(len(self._variables), _MOST_VARIABLES, "variables that hold text")
        self._begin_vouched()
        reason = self._surroundings()
        if reason:
            line, why = reason
            self._refuse(self._text, line, why)
            return
        for at, chain in chains(self._script.root, self._occurrences()):
            self._look_at(at, chain)

    def _refuse(self, values: set[str], line: int, why: str) -> None:
        for value in sorted(values):
            reason = f'"{{}}" may be any text, and {why}'
            self._report.add(Rule.TEXT, value, line, reason, _REMEDY)

    def _occurrences(self) -> list[int]:
        """Each place where text, or a variable that holds it, is named."""
        every = self._text | self._variables
        found = self._script.named(every) if every else []
        return [at for at in found if not self._script.is_commented(at)]

    def _look_at(self, at: int, chain: Chain) -> None:
        script = self._script
        name = script.name_at(at)
        parent = chain[-2] if len(chain) > 1 else chain[-1]
        if text_of(parent).lstrip() in (f"${name}", f"${{{name}}}"):
            why = self._stands(chain[:-1], at)
        elif name in self._text:
            why = self._stands(chain, at)
        else:
            why = "" if self._is_accounted(chain) else f"{name!r}, which holds it, is named here"
        if why:
            line = script.source.count(b"\n", 0, at) + 1
            values = {name} if name in self._text else {*script.reached_by(name)} & self._text
            self._refuse(values, line, why)

    def _is_accounted(self, chain: Chain) -> bool:
        """Whether a name without a dollar sign is that of a good assignment, or only a word."""
        node, parent = chain[-1], chain[-2]
        if node.type == "variable_name" and parent.type == "variable_assignment":
            return not self._assigned(chain[:-1])
        if node.type == "variable_name" and parent.type == "declaration_command":
            return text_of(parent.children[0]) == "local" and parent.named_child_count == 1
        if node.type in ("heredoc_content", "heredoc_body"):
            return _is_read_whole(node if node.type == "heredoc_body" else parent)
        return self._script.is_only_word(reversed(chain))

    def _surroundings(self) -> tuple[int, str] | None:
        """What a script that holds text must not do, or the list would mean something else."""
        script = self._script
        for name in sorted(script.functions & _LISTED):
            return 1, f"{name} is a function of this script"
        for node in script.commands:
            if why := self._changes(node):
                return line_of(node), why
        for node in script.strays:
            return line_of(node), "PATH leads to the folder that the step works in"
        indirect = b"${!" in script.source
        for node in script.found.get("declaration", []):
            options = "".join(text_of(c) for c in node.named_children if c.type == "word")
            indirect = indirect or re.search(r"-\w*[nix]", options) is not None
        if self._variables and indirect:
            return 1, "the script holds it in a variable and gives variables other names"
        return None

    def _changes(self, node: "Node") -> str:
        """Why a script that holds text must not have a command."""
        head = self._script.heads[node.id]
        if head in _NAMES_COMMANDS:
            return "the script gives commands other names"
        if head == "exec" and not all(map(self._is_sink, self._redirects(node.parent or node))):
            return "all output of this script goes to a file (exec >)"
        if self._variables and head in _BUILDS_NAMES:
            return f"the script holds it in a variable and uses {head}"
        words = self._script.words(node) if head == "set" else ()
        if any(w.literal == "allexport" or re.match(r"-\w*a", w.prefix) for w in words):
            return "the script exports its variables (set -a)"
        return ""

    # One place, from the inside out.

    def _stands(self, chain: Chain, at: int) -> str:
        """Why text may not stand where the innermost of the nodes is; empty when it may."""
        node = chain[-1]
        if node.type == "heredoc_body" or (len(chain) > 1 and chain[-2].type == "heredoc_body"):
            return self._document(chain if node.type == "heredoc_body" else chain[:-1])
        raw = node.type == "raw_string"
        value = raw or text_of(node).lstrip()[2:-1] in self._text
        end = len(chain) - 1
        while end and chain[end - 1].type in _PARTS_OF_WORDS:
            end -= 1
        in_string = end < len(chain) - 1 and chain[-2].type == "string"
        if node.type == "ansi_c_string" or not end:
            return _UNKNOWN
        if value and self._pasted and not in_string:
            return "it is pasted outside of double quotes"
        spot = _Spot(chain[: end + 1], at, held=raw or in_string or value)
        look = self._SLOTS.get(spot.parent.type)
        return look(self, spot) if look else _UNKNOWN

    def _in_command(self, spot: "_Spot") -> str:
        return self._argument(spot) if spot.held else "it stands without quotes"

    def _in_assignment(self, spot: "_Spot") -> str:
        return self._assigned(spot.chain[:-1])

    def _in_case(self, spot: "_Spot") -> str:
        return ""

    def _in_pattern(self, spot: "_Spot") -> str:
        return "" if spot.held and spot.single else "it is a pattern"

    def _in_line(self, spot: "_Spot") -> str:
        """In a here-string."""
        if not spot.held:
            return "it stands without quotes"
        return self._reads(spot.chain[-3]) or self._goes(spot.chain[:-2])

    def _assigned(self, chain: Chain) -> str:
        """Why text may not be in the assignment that is the innermost of the nodes."""
        node, parent = chain[-1], chain[-2]
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        plain = name is not None and name.type == "variable_name"
        if not plain or name is None or (value is not None and value.type == "array"):
            return "it is put into an array"
        variable = text_of(name)
        if variable in _OWN_NAMES or variable.startswith("LC_"):
            return f"{variable} is read by the shell and by other programs"
        if parent.type == "command":
            return "it is in the environment of a command"
        if parent.type == "declaration_command" and text_of(parent.children[0]) != "local":
            return f"it is given to {text_of(parent.children[0])!r}"
        return "" if {n.type for n in chain} <= _AROUND_ASSIGNMENTS else _UNKNOWN

    def _tested(self, spot: "_Spot") -> str:
        parent, held, single = spot.parent, spot.held, spot.single
        operator = parent.child_by_field_name("operator")
        said = text_of(operator) if operator else ""
        around = next(n for n in reversed(spot.chain[:-1]) if n.type not in _PARTS_OF_TESTS)
        if around.type != "test_command":
            return "it would be calculated with"
        double = around.children[0].type == "[["
        if not (held or double):
            return "it stands without quotes"
        if not double and spot.chain[-3].type == "binary_expression":
            return "it is one of several operands: write them as tests of their own"
        if parent.type == "test_command" or said in ("-n", "-z"):
            return "" if single else _UNKNOWN
        if said in _COMPARES:
            return "" if single and not double else "it would be calculated with"
        if said not in _EQUALS or not (double or single):
            return _UNKNOWN
        pattern = double and parent.child_by_field_name("right") == spot.chain[-1]
        return "" if held or not pattern else "it is a pattern"

    def _document(self, chain: Chain) -> str:
        body = chain[-1]
        if not _is_read_whole(body):
            return "it stands in a here-document with backticks"
        if self._pasted and _is_alone(word_of(body), self._text):
            return "it could end the here-document that it stands in"
        command = chain[-3].child_by_field_name("body")
        if command is None:
            return _UNKNOWN
        return self._reads(command) or self._goes((*chain[:-2], command))

    # Programs.

    def _argument(self, spot: "_Spot") -> str:
        nodes = self._script.word_nodes(spot.parent)
        word = spot.chain[-1]
        index = next((n for n, node in enumerate(nodes) if node.id == word.id), 0)
        words = self._script.words(spot.parent)
        offset, name = self._program(spot.parent)
        why = f"it stands in an argument of {name or 'a command'!r}"
        why += ", which is not known to keep it data"
        if not name or index <= offset:
            return why
        words, index = words[offset:], index - offset
        place = _place(name, words, index, single=spot.single)
        if place is None or (place == "line" and self._is_output(spot.word)):
            return why
        if place == "first" and not any(w.literal == "--" for w in words[:index]):
            self._begin(spot)
        return self._keeps(name, words) or self._goes(spot.chain[:-1])

    def _is_output(self, word: Word) -> bool:
        held = self._script.depends(word, "") & self._text
        return any(self._report.values[value].output for value in held)

    def _begin(self, spot: "_Spot") -> None:
        first = spot.word.parts[0]
        if first.start in (spot.at - 1, spot.at - 2):
            values = self._script.depends(Word((first,)), "") & self._text
            self._report.beginnings |= {self._report.names[value] for value in values}

    def _begin_vouched(self) -> None:
        """What an author answers for must not begin like an option, either."""
        if not self._vouched:
            return
        script = self._script
        for command in script.commands:
            words = script.words(command)
            for number, word in enumerate(words[1:], 1):
                if any(w.literal == "--" for w in words[:number]):
                    break
                held = script.carried(Word(word.parts[:1]), script.function_at(command.start_byte))
                self._report.beginnings |= {
                    self._report.names[value] for value in held & self._vouched
                }

    def _program(self, command: "Node") -> tuple[int, str]:
        """Where the name of a listed program stands in a command, and the name; else no name."""
        words = self._script.words(command)
        at = 0
        while at < len(words) - 1 and words[at].literal in _WRAPPERS:
            wrapper = WRAPPERS[str(words[at].literal)]
            behind = at + 1 + skip_options(words[at + 1 :], wrapper.valued) + wrapper.operands
            if any(word.literal is None for word in words[at:behind]) or behind >= len(words):
                return 0, ""
            at = behind
        prefixes = [c for c in command.children if c.type == "variable_assignment"]
        if not all(_QUIET.fullmatch(text_of(prefix)) for prefix in prefixes) or not words:
            return 0, ""
        folder, _, name = (words[at].literal or "").rpartition("/")
        return (at, name) if not folder or folder in _FOLDERS else (at, "")

    def _keeps(self, name: str, words: Sequence[Word]) -> str:
        """Why a listed program could do more with its input or its words than print."""
        if name in _FREE:
            return ""
        if name == "uniq" and sum(not w.prefix.startswith("-") for w in words[1:]) > 1:
            return "uniq writes it to a file"
        writes = _WRITES.get(name, "(?!)")
        for before, word in zip(words, words[1:], strict=False):
            if re.fullmatch(_OF_OPTIONS.get(name, "(?!)"), before.prefix):
                continue
            known = all(not p.expands or p.is_value or p.quote == '"' for p in word.parts)
            if not known or (name in ("sort", "uniq") and not self._is_plain(word)):
                return f"a word of {name} is not written out"
            if re.match(writes, word.prefix):
                return f"{name} may write it to a file, or run it ({word.prefix[:20]})"
        return ""

    @staticmethod
    def _is_plain(word: Word) -> bool:
        return all(not part.expands or part.is_value for part in word.parts)

    def _reads(self, stage: "Node") -> str:
        """Why a command must not read text."""
        if stage.type == "redirected_statement":
            inner = stage.child_by_field_name("body")
            return self._reads(inner) if inner else _UNKNOWN
        if stage.type == "comment":
            return ""
        if stage.type != "command":
            return "what reads it is not known to keep it data"
        offset, name = self._program(stage)
        words = self._script.words(stage)[offset:]
        if name == "curl" and any(
            before.literal in _CURL_INPUT and word.literal == "@-"
            for before, word in zip(words, words[1:], strict=False)
        ):
            return self._keeps(name, words)
        if name not in _FILTERS | _PRINTERS:
            words = self._script.words(stage)
            said = (words[offset].literal or "") if words else ""
            return f"{said or 'a command'!r} reads it, which is not known to keep it data"
        return self._keeps(name, self._script.words(stage)[offset:])

    def _goes(self, chain: Chain) -> str:
        """Why what the innermost of the nodes prints must not go where it goes."""
        if chain[-1].id in self._going:
            return ""
        self._going.add(chain[-1].id)
        why = self._follow(chain)
        if why:
            self._going.discard(chain[-1].id)
        return why

    def _follow(self, chain: Chain) -> str:
        below = chain[-1]
        if why := self._written(below):
            return why
        for depth in range(len(chain) - 2, -1, -1):
            around = chain[depth]
            if around.type == "command_substitution":
                return self._stands(chain[: depth + 1], around.start_byte + 1)
            if around.type not in _AROUND:
                return _UNKNOWN
            if why := self._written(around) or self._read_behind(around, below):
                return why
            if around.type == "function_definition":
                return self._returned(around)
            below = around
        return ""

    def _read_behind(self, around: "Node", below: "Node") -> str:
        """Why what reads the output of a stage must not read it."""
        stages = _stages_after(around, below)
        return next((why for s in stages if (why := self._reads(s) or self._written(s))), "")

    def _returned(self, function: "Node") -> str:
        """What a function prints goes where its calls print."""
        name = function.child_by_field_name("name")
        said = text_of(name) if name else ""
        script = self._script
        for call in script.commands:
            if said not in (w.literal for w in script.words(call)):
                continue
            if script.heads[call.id] != said:
                return f"{said} is given to another program"
            if why := self._goes(tuple(climb(call))[::-1]):
                return why
        return ""

    _SLOTS: ClassVar["dict[str, Callable[[_Check, _Spot], str]]"] = {
        "binary_expression": _tested,
        "case_item": _in_pattern,
        "case_statement": _in_case,
        "command": _in_command,
        "herestring_redirect": _in_line,
        "test_command": _tested,
        "unary_expression": _tested,
        "variable_assignment": _in_assignment,
    }

    def _written(self, node: "Node") -> str:
        if node.type not in _REDIRECTED or all(map(self._is_sink, self._redirects(node))):
            return ""
        return "it is written to a file, which something could run"

    @staticmethod
    def _redirects(node: "Node") -> "Iterator[Node]":
        """The redirections to files of a statement."""
        for child in node.named_children:
            if child.type == "file_redirect":
                yield child
            elif child.type == "heredoc_redirect":
                yield from (c for c in child.named_children if c.type == "file_redirect")

    @staticmethod
    def _is_sink(redirect: "Node") -> bool:
        target = redirect.child_by_field_name("destination")
        signs = "".join(child.type for child in redirect.children if not child.is_named)
        if signs == "<":
            return True
        return target is not None and text_of(target) in _SINKS and "<" not in signs


def _is_read_whole(body: "Node") -> bool:
    """Whether the parser sees all that a shell expands in a here-document."""
    return re.search(rb"`|\$\[", body.text or b"") is None


def _stages_after(around: "Node", below: "Node") -> "Iterator[Node]":
    """What reads the output of a stage, in a pipeline or behind its here-document."""
    if around.type == "pipeline":
        yield from (c for c in around.named_children if c.start_byte > below.start_byte)
    for redirect in around.named_children if around.type == "redirected_statement" else ():
        if redirect.type == "heredoc_redirect" and redirect.id != below.id:
            for child in redirect.named_children:
                if child.type == "pipeline":
                    yield from child.named_children
                elif not child.type.startswith(("heredoc", "file_")):
                    yield child


def _place(name: str, words: Sequence[Word], at: int, *, single: bool) -> str | None:
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
    return _whole_place(name, words, at) if single else None


def _whole_place(name: str, words: Sequence[Word], at: int) -> str | None:
    """The same for programs that take only a whole word of it."""
    if name in ("test", "["):
        return "any" if _is_operand(words) else None
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
    return pattern.fullmatch(word.prefix) is not None and len(word.parts) == 2


def _is_operand(words: Sequence[Word]) -> bool:
    operands = [word for word in words[1:] if word.literal not in ("]", "!")]
    if len(operands) == 3:
        return operands[1].literal in _EQUALS | _COMPARES
    return len(operands) == 2 and operands[0].literal in ("-n", "-z")


def _is_alone(word: Word, text: set[str]) -> bool:
    """Whether a value is all there is on a line, so that pasted it could end a here-document."""
    whole = "".join("\0" if part.name in text else part.text for part in word.parts)
    return any(line.strip().strip("\0") == "" and "\0" in line for line in whole.split("\n"))
