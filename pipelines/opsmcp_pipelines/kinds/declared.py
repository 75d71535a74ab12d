"""Kinds that the author of an operation declares: the label `opsmcp/kind.VARIABLE: KIND`. Pure.

It stands on the pipeline or on one of its tasks; the pipeline's own beats that of a task. Names
that say where a run takes place, who calls, or that a value is secret, keep what they mean.
"""

from collections.abc import Iterator, Mapping, Sequence

from opsmcp_pipelines.kinds.guess import is_reserved
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.models import Operation, Task

__all__ = ["KIND_LABEL", "BadKind", "labelled_kinds"]

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
        if key.startswith(KIND_LABEL):
            name = key.removeprefix(KIND_LABEL)
            yield name, _kind(name, text)


def _kind(name: str, text: str) -> VariableKind:
    kind = parse_kind(text)
    if kind is None or kind.kind in _NOT_BY_LABEL:
        shown = repr(text[:_LONGEST_SHOWN])
        raise BadKind(f"the label {KIND_LABEL}{name[:_LONGEST_SHOWN]} names no kind: {shown}")
    if is_reserved(name):
        raise BadKind(f"the label {KIND_LABEL}{name} cannot change what that name means")
    return kind
