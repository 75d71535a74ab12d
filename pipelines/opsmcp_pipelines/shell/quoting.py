"""Quoting: how the name of an environment variable is written so that its value arrives whole.

One way per place of a shell script: in quotes, between them, in a here-document. Pure; what a value
would do there is not known here.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.shell.references import RefusedStep, find_references
from opsmcp_pipelines.shell.syntax import Part, Redirect, Syntax, Unreadable, parse

__all__ = [
    "PREFIX",
    "Place",
    "find_loops",
    "find_unquoted",
    "looped",
    "prepare",
    "put_quotes",
    "quote_places",
]

PREFIX = "OPSMCP_V"
"""What the names of the environment variables begin with that hold values."""

_DELIMITER = re.compile(r"[A-Za-z0-9_.-]+")
_HELD = frozenset({'"', "<<", "(("})
"""Here a plain expansion arrives whole."""


@dataclass(frozen=True, slots=True)
class Place:
    """A reference in the prepared script; `start` and `end` count characters."""

    start: int
    end: int
    name: str
    variable: str


def prepare(content: str, names: Container[str]) -> tuple[str, list[Place]]:
    """Name the environment variables in the script, so that the parser sees plain expansions."""
    variables = {
        name: f"{PREFIX}{number}"
        for number, name in enumerate(sorted({r.name for r in find_references(content, names)}), 1)
    }
    source, done = "", 0
    places: list[Place] = []
    for found in find_references(content, names):
        variable = variables[found.name]
        source += content[done : found.start]
        start = len(source)
        source += f"${{{variable}}}"
        places.append(Place(start, len(source), found.name, variable))
        done = found.end
    return source + content[done:], places


def quote_places(syntax: Syntax, places: Sequence[Place], lists: Container[str] = ()) -> str:
    """The script in which the value of each place arrives as one word, or as the text it is.

    The values of `lists` are split into their items where they stand bare as the words of a loop.

    Raises:
        RefusedStep: A place cannot be quoted so.
    """
    text, loops = syntax.text, looped(syntax)
    parts = {part.start: part for part in syntax.values}
    edits: list[tuple[int, int, str]] = []
    for redirect in syntax.documents:
        if redirect.body and any(part.expands for part in redirect.body.parts):
            edits += _open_document(redirect, text)
    for place in places:
        if not (place.name in lists and place.start in loops):
            plain = text[place.start : place.end]
            written = _written(parts.get(place.start), place, plain)
            edits += [(place.start, place.end, written)] if written != plain else []
    result, done = "", 0
    for start, end, new in sorted(edits):
        result += text[done:start] + new
        done = end
    return result + text[done:]


def _written(part: Part | None, place: Place, plain: str) -> str:
    """How a value is named at its place."""
    if part is None:  # In a comment, or behind a backslash.
        return f"${{{place.name}}}"
    if part.quote in ("'", "$'"):
        return f'\'"{plain}"{part.quote}'
    return plain if part.quote in _HELD or part.quote == "<<'" else f'"{plain}"'


def _open_document(redirect: Redirect, text: str) -> Iterator[tuple[int, int, str]]:
    """Open a quoted here-document for its values, and for nothing else."""
    delimiter = redirect.word.literal or ""
    if redirect.body is None or not _DELIMITER.fullmatch(delimiter):
        raise RefusedStep("a here-document with an unusual quoted delimiter holds a value")
    yield redirect.word.start, redirect.word.end, delimiter
    values = {part.start for part in redirect.body.parts if part.expands}
    for special in re.finditer(r"[\\$`]", text[redirect.body.start : redirect.body.end]):
        at = redirect.body.start + special.start()
        if at not in values:
            yield at, at, "\\"


def looped(syntax: Syntax) -> set[int]:
    """Where values stand bare as the words of a loop, which the shell splits."""
    return {
        word.start
        for node in syntax.nodes
        for word in (node.words if node.kind == "for" else ())
        if len(word.parts) == 1 and word.parts[0].is_value and not word.parts[0].quote
    }


def _read(content: str, names: Container[str]) -> tuple[Syntax | None, list[Place]]:
    source, places = prepare(content, names)
    try:
        return parse(source), places
    except Unreadable:
        return None, places


def find_unquoted(content: str, names: Container[str]) -> tuple[str, ...]:
    """Which variables a shell script leaves to be split into words, loops aside, in order.

    Nothing is found in a script that cannot be parsed.
    """
    syntax, places = _read(content, names)
    bare = _bare(syntax) if syntax else set[int]()
    return tuple(dict.fromkeys(place.name for place in places if place.start in bare))


def _bare(syntax: Syntax) -> set[int]:
    """Where the script leaves a value to be split into words, loops aside."""
    return {part.start for part in syntax.values if not part.quote} - looped(syntax)


def find_loops(content: str, names: Container[str]) -> tuple[str, ...]:
    """Which variables stand bare as the words of a loop."""
    syntax, places = _read(content, names)
    loops = looped(syntax) if syntax else set[int]()
    return tuple(dict.fromkeys(place.name for place in places if place.start in loops))


def put_quotes(content: str, names: Container[str]) -> str:
    """The script with double quotes around what `find_unquoted` finds."""
    syntax, places = _read(content, names)
    bare = _bare(syntax) if syntax else set[int]()
    text, done = "", 0
    for place, found in zip(places, find_references(content, names), strict=True):
        if place.start in bare:
            text += f'{content[done : found.start]}"{content[found.start : found.end]}"'
            done = found.end
    return text + content[done:]
