"""How a script uses a variable whose value is pasted into it as text, as Ops does. Pure.

Looks with the engine's own parser and its list of dangerous places. Answers for values that hold no
double quote, dollar sign, backtick, backslash or line end: within double quotes, in a comment and
in a here-document such a value stays one piece of data.
"""

from collections.abc import Iterator

from opsmcp_pipelines.shell.dangers import Danger, find_dangers
from opsmcp_pipelines.shell.quoting import PREFIX, Place, place_of
from opsmcp_pipelines.shell.render import parse, prepare

__all__ = ["is_run", "unsafe_uses"]

_SAFE = frozenset({"string", "comment", "heredoc_body"})


def unsafe_uses(content: str, name: str) -> Iterator[str]:
    """Where a pasted value of `name` could be more than data, in a few words each."""
    if _is_python(content):
        yield from ("in a Python script" for _ in range(f"${{{name}}}" in content))
        return
    source, places = prepare(content, {name: ""})
    if not places:
        return
    root = parse(source)
    if root.has_error:
        yield "in a shell script that cannot be understood"
        return
    yield from (found.where for found in find_dangers(root, PREFIX))
    for place in places:
        around = place_of(root, place)
        kind = around.type if around else ""
        if kind not in _SAFE:
            yield "outside double quotes"
        elif kind == "heredoc_body" and _is_alone(source, place):
            yield "alone on a line of a here-document, which it could end"


def is_run(content: str, name: str) -> bool:
    """Whether a shell script runs the value of `name`: as a command, or as a script of its own."""
    if _is_python(content):
        return False
    source, places = prepare(content, {name: ""})
    if not places:
        return False
    return any(found.danger is Danger.CODE for found in find_dangers(parse(source), PREFIX))


def _is_python(content: str) -> bool:
    first = content.lstrip().partition("\n")[0]
    return first.startswith("#") and "python" in first


def _is_alone(source: bytes, place: Place) -> bool:
    before = source[: place.start].rpartition(b"\n")[2]
    after = source[place.end :].partition(b"\n")[0]
    return not (before.strip() or after.strip())
