"""Catalogue: one immutable snapshot of what a source holds, and the pure difference of two.

Knows nothing of how it was read (`discovery` does that) or of tools.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from opsmcp_pipelines.many_hosts import named_hosts
from opsmcp_pipelines.models import (
    BadHost,
    Cluster,
    Definition,
    Host,
    Operation,
    OperationKey,
    OperationKind,
    Pipeline,
    Task,
)

__all__ = ["FAULTS_LOG", "Catalogue", "Contents", "Difference", "Problem", "diff"]

FAULTS_LOG = "opsmcp_pipelines.faults"
"""The logger that is told once what `Contents.problems` and `Contents.warnings` hold."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An operation that the source holds and that cannot be offered, with the reason.

    `absent` when it is fine itself, and what it needs is not on this machine.
    """

    operation: str
    kind: OperationKind
    reason: str
    namespace: str = ""
    absent: bool = False


@dataclass(frozen=True)
class Contents:
    """What a source held at one moment, in the source's order.

    `unread` says what of it could not be read at that moment, and is shown as it was before.
    `host_groups` are the names that stand for several hosts at once, `bad_hosts` what cannot be
    used of the inventory. `files` says where operations stand, of a source that reads files, and
    `warnings` what in them is probably not meant so: file, line and words.
    """

    pipelines: tuple[Pipeline, ...] = ()
    tasks: tuple[Task, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    hosts: tuple[Host, ...] = ()
    host_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    bad_hosts: tuple[BadHost, ...] = ()
    problems: tuple[Problem, ...] = ()
    unread: tuple[str, ...] = ()
    files: Mapping[OperationKey, str] = field(default_factory=dict[OperationKey, str])
    warnings: tuple[str, ...] = ()

    def definition(self, key: OperationKey) -> Definition | None:
        """An operation with its tasks; None if it or one of them is not there."""
        operation = self._by_key.get(key)
        if operation is None or isinstance(operation, Task):
            return Definition(operation, (operation,)) if operation else None
        found = tuple(map(self._by_key.get, operation.task_keys))
        parts = tuple(task for task in found if isinstance(task, Task))
        return Definition(operation, parts) if len(parts) == len(found) else None

    def hosts_of(self, value: str) -> tuple[str, ...]:
        """The hosts of the inventory that a value of the variable `host` means, in its order."""
        return named_hosts(value, (host.name for host in self.hosts), self.host_groups)

    @cached_property
    def _by_key(self) -> Mapping[OperationKey, Operation]:
        return {found.key: found for found in (*reversed(self.pipelines), *self.tasks)}


@dataclass(frozen=True)
class Catalogue:
    """A numbered snapshot. `read_at` is when it was read first, with time zone."""

    generation: int
    contents: Contents
    read_at: datetime

    @cached_property
    def operations(self) -> Mapping[OperationKey, Operation]:
        """Every operation by its key; pipelines first, each in the source's order."""
        both: tuple[Operation, ...] = (*self.contents.pipelines, *self.contents.tasks)
        return {operation.key: operation for operation in both}

    def find_task(self, key: OperationKey) -> Task | None:
        """The task of that key, or None."""
        found = self.operations.get(key)
        return found if isinstance(found, Task) else None


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two catalogues; false when nothing did."""

    added: tuple[OperationKey, ...] = ()
    removed: tuple[OperationKey, ...] = ()
    changed: tuple[OperationKey, ...] = ()
    inventory: bool = False

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.removed or self.changed or self.inventory)


def diff(old: Catalogue | None, new: Catalogue) -> Difference:
    """Compare by value. Against nothing, everything is added."""
    before: Mapping[OperationKey, Operation] = old.operations if old else {}
    inventory_before = (old.contents.clusters, old.contents.hosts) if old else ((), ())
    return Difference(
        added=tuple(key for key in new.operations if key not in before),
        removed=tuple(key for key in before if key not in new.operations),
        changed=tuple(
            key for key, found in new.operations.items() if key in before and before[key] != found
        ),
        inventory=inventory_before != (new.contents.clusters, new.contents.hosts),
    )
