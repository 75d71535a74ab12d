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

from opsmcp_pipelines.embedded.command_line import Danger, Word, command_dangers, reads_code
from opsmcp_pipelines.embedded.flow import Flow
from opsmcp_pipelines.embedded.programs import OWN_LANGUAGE, RUN_BY_VARIABLE
from opsmcp_pipelines.embedded.shell_tree import expanded_text, text_of, walk, words_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Danger", "Found", "find_dangers", "may_evaluate"]

_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})

_MAY_EVALUATE = re.compile(
    r"\b(eval|trap|source|let|declare|typeset|alias|[gmn]?awk|sed|xargs|ssh|perl|python[0-9.]*"
    r"|ruby|node|php|su|sudo|exec|env|(ba|da|z|k)?sh)\b|\(\(|\[\[|\$\[|`|@P|\$\{!|<<|^\s*\.\s"
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
    for node in walk(root):
        for where, danger, parts in _inspect(node, flow):
            texts = map(expanded_text if danger.in_program else text_of, parts)
            for variable in sorted(flow.values_in(texts, by_name=danger.by_name)):
                yield Found(variable, danger, where)


_Finding = tuple[str, Danger, "Sequence[Node]"]


def _inspect(node: "Node", flow: Flow) -> Iterator[_Finding]:
    inspect = _INSPECTORS.get(node.type)
    if inspect is not None:
        yield from inspect(node, flow)


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
    if text_of(name) in RUN_BY_VARIABLE:
        yield f"assigned to {text_of(name)}", Danger.CODE, parts
    if text_of(name) in flow.integers:
        yield "assigned to an integer variable", Danger.NUMBER, parts


def _inspect_command(node: "Node", flow: Flow) -> Iterator[_Finding]:
    for words in flow.expand(words_of(node)):
        for where, danger, word in command_dangers(words):
            yield where, danger, [word.node]
        if reads_code(words):
            given = [c for c in node.named_children if c.type == "herestring_redirect"]
            yield "given to an interpreter", Danger.CODE, given


def _inspect_pipeline(node: "Node", _: Flow) -> Iterator[_Finding]:
    stages = node.named_children
    for number, stage in enumerate(stages):
        yield from _fed("piped into", _commands([stage]), stages[:number])


def _inspect_redirected(node: "Node", _: Flow) -> Iterator[_Finding]:
    body, *redirects = node.named_children
    given = [r for r in redirects if r.type != "file_redirect"]
    yield from _fed("given to", _commands([body, *redirects]), given)


def _commands(parts: "Sequence[Node]") -> "list[list[Word[Node]]]":
    """The command lines within some nodes."""
    return [words_of(node) for part in parts for node in walk(part) if node.type == "command"]


def _fed(
    how: str, commands: "Sequence[list[Word[Node]]]", given: "Sequence[Node]"
) -> Iterator[_Finding]:
    """What becomes of text that commands read from their input."""
    if any(reads_code(words) for words in commands):
        yield f"{how} an interpreter", Danger.CODE, given
    for words in commands:
        if words and words[0].name in OWN_LANGUAGE:
            yield f"{how} {words[0].name}", Danger.WORD, given


_INSPECTORS: Mapping[str, Callable[["Node", Flow], Iterator[_Finding]]] = MappingProxyType(
    {
        "arithmetic_expansion": _inspect_arithmetic,
        "array": _inspect_array,
        "c_style_for_statement": _inspect_arithmetic,
        "command": _inspect_command,
        "compound_statement": _inspect_arithmetic,
        "declaration_command": _inspect_declaration,
        "expansion": _inspect_expansion,
        "pipeline": _inspect_pipeline,
        "redirected_statement": _inspect_redirected,
        "subscript": _inspect_subscript,
        "test_command": _inspect_test,
        "unset_command": _inspect_declaration,
        "variable_assignment": _inspect_assignment,
    }
)
