"""The syntax of shell scripts, as dash and bash agree on it (POSIX, and what bash adds to it).

Reads a script once, from left to right, into commands and words; nothing else is known here of what
they do. What the two shells read differently, or what is not known, is `Unreadable`. A value stands
in a script as `${OPSMCP_V1}`. In single quotes that is a value, too, because `quoting` opens them.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = [
    "NO_WORD",
    "Assignment",
    "Node",
    "Part",
    "Redirect",
    "Syntax",
    "Unreadable",
    "Word",
    "join_words",
    "literal_word",
    "parse",
]

_VALUE = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_SPACE = re.compile(r"(?:[ \t]|\\\n)*(#[^\n]*)?")
_PLAIN = re.compile(r"[\w./:@%+,^-]+(?=[\s;&|)]|\Z)")
_VARIABLE = re.compile(r"\"(\$(?:\{(\w+)\}|([A-Za-z_]\w*)))\"(?=[\s;&|)])")
_NEXT = re.compile(r"(?:[ \t]+[\w./:@%+,^-]+(?=[\s;&|)]))+")
_PIECE = re.compile(
    r"(?P<plain>[^\s;&|<>()$`\"'\\]+)|\\(?P<escaped>.)|'(?P<single>[^']*)'|(?P<double>\")"
    r"|\$\{(?P<braced>\w+|[@*#?$!-])\}|\$(?P<name>[A-Za-z_]\w*|[0-9@*#?$!-])"
    r"|(?P<dollar>\$)|(?P<tick>`)|(?P<process>[<>](?=\())",
    re.DOTALL,
)
_INSIDE = {
    '"': re.compile(r"[^\"$`\\]+"),
    "<<": re.compile(r"[^$`\\]+"),
    "((": re.compile(r"[^()$`\"'\\]+"),
    "]": re.compile(r"[^\]$`\"'\\]+"),
    "}": re.compile(r"[^}$`\"'\\]+"),
    '"}': re.compile(r"[^}$`\"\\]+"),
}
"""What is plain text within double quotes, here-documents, arithmetic, indexes and expansions."""

_TICKED = re.compile(r"`([^`\\]*)`")
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPED = re.compile(r"\\([ntr\\'\"?])")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_PARAMETER = re.compile(r"\$\{(?P<sign>[!#]?)(?P<name>\w+|[@*#?$!-])(?P<all>\[[@*]\])?")
_OPERATOR = re.compile(r":?[-=+?]|##?|%%?|//?[#%]?|\^\^?|,,?|@|:")
_REDIRECTION = re.compile(r"(\d*|\{\w+\})(<<<|<<-|<<|<&|<>|>>|>&|>\||<(?!\()|>(?!\()|&>>?)[ \t]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:\[([^\]\n]*)\])?(\+?=)")
_RESERVED = re.compile(
    r"(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|function|select|coproc"
    r"|\[\[|[{}!])(?=[\s;&|()<>]|\Z)"
)
_SEPARATOR = re.compile(r"&&|\|\||;(?![;&])|&(?!>)|(?=\n)")
_CLAUSE_END = re.compile(r";;&?|;&")
_PARENS = re.compile(r"[ \t]*\([ \t]*\)")
_BETWEEN = frozenset({"then", "elif", "else", "do", "!"})
_GROUPS = {
    "(": ("group", ")"),
    "{": ("group", "}"),
    "if": ("group", "fi"),
    "until": ("loop", "done"),
    "while": ("loop", "done"),
}
_DECLARING = frozenset({"export", "declare", "local", "readonly", "typeset"})
_TESTING = re.compile(r"&&|\|\||[!()<>](?=\s|\Z)|\(")
_BRACES = re.compile(r"\{[^}]*(?:,|\.\.)")
_DEEPEST = 60


class Unreadable(Exception):
    """A script that is not read to its end.

    Attributes:
        at: Where, in characters.
    """

    def __init__(self, at: int, reason: str = "") -> None:
        """Keep the place."""
        self.at = at
        super().__init__(reason or "the shell script cannot be read from here on. Write it simpler")


@dataclass(slots=True)
class Part:
    """A piece of a word: literal text without its quotes, or one expansion.

    Attributes:
        text: The literal text, or the expansion as it is written.
        quote: What it stands in: `"`, `'`, `$'`, `<<` (a here-document), `<<'`, `((`, or nothing.
        start: Where it begins.
        name: The variable of `$v`, `${v}` or, with an `operator`, of another expansion.
        operator: `:-` and the like; `!` and `#` in front of the name; `(` for a command,
            `((` for arithmetic, `<(` for a process.
        word: What stands behind the operator, or is calculated.
        script: The command that is substituted.
    """

    text: str
    quote: str = ""
    start: int = 0
    name: str = ""
    operator: str = ""
    word: "Word | None" = None
    script: "Node | None" = None

    @property
    def expands(self) -> bool:
        """Whether the shell puts something else in its place."""
        return bool(self.name or self.operator)

    @property
    def plain(self) -> str:
        """The variable of a plain expansion; else nothing."""
        return "" if self.operator else self.name

    @property
    def is_value(self) -> bool:
        """Whether it is a value itself, and not a variable that holds one."""
        return self.name.startswith("OPSMCP_V") and not self.operator


class Word:
    """A word of a command line, or another text that the shell expands as one.

    Attributes:
        start: Where it begins, and `end` where it ends, in characters of the script.
        prefix: What stands before the first expansion.
        literal: Its text, when the shell expands nothing in it.
    """

    __slots__ = ("_parts", "end", "literal", "prefix", "start")

    def __init__(self, parts: tuple[Part, ...], start: int = 0, end: int = 0) -> None:
        """Put it together of its pieces."""
        self._parts: tuple[Part, ...] | None = parts
        self.start, self.end = start, end
        self.prefix = ""
        self.literal: str | None = None
        for part in parts:
            if part.name or part.operator:
                return
            self.prefix += part.text
        self.literal = self.prefix

    @classmethod
    def of_text(cls, text: str, start: int = 0, end: int = 0) -> "Word":
        """A word without expansions, as most are: made quickly."""
        word = cls.__new__(cls)
        word._parts, word.prefix, word.literal = None, text, text
        word.start, word.end = start, end
        return word

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its pieces."""
        if self._parts is None:
            self._parts = (Part(self.prefix, start=self.start),)
        return self._parts

    def of(self, parts: Iterable[Part]) -> "Word":
        """A word of other pieces in its place."""
        return Word(tuple(parts), self.start, self.end)

    @property
    def program(self) -> str:
        """As the name of a program, without its folder."""
        return (self.literal or "").rpartition("/")[2]


literal_word = Word.of_text
NO_WORD = literal_word("")
"""Stands where there is no word."""


def join_words(words: Sequence[Word], between: str = " ") -> Word:
    """The words as one text, as programs make one of their arguments."""
    parts: list[Part] = []
    for word in words:
        parts += [Part(between)] if parts else []
        parts += word.parts
    return Word(tuple(parts), *((words[0].start, words[-1].end) if words else ()))


@dataclass(slots=True)
class Assignment:
    """`name=word`, or the words of an array; `adds` for `+=`, `index` for an item of an array."""

    name: str
    words: list[Word]
    start: int
    array: bool = False
    adds: bool = False
    index: Word | None = None


@dataclass(slots=True)
class Redirect:
    """A redirection; `body` is the text of a here-document, of which `word` is the delimiter."""

    sign: str
    number: str
    word: Word
    body: Word | None = None
    quoted: bool = False


@dataclass(slots=True)
class Node:
    """A command, or what holds several.

    Attributes:
        kind: `command`, `group`, `loop`, `for`, `case`, `function`, `test`, `arithmetic`,
            `substitution`, or `script`.
        start: Where it begins, and `end` where it ends.
        parent: What it stands in.
        function: The function that it stands in.
        words: The words of a command, of a loop, of a test, or that a case is about.
        patterns: Those of a case.
        name: Of a function, or the variable of a loop.
        head: The first word of a command, if it is written out.
        before: What it reads the output of, and `after` what reads its own.
    """

    kind: str
    start: int
    parent: "Node | None"
    function: str = ""
    end: int = 0
    name: str = ""
    head: str = ""
    words: Sequence[Word] = ()
    patterns: tuple[Word, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    before: "Node | None" = None
    after: "Node | None" = None


@dataclass(slots=True)
class Syntax:
    """A script that was read: all nodes and words in the order of their beginning."""

    text: str
    nodes: list[Node]
    values: list[Part]
    """Where values stand."""
    documents: list[Redirect]
    """The here-documents with a quoted delimiter."""
    calculated: list[tuple[Part, str]]
    """What is calculated, and the function that it stands in."""
    comments: list[tuple[int, int]]
    _lines: list[int] = field(default_factory=list[int])

    def line_at(self, at: int) -> int:
        """The line of a character, from 1."""
        if not self._lines:
            self._lines = [found.start() for found in re.finditer("\n", self.text)] or [-1]
        return bisect_left(self._lines, at) + 1 if self._lines[0] >= 0 else 1


def parse(text: str, *, bash: bool = True) -> Syntax:
    """Read a script.

    Args:
        text: The script.
        bash: Whether bash runs it; else what other shells read differently is refused.

    Raises:
        Unreadable: It is no script, or one that is not understood.
    """
    parser = _Parser(text, bash=bash)
    root = Node("script", 0, None, end=len(text))
    parser.read(root)
    return Syntax(
        text, parser.nodes, parser.values, parser.documents, parser.calculated, parser.comments
    )


class _Parser:
    def __init__(self, text: str, *, bash: bool) -> None:
        self.text, self.at = text, 0
        self.end: int = len(text)
        self.nodes: list[Node] = []
        self.values: list[Part] = []
        self.documents: list[Redirect] = []
        self.calculated: list[tuple[Part, str]] = []
        self.comments: list[tuple[int, int]] = []
        self._bash = bash
        self._pending: list[Redirect] = []
        self._function = ""
        self._owner: Node | None = None
        self._depth = 0

    # Commands and what holds several.

    def read(self, root: Node, closing: str = "") -> None:
        """The commands up to a closing bracket, or to the end."""
        opened = [(root, closing, self._function)]
        before: Node | None = None
        while True:
            self._blank_lines()
            inside, closes, _ = opened[-1]
            if self.at >= self.end:
                if len(opened) > 1 or closing:
                    raise Unreadable(self.at)
                return
            found = _RESERVED.match(self.text, self.at, self.end)
            word = found[0] if found else self.text[self.at]
            if word in _BETWEEN:
                self.at += len(word)
            elif inside.kind == "case" and (clause := _CLAUSE_END.match(self.text, self.at)):
                self.at = clause.end()
                self._clause(inside)
            elif word == closes:
                self.at += len(word)
                if len(opened) == 1:
                    return
                node, _, self._function = opened.pop()
                before = self._ended(node)
            else:
                node, closes = self._begun(word, inside)
                if before is not None:
                    node.before, before.after = before, node
                before = None if closes else self._ended(node)
                if closes:
                    opened.append((node, closes, self._function))
                    self._function = node.name if node.kind == "function" else self._function
                    self._limit(len(opened))

    def _limit(self, depth: int) -> None:
        if depth + self._depth > _DEEPEST:
            raise Unreadable(self.at, "nested too deeply to be checked")

    def _skip(self) -> str:
        """Past blanks and a comment; the next character."""
        if self.at >= self.end:
            return ""
        sign = self.text[self.at]
        if sign not in " \t\\#":
            return sign
        if found := _SPACE.match(self.text, self.at, self.end):
            self.at = found.end()
            if found[1]:
                self.comments.append(found.span(1))
        return self.text[self.at] if self.at < self.end else ""

    def _blank_lines(self) -> None:
        while self._skip() == "\n":
            self.at += 1
            for redirect in self._pending:
                self._document(redirect)
            self._pending.clear()

    def _ended(self, node: Node) -> Node | None:
        """Past what stands behind a command; the command, if the next one reads its output."""
        if node.kind != "command":
            while self._skip() and (found := _REDIRECTION.match(self.text, self.at, self.end)):
                self._redirect(node, found)
        node.end = self.at
        sign = self._skip()
        if sign == "|" and not self.text.startswith("||", self.at):
            self.at += 2 if self.text.startswith("|&", self.at) else 1
            return node
        if separator := _SEPARATOR.match(self.text, self.at, self.end):
            self.at = separator.end()
        elif sign and sign not in ");":
            raise Unreadable(self.at)
        return None

    def _node(self, kind: str, parent: Node, length: int = 0) -> Node:
        node = Node(kind, self.at, parent, self._function)
        self.nodes.append(node)
        self.at += length
        return node

    def _begun(self, word: str, parent: Node) -> tuple[Node, str]:
        """What a word begins, and what closes it; nothing does if it was read as a whole."""
        if word == "(" and self.text.startswith("((", self.at):
            node = self._node("arithmetic", parent)
            node.words = (self._calculated(node),)
            return node, ""
        if word in _GROUPS:
            kind, closes = _GROUPS[word]
            return self._node(kind, parent, len(word)), closes
        if word == "for":
            return self._for(parent), "done"
        if word == "case":
            return self._case(parent), "esac"
        if word == "[[":
            return self._test(parent), ""
        if word == "function":
            self.at += len(word)
            self._skip()
            return self._named(self._word(parent), parent)
        if len(word) > 1 or word == "}":
            raise Unreadable(self.at)
        node = self._simple(parent)
        return self._named(node.words[0], parent) if node.kind == "function" else (node, "")

    def _named(self, name: Word, parent: Node) -> tuple[Node, str]:
        """A function, whose name was read: its body is a group."""
        if parens := _PARENS.match(self.text, self.at, self.end):
            self.at = parens.end()
        self._blank_lines()
        sign = self.text[self.at : self.at + 1]
        if name.literal is None or sign not in ("{", "("):
            raise Unreadable(self.at)
        node = self._node("function", parent, 1)
        node.name, node.start = name.literal, name.start
        return node, "}" if sign == "{" else ")"

    def _for(self, parent: Node) -> Node:
        node = self._node("for", parent, 3)
        if self._skip() == "(" and self.text.startswith("((", self.at):
            node.kind = "arithmetic"
            node.words = (self._calculated(node),)
        else:
            node.name = self._word(node).literal or ""
            if not node.name.isidentifier():
                raise Unreadable(node.start)
            self._blank_lines()
            if re.compile(r"in\s").match(self.text, self.at, self.end):
                self.at += 2
                words = node.words = list[Word]()
                while self._skip() not in ("", "\n", ";"):
                    words.append(self._word(node))
            else:
                node.words = (Word((Part("$@", '"', self.at, "@"),), self.at, self.at),)
        self.at += self._skip() == ";"
        return node

    def _case(self, parent: Node) -> Node:
        node = self._node("case", parent, 4)
        self._skip()
        node.words = (self._word(node),)
        self._blank_lines()
        if not self.text.startswith("in", self.at):
            raise Unreadable(self.at)
        self.at += 2
        self._clause(node)
        return node

    def _clause(self, node: Node) -> None:
        """The patterns of the next clause, if there is one."""
        self._blank_lines()
        if re.compile(r"esac\b").match(self.text, self.at, self.end):
            return
        self.at += self._skip() == "("
        sign = "|"
        while sign == "|":
            self._skip()
            node.patterns += (self._word(node),)
            sign = self._skip()
            self.at += 1
        if sign != ")":
            raise Unreadable(self.at)

    def _calculated(self, node: Node) -> Word:
        """`(( ... ))`, from where it begins."""
        start = self.at
        self.at += 2
        owner, self._owner = self._owner, node
        parts = self._inside("((", "))")
        self._owner = owner
        return Word((self._number_of(start, parts, ""),), start, self.at)

    def _test(self, parent: Node) -> Node:
        """`[[ ... ]]`: its operands and operators, as words."""
        node = self._node("test", parent, 2)
        words = node.words = list[Word]()
        while True:
            self._blank_lines()
            if self.at >= self.end:
                raise Unreadable(node.start)
            if self.text.startswith("]]", self.at):
                self.at += 2
                return node
            if found := _TESTING.match(self.text, self.at, self.end):
                if not self._bash and found[0] in ("&&", "||"):
                    raise Unreadable(
                        self.at, "[[ with && or || needs bash: begin the script with #!/bin/bash"
                    )
                words.append(literal_word(found[0], found.start(), found.end()))
                self.at = found.end()
            elif self.text[self.at] == ")":
                self.at += 1
            else:
                regex = bool(words) and words[-1].literal == "=~"
                words.append(self._word(node, also="()|" if regex else ""))

    # Simple commands.

    def _simple(self, parent: Node) -> Node:
        text, end = self.text, self.end
        node = Node("command", self.at, parent, self._function)
        self.nodes.append(node)
        words = node.words = list[Word]()
        while True:
            if words and (found := _NEXT.match(text, self.at, end)):
                at, self.at = self.at, found.end()
                words += [literal_word(word, at, at) for word in found[0].split()]
            sign = self._skip()
            if sign in "\n;|&)" and not text.startswith("&>", self.at):
                if not words and not node.assignments and not node.redirects:
                    raise Unreadable(self.at)
                node.head = (words[0].literal or "") if words else ""
                return node
            if sign in "<>&0123456789{" and (found := _REDIRECTION.match(text, self.at, end)):
                self._redirect(node, found)
            elif sign == "(":
                plain = len(words) == 1 and words[0].literal is not None
                if not plain or not _PARENS.match(text, self.at, end):
                    raise Unreadable(self.at)
                self.nodes.pop()
                node.kind = "function"
                return node
            elif (not words or words[0].literal in _DECLARING) and (
                found := _ASSIGNMENT.match(text, self.at, end)
            ):
                self._assignment(node, found)
            else:
                words.append(self._word(node))

    def _assignment(self, node: Node, found: re.Match[str]) -> None:
        made = Assignment(found[1], [], found.start(), adds=found[3] == "+=")
        if found[2] is not None:
            made.index = self._bounded(node, found.start(2), found.end(2))
        self.at = found.end()
        node.assignments += (made,)
        if self.text.startswith("(", self.at):
            self.at += 1
            made.array = True
            while True:
                self._blank_lines()
                if self.text.startswith(")", self.at):
                    self.at += 1
                    return
                made.words.append(self._word(node))
        plain = self.at < self.end and self.text[self.at] not in " \t\n;|&)"
        made.words.append(self._word(node) if plain else literal_word("", self.at, self.at))

    def _bounded(self, node: Node, start: int, end: int) -> Word:
        """An index, which is calculated."""
        before, self.at, self.end = (self.at, self.end), start, end
        owner, self._owner = self._owner, node
        parts = self._inside("]", "")
        self._owner = owner
        self.at, self.end = before
        part = Part(self.text[start:end], "", start, operator="((", word=Word(parts, start))
        self.calculated.append((part, self._function))
        return Word((part,), start, end)

    def _redirect(self, node: Node, found: re.Match[str]) -> None:
        self.at = found.end()
        self._skip()
        word = self._word(node)
        made = Redirect(found[2], found[1], word)
        node.redirects += (made,)
        if found[2] == "<<<":
            made.body = word
        elif found[2] in ("<<", "<<-"):
            if word.literal is None:
                raise Unreadable(word.start)
            made.quoted = self.text[word.start : word.end] != word.literal
            self._pending.append(made)

    def _document(self, redirect: Redirect) -> None:
        """The text of a here-document, which begins here."""
        tabs = r"\t*" if redirect.sign == "<<-" else ""
        ends = re.compile(rf"^{tabs}{re.escape(redirect.word.literal or '')}$", re.MULTILINE)
        found, start = ends.search(self.text, self.at, self.end), self.at
        if found is None:
            raise Unreadable(redirect.word.start)
        if redirect.quoted:
            self.documents.append(redirect)
            parts = self._literal(start, found.start(), "<<'")
        else:
            if self.text[: found.start()].endswith("\\\n"):
                raise Unreadable(found.start())
            before, self.end = self.end, found.start()
            parts = self._inside("<<", "")
            self.end = before
        redirect.body = Word(tuple(parts), start, found.start())
        self.at = found.end()
        if self.text.startswith("\n", self.at):
            self.at += 1

    # Words.

    def _word(self, node: Node, also: str = "") -> Word:
        start = self.at
        if found := _PLAIN.match(self.text, start, self.end):
            self.at = found.end()
            return literal_word(found[0], start, self.at)
        if found := _VARIABLE.match(self.text, start, self.end):
            self.at = found.end()
            part = self._variable(found[1], '"', start + 1, found[2] or found[3])
            return Word((part,), start, self.at)
        owner, self._owner = self._owner, node
        parts: list[Part] = []
        while found := _PIECE.match(self.text, self.at, self.end):
            self._piece(found, parts, "")
        while also and self.at < self.end and self.text[self.at] in also:
            parts.append(Part(self.text[self.at], "", self.at))
            self.at += 1
            while found := _PIECE.match(self.text, self.at, self.end):
                self._piece(found, parts, "")
        self._owner = owner
        if self.at == start:
            raise Unreadable(start)
        word = Word(tuple(parts), start, self.at)
        if word.literal is None and "{" in (bare := _bare(parts)) and _BRACES.search(bare):
            raise Unreadable(start, "a word in braces holds an expansion: write the words out")
        return word

    def _piece(self, found: re.Match[str], parts: list[Part], quote: str) -> None:
        kind, start = found.lastgroup, found.start()
        if kind == "plain":
            parts.append(Part(found[0], quote, start))
        elif kind in ("braced", "name"):
            parts.append(self._variable(found[0], quote, start, found[kind]))
        elif kind == "single":
            parts += self._literal(start + 1, found.end() - 1, "'") or [Part("", "'", start)]
        elif kind == "escaped":
            if found["escaped"] != "\n":
                parts.append(Part(found["escaped"], "\\", start))
        else:
            self._expansion(kind or "", parts, quote)
            return
        self.at = found.end()

    def _variable(self, text: str, quote: str, start: int, name: str) -> Part:
        part = Part(text, quote, start, name)
        if name.startswith("OPSMCP_V"):
            self.values.append(part)
        return part

    def _expansion(self, kind: str, parts: list[Part], quote: str) -> None:
        """What is no variable alone: a string, a command, a calculation, or `${v:-x}`."""
        start, text = self.at, self.text
        if kind == "double":
            self.at += 1
            parts += self._inside('"', '"') or [Part("", '"', start)]
        elif kind == "tick":
            parts.append(self._ticked(quote))
        elif kind == "process":
            self.at += 2
            parts.append(self._command("<(", quote, start))
        elif text.startswith("$((", start):
            parts.append(self._number(quote))
        elif text.startswith("$(", start):
            self.at += 2
            parts.append(self._command("(", quote, start))
        elif text.startswith("${", start):
            parts.append(self._parameter(quote))
        elif text.startswith("$'", start) and quote == "":
            self._ansi(parts)
        elif text.startswith('$"', start) and quote == "" and self._bash:
            self.at += 1
        elif text.startswith("$[", start):
            raise Unreadable(start)
        else:
            parts.append(Part("$", quote, start))
            self.at += 1

    def _ansi(self, parts: list[Part]) -> None:
        """`$'...'`, which other shells than bash do not know."""
        found = _ANSI.match(self.text, self.at, self.end)
        if not self._bash:
            raise Unreadable(self.at, "$'...' needs bash: begin the script with #!/bin/bash")
        if found is None or "\\${" in found[1]:
            raise Unreadable(self.at)
        for part in self._literal(found.start(1), found.end(1), "$'") or [Part("", "$'")]:
            if not part.expands and _ESCAPED.sub("", part.text).count("\\"):
                raise Unreadable(self.at)
            if not part.expands:
                part.text = _ESCAPED.sub(lambda e: _ESCAPES.get(e[1], e[1]), part.text)
            parts.append(part)
        self.at = found.end()

    def _literal(self, start: int, end: int, quote: str) -> list[Part]:
        """Text in which nothing is expanded, and the values in it."""
        parts: list[Part] = []
        for found in _VALUE.finditer(self.text, start, end):
            if found.start() > start:
                parts.append(Part(self.text[start : found.start()], quote, start))
            parts.append(self._variable(found[0], quote, found.start(), found[1]))
            start = found.end()
        if start < end:
            parts.append(Part(self.text[start:end], quote, start))
        return parts

    def _inside(self, quote: str, closing: str) -> tuple[Part, ...]:
        """The pieces up to what closes them: of a string, a here-document, or arithmetic.

        Nothing closes a here-document or an index but their end.
        """
        text, plain = self.text, _INSIDE[quote]
        stands = {"}": "", '"}': '"', "]": "(("}.get(quote, quote)
        parts: list[Part] = []
        depth = 0
        while self.at < self.end:
            at = self.at
            if found := plain.match(text, at, self.end):
                parts.append(Part(found[0], stands, at))
                self.at = found.end()
            elif closing and not depth and text.startswith(closing, at):
                self.at += len(closing)
                return tuple(parts)
            elif text[at] in "()":
                depth += 1 if text[at] == "(" else -1
                if depth < 0:
                    raise Unreadable(at)
                parts.append(Part(text[at], stands, at))
                self.at += 1
            elif text[at] == "\\":
                self._escape(parts, stands)
            elif found := _PIECE.match(text, at, self.end):
                single = found.lastgroup == "single" and quote in ("((", "]")
                if single or (found.lastgroup == "double" and quote == "<<"):
                    raise Unreadable(at)
                self._piece(found, parts, stands)
            else:
                raise Unreadable(at)
        if closing:
            raise Unreadable(self.at)
        return tuple(parts)

    def _escape(self, parts: list[Part], stands: str) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        kept = stands in ('"', "<<") and after not in (
            "$",
            "`",
            "\\",
            '"' if stands == '"' else "$",
        )
        if after != "\n":
            parts.append(Part(f"\\{after}" if kept else after, stands, self.at))
        self.at += 2

    def _ticked(self, quote: str) -> Part:
        found = _TICKED.match(self.text, self.at, self.end)
        if found is None:
            raise Unreadable(self.at)
        before, self.end, self.at = self.end, found.end(1), found.start(1)
        part = self._command("(", quote, found.start(), "")
        self.end, self.at = before, found.end()
        part.text = found[0]
        return part

    def _command(self, operator: str, quote: str, start: int, closing: str = ")") -> Part:
        owner = self._owner
        node = self._node("substitution", owner or Node("script", 0, None))
        part = Part("", quote, start, operator=operator, script=node)
        pending, self._pending = self._pending, []
        self._depth += 1
        self._limit(0)
        self.read(node, closing)
        if self._pending:
            raise Unreadable(self.at)
        self._pending, self._owner = pending, owner
        self._depth -= 1
        part.text, node.end = self.text[start : self.at], self.at
        return part

    def _number(self, quote: str) -> Part:
        start = self.at
        self.at += 3
        parts = self._inside("((", "))")
        return self._number_of(start, parts, quote)

    def _number_of(self, start: int, parts: tuple[Part, ...], quote: str) -> Part:
        text, word = self.text[start : self.at], Word(parts, start, self.at)
        part = Part(text, quote, start, operator="((", word=word)
        self.calculated.append((part, self._function))
        return part

    def _parameter(self, quote: str) -> Part:
        start = self.at
        found = _PARAMETER.match(self.text, start, self.end)
        self._depth += 1
        self._limit(0)
        if found is None:
            raise Unreadable(start)
        self.at = found.end()
        part = Part(
            "",
            quote,
            start,
            found["name"],
            ("len" if found["sign"] == "#" else found["sign"]) or found["all"] or "",
        )
        parts: tuple[Part, ...] = ()
        if self.text.startswith("[", self.at):
            closes = self.text.find("]", self.at, self.end)
            if closes < 0 or self._owner is None:
                raise Unreadable(start)
            parts = self._bounded(self._owner, self.at + 1, closes).parts
            part.operator, self.at = "[", closes + 1
        if operator := _OPERATOR.match(self.text, self.at, self.end):
            part.operator += operator[0]
            self.at = operator.end()
            if operator[0] == "@" and self.text.startswith("P", self.at):
                raise Unreadable(start, "${...@P} runs what the variable holds")
        elif not self.text.startswith("}", self.at):
            raise Unreadable(start)
        inner = self._inside('"}' if quote in ('"', "<<") else "}", "}")
        if part.operator[:1] in ("/", ":") and part.operator not in (":-", ":=", ":+", ":?"):
            for piece in inner:
                piece.quote = part.operator[:1] if piece.is_value else piece.quote
        part.word = Word((*parts, *inner), start)
        if part.operator == ":":
            self.calculated.append((part, self._function))
        part.text = self.text[start : self.at]
        self._depth -= 1
        return part


def _bare(parts: list[Part]) -> str:
    return "".join("$" if part.expands else part.text if not part.quote else "" for part in parts)
