"""Where a shell script would evaluate a value once more: as code, as arithmetic, as a program.

Pure, on a tree of tree-sitter-bash. Values are environment variables of a known prefix; shell
variables that are assigned from them count as well. Where it cannot be sure it reports a danger:
a refused step is better than a value that runs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.command_line import command_dangers
from opsmcp_pipelines.shell.data_into_commands import Feeding
from opsmcp_pipelines.shell.programs import runs_its_value
from opsmcp_pipelines.shell.tree import expanded_text, text_of, walk, words_of
from opsmcp_pipelines.shell.value_flow import Flow
from opsmcp_pipelines.shell.word import Danger

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Danger", "Found", "find_dangers", "may_evaluate"]

_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})

_MAY_EVALUATE = re.compile(
    r"\b(eval|trap|source|let|declare|typeset|alias|[gmn]?awk|sed|xargs|ssh|slogin|perl|python[0-9.]*"
    r"|ruby|node|php|su|sudo|doas|exec|env|watch|parallel|tmux|screen|expect|chroot|nsenter|unshare"
    r"|timeout|nohup|setsid|fish|(r?ba|da|a|z|m?k|t?c|r)?sh)\b|\(\(|\[\[|\$\[|`|@P|\$\{!|<<|^\s*\.\s"
    r"|(^|[;|&({]|\b(do|then|else|if|while|until)\b)\s*[\"']?\$\{OPSMCP_V",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a dangerous place; `where` is a few words for a message."""

    variable: str
    danger: Danger
    where: str


def may_evaluate(script: str) -> bool:
    """Whether a script that could not be parsed might evaluate data."""
    return _MAY_EVALUATE.search(script) is not None


def find_dangers(root: "Node", prefix: str) -> Iterator[Found]:
    """Every value that stands where the shell, or a program, would evaluate it."""
    flow = Flow(root, prefix)
    feeding = Feeding(root, flow)
    for node in walk(root):
        for where, danger, parts in (*_inspect(node, flow), *_inspect_input(node, feeding)):
            if danger in (Danger.OPTION, Danger.SPLIT):
                look = _as_arguments if danger is Danger.OPTION else _as_words
                for part in parts:
                    yield from look(where, part, flow, prefix)
                continue
            texts = map(expanded_text if danger.in_program else text_of, parts)
            for variable in sorted(flow.values_in(texts, by_name=danger.by_name)):
                yield Found(variable, danger, where)


def _as_arguments(where: str, word: "Node", flow: Flow, prefix: str) -> Iterator[Found]:
    """The values in an argument, by what the shell may have made of them before."""
    text = expanded_text(word)
    begins = re.sub(r"^[\"']+", "", text)[:1] in ("$", "`", " ", "<", ">")
    nested = any(part.type.endswith("_substitution") for part in walk(word))
    direct = re.compile(rf"[$ ]\{{({prefix}[0-9]+)\}}")
    if begins and not nested:
        yield from (Found(name, Danger.OPTION, where) for name in sorted(direct.findall(text)))
    through = text if nested else direct.sub("", text)
    if not begins and _is_quoted(word):
        return
    danger = Danger.CUT if flow.is_cut(text) else Danger.PARTS
    danger = Danger.OPTION if flow.is_whole(text) else danger
    yield from (Found(name, danger, where) for name in sorted(flow.values_in([through])))


def _as_words(where: str, word: "Node", flow: Flow, prefix: str) -> Iterator[Found]:
    """The values that the shell splits here, where each word more would be run."""
    text = expanded_text(word)
    if _is_quoted(word) or flow.is_split(text):
        return
    nested = any(part.type.endswith("_substitution") for part in walk(word))
    through = text if nested else re.sub(rf"[$ ]\{{{prefix}[0-9]+\}}", "", text)
    danger = Danger.CODE if flow.splits_anywhere else Danger.SPLIT
    yield from (Found(name, danger, where) for name in sorted(flow.values_in([through])))


def _is_quoted(word: "Node") -> bool:
    """Whether the shell splits nothing of a word."""
    if re.search(r"\$(@|\{@|\{!|\{\w+\[@)", text_of(word)):
        return False
    if word.type == "string":
        return True
    pending = [word]
    while pending:
        part = pending.pop()
        if part.type.endswith(("expansion", "substitution")):
            return False
        pending += [child for child in part.children if child.type != "string"]
    return True


_Finding = tuple[str, Danger, "Sequence[Node]"]


def _inspect(node: "Node", flow: Flow) -> Iterator[_Finding]:
    inspect = _INSPECTORS.get(node.type)
    if inspect is not None:
        yield from inspect(node, flow)


def _inspect_input(node: "Node", feeding: Feeding) -> Iterator[_Finding]:
    if node.type == "command":
        yield from feeding.of_command(node)
    elif node.type == "pipeline":
        yield from feeding.of_pipeline(node)
    elif node.type == "redirected_statement":
        yield from feeding.of_redirection(node)


def _inspect_arithmetic(node: "Node", _: Flow) -> Iterator[_Finding]:
    if node.type != "compound_statement" or text_of(node).startswith("(("):
        yield "arithmetic", Danger.NUMBER, [node]


def _inspect_subscript(node: "Node", _: Flow) -> Iterator[_Finding]:
    yield "index of an array", Danger.NUMBER, node.named_children[1:]


def _inspect_array(node: "Node", _: Flow) -> Iterator[_Finding]:
    indexed = [child for child in node.named_children if text_of(child).startswith("[")]
    yield "index of an array", Danger.NUMBER, indexed


def _inspect_declaration(node: "Node", _: Flow) -> Iterator[_Finding]:
    named = [c for c in node.named_children if c.type not in ("variable_assignment", "comment")]
    if re.match(r"\w+(\s+[-+]\w+)*\s+-\w*n", text_of(node)):
        named = node.named_children  # `declare -n` makes the value the name of a variable.
    yield "as the name of a variable", Danger.CODE, named


def _inspect_expansion(node: "Node", _: Flow) -> Iterator[_Finding]:
    text = text_of(node)
    if text.startswith("${!") or re.search(r"@P\}$", text):
        yield "indirect expansion", Danger.CODE, [node]
    elif re.match(r"\$\{\w+(\[.*\])?:(?![-+=?])", text):
        yield "substring", Danger.NUMBER, node.named_children[1:]


def _inspect_test(node: "Node", _: Flow) -> Iterator[_Finding]:
    double = text_of(node).startswith("[[")
    for part in walk(node):
        operators = {text_of(child) for child in part.children}
        if part.type == "unary_expression" and "-v" in operators:
            yield "test -v", Danger.CODE, [part]
        elif double and part.type == "binary_expression" and operators & _COMPARISONS:
            yield "comparison in [[ ]]", Danger.NUMBER, [part]


def _inspect_assignment(node: "Node", flow: Flow) -> Iterator[_Finding]:
    name, *parts = node.named_children
    if runs_its_value(text_of(name)):
        yield f"assigned to {text_of(name)}", Danger.CODE, parts
    if text_of(name) in flow.integers:
        yield "assigned to an integer variable", Danger.NUMBER, parts


def _inspect_command(node: "Node", flow: Flow) -> Iterator[_Finding]:
    for words in flow.expand(words_of(node)):
        for where, danger, word in command_dangers(words):
            yield where, danger, [word.node]


_INSPECTORS: Mapping[str, Callable[["Node", Flow], Iterator[_Finding]]] = MappingProxyType(
    {
        "arithmetic_expansion": _inspect_arithmetic,
        "array": _inspect_array,
        "c_style_for_statement": _inspect_arithmetic,
        "command": _inspect_command,
        "compound_statement": _inspect_arithmetic,
        "declaration_command": _inspect_declaration,
        "expansion": _inspect_expansion,
        "subscript": _inspect_subscript,
        "test_command": _inspect_test,
        "unset_command": _inspect_declaration,
        "variable_assignment": _inspect_assignment,
    }
)
