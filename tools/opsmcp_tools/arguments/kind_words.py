"""What a value of a kind is, in words: for definitions and for refusals.

The words stand in the table of kinds; here they become phrases. Pure.
"""

import re
from functools import cache

from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.table import KINDS, Wording, canonical
from opsmcp_tools.arguments.nearest_names import alternatives
from opsmcp_tools.arguments.value_faults import what_is_wrong
from opsmcp_tools.model.tool import Input
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Phrase, Said

__all__ = ["better_kind", "meaning_of", "refusal_of"]

_OFTEN_MEANT = (
    *map(VariableKind, (Kind.CIDR, Kind.PATH, Kind.URL, Kind.LOCATION, Kind.REF, Kind.IMAGE)),
    *map(VariableKind, (Kind.SIZE, Kind.VERSION)),
    *(VariableKind(kind, Separator.COMMA) for kind in (Kind.IP, Kind.TOKEN)),
    *map(VariableKind, (Kind.SELECTOR, Kind.TIME, Kind.SCHEDULE)),
    VariableKind(Kind.TOKEN, Separator.BLANK),
    VariableKind(Kind.PATTERN),
)
"""What a value that is no token usually is, the likeliest first."""

_PORT = re.compile(r"[^/:]+:[0-9]+")
"""A host with its port, or the key of a record, rather than an image with its tag."""

_UNIT = re.compile(r".+@(?:tty[0-9]*)?|.+\.(?:service|socket|timer|target|mount|swap|slice|scope)")


def meaning_of(kind: Kind) -> Said:
    """What a value is, in a few words."""
    return _phrase(KINDS[kind].meaning)()


def refusal_of(item: Input, text: str) -> Said:
    """What `text` should have been, and what is wrong with it; never a value to be copied."""
    row = KINDS[item.kind]
    allowed = _phrase(row.allowed)()
    if item.without:
        allowed = words.WITHOUT(allowed, " ".join(item.without))
    if item.kind is Kind.URL:
        allowed = words.OF_SCHEME(allowed, alternatives(item.rules.url_schemes))
    shape = _shape(item)
    form = words.OF_FORM(shape) if shape else words.NOTHING()
    return words.NOT_OF_KIND(allowed, form, _help(item, text))


def better_kind(text: str, than: Kind) -> VariableKind | None:
    """The kind that a value which is none of `than` most likely has; None when none takes it."""
    if than is not Kind.TOKEN and canonical(Kind.TOKEN, text):
        return VariableKind(Kind.TOKEN)
    if _UNIT.fullmatch(text) and canonical(Kind.UNIT, text):
        return VariableKind(Kind.UNIT)
    good = (kind for kind in _OFTEN_MEANT if canonical_value(kind, text) is not None)
    return next((k for k in good if k.kind is not Kind.IMAGE or not _PORT.fullmatch(text)), None)


def _help(item: Input, text: str) -> Said:
    """What is wrong, for the caller; and, where a name misled us, what the author can allow."""
    wrong = what_is_wrong(item.kind, text, lambda other: _fits(item, other))
    mistaken = item.kind in _MISTAKEN and not wrong and _PLAIN_WORD.fullmatch(text)
    meant = better_kind(text, item.kind) if item.kind is Kind.TOKEN or mistaken else None
    if not item.guessed or meant is None:
        return wrong or words.NOTHING()
    if meant.kind is not Kind.PATTERN:
        more = words.TO_DECLARE(meant, item.name)
    else:
        more = words.TO_MATCH() if _PORT.fullmatch(text) else words.NOTHING()
    return words.BOTH(wrong or words.NOTHING(), more)


_MISTAKEN = frozenset({Kind.LOCATION, Kind.PATH, Kind.URL})
"""Kinds whose names, such as `source`, are ordinary words, too."""
_PLAIN_WORD = re.compile("[A-Za-z][A-Za-z0-9_/-]*")
"""Also a path that is not absolute, as of a dataset or a key."""


def _fits(item: Input, text: str) -> bool:
    return canonical(item.kind, text) is not None and set(item.without).isdisjoint(text)


def _shape(item: Input) -> str:
    shapes = KINDS[item.kind].shapes
    return next((one for one in shapes if set(item.without).isdisjoint(one)), "")


@cache
def _phrase(wording: Wording) -> Phrase:
    braces = str.maketrans({"{": "{{", "}": "}}"})
    return Phrase(wording.en.translate(braces), wording.zh.translate(braces))
