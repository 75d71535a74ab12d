"""Where a shell script would evaluate a value once more: as code, as arithmetic, as a program.

Pure, on a tree of tree-sitter-bash. Values are environment variables of a known prefix; shell
variables that are assigned from them count as well. Where it cannot be sure it reports a danger:
a refused step is better than a value that runs.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.embedded.command_line import Danger, Word, command_dangers, reads_code
from opsmcp_pipelines.embedded.programs import OWN_LANGUAGE, RUN_BY_VARIABLE

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Danger", "Found", "find_dangers", "may_evaluate"]

_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_ECHOES = frozenset({"echo", "printf", "cat"})
_POSITIONAL = frozenset("0123456789@*")

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
    flow = _Flow(root, prefix)
    for node in _walk(root):
        for where, danger, parts in _inspect(node, flow):
            texts = map(_expanded if danger.in_program else _text, parts)
            for variable in sorted(flow.values_in(texts, bare=danger.by_name)):
                yield Found(variable, danger, where)


_Finding = tuple[str, Danger, "Sequence[Node]"]


def _walk(root: "Node") -> Iterator["Node"]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def _text(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")


def _expanded(node: "Node") -> str:
    """The text of a node with only those dollar signs of which the shell makes something.

    In single quotes `$1` is a field of awk, not a parameter. (A value in single quotes counts all
    the same, because `shell` opens the quotes for it.)
    """
    text = bytearray(node.text or b"")
    for part in _walk(node):
        if part.type in ("raw_string", "ansi_c_string"):
            start, end = part.start_byte - node.start_byte, part.end_byte - node.start_byte
            text[start:end] = text[start:end].replace(b"$", b" ")
    return re.sub(r"\\.", " ", text.decode(errors="replace"))


class _Flow:
    """Which values reach which shell variables, and so which nodes."""

    def __init__(self, root: "Node", prefix: str) -> None:
        self._value = re.compile(rf"{prefix}[0-9]+")
        self._reached: dict[str, set[str]] = {}
        self.integers = _integer_names(root)
        flows = list(_assignments(root))
        self._texts: dict[str, list[str]] = {}
        for name, text in flows:
            self._texts.setdefault(name, []).append(_bare(text.strip()))
        changed = True
        while changed:
            changed = False
            for name, text in flows:
                known = self._reached.setdefault(name, set())
                # Arithmetic follows names: after `w=v`, `$((w))` reads v.
                new = self._values_of(text) | self._reached.get(_bare(text.strip()), set())
                new = new - known
                known |= new
                changed = changed or bool(new)

    def expand(self, words: "list[Word[Node]]") -> "Iterator[list[Word[Node]]]":
        """The command line, also with its first word replaced by what was assigned to it."""
        yield words
        match = re.fullmatch(r"\$\{?(\w+)(?:\[.*\])?\}?", words[0].text) if words else None
        for text in self._texts.get(match[1], []) if match else []:
            parts = text.strip("() ").split()  # an array is written in parentheses
            yield [*(Word(_bare(part), words[0].node) for part in parts), *words[1:]]

    def values_in(self, texts: Iterable[str], *, bare: bool = False) -> set[str]:
        """The values that the texts contain, directly or through a variable.

        `bare` when the shell reads variables there without a dollar sign, as in arithmetic.
        """
        return {value for text in texts for value in self._values_of(text, bare=bare)}

    def _values_of(self, text: str, *, bare: bool = False) -> set[str]:
        found = set(self._value.findall(text))
        for name, values in self._reached.items():
            if values and re.search(_use_of(name, bare=bare), text):
                found |= values
        return found


def _use_of(name: str, *, bare: bool) -> str:
    """A pattern for the places that read a shell variable."""
    if name in _POSITIONAL:
        return rf"\$\{{?[!#]?{re.escape(name)}"
    start = r"(?<![A-Za-z0-9_])" if bare else r"\$\{?[!#]?"
    return rf"{start}{re.escape(name)}(?![A-Za-z0-9_])"


def _assignments(root: "Node") -> Iterator[tuple[str, str]]:
    """Each shell variable with a text that flows into it."""
    nodes = list(_walk(root))
    functions = _functions(nodes)
    for node in nodes:
        if node.type == "expansion":
            name = re.match(r"\$\{(\w+):?=", _text(node))
            if name:
                yield name[1], _text(node)[name.end() : -1]
        elif node.type in ("variable_assignment", "for_statement"):
            name = re.match(r"\w+", _text(node.named_children[0])) if node.named_children else None
            if name:
                yield name[0], " ".join(_flowing(part) for part in node.named_children[1:])
        elif node.type == "command":
            yield from _arguments_of(node, functions)


def _functions(nodes: Iterable["Node"]) -> frozenset[str]:
    """The names of the functions that a script defines."""
    return frozenset(
        _text(word)
        for node in nodes
        if node.type == "function_definition"
        for word in node.named_children
        if word.type == "word"
    )


def _arguments_of(command: "Node", functions: frozenset[str]) -> Iterator[tuple[str, str]]:
    words = _words(command)
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
        given = " ".join(_text(part) for part in _fed_to(command))
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
    passing = _ECHOES | _functions(_walk(root))
    return any(_text(part) in passing for part in _walk(node) if part.type == "command_name")


def _flowing(node: "Node") -> str:
    """The text of a node without the substitutions whose output is something else."""
    if node.type == "arithmetic_expansion":
        return ""
    if node.type == "command_substitution":
        return _text(node) if _flowing_command(node) else ""
    if not node.children or node.type in ("heredoc_body", "raw_string"):
        return _text(node)
    between = " " if node.type == "array" else ""
    return between.join(_flowing(child) for child in node.children)


def _integer_names(root: "Node") -> frozenset[str]:
    """Shell variables declared with -i: assigning to them is arithmetic."""
    names: set[str] = set()
    for node in _walk(root):
        if node.type == "declaration_command" and _is_integer_declaration(node):
            names.update(re.findall(r"\b[A-Za-z_]\w*", _text(node)))
    return frozenset(names)


def _is_integer_declaration(node: "Node") -> bool:
    return re.match(r"\w+(\s+[-+]\w+)*\s+-\w*i", _text(node)) is not None


def _inspect(node: "Node", flow: _Flow) -> Iterator[_Finding]:
    inspect = _INSPECTORS.get(node.type)
    if inspect is not None:
        yield from inspect(node, flow)


def _inspect_arithmetic(node: "Node", _: _Flow) -> Iterator[_Finding]:
    if node.type != "compound_statement" or _text(node).startswith("(("):
        yield "arithmetic", Danger.NUMBER, [node]


def _inspect_subscript(node: "Node", _: _Flow) -> Iterator[_Finding]:
    yield "index of an array", Danger.NUMBER, node.named_children[1:]


def _inspect_array(node: "Node", _: _Flow) -> Iterator[_Finding]:
    indexed = [child for child in node.named_children if _text(child).startswith("[")]
    yield "index of an array", Danger.NUMBER, indexed


def _inspect_declaration(node: "Node", _: _Flow) -> Iterator[_Finding]:
    named = [c for c in node.named_children if c.type not in ("variable_assignment", "comment")]
    if re.match(r"\w+(\s+[-+]\w+)*\s+-\w*n", _text(node)):
        named = node.named_children  # `declare -n` makes the value the name of a variable.
    yield "as the name of a variable", Danger.CODE, named


def _inspect_expansion(node: "Node", _: _Flow) -> Iterator[_Finding]:
    text = _text(node)
    if text.startswith("${!") or re.search(r"@P\}$", text):
        yield "indirect expansion", Danger.CODE, [node]
    elif re.match(r"\$\{\w+(\[.*\])?:(?![-+=?])", text):
        yield "substring", Danger.NUMBER, node.named_children[1:]


def _inspect_test(node: "Node", _: _Flow) -> Iterator[_Finding]:
    double = _text(node).startswith("[[")
    for part in _walk(node):
        operators = {_text(child) for child in part.children}
        if part.type == "unary_expression" and "-v" in operators:
            yield "test -v", Danger.CODE, [part]
        elif double and part.type == "binary_expression" and operators & _COMPARISONS:
            yield "comparison in [[ ]]", Danger.NUMBER, [part]


def _inspect_assignment(node: "Node", flow: _Flow) -> Iterator[_Finding]:
    name, *parts = node.named_children
    if _text(name) in RUN_BY_VARIABLE:
        yield f"assigned to {_text(name)}", Danger.CODE, parts
    if _text(name) in flow.integers:
        yield "assigned to an integer variable", Danger.NUMBER, parts


def _words(command: "Node") -> "list[Word[Node]]":
    kinds = ("variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect")
    return [
        Word(_bare(_text(child)), child)
        for child in command.named_children
        if child.type not in kinds
    ]


def _bare(text: str) -> str:
    """The text of a word without the quotes around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _inspect_command(node: "Node", flow: _Flow) -> Iterator[_Finding]:
    for words in flow.expand(_words(node)):
        for where, danger, word in command_dangers(words):
            yield where, danger, [word.node]
        if reads_code(words):
            given = [c for c in node.named_children if c.type == "herestring_redirect"]
            yield "given to an interpreter", Danger.CODE, given


def _inspect_pipeline(node: "Node", _: _Flow) -> Iterator[_Finding]:
    stages = node.named_children
    for number, stage in enumerate(stages):
        yield from _fed("piped into", _commands([stage]), stages[:number])


def _inspect_redirected(node: "Node", _: _Flow) -> Iterator[_Finding]:
    body, *redirects = node.named_children
    given = [r for r in redirects if r.type != "file_redirect"]
    yield from _fed("given to", _commands([body, *redirects]), given)


def _commands(parts: "Sequence[Node]") -> "list[list[Word[Node]]]":
    """The command lines within some nodes."""
    return [_words(node) for part in parts for node in _walk(part) if node.type == "command"]


def _fed(
    how: str, commands: "Sequence[list[Word[Node]]]", given: "Sequence[Node]"
) -> Iterator[_Finding]:
    """What becomes of text that commands read from their input."""
    if any(reads_code(words) for words in commands):
        yield f"{how} an interpreter", Danger.CODE, given
    for words in commands:
        if words and words[0].name in OWN_LANGUAGE:
            yield f"{how} {words[0].name}", Danger.WORD, given


_INSPECTORS: Mapping[str, Callable[["Node", _Flow], Iterator[_Finding]]] = MappingProxyType(
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
