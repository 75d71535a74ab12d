"""Flow: which values reach which variables of a shell script, and so where they stand. Pure.

Values are environment variables of a known prefix. What programs make of them is not followed:
only what the shell itself, or a command that prints its arguments, passes on.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from opsmcp_pipelines.embedded.command_line import Word
from opsmcp_pipelines.embedded.shell_tree import bare, text_of, walk, words_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Flow"]

_ECHOES = frozenset({"echo", "printf", "cat"})
_POSITIONAL = frozenset("0123456789@*")


class Flow:
    """Which values reach which shell variables, and so which nodes."""

    def __init__(self, root: "Node", prefix: str) -> None:
        """Follow the values through the script of `root`; their names begin with `prefix`."""
        self._value = re.compile(rf"{prefix}[0-9]+")
        self._reached: dict[str, set[str]] = {}
        self.integers = _integer_names(root)
        flows = list(_assignments(root))
        self._texts: dict[str, list[str]] = {}
        for name, text in flows:
            self._texts.setdefault(name, []).append(bare(text.strip()))
        changed = True
        while changed:
            changed = False
            for name, text in flows:
                known = self._reached.setdefault(name, set())
                # Arithmetic follows names: after `w=v`, `$((w))` reads v.
                new = self._values_of(text) | self._reached.get(bare(text.strip()), set())
                new = new - known
                known |= new
                changed = changed or bool(new)

    def expand(self, words: "list[Word[Node]]") -> "Iterator[list[Word[Node]]]":
        """The command line, also with its first word replaced by what was assigned to it."""
        yield words
        match = re.fullmatch(r"\$\{?(\w+)(?:\[.*\])?\}?", words[0].text) if words else None
        for text in self._texts.get(match[1], []) if match else []:
            parts = text.strip("() ").split()  # an array is written in parentheses
            yield [*(Word(bare(part), words[0].node) for part in parts), *words[1:]]

    def values_in(self, texts: Iterable[str], *, by_name: bool = False) -> set[str]:
        """The values that the texts contain, directly or through a variable.

        `by_name` when the shell reads variables there without a dollar sign, as in arithmetic.
        """
        return {value for text in texts for value in self._values_of(text, by_name=by_name)}

    def _values_of(self, text: str, *, by_name: bool = False) -> set[str]:
        found = set(self._value.findall(text))
        for name, values in self._reached.items():
            if values and re.search(_use_of(name, by_name=by_name), text):
                found |= values
        return found


def _use_of(name: str, *, by_name: bool) -> str:
    """A pattern for the places that read a shell variable."""
    if name in _POSITIONAL:
        return rf"\$\{{?[!#]?{re.escape(name)}"
    start = r"(?<![A-Za-z0-9_])" if by_name else r"\$\{?[!#]?"
    return rf"{start}{re.escape(name)}(?![A-Za-z0-9_])"


def _assignments(root: "Node") -> Iterator[tuple[str, str]]:
    """Each shell variable with a text that flows into it."""
    nodes = list(walk(root))
    functions = _functions(nodes)
    for node in nodes:
        if node.type == "expansion":
            name = re.match(r"\$\{(\w+):?=", text_of(node))
            if name:
                yield name[1], text_of(node)[name.end() : -1]
        elif node.type in ("variable_assignment", "for_statement") and node.named_children:
            first, *rest = node.named_children
            name = re.match(r"\w+", text_of(first))
            if name:
                yield name[0], " ".join(_flowing(part) for part in rest)
        elif node.type == "command":
            yield from _arguments_of(node, functions)


def _functions(nodes: Iterable["Node"]) -> frozenset[str]:
    """The names of the functions that a script defines."""
    return frozenset(
        text_of(word)
        for node in nodes
        if node.type == "function_definition"
        for word in node.named_children
        if word.type == "word"
    )


def _arguments_of(command: "Node", functions: frozenset[str]) -> Iterator[tuple[str, str]]:
    words = words_of(command)
    if not words:
        return
    text = " ".join(word.text for word in words[1:])
    if words[0].name in ("env", "sudo"):
        pairs = (word.text.partition("=") for word in words[1:])
        yield from ((name, value) for name, _, value in pairs if name.isidentifier())
    if words[0].text in functions | {"set"}:
        yield from ((name, text) for name in _POSITIONAL)
    elif words[0].text in ("read", "mapfile", "readarray"):
        names = [word.text for word in words[1:] if word.text.isidentifier()]
        given = " ".join(text_of(part) for part in _fed_to(command))
        yield from ((name, given) for name in names)
    elif words[0].text == "printf" and len(words) > 2 and words[1].text == "-v":
        yield words[2].text, text


def _fed_to(command: "Node") -> Iterator["Node"]:
    """What is written next to a command as its input; the output of programs is no value."""
    yield from (c for c in command.named_children if c.type == "herestring_redirect")
    inner, outer = command, command.parent
    while outer is not None and outer.type != "function_definition":
        if outer.type == "redirected_statement":
            yield from (c for c in outer.named_children[1:] if c != inner)
        elif outer.type == "pipeline":
            before = [c for c in outer.named_children if c.end_byte <= inner.start_byte]
            yield from (c for c in before if _flowing_command(c))
        inner, outer = outer, outer.parent


def _flowing_command(node: "Node") -> bool:
    """Whether a command, or a function of the script, prints what it is given."""
    root = node
    while root.parent is not None:
        root = root.parent
    passing = _ECHOES | _functions(walk(root))
    return any(text_of(part) in passing for part in walk(node) if part.type == "command_name")


def _flowing(node: "Node") -> str:
    """The text of a node without the substitutions whose output is something else."""
    if node.type == "arithmetic_expansion":
        return ""
    if node.type == "command_substitution":
        return text_of(node) if _flowing_command(node) else ""
    if not node.children or node.type in ("heredoc_body", "raw_string"):
        return text_of(node)
    between = " " if node.type == "array" else ""
    return between.join(_flowing(child) for child in node.children)


def _integer_names(root: "Node") -> frozenset[str]:
    """Shell variables declared with -i: assigning to them is arithmetic."""
    names: set[str] = set()
    for node in walk(root):
        if node.type == "declaration_command" and _is_integer_declaration(node):
            names.update(re.findall(r"\b[A-Za-z_]\w*", text_of(node)))
    return frozenset(names)


def _is_integer_declaration(node: "Node") -> bool:
    return re.match(r"\w+(\s+[-+]\w+)*\s+-\w*i", text_of(node)) is not None
