"""Assignments: which texts of a shell script flow into which of its variables. Pure.

Only what the shell itself, or a command that prints its arguments, passes on: what other programs
print is no text of the script. `flow` knows which of the texts are values.
"""

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.tree import text_of, walk, words_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "POSITIONAL",
    "assignments",
    "functions_of",
    "integer_names",
    "prints_values",
    "split_by_loops",
]

_ECHOES = frozenset({"echo", "printf", "cat"})
_FILTERS = names(
    "tr sed awk gawk mawk cut head tail sort uniq basename dirname tee rev tac expr base64 jq "
    "yq envsubst column paste nl fold fmt expand iconv realpath readlink xargs"
)
_COUNTS = frozenset({"wc", "cksum", "md5sum", "sha1sum", "sha256sum"})
POSITIONAL = frozenset("0123456789@*")
"""The parameters of a script or a function."""


def assignments(root: "Node", functions: Container[str]) -> Iterator[tuple[str, str]]:
    """Each shell variable with a text that flows into it."""
    for node in walk(root):
        if node.type == "expansion":
            name = re.match(r"\$\{(\w+):?=", text_of(node))
            if name:
                yield name[1], text_of(node)[name.end() : -1]
        elif node.type in ("variable_assignment", "for_statement") and node.named_children:
            yield from _assigned(node, functions)
        elif node.type == "test_command" and "=~" in text_of(node):
            yield "BASH_REMATCH", text_of(node)
        elif node.type == "command":
            yield from _arguments_of(node, functions)


def _assigned(node: "Node", functions: Container[str]) -> Iterator[tuple[str, str]]:
    first, *rest = node.named_children
    name = re.match(r"\w+", text_of(first))
    if name is None:
        return
    items = [part for part in rest if part.type not in ("do_group", "compound_statement")]
    if node.type == "for_statement" and not items:
        yield name[0], '"$@"'  # `for a; do`
    for item in items:
        text = _flowing(item, functions)
        # An assignment does not split: `h=$v` is `h="$v"`.
        plain = node.type == "variable_assignment" and item.type.endswith("expansion")
        yield name[0], f'"{text}"' if plain else text


def split_by_loops(root: "Node", functions: Container[str]) -> Iterator[tuple[str, str]]:
    """The variables of loops over what the shell has split, with what flows into them."""
    for node in walk(root):
        if node.type == "for_statement":
            first, *items = node.named_children
            kinds = ("simple_expansion", "command_substitution")
            yield from (
                (text_of(first), _flowing(item, functions)) for item in items if item.type in kinds
            )


def functions_of(root: "Node") -> "dict[str, list[Node]]":
    """The functions that a script defines, each with its definitions."""
    found: dict[str, list[Node]] = {}
    for node in walk(root):
        if node.type == "function_definition":
            for word in node.named_children:
                if word.type == "word":
                    found.setdefault(text_of(word), []).append(node)
    return found


def _arguments_of(command: "Node", functions: Container[str]) -> Iterator[tuple[str, str]]:
    words = words_of(command)
    if not words:
        return
    text = " ".join(word.text for word in words[1:])
    if words[0].name in ("env", "sudo"):
        pairs = (word.text.partition("=") for word in words[1:])
        yield from ((name, value) for name, _, value in pairs if name.isidentifier())
    if words[0].text == "set" or words[0].text in functions:
        given = [text_of(word.node) for word in words[1:]]
        yield from ((name, value) for name in POSITIONAL for value in given)
    elif words[0].text in ("read", "mapfile", "readarray"):
        names = [word.text for word in words[1:] if word.text.isidentifier()]
        text = " ".join(text_of(part) for part in _fed_to(command, functions))
        yield from ((name, text) for name in [*names, "REPLY", "MAPFILE"])
    elif words[0].text == "getopts":
        yield "OPTARG", '"$@" ' + text
    elif words[0].text == "printf" and len(words) > 2 and words[1].text == "-v":
        yield words[2].text, text


def _fed_to(command: "Node", functions: Container[str]) -> Iterator["Node"]:
    """What is written next to a command as its input; the output of programs is no value."""
    yield from (c for c in command.named_children if c.type == "herestring_redirect")
    inner, outer = command, command.parent
    while outer is not None and outer.type != "function_definition":
        if outer.type == "redirected_statement":
            yield from (c for c in outer.named_children[1:] if c != inner)
        elif outer.type == "heredoc_redirect":  # holds what follows in `cat <<EOF | read v`
            yield from (c for c in outer.named_children if c.type == "heredoc_body")
        elif outer.type == "pipeline":
            before = [c for c in outer.named_children if c.end_byte <= inner.start_byte]
            yield from (c for c in before if prints_values(c, functions))
        inner, outer = outer, outer.parent


def prints_values(node: "Node", functions: Container[str]) -> bool:
    """Whether a command, or one of the functions of the script, prints what it is given."""
    names = (text_of(part) for part in walk(node) if part.type == "command_name")
    return any(name in _ECHOES or name in functions for name in names)


def _flowing(node: "Node", functions: Container[str]) -> str:
    """The text of a node without the substitutions whose output is something else."""
    if node.type == "arithmetic_expansion":
        return ""
    if node.type == "command_substitution":
        given = prints_values(node, functions)
        return text_of(node) if given else _filtered(node, functions)
    if not node.children or node.type in ("heredoc_body", "raw_string"):
        return text_of(node)
    between = " " if node.type == "array" else ""
    return between.join(_flowing(child, functions) for child in node.children)


def _filtered(node: "Node", functions: Container[str]) -> str:
    """What the filters within a substitution are given by their arguments and here-documents."""
    found: list[str] = []
    for part in walk(node):
        words = words_of(part) if part.type == "command" else []
        if words and words[0].name in _COUNTS:
            return ""
        if words and words[0].name in _FILTERS | {"grep"}:
            inputs = list(_fed_to(part, functions))
            found += [text_of(given) for given in inputs]
            found += [text_of(part)] if words[0].name in _FILTERS else []
    return " ".join(found)


def integer_names(root: "Node") -> frozenset[str]:
    """Shell variables declared with -i: assigning to them is arithmetic."""
    names: set[str] = set()
    for node in walk(root):
        if node.type == "declaration_command" and _is_integer_declaration(node):
            names.update(re.findall(r"\b[A-Za-z_]\w*", text_of(node)))
    return frozenset(names)


def _is_integer_declaration(node: "Node") -> bool:
    return re.match(r"\w+(\s+[-+]\w+)*\s+-\w*i", text_of(node)) is not None
