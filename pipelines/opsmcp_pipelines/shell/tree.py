"""What a tree of tree-sitter-bash says: its nodes, their texts and their words. Pure."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.word import Word

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["bare", "expanded_text", "text_of", "walk", "words_of"]


def walk(root: "Node") -> Iterator["Node"]:
    """A node and all below it, in the order of the text."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def text_of(node: "Node") -> str:
    """The text that a node stands for."""
    return (node.text or b"").decode(errors="replace")


def expanded_text(node: "Node") -> str:
    """The text of a node with only those dollar signs of which the shell makes something.

    In single quotes `$1` is a field of awk, not a parameter. (A value in single quotes counts all
    the same, because `shell` opens the quotes for it.)
    """
    text = bytearray(node.text or b"")
    for part in walk(node):
        if part.type in ("raw_string", "ansi_c_string"):
            start, end = part.start_byte - node.start_byte, part.end_byte - node.start_byte
            text[start:end] = text[start:end].replace(b"$", b" ")
    return re.sub(r"\\.", " ", text.decode(errors="replace"))


def words_of(command: "Node") -> "list[Word[Node]]":
    """The words of a command line, without assignments and redirections."""
    kinds = ("variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect")
    return [
        Word(bare(text_of(child)), child)
        for child in command.named_children
        if child.type not in kinds
    ]


def bare(text: str) -> str:
    """The text of a word without the quotes around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
