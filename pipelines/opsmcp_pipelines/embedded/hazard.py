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

from opsmcp_pipelines.embedded.command_input import input_dangers
from opsmcp_pipelines.embedded.command_line import command_dangers
from opsmcp_pipelines.embedded.flow import Flow, functions_of, prints_values
from opsmcp_pipelines.embedded.programs import RUN_BY_VARIABLE
from opsmcp_pipelines.embedded.shell_tree import bare, expanded_text, text_of, walk, words_of
from opsmcp_pipelines.embedded.word import Danger, Word

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
        given = [c for c in node.named_children if _is_input(c)]
        yield from _fed("given to", [words], given)
        if words and words[0].name == "coproc":
            yield from _fed("perhaps given to", [words], [_root_of(node)])


def _inspect_pipeline(node: "Node", flow: Flow) -> Iterator[_Finding]:
    stages = node.named_children
    for number, stage in enumerate(stages):
        commands, before = _commands([stage], flow), stages[:number]
        yield from _fed("piped into", commands, _with_functions(before, flow))
        tees = [words[1:] for words in commands if words and words[0].name == "tee"]
        yield from _written({_path(word.node) for words in tees for word in words}, before, flow)


def _inspect_redirected(node: "Node", flow: Flow) -> Iterator[_Finding]:
    body, *redirects = node.named_children
    given = [r for r in redirects if _is_input(r)]
    commands = _commands([body, *redirects], flow)
    yield from _fed("given to", commands, given)
    if any(words and words[0].text == "exec" for words in commands):
        # From here on, other commands read it.
        yield from _fed("given to", _commands([_root_of(node)], flow), given)
    files = [part for r in redirects for part in walk(r) if part.type == "file_redirect"]
    written = [file for file in files if ">" in text_of(file)]
    substituted = [file for file in written if ">(" in text_of(file)]
    yield from _fed("given to", _commands(substituted, flow), _with_functions([body], flow))
    paths = {_path(file.named_children[-1]) for file in written if file.named_children}
    yield from _written(paths, [body, *given], flow)


def _is_input(node: "Node") -> bool:
    """Whether a part of a command is what it reads, written in the script."""
    if node.type in ("file_redirect", "process_substitution"):
        return "<(" in text_of(node)
    return node.type.endswith("redirect")


def _path(node: "Node") -> str:
    return bare(text_of(node)).removeprefix("./")


def _written(paths: set[str], texts: "Sequence[Node]", flow: Flow) -> Iterator[_Finding]:
    """What is written into a file that the script runs elsewhere."""
    printed = [text for text in texts if _is_input(text) or prints_values(text)]
    if not flow.values_in(map(text_of, printed)):
        return
    for words in _commands([_root_of(printed[0])], flow):
        for _, danger, word in command_dangers(words):
            if danger is Danger.CODE and _path(word.node) in paths:
                yield "written into a file that is run", Danger.CODE, printed
    for node in walk(_root_of(printed[0])):
        if node.type == "redirected_statement":
            read = [r for r in node.named_children[1:] if text_of(r).startswith("<")]
            if paths & {_path(r.named_children[-1]) for r in read if r.named_children}:
                yield from _fed("given to", _commands(node.named_children[:1], flow), printed)


def _root_of(node: "Node") -> "Node":
    while node.parent is not None:
        node = node.parent
    return node


def _with_functions(parts: "Sequence[Node]", flow: Flow) -> "Sequence[Node]":
    """Some nodes, and the functions that they call: what they print."""
    functions = functions_of(_root_of(parts[0])) if parts else {}
    names = {words[0].text for words in _commands(parts, flow) if words}
    return [*parts, *(body for name in names for body in functions.get(name, []))]


def _commands(parts: "Sequence[Node]", flow: Flow) -> "list[list[Word[Node]]]":
    """The command lines within some nodes, and within the functions that they call."""
    functions = functions_of(_root_of(parts[0])) if parts else {}
    pending, found, called = list(parts), list["list[Word[Node]]"](), set[str]()
    while pending:
        for node in walk(pending.pop()):
            if node.type != "command":
                continue
            lines = list(flow.expand(words_of(node)))
            found += lines
            names = {words[0].text for words in lines if words} - called
            called |= names
            pending += [body for name in names for body in functions.get(name, [])]
    return found


def _fed(
    how: str, commands: "Sequence[list[Word[Node]]]", given: "Sequence[Node]"
) -> Iterator[_Finding]:
    """What becomes of text that commands read from their input."""
    if not given:
        return
    for words in commands:
        for where, danger in input_dangers(words):
            printed = [part for part in given if _is_input(part) or prints_values(part)]
            yield f"{how} {where}", danger, given if danger is Danger.CODE else printed


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
