"""How the place where a value stands narrows what it may be. Pure.

The analysis of scripts says what a place needs; here that is held against the kind. A guess gives
way, so that a caller is told by the schema and never by a refusal. What was declared cannot be
meant otherwise: where it does not fit, there is a contradiction for the author to solve.
"""

from dataclasses import replace
from enum import StrEnum

from opsmcp_pipelines.kinds.kind import ITEM_KINDS, Kind, Separator, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import class_of

__all__ = ["Need", "forced", "narrowed"]


class Need(StrEnum):
    """What a place in a script takes."""

    NUMBER = "number"
    """Arithmetic, `-gt`, programs of other languages outside their quotes: a count."""

    OPTION = "option"
    """The letters of an option: a count or a choice."""

    SIGNAL = "signal"
    """The letters of an option of `kill`: a signal, a count or a choice."""

    NAME = "name"
    """Names and numbers only."""

    UNQUOTED = "unquoted"
    """Outside of quotes in a text that a shell reads: nothing that it expands or splits."""

    WORDS = "words"
    """Bare as the words of `for`: a list is joined by blanks."""

    COMMAS = "commas"
    """The same where the script has set IFS to a comma."""

    LINES = "lines"
    """The same where it has set IFS to the end of a line."""


_TAKES = {
    Need.NUMBER: frozenset({Kind.COUNT}),
    Need.OPTION: frozenset({Kind.COUNT, Kind.CHOICE}),
    Need.SIGNAL: frozenset({Kind.COUNT, Kind.CHOICE, Kind.SIGNAL}),
}
_PARTED = {
    Need.WORDS: Separator.BLANK,
    Need.COMMAS: Separator.COMMA,
    Need.LINES: Separator.LINE,
}
_INSTEAD = {Need.NUMBER: Kind.COUNT, Need.OPTION: Kind.COUNT, Need.SIGNAL: Kind.SIGNAL}
_EXPANDED = {Kind.URL: "?&", Kind.UNIT: "\\"}
"""What a shell takes for its own in values of a kind."""


def narrowed(kind: VariableKind, need: Need) -> VariableKind | None:
    """The kind of what may stand at a place; None when what was declared must not stand there."""
    if need in _PARTED and kind.guessed and kind.kind in ITEM_KINDS:
        return replace(kind, separator=_PARTED[need])
    if _fits(kind, need):
        return kind
    if need is Need.UNQUOTED and kind.kind in _EXPANDED and not kind.is_list:
        return replace(kind, without=_together(kind.without, _EXPANDED[kind.kind]))
    if kind.kind is Kind.CLUSTER:
        return replace(kind, also=Kind.TOKEN)  # What exists decides, and not what was declared.
    if not kind.guessed:
        return None
    return VariableKind(_INSTEAD.get(need, Kind.TOKEN), guessed=True)


def forced(kind: VariableKind, need: Need) -> VariableKind:
    """The same where the source cannot be refused a script: values have to be both."""
    found = narrowed(kind, need)
    if found is not None:
        return found
    return replace(kind, separator=None, also=_INSTEAD.get(need, Kind.TOKEN))


def _fits(kind: VariableKind, need: Need) -> bool:
    if need in _PARTED:
        fitting = kind.separator in (None, _PARTED[need])
        return fitting and class_of(kind) is not ValueClass.TEXT
    if need in _TAKES:
        return not kind.is_list and kind.kind in _TAKES[need]
    standing = class_of(kind)
    if need is Need.NAME:
        return standing is ValueClass.NAME
    plain = standing in (ValueClass.NAME, ValueClass.ADDRESS)
    expanded = _EXPANDED.get(kind.kind, "")
    return plain and set(expanded) <= set(kind.without)


def _together(first: str, second: str) -> str:
    return "".join(dict.fromkeys(first + second))
