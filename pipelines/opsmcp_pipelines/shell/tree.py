"""What a tree of tree-sitter-bash says: nodes, and words as the shell puts them together. Pure.

A value stands in a script as `${OPSMCP_V1}`. In single quotes that is a value, too, because
`quoting` opens them for it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Query

__all__ = [
    "NO_WORD",
    "SUBSTITUTIONS",
    "Part",
    "TooDeep",
    "Word",
    "captures",
    "chains",
    "climb",
    "join_words",
    "line_of",
    "literal_word",
    "parse",
    "parts_of",
    "text_of",
    "word_of",
]

SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_EXPANSIONS = SUBSTITUTIONS | {"simple_expansion", "expansion", "arithmetic_expansion"}
_BARE = frozenset({"word", "number"})
_SINGLE = frozenset({"raw_string", "ansi_c_string"})
_DOUBLE = frozenset({"string", "translated_string"})
_PLACEHOLDER = re.compile(r"\$\{(OPSMCP_[A-Z]+[0-9]+)\}")
_PLAIN = re.compile(r"\$\{?(\w+|[@*#?])\}?")
_QUOTED = re.compile(r'"(\$\{?(\w+|[@*#?])\}?)"')
_ESCAPES = {"": re.compile(r"\\(.)", re.DOTALL), '"': re.compile(r'\\([$`"\\\n])')}


@dataclass(slots=True)
class Part:
    """A piece of a word: literal text without its quotes, or one expansion.

    `name` is the variable of a plain expansion (`$v`, `${v}`), `node` the expansion; a value within
    single quotes has a name and no node. `start` counts bytes.
    """

    text: str
    quote: str = ""
    start: int = 0
    name: str = ""
    node: "Node | None" = None

    @property
    def expands(self) -> bool:
        """Whether the shell puts something else in its place."""
        return bool(self.name) or self.node is not None

    @property
    def is_value(self) -> bool:
        """Whether it is a value itself, and not a variable that holds one."""
        return self.name.startswith("OPSMCP_V")


class Word:
    """A word of a command line, or another text that the shell expands as one.

    Attributes:
        parts: Its pieces.
        line: Where it stands, from 1.
        prefix: What stands before the first expansion.
        literal: Its text, when the shell expands nothing in it.
    """

    __slots__ = ("line", "literal", "parts", "prefix")

    def __init__(self, parts: tuple[Part, ...], line: int = 0) -> None:
        """Put it together of its pieces."""
        self.parts, self.line = parts, line
        self.prefix, self.literal = "", None
        for part in parts:
            if part.expands:
                return
            self.prefix += part.text
        self.literal: str | None = self.prefix

    def of(self, parts: Iterable[Part]) -> "Word":
        """A word of other pieces in its place."""
        return Word(tuple(parts), self.line)

    @property
    def program(self) -> str:
        """As the name of a program, without its folder."""
        return (self.literal or "").rpartition("/")[2]


def literal_word(text: str, line: int = 0) -> Word:
    """A word without expansions."""
    word = Word((), line)
    word.parts, word.prefix, word.literal = (Part(text),), text, text
    return word


NO_WORD = literal_word("")
"""Stands where there is no word."""


def join_words(words: "list[Word]", between: str = " ") -> Word:
    """The words as one text, as programs make one of their arguments."""
    parts: list[Part] = []
    for word in words:
        parts += [Part(between)] if parts else []
        parts += word.parts
    return Word(tuple(parts), words[0].line if words else 0)


class TooDeep(Exception):
    """What is looked at stands deeper than anybody writes."""


_DEEPEST = 100
_QUERY = """
(command) @command
(variable_assignment) @assignment
(function_definition) @function
(declaration_command) @declaration
(for_statement) @loop
(comment) @comment
(heredoc_redirect) @document
(pipeline) @joined
(redirected_statement) @joined
(unset_command) @declaration
(arithmetic_expansion) @number
(compound_statement "((") @number
(c_style_for_statement) @number
(subscript index: (_) @number)
(expansion) @expansion
(test_command) @number
(for_statement value: (_) @number)
"""


@cache
def _language() -> "Language":
    # Imported late: most commands never look into a script.
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


@cache
def _parser() -> "Parser":
    from tree_sitter import Parser

    return Parser(_language())


@cache
def _query() -> "Query":
    from tree_sitter import Query

    return Query(_language(), _QUERY)


def captures(root: "Node") -> "dict[str, list[Node]]":
    """The nodes of the kinds that decide, in the order of the script."""
    from tree_sitter import QueryCursor

    return QueryCursor(_query()).captures(root)


def chains(root: "Node", marks: Iterable[int]) -> "Iterator[tuple[int, tuple[Node, ...]]]":
    """For each byte, in order, the nodes around it from the outermost: one pass over the tree.

    Raises:
        TooDeep: There are more than anybody writes.
    """
    cursor, stack = root.walk(), [root]
    for mark in marks:
        while True:
            if stack[-1].end_byte <= mark:
                if cursor.goto_next_sibling() and cursor.node:
                    stack[-1] = cursor.node
                    continue
                if len(stack) == 1:
                    return
                cursor.goto_parent()
                stack.pop()
                if stack[-1].end_byte > mark:
                    yield mark, tuple(stack)
                    break
            elif stack[-1].start_byte > mark:
                yield mark, tuple(stack[:-1])
                break
            elif len(stack) > _DEEPEST:
                raise TooDeep
            elif cursor.goto_first_child() and cursor.node:
                stack.append(cursor.node)
            else:
                yield mark, tuple(stack)
                break


def climb(node: "Node | None") -> "Iterator[Node]":
    """A node and all around it, from the inside.

    Raises:
        TooDeep: There are more than anybody writes; each step costs as many.
    """
    for _ in range(_DEEPEST):
        if node is None:
            return
        yield node
        node = node.parent
    raise TooDeep


def parse(source: bytes) -> "Node":
    """The syntax tree of a shell script."""
    return _parser().parse(source).root_node


def text_of(node: "Node") -> str:
    """The text that a node stands for."""
    return (node.text or b"").decode(errors="replace")


def line_of(node: "Node") -> int:
    """The line on which a node begins, from 1."""
    return node.start_point[0] + 1


def word_of(node: "Node", *, quoted: bool = False) -> Word:
    """A node as a word; `quoted` where nothing in it is expanded but values."""
    kind = node.type
    if kind in _BARE and not quoted and "\\" not in (text := text_of(node)):
        return literal_word(text, line_of(node))
    if kind == "string" and not quoted and (plain := _QUOTED.fullmatch(text_of(node))):
        part = Part(plain[1], '"', node.start_byte + 1, plain[2])
        return Word((part,), line_of(node))
    parts = _literal(text_of(node), "'", node.start_byte) if quoted else parts_of(node)
    return Word(tuple(parts), line_of(node))


def parts_of(node: "Node", quote: str = "") -> list[Part]:
    """The pieces of a node, in order."""
    kind, text = node.type, text_of(node)
    if kind in _EXPANSIONS:
        # In quotes the parser takes a blank in front for a part of the expansion.
        bare = text.lstrip() if quote else text
        start = node.start_byte + len(text) - len(bare)
        plain = _PLAIN.fullmatch(bare)
        before = [Part(text[: len(text) - len(bare)], quote, node.start_byte)]
        part = Part(bare, quote, start, plain[1] if plain else "", node)
        return [part] if bare == text else [*before, part]
    if kind in _SINGLE:
        opened = 2 if kind == "ansi_c_string" else 1
        return _literal(text[opened:-1], "'", node.start_byte + opened)
    if kind in _DOUBLE:
        opened = 1 if kind == "string" else 2
        return _between(node, '"', opened, 1)
    if kind == "heredoc_body":
        return _between(node, '"', 0, 0)
    return _between(node, quote, 0, 0)


def _between(node: "Node", quote: str, opened: int, closed: int) -> list[Part]:
    """The children that are expanded or quoted, and the text between them.

    Such text has not always a node of its own.
    """
    text, base = node.text or b"", node.start_byte
    parts: list[Part] = []
    at = base + opened
    for child in node.named_children:
        if child.named_child_count == 0 and child.type not in _EXPANSIONS | _SINGLE | _DOUBLE:
            continue
        parts += _plain(text[at - base : child.start_byte - base], quote, at)
        parts += parts_of(child, quote)
        at = child.end_byte
    parts += _plain(text[at - base : len(text) - closed], quote, at)
    return parts


def _plain(text: bytes, quote: str, start: int) -> Iterator[Part]:
    if text:
        unescaped = _ESCAPES[quote].sub(_unescape, text.decode(errors="replace"))
        yield Part(unescaped, quote, start)


def _unescape(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _literal(text: str, quote: str, start: int) -> list[Part]:
    """Text in which nothing is expanded, and the values in it."""
    parts: list[Part] = []
    done = 0
    for found in _PLACEHOLDER.finditer(text):
        if found.start() > done:
            parts.append(Part(text[done : found.start()], quote))
        at = start + len(text[: found.start()].encode())
        parts.append(Part(found[0], quote, at, found[1]))
        done = found.end()
    if done < len(text) or not parts:
        parts.append(Part(text[done:], quote))
    return parts
