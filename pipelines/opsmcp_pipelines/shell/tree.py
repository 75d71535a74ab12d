"""What a tree of tree-sitter-bash says: nodes, and words as the shell puts them together. Pure.

A value stands in a script as `${OPSMCP_V1}`. In single quotes that is a value, too, because
`quoting` opens them for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

__all__ = [
    "SUBSTITUTIONS",
    "Part",
    "Word",
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
_ESCAPES = {"": re.compile(r"\\(.)", re.DOTALL), '"': re.compile(r'\\([$`"\\\n])')}


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True)
class Word:
    """A word of a command line, or another text that the shell expands as one."""

    parts: tuple[Part, ...]
    line: int = 0

    @cached_property
    def literal(self) -> str | None:
        """Its text, when the shell expands nothing in it."""
        return None if any(part.expands for part in self.parts) else self.prefix

    @cached_property
    def prefix(self) -> str:
        """What stands before the first expansion."""
        text = ""
        for part in self.parts:
            if part.expands:
                break
            text += part.text
        return text

    @property
    def program(self) -> str:
        """As the name of a program, without its folder."""
        return (self.literal or "").rpartition("/")[2]


def literal_word(text: str, line: int = 0) -> Word:
    """A word without expansions."""
    return Word((Part(text),), line)


def join_words(words: "list[Word]", between: str = " ") -> Word:
    """The words as one text, as programs make one of their arguments."""
    parts: list[Part] = []
    for word in words:
        parts += [Part(between)] if parts else []
        parts += word.parts
    return Word(tuple(parts), words[0].line if words else 0)


@cache
def _parser() -> "Parser":
    # Imported late: most commands never look into a script.
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


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
    if node.type in _BARE and not quoted and "\\" not in (text := text_of(node)):
        return Word((Part(text),), line_of(node))
    parts = _literal(text_of(node), "'", node.start_byte) if quoted else parts_of(node)
    return Word(tuple(parts), line_of(node))


def parts_of(node: "Node", quote: str = "") -> list[Part]:
    """The pieces of a node, in order."""
    kind, text = node.type, text_of(node)
    if kind in _EXPANSIONS:
        plain = _PLAIN.fullmatch(text)
        return [Part(text, quote, node.start_byte, plain[1] if plain else "", node)]
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
