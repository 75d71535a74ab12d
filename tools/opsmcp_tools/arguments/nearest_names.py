"""The nearest real names to a wrong one, for errors that say how to repair a call.

Pure. Separators and case do not count: `Kube_System` is as near to `kube-system` as can be.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import reduce

from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said

__all__ = [
    "alternatives",
    "did_you_mean",
    "first_of",
    "nearest_names",
    "same_name",
    "suggest",
]

_LIKE_ENOUGH = 0.6
_LONGEST = 100
_MOST = 5000


def nearest_names(wrong: str, names: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """At most `most` of `names` that resemble `wrong`, the nearest first; ties by name."""
    target = _fold(wrong[:_LONGEST])
    if not target:
        return ()
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(target)
    scored = ((_likeness(matcher, target, _fold(name)), name) for name in sorted(names)[:_MOST])
    good = [(score, name) for score, name in scored if score >= _LIKE_ENOUGH]
    return tuple(name for _, name in sorted(good, key=lambda pair: (-pair[0], pair[1]))[:most])


def same_name(wrong: str, names: Iterable[str]) -> str:
    """The one of `names` that differs from `wrong` in case and separators only; empty if none."""
    target = _fold(wrong)
    found = [name for name in names if target and _fold(name) == target]
    return found[0] if len(found) == 1 and len(wrong) <= _LONGEST else ""


def _fold(name: str) -> str:
    return name[:_LONGEST].casefold().translate({ord(char): None for char in "-_. "})


def _likeness(matcher: SequenceMatcher[str], target: str, name: str) -> float:
    """From 0 to 1; a name that contains the other counts as near."""
    matcher.set_seq1(name)
    contained = len(target) >= 3 and (target in name or (len(name) >= 3 and name in target))
    floor = 0.7 if contained else 0.0
    if matcher.real_quick_ratio() < _LIKE_ENOUGH or matcher.quick_ratio() < _LIKE_ENOUGH:
        return floor
    return max(floor, matcher.ratio())


def suggest(wrong: str, names: Iterable[str]) -> str:
    """A clause such as `; did you mean 'a' or 'b'?`, empty when nothing is near."""
    return did_you_mean(wrong, names).to("en")


def did_you_mean(wrong: str, names: Iterable[str]) -> Said:
    """The same clause, in any language."""
    near = nearest_names(wrong, names)
    return (
        words.DID_YOU_MEAN(alternatives(repr(str(name)) for name in near))
        if near
        else words.NOTHING()
    )


def first_of(names: Sequence[str], most: int = 10) -> tuple[str, Said]:
    """The first names, and how many more there are."""
    left = len(names) - most
    return ", ".join(names[:most]), words.AND_MORE(left) if left > 0 else words.NOTHING()


def alternatives(names: Iterable[str | Said]) -> Said:
    """`a or b or c`."""
    found = [words.AS_IT_IS(name) for name in names] or [words.NOTHING()]
    return reduce(words.ONE_OR_OTHER, found)
