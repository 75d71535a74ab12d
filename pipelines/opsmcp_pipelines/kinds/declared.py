"""Kinds that the author of an operation declares: the label `opsmcp/kind.VARIABLE: KIND`. Pure.

It stands on the pipeline or on one of its tasks; the pipeline's own beats that of a task. Names
that say where a run takes place, who calls, or that a value is secret, keep what they mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from opsmcp_pipelines.kinds.guess import is_reserved
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.models import Operation, Task

__all__ = ["KIND_LABEL", "BadKind", "declared_kind", "labelled_kinds", "no_kind"]

KIND_LABEL = "opsmcp/kind."
"""What the key of the label begins with; the variable's name follows."""

_LONGEST_SHOWN = 60

_NOT_BY_LABEL = frozenset({Kind.BOUND, Kind.CHOICE})
"""What the author fills, and what `enums` say: a label alone would let any value through."""


class BadKind(ValueError):
    """A label that declares no usable kind; the message says which and what to write."""


def labelled_kinds(operation: Operation, tasks: Sequence[Task]) -> Mapping[str, VariableKind]:
    """Kinds by the name of the variable, result or input.

    Raises:
        BadKind: A label names no kind, or two tasks disagree and the operation says nothing.
    """
    own = dict(_labels(operation.labels))
    found = dict(own)
    for task in tasks:
        for name, kind in _labels(task.labels):
            if found.setdefault(name, kind) != kind and name not in own:
                raise BadKind(f"its tasks declare {name!r} as {found[name]} and as {kind}")
    return found


def _labels(labels: Mapping[str, str]) -> Iterator[tuple[str, VariableKind]]:
    for key, text in labels.items():
        kind = declared_kind(key, text)
        if kind is not None:
            yield key.removeprefix(KIND_LABEL), kind


def declared_kind(key: str, text: str) -> VariableKind | None:
    """The kind that a label declares; None for a label of another sort.

    Raises:
        BadKind: It names no usable kind, or the kind of what its name alone decides.
    """
    if not key.startswith(KIND_LABEL):
        return None
    name, kind = key.removeprefix(KIND_LABEL), parse_kind(text)
    if kind is None or kind.kind in _NOT_BY_LABEL:
        label = f"the label {KIND_LABEL}{name[:_LONGEST_SHOWN]}"
        raise BadKind(f"{label} names no kind: {no_kind(text)}")
    if is_reserved(name):
        raise BadKind(f"the label {KIND_LABEL}{name} cannot change what that name means")
    return kind


def no_kind(text: str) -> str:
    """What somebody declared that is no kind, and what to declare instead."""
    shown = repr(text[:_LONGEST_SHOWN])
    words = text.strip().lower().split(".")
    item = words[1] if words[0] == "list" and len(words) > 1 else ""
    if item in _NO_ITEMS:
        return f"{shown}; {_NO_ITEMS[item]}"
    if words[0] in ("list", "array"):
        return f"{shown}; a list is list.ITEM.SEPARATOR, as in list.host.comma, .blank or .line"
    near = get_close_matches(words[0][:_LONGEST_SHOWN], _DECLARABLE, 1)
    return f"{shown}; {near[0]!r} is one" if near else f"{shown} (see docs/tools.md, Kinds)"


_DECLARABLE = sorted(str(kind) for kind in set(Kind) - _NOT_BY_LABEL)
_NO_ITEMS: Mapping[str, str] = {
    Kind.TIME: "a time may hold blanks, which would part it. Give one for each call, or the list"
    " items without blanks: list.duration.comma, or list.token.comma for dates",
    Kind.SCHEDULE: "a schedule holds blanks and commas itself. Give one for each call",
    Kind.SELECTOR: "a selector joins several requirements by commas itself: 'selector' is the kind",
    Kind.PATTERN: "a regex is for the whole value. Declare list.token.comma, and let the regex of"
    " the variable match the whole list",
    Kind.TEXT: "a text may hold any separator. Give one for each call",
    Kind.FLAG: "a flag is one answer. Give the list items with names: list.token.comma",
    Kind.CHOICE: "declare list.token.comma, and its `enums` are what each item may be",
}
"""Kinds that are none of items, with what to declare instead."""
