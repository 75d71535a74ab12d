"""A shell step with its references turned into environment variables, one way per place.

The safety does not depend on the parser: a value is never written into the script, only the name
of an environment variable is. The parser decides how that name is quoted, so that the value arrives
as one word, and `hazard` finds the places where a shell would evaluate data once more.
Environment variables are called `OPSMCP_V1`, ...: a variable named PATH or LD_PRELOAD must not
change how the script runs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.dangers import Danger, find_dangers, may_evaluate
from opsmcp_pipelines.shell.quoting import PREFIX, Place, is_open, quote_places
from opsmcp_pipelines.shell.references import RefusedStep, find_references

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

__all__ = ["find_evaluated", "find_unquoted", "parse", "prepare", "render_shell"]

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def render_shell(content: str, values: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The script to run, and the environment variables that hold the values.

    Raises:
        RefusedStep: A value would be evaluated as code.
    """
    source, places = prepare(content, values)
    if not places:
        return content, MappingProxyType({})
    environ = {place.variable: values[place.name] for place in places}
    root = parse(source)
    if root.has_error:
        _refuse_unreadable(source, {place.name: values[place.name] for place in places})
        return source.decode(), MappingProxyType(environ)
    _check_dangers(root, places, values)
    return quote_places(root, source, places).decode(), MappingProxyType(environ)


def find_unquoted(content: str, names: Iterable[str]) -> tuple[str, ...]:
    """Which variables a shell script uses where their values would be split into words, in order.

    Nothing is found in a script that cannot be parsed.
    """
    source, places = prepare(content, dict.fromkeys(names, ""))
    root = parse(source)
    if root.has_error:
        return ()
    open_ = [place.name for place in places if is_open(root, source, place)]
    return tuple(dict.fromkeys(open_))


def find_evaluated(content: str, names: Iterable[str]) -> str:
    """Why no run could be given a text of several words: it would be run as code. Or empty."""
    try:
        render_shell(content, dict.fromkeys(names, "a b"))
    except RefusedStep as error:
        return error.reason
    return ""


def parse(source: bytes) -> "Node":
    """The syntax tree of a shell script."""
    return _parser().parse(source).root_node


@cache
def _parser() -> "Parser":
    # Imported late: only a run needs the parser, and most commands never run anything.
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def prepare(content: str, values: Mapping[str, str]) -> tuple[bytes, list[Place]]:
    """Name the environment variables in the script, so that the parser sees plain expansions."""
    numbers: dict[str, int] = {}
    source = bytearray()
    places: list[Place] = []
    done = 0
    for found in find_references(content, values):
        number = numbers.setdefault(found.name, len(numbers) + 1)
        source += content[done : found.start].encode()
        start = len(source)
        source += f"${{{PREFIX}{number}}}".encode()
        places.append(Place(start, len(source), found.name, f"{PREFIX}{number}"))
        done = found.end
    source += content[done:].encode()
    return bytes(source), places


def _refuse_unreadable(source: bytes, values: Mapping[str, str]) -> None:
    plain = all(
        _TAME[danger].fullmatch(value)
        for value in values.values()
        for danger in (Danger.WORD, Danger.PARTS)
    )
    if not plain or may_evaluate(source.decode()):
        raise RefusedStep(
            "its shell script could not be understood well enough to keep values from being "
            "run as code; simplify it, give plain words, or take the values out of eval and "
            "arithmetic"
        )


def _check_dangers(root: "Node", places: Sequence[Place], values: Mapping[str, str]) -> None:
    names = {place.variable: place.name for place in places}
    for found in find_dangers(root, PREFIX):
        name = names.get(found.variable)
        if name is None:
            continue
        wants_number = found.danger in (Danger.NUMBER, Danger.COMMAND)
        if wants_number and _INTEGER.fullmatch(values[name]):
            continue
        tame = _TAME.get(found.danger)
        if tame is not None and tame.fullmatch(values[name]):
            continue
        raise RefusedStep(_explain(found.danger, name, found.where))


_TAME: Mapping[Danger, re.Pattern[str]] = MappingProxyType(
    {
        Danger.PROGRAM: re.compile(r"[A-Za-z0-9_.:-]*"),
        Danger.WORD: re.compile(r"(?!-)[A-Za-z0-9_.:/@%+=,-]*"),
        Danger.OPTION: re.compile(r"(?![-+])(?s:.*)"),
        Danger.PARTS: re.compile(r"(?:[^-]|(?<=[A-Za-z0-9])-)*"),
        Danger.SPLIT: re.compile(r"[A-Za-z0-9_.@/%+=-]*"),
        Danger.CUT: re.compile(r"[^-]*"),
    }
)
"""Values that mean nothing in such a place but themselves."""


def _explain(danger: Danger, name: str, where: str) -> str:
    if danger is Danger.COMMAND:
        return f"the value of {name!r} stands where letters are commands ({where}): no whole number"
    if danger is Danger.NUMBER:
        return f"the value of {name!r} is used in arithmetic ({where}) and is not a whole number"
    if danger is Danger.OPTION:
        return f"the value of {name!r} could be an option ({where}): it begins with a dash or plus"
    if danger is Danger.PARTS:
        return (
            f"a part of the value of {name!r} could be an option ({where}): it holds a dash "
            "that follows no letter or digit"
        )
    if danger is Danger.SPLIT:
        return f"the value of {name!r} could become several words ({where}): quote its variable"
    if danger is Danger.CUT:
        return f"a part of the value of {name!r} could be an option ({where}): it holds a dash"
    if danger is Danger.WORD:
        return f"the value of {name!r} could be run ({where}) and is not a plain word"
    if danger is Danger.PROGRAM:
        return f"the value of {name!r} stands inside a program ({where}) and is not a plain word"
    return f"it would run the value of {name!r} as code ({where})"
