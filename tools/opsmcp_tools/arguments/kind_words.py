"""What a value of a kind is, in words: for definitions and for refusals with the nearest example.

The words stand in the table of kinds; here they become phrases. Pure.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache

from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.table import KINDS, Wording, canonical
from opsmcp_tools.arguments.nearest_names import alternatives
from opsmcp_tools.model.tool import Input
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Phrase, Said

__all__ = ["better_kind", "meaning_of", "refusal_of"]

_LONGEST_COMPARED = 100

_OFTEN_MEANT = (
    *map(VariableKind, (Kind.CIDR, Kind.PATH, Kind.URL, Kind.LOCATION, Kind.REF, Kind.IMAGE)),
    *map(VariableKind, (Kind.SIZE, Kind.VERSION)),
    *(VariableKind(kind, Separator.COMMA) for kind in (Kind.IP, Kind.TOKEN)),
    *map(VariableKind, (Kind.SELECTOR, Kind.TIME, Kind.SCHEDULE)),
    VariableKind(Kind.TOKEN, Separator.BLANK),
    VariableKind(Kind.PATTERN),
)
"""What a value that is no token usually is, the likeliest first."""

_UNIT = re.compile(r".+@(?:tty[0-9]*)?|.+\.(?:service|socket|timer|target|mount|swap|slice|scope)")


def meaning_of(kind: Kind) -> Said:
    """What a value is, in a few words."""
    return _phrase(KINDS[kind].meaning)()


def refusal_of(item: Input, text: str) -> Said:
    """What `text` should have been; and what its author may declare, where nobody did."""
    row = KINDS[item.kind]
    allowed = _phrase(row.allowed)()
    if item.without:
        allowed = words.WITHOUT(allowed, " ".join(item.without))
    if item.kind is Kind.URL:
        allowed = words.OF_SCHEME(allowed, alternatives(item.rules.url_schemes))
    example = words.SUCH_AS(nearest) if (nearest := _nearest(item, text)) else words.NOTHING()
    return words.NOT_OF_KIND(allowed, example, _remedy(item, text))


def better_kind(text: str, than: Kind) -> VariableKind | None:
    """The kind that a value which is none of `than` most likely has; None when none takes it."""
    if than is not Kind.TOKEN and canonical(Kind.TOKEN, text):
        return VariableKind(Kind.TOKEN)
    if _UNIT.fullmatch(text) and canonical(Kind.UNIT, text):
        return VariableKind(Kind.UNIT)
    return next((kind for kind in _OFTEN_MEANT if canonical_value(kind, text) is not None), None)


def _remedy(item: Input, text: str) -> Said:
    meant = better_kind(text, item.kind) if item.guessed else None
    if meant is None:
        return words.NOTHING()
    if meant.kind is Kind.PATTERN:
        return words.TO_MATCH()
    return words.TO_DECLARE(meant, item.name)


def _nearest(item: Input, text: str) -> str:
    """The example that is most like what was given, without what must not stand there."""
    matcher = SequenceMatcher(b=text[:_LONGEST_COMPARED], autojunk=False)
    scored = [(-_ratio(matcher, one), number, one) for number, one in enumerate(_examples(item))]
    return min(scored)[2] if scored else ""


def _examples(item: Input) -> Iterator[str]:
    return (one for one in KINDS[item.kind].examples if set(item.without).isdisjoint(one))


def _ratio(matcher: SequenceMatcher[str], example: str) -> float:
    matcher.set_seq1(example)
    return matcher.ratio()


@cache
def _phrase(wording: Wording) -> Phrase:
    braces = str.maketrans({"{": "{{", "}": "}}"})
    return Phrase(wording.en.translate(braces), wording.zh.translate(braces))
