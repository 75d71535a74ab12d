"""Values of a variable, one or a list: the items, and the one string that is sent. Pure.

A list travels as its items joined by its separator, so that a script can loop over it
(docs/tools.md). No item holds a separator or begins with a dash, because no kind allows it.
"""

from opsmcp_pipelines.kinds.kind import Separator, ValueClass, VariableKind
from opsmcp_pipelines.kinds.table import KINDS, canonical

__all__ = ["MAX_ITEMS", "canonical_value", "class_of", "split_items"]

MAX_ITEMS = 64


def class_of(kind: VariableKind) -> ValueClass:
    """Where values may stand in a script; a list stands where a phrase may."""
    return ValueClass.PHRASE if kind.is_list else KINDS[kind.kind].value_class


def split_items(kind: VariableKind, text: str) -> tuple[str, ...]:
    """The items of a list, without blanks around them; of a single value itself."""
    if kind.separator is None:
        return (text,)
    if kind.separator is Separator.BLANK:
        return tuple(text.split())
    return tuple(item.strip(" ") for item in text.split(kind.separator.sign))


def canonical_value(kind: VariableKind, text: str) -> str | None:
    """The one form in which a value is sent; None when `text` is none of the kind.

    What an author or the settings add (choices, a regex, bounds, roots of paths) is not looked at.
    """
    if kind.separator is None:
        return canonical(kind.kind, text)
    items = split_items(kind, text)
    good = [item for item in (canonical(kind.kind, each) for each in items) if item is not None]
    whole = 0 < len(items) <= MAX_ITEMS and len(good) == len(items)
    return kind.separator.sign.join(good) if whole else None
