"""Quoting: how the name of an environment variable is written so that its value arrives whole.

One way per place of a shell script: in quotes, between them, in a here-document. Pure; what a value
would do there is not known here.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.references import RefusedStep, find_references
from opsmcp_pipelines.shell.tree import parse

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "PREFIX",
    "Place",
    "find_loops",
    "find_unquoted",
    "is_looped",
    "place_of",
    "prepare",
    "put_quotes",
    "quote_places",
]

PREFIX = "OPSMCP_V"
"""What the names of the environment variables begin with that hold values."""

_QUOTED_DELIMITER = re.compile(
    rb"""(?:'([A-Za-z0-9_.-]+)'|"([A-Za-z0-9_.-]+)"|\\([A-Za-z0-9_.-]+))"""
)
_PLACES = frozenset(
    {
        "comment",
        "raw_string",
        "ansi_c_string",
        "string",
        "translated_string",
        "heredoc_body",
        "command_substitution",
        "process_substitution",
        "arithmetic_expansion",
    }
)
# Here a plain expansion arrives whole.
_EXPANDING = frozenset({"string", "translated_string", "arithmetic_expansion", "heredoc_body"})


@dataclass(frozen=True, slots=True)
class Place:
    """A reference in the prepared script; `start` and `end` count bytes."""

    start: int
    end: int
    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: bytes


def prepare(content: str, names: Container[str]) -> tuple[bytes, list[Place]]:
    """Name the environment variables in the script, so that the parser sees plain expansions."""
    variables = {
        name: f"{PREFIX}{number}"
        for number, name in enumerate(sorted({r.name for r in find_references(content, names)}), 1)
    }
    source = bytearray()
    places: list[Place] = []
    done = 0
    for found in find_references(content, names):
        variable = variables[found.name]
        source += content[done : found.start].encode()
        start = len(source)
        source += f"${{{variable}}}".encode()
        places.append(Place(start, len(source), found.name, variable))
        done = found.end
    source += content[done:].encode()
    return bytes(source), places


def quote_places(
    root: "Node", source: bytes, places: Sequence[Place], lists: Container[str] = ()
) -> bytes:
    """The script in which the value of each place arrives as one word, or as the text it is.

    The values of `lists` are split into their items where they stand bare as the words of a loop.

    Raises:
        RefusedStep: A place cannot be quoted so.
    """
    edits: list[_Edit] = []
    opened: set[int] = set()
    for place in places:
        around = place_of(root, place)
        if around is not None and _is_quoted_heredoc(around):
            edits += _open_heredoc(around, source) if around.id not in opened else []
            opened.add(around.id)
        elif not (place.name in lists and is_looped(root, place)):
            edits += _edit(root, source, place, around)
    return _apply(source, edits)


def find_unquoted(content: str, names: Container[str]) -> tuple[str, ...]:
    """Which variables a shell script leaves to be split into words, loops aside, in order.

    Nothing is found in a script that cannot be parsed.
    """
    source, places = prepare(content, names)
    root = parse(source)
    if root.has_error:
        return ()
    return tuple(dict.fromkeys(place.name for place in places if _is_open(root, source, place)))


def find_loops(content: str, names: Container[str]) -> tuple[str, ...]:
    """Which variables stand bare as the words of a loop."""
    source, places = prepare(content, names)
    root = parse(source)
    return tuple(dict.fromkeys(place.name for place in places if is_looped(root, place)))


def put_quotes(content: str, names: Container[str]) -> str:
    """The script with double quotes around what `find_unquoted` finds."""
    source, places = prepare(content, names)
    root = parse(source)
    text, done = "", 0
    for place, found in zip(places, find_references(content, names), strict=True):
        if _is_open(root, source, place):
            text += f'{content[done : found.start]}"{content[found.start : found.end]}"'
            done = found.end
    return content if root.has_error else text + content[done:]


def is_looped(root: "Node", place: Place) -> bool:
    """Whether it stands bare as the words of a loop, which the shell splits."""
    node = root.descendant_for_byte_range(place.start, place.end)
    parent = node.parent if node is not None else None
    whole = node is not None and (node.start_byte, node.end_byte) == (place.start, place.end)
    return whole and parent is not None and parent.type == "for_statement"


def _is_open(root: "Node", source: bytes, place: Place) -> bool:
    """Whether the script leaves a value there to be split into words, loops aside."""
    around = place_of(root, place)
    kind = around.type if around else ""
    quoted = kind in _EXPANDING or kind in ("comment", "raw_string", "ansi_c_string")
    return not (quoted or _is_escaped(source, place.start) or is_looped(root, place))


def _edit(root: "Node", source: bytes, place: Place, around: "Node | None") -> Iterator[_Edit]:
    """What to change so that the value arrives whole at this place."""
    kind = around.type if around else ""
    plain = source[place.start : place.end]
    written = f"${{{place.name}}}".encode()
    if kind == "comment":
        yield _Edit(place.start, place.end, written)
    elif kind in ("raw_string", "ansi_c_string"):
        yield _reopen(source, place, kind)
    elif _is_escaped(source, place.start):
        yield _Edit(place.start, place.end, written)
    elif kind not in _EXPANDING or _is_replacement(root, place):
        yield _Edit(place.start, place.end, b'"' + plain + b'"')


def place_of(root: "Node", place: Place) -> "Node | None":
    """The innermost node that decides how the place is quoted."""
    node = root.descendant_for_byte_range(place.start, place.end)
    while node is not None and node.type not in _PLACES:
        node = node.parent
    return node


def _is_replacement(root: "Node", place: Place) -> bool:
    """Whether it stands in `${name/a/b}`, where `&` means what was replaced unless it is quoted."""
    node = root.descendant_for_byte_range(place.start, place.end)
    while node is not None and node.type not in ("string", "command"):
        if node.type == "expansion" and any(child.type in ("/", "//") for child in node.children):
            return True
        node = node.parent
    return False


def _reopen(source: bytes, place: Place, kind: str) -> _Edit:
    if kind == "ansi_c_string" and _is_escaped(source, place.start):
        raise RefusedStep(f"a backslash stands in front of ${{{place.name}}} inside $'...'")
    again = b"$'" if kind == "ansi_c_string" else b"'"
    plain = source[place.start : place.end]
    return _Edit(place.start, place.end, b"'\"" + plain + b'"' + again)


def _is_escaped(source: bytes, start: int) -> bool:
    before = source[:start]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _heredoc_start(body: "Node") -> "Node | None":
    siblings = body.parent.children if body.parent else []
    return next((node for node in siblings if node.type == "heredoc_start"), None)


def _is_quoted_heredoc(around: "Node") -> bool:
    start = _heredoc_start(around) if around.type == "heredoc_body" else None
    return start is not None and re.search(rb"""['"\\]""", start.text or b"") is not None


def _open_heredoc(body: "Node", source: bytes) -> Iterator[_Edit]:
    """Open a quoted here-document for its values, and for nothing else."""
    start = _heredoc_start(body)
    if start is None:
        return
    word = source[start.start_byte : start.end_byte]
    match = _QUOTED_DELIMITER.fullmatch(word)
    if match is None:
        raise RefusedStep("a here-document with an unusual quoted delimiter holds a value")
    delimiter = match[1] or match[2] or match[3]
    yield _Edit(start.start_byte, start.end_byte, delimiter)
    text = source[body.start_byte : body.end_byte]
    for special in re.finditer(rb"[\\$`]", text):
        at = body.start_byte + special.start()
        if not text[special.start() :].startswith(b"${" + PREFIX.encode()):
            yield _Edit(at, at, b"\\")


def _apply(source: bytes, edits: Sequence[_Edit]) -> bytes:
    result = bytearray()
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        result += source[done : edit.start] + edit.text
        done = edit.end
    return bytes(result + source[done:])
