"""Whether a script only reads, as far as it can be seen: every command of it must be known to.

The list of what is known is `programs`; what it does not hold, and whatever the shell could
make a command of at the run, is not known. Pure. Bounded by the length of a script, and linear in
it.
"""

import re
from functools import lru_cache, partial

from opsmcp_pipelines.shell import syntax as shell
from opsmcp_pipelines.shell.programs import SHELLS, names
from opsmcp_pipelines.shell.references import asked_interpreter
from opsmcp_pipelines.shell.syntax import Node, Redirect, Syntax, Unreadable, parse
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
    shown,
)

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
    syntax = _syntax(content, depth)

    def nested(text: str) -> Proof:
        if found := _seen_change(text, depth + 1):
            raise SeenToChange(found)
        return Proof.NONE

    script, own = Script({}, hides_options=False, nested=nested), frozenset(_OWN.findall(content))
    for node in syntax.nodes:
        if node.kind == "command" and not _clears_own(node, syntax.text, own):
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


def _clears_own(node: Node, text: str, own: frozenset[str]) -> bool:
    """Whether a command takes away nothing but what its script made for itself."""
    rest = [word.literal or text[word.start : word.end] for word in node.words[1:]]
    operands = [text for text in rest if not text.startswith("-")]
    return node.head in _CLEARING and bool(operands) and all(_is_own(one, own) for one in operands)


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
    syntax = _syntax(content, depth)
    nested = partial(_weigh, unseen=unseen, depth=depth + 1)
    script = Script(_functions(syntax), any(map(_hides_options, syntax.nodes)), nested)
    for node in syntax.nodes:
        _check_node(node)
    commands = (node for node in syntax.nodes if node.kind == "command")
    return min((_weigh_seen(node, script, unseen) for node in commands), default=Proof.READS)


def _syntax(content: str, depth: int) -> Syntax:
    """What a script consists of.

    Raises:
        Unknown: It cannot be read.
    """
    if depth > _MOST_NESTED or len(content) > _LONGEST_SCRIPT:
        raise Unknown("a script too long to check")
    asked = asked_interpreter(content)
    if asked and asked not in SHELLS:
        first = content.lstrip().partition("\n")[0]
        raise Unknown(f"a script for {first[2:].strip()}")
    if found := _EXPANDS_CODE.search(content):
        raise Unknown(f"'{found[0]}'")
    try:
        return parse(content)
    except Unreadable:
        raise Unknown("a script that cannot be parsed") from None


_EXPANDS_CODE = re.compile(r"\$\{!?\w+(?:\[[^]]*\])?@[^}]*\}")
"""`${x@P}`, which runs what the value holds."""


def _weigh_seen(node: Node, script: Script, unseen: list[str]) -> Proof:
    try:
        return _weigh_command(node, script)
    except Unseen as error:
        unseen.append(str(error))
        return Proof.UNSEEN


_DECLARING = names("export declare local readonly typeset")
_GOOD_TARGETS = names("/dev/null /dev/stdout /dev/stderr 1 2 -")


def _check_node(node: Node) -> None:
    """Refuse what is no command and could change something all the same."""
    for redirect in node.redirects:
        _check_redirect(redirect)
    for made in node.assignments:
        check_variable(made.name)
    if node.kind == "for":
        check_variable(node.name)
    if node.head in _DECLARING:
        for word in node.words[1:]:
            check_variable(_word(word).text.partition("=")[0])


def _check_redirect(redirect: Redirect) -> None:
    target = _word(redirect.word).text
    reads = redirect.sign in ("<", "<&") and not target.startswith(("/dev/tcp", "/dev/udp"))
    writes = not reads and redirect.body is None and target not in _GOOD_TARGETS
    if writes or redirect.number.startswith("{"):
        raise Unknown(f"'{redirect.number}{redirect.sign} {shown(target)}'")


def _functions(syntax: Syntax) -> dict[str, int]:
    """Only those at the top: whether another one is defined when it is called is not known."""
    code = syntax.text
    for start, end in syntax.comments:
        code = code[:start] + " " * (end - start) + code[end:]
    return {
        node.name: node.end
        for node in reversed(syntax.nodes)
        if node.kind == "function"
        and node.parent is not None
        and node.parent.kind == "script"
        and not code[: node.start].rstrip().endswith(("&&", "||", "|", "|&"))
        and not code[node.end :].lstrip(" \t").startswith(("|", "&"))
    }


def _hides_options(node: Node) -> bool:
    """Whether some value of the script's own is, or holds, what looks like an option."""
    words = [word for made in node.assignments for word in made.words]
    if node.kind == "for":
        words += node.words
    elif node.head == "set" and any("--" in _word(word).text for word in node.words):
        # `set -eu` is for the shell; `set -- -x` and `set a -x` are arguments.
        words += node.words[1:]
    return any(re.search(r"(?:^|\s)-[A-Za-z]", _word(one).text) for one in words)


def _word(word: shell.Word) -> Word:
    """A word with its quotes taken away, and `VALUE` where the shell puts something else."""
    bare = "".join(part.text for part in word.parts if not (part.expands or part.quote))
    text = "".join(VALUE if part.expands else part.text for part in word.parts)
    return Word(text, braced=re.search(r"\{.*(?:,|\.\.).*\}", bare) is not None)


def _weigh_command(node: Node, script: Script) -> Proof:
    """How far one simple command is known to read.

    Raises:
        Unknown: It is not.
    """
    words = [_word(word) for word in node.words]
    if not words or node.head in _DECLARING:
        return Proof.READS
    if node.head == "unset":
        raise Unknown(f"'{' '.join(shown(word.text) for word in words)}'")
    defined = script.functions.get(words[0].text)
    if defined is not None and defined <= node.start:
        check_arguments(words[1:], script)
        return Proof.READS  # what it does stands in its definition
    return weigh_words(words, script)
