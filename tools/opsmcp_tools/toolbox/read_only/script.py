"""Whether a script only reads, as far as it can be seen: every command of it must be known to.

The list of what is known is `programs`; what it does not hold, and whatever the shell could
make a command of at the run, is not known. Pure, but for the shell parser, which is imported when
the first script is read. Bounded by the length of a script, and linear in it.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.programs import SHELLS, names
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.read_only.commands import (
    Script,
    check_arguments,
    check_variable,
    weigh_words,
)
from opsmcp_tools.toolbox.read_only.evidence import (
    VALUE,
    Evidence,
    Proof,
    SeenToChange,
    Unknown,
    Unseen,
    Word,
)

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

__all__ = ["seen_change", "weigh_script"]

_LONGEST_SCRIPT = 16 * 1024
_MOST_NESTED = 3
_KEPT = 4096


@lru_cache(maxsize=_KEPT)
def weigh_script(content: str) -> Evidence:
    """What can be seen in a script of a step."""
    unseen: list[str] = []
    try:
        proof = _weigh(content, unseen)
    except Unknown as error:
        return Evidence(Proof.NONE, clean_line(str(error), 120))
    return Evidence(proof, clean_line(unseen[0], 120) if unseen else "")


@lru_cache(maxsize=_KEPT)
def seen_change(content: str) -> str:
    """The first command of a script that plainly changes something; empty where none is seen.

    What only clears away the script's own does not count: a file of `mktemp` or below `/tmp`, a
    process that it put into the background.
    """
    try:
        return _seen_change(content)
    except Unknown:
        return ""


def _seen_change(content: str, depth: int = 0) -> str:
    """The same. Raises `Unknown` where the script cannot be read."""
    nodes = _nodes(content, depth)

    def nested(text: str) -> Proof:
        if found := _seen_change(text, depth + 1):
            raise SeenToChange(found)
        return Proof.NONE

    script, own = Script({}, hides_options=False, nested=nested), frozenset(_OWN.findall(content))
    for node in nodes:
        if node.type == "command" and not _clears_own(node, own):
            try:
                _weigh_command(node, script)
            except SeenToChange as found:
                return clean_line(str(found), 120)
            except Unknown:
                continue
    return ""


_OWN = re.compile(r"""\b([A-Za-z_]\w*)=["']?(?:\$\(\s*mktemp\b|`\s*mktemp\b|\$!)""")
_CLEARING = names("rm rmdir unlink shred truncate kill")
_BELOW_TMP = re.compile(r"""["']?/(?:var/)?tmp/[\w$][\w.$/-]*["']?""")
_OF_VALUE = re.compile(r"""["']?\$(?:(!)|\{?(\w+)\}?)[\w.*/-]*["']?""")


def _clears_own(node: "Node", own: frozenset[str]) -> bool:
    """Whether a command takes away nothing but what its script made for itself."""
    name, *rest = (_text(child) for child in node.named_children)
    operands = [text for text in rest if not text.startswith("-")]
    return name in _CLEARING and bool(operands) and all(_is_own(one, own) for one in operands)


def _is_own(text: str, own: frozenset[str]) -> bool:
    if ".." in text:
        return False
    found = _OF_VALUE.fullmatch(text)
    if found is not None:
        return bool(found[1]) or found[2] in own
    return _BELOW_TMP.fullmatch(text) is not None


def _weigh(content: str, unseen: list[str], depth: int = 0) -> Proof:
    """How far a script is known to read; what nobody knows of it is put into `unseen`.

    Raises:
        Unknown: It may change something, or cannot be read.
    """
    nodes = _nodes(content, depth)
    nested = partial(_weigh, unseen=unseen, depth=depth + 1)
    script = Script(_functions(nodes[0]), _hides_options(nodes), nested)
    for node in nodes:
        _check_node(node)
    proofs = [_weigh_seen(node, script, unseen) for node in nodes if node.type == "command"]
    return min(proofs, default=Proof.READS)


def _nodes(content: str, depth: int) -> list["Node"]:
    """What a script consists of, itself first.

    Raises:
        Unknown: It cannot be read.
    """
    if depth > _MOST_NESTED or len(content) > _LONGEST_SCRIPT:
        raise Unknown("a script too long to check")
    first = content.split("\n", 1)[0]
    if first.startswith("#!") and not SHELLS.intersection(re.split(r"[/\s]+", first)):
        raise Unknown(f"a script for {first[2:].strip()}")
    root = _parser().parse(content.encode()).root_node
    if root.has_error:
        raise Unknown("a script that cannot be parsed")
    return list(_walk(root))


@cache
def _parser() -> "Parser":
    # Imported late: most commands never look into a script.
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _weigh_seen(node: "Node", script: Script, unseen: list[str]) -> Proof:
    try:
        return _weigh_command(node, script)
    except Unseen as error:
        unseen.append(str(error))
        return Proof.UNSEEN


def _walk(root: "Node") -> Iterator["Node"]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.named_children))


_PLAIN_NODES = names(
    """
    program command command_name word string string_content raw_string ansi_c_string
    concatenation number simple_expansion expansion variable_name special_variable_name
    command_substitution process_substitution subshell compound_statement pipeline list
    negated_command comment array redirected_statement file_descriptor heredoc_redirect
    heredoc_start heredoc_body heredoc_end heredoc_content herestring_redirect if_statement
    elif_clause else_clause for_statement do_group c_style_for_statement while_statement
    case_statement case_item extglob_pattern regex subscript test_command test_operator
    binary_expression unary_expression parenthesized_expression postfix_expression
    ternary_expression arithmetic_expansion variable_assignments declaration_command
    function_definition brace_expression
    """
)


def _check_node(node: "Node") -> None:
    """Refuse what is no command and could change something all the same."""
    if node.type == "file_redirect":
        _check_redirect(node)
    elif node.type in ("variable_assignment", "for_statement"):
        name = node.child_by_field_name(_NAMES[node.type])
        check_variable(_text(name) if name else "")
    elif node.type not in _PLAIN_NODES or _expands_code(node):
        raise Unknown(f"'{_text(node)}'")


def _expands_code(node: "Node") -> bool:
    """Whether it is `${x@P}`, which runs what the value holds."""
    return node.type == "expansion" and any(child.type == "@" for child in node.children)


_NAMES = {"variable_assignment": "name", "for_statement": "variable"}
_GOOD_TARGETS = names("/dev/null /dev/stdout /dev/stderr 1 2 -")


def _check_redirect(node: "Node") -> None:
    operator = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    word = _word(target) if target else Word("-")
    reads = operator in ("<", "<&") and not word.text.startswith(("/dev/tcp", "/dev/udp"))
    if not reads and word.text not in _GOOD_TARGETS:
        raise Unknown(f"'{_text(node)}'")


def _functions(root: "Node") -> dict[str, int]:
    """Only those at the top: whether another one is defined when it is called is not known."""
    found = [node for node in root.named_children if node.type == "function_definition"]
    names = [(node.child_by_field_name("name"), node.end_byte) for node in found]
    return {_text(name): end for name, end in reversed(names) if name}


def _hides_options(nodes: Iterable["Node"]) -> bool:
    """Whether some value of the script's own is, or holds, what looks like an option."""
    for node in nodes:
        if node.type == "variable_assignment":
            value = node.child_by_field_name("value")
            texts = [value] if value else []
        elif node.type == "for_statement":
            texts = node.children_by_field_name("value")
        elif node.type == "command" and _text(node.named_children[0]) == "set":
            # `set -eu` is for the shell; `set -- -x` and `set a -x` are arguments.
            texts = [child for child in node.named_children[1:] if "--" in _text(node)]
        else:
            continue
        if any(re.search(r"(?:^|\s)-[A-Za-z]", _word(one).text) for one in texts):
            return True
    return False


def _text(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")


def _word(node: "Node") -> Word:
    """A word with its quotes taken away, and `VALUE` where the shell puts something else."""
    kind, text = node.type, _text(node)
    if kind == "raw_string":
        return Word(text[1:-1])
    if kind == "string":
        return Word("".join(_in_quotes(node)))
    if kind in ("word", "number", "command_name", "concatenation", "file_descriptor"):
        braced = re.search(r"\{.*(?:,|\.\.).*\}", text) is not None
        if not node.named_children:
            return Word(re.sub(r"\\(.)", r"\1", text), braced)
        parts = node.children if kind == "concatenation" else node.named_children
        return Word("".join(_word(part).text for part in parts), braced)
    return Word(VALUE)


def _in_quotes(node: "Node") -> Iterator[str]:
    done = node.start_byte + 1
    source, base = node.text or b"", node.start_byte
    for child in node.named_children:
        if child.type == "string_content":
            continue
        yield _unescaped(source[done - base : child.start_byte - base])
        yield VALUE
        done = child.end_byte
    yield _unescaped(source[done - base : -1])


def _unescaped(text: bytes) -> str:
    return re.sub(r'\\([\\"$`])', r"\1", text.decode(errors="replace"))


def _weigh_command(node: "Node", script: Script) -> Proof:
    """How far one simple command is known to read.

    Raises:
        Unknown: It is not.
    """
    kinds = ("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect")
    words = [_word(child) for child in node.named_children if child.type not in kinds]
    if not words:
        return Proof.READS
    defined = script.functions.get(words[0].text)
    if defined is not None and defined <= node.start_byte:
        check_arguments(words[1:], script)
        return Proof.READS  # what it does stands in its definition
    return weigh_words(words, script)
