"""How a script uses a variable whose value is pasted into it as text, as Ops does. Pure.

Looks with the engine's own parser and its list of dangerous places. Answers for values that hold no
double quote, dollar sign, backtick, backslash or line end: within double quotes, in a comment and
in a here-document such a value stays one piece of data.
"""

from collections.abc import Iterator

from opsmcp_pipelines.embedded.hazard import find_dangers
from opsmcp_pipelines.embedded.shell import PREFIX, Place, parse, place_of, prepare

__all__ = ["unsafe_uses"]

_SAFE = frozenset({"string", "comment", "heredoc_body"})


def unsafe_uses(content: str, name: str) -> Iterator[str]:
    """Where a pasted value of `name` could be more than data, in a few words each."""
    if "python" in content.lstrip().partition("\n")[0] and content.lstrip().startswith("#"):
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


def _is_alone(source: bytes, place: Place) -> bool:
    before = source[: place.start].rpartition(b"\n")[2]
    after = source[place.end :].partition(b"\n")[0]
    return not (before.strip() or after.strip())
