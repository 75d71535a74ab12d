"""What an operation is: Pipeline, Task, Step, Variable, and the inventory they run on.

Frozen mirrors of the Ops custom resources (`crd.chenshaowen.com/v1`: api/v1/*_types.go), reduced to
what opsmcp uses. A Host's credentials and a Cluster's secrets have no field here on purpose.
All values of variables are strings, as in Ops. Nothing here reads or checks anything.

What opsmcp does not use (a container image, mounts, the files of a transfer) is kept in `more` as
one line of JSON, because it is part of what the author wrote and a change of it must be seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

__all__ = [
    "COPILOT_LABEL",
    "SUDO_LABEL",
    "BadHost",
    "Cluster",
    "Definition",
    "Host",
    "Operation",
    "OperationKey",
    "OperationKind",
    "Pipeline",
    "Step",
    "Task",
    "TaskRef",
    "Transfer",
    "Variable",
    "result_names",
]

COPILOT_LABEL = "ops/copilot"
"""The label that marks an operation for assistants, with the value `enabled`."""

SUDO_LABEL = "opsmcp/sudo"
"""The label of a task whose steps run as root on hosts that are reached by ssh: `"true"`."""

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class OperationKind(StrEnum):
    """What an operation is made of."""

    PIPELINE = "pipeline"
    TASK = "task"


@dataclass(frozen=True, slots=True, order=True)
class OperationKey:
    """What identifies an operation within its source."""

    kind: OperationKind
    namespace: str
    name: str

    def __str__(self) -> str:
        """For messages: `pipeline ops-system/disk-usage`."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Variable:
    """One declared variable. `default` and `value` are None when not declared.

    A `value` is fixed by the author: no caller can change it. `groups` says of `host` that a caller
    may name several hosts at once.
    """

    name: str
    default: str | None = None
    value: str | None = None
    display: str = ""
    desc: str = ""
    regex: str = ""
    required: bool = False
    enums: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    groups: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file that a step moves, as its author wrote it; names hold variables like scripts do.

    `direction` is `upload` (to the host) or `download` (from it); whatever else means nothing.
    """

    local_file: str = ""
    remote_file: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a task: a script, or a file that is moved (`transfer` is then there).

    `when` and `allow_failure` are expressions as written; empty means always, and never.
    `timeout_seconds` of 0 means that the author set none. `more` is what else the author wrote.
    `reads` is whether it only reads, as its source knows where there is no script; None if it does
    not know.
    """

    name: str
    content: str = ""
    when: str = ""
    allow_failure: str = ""
    timeout_seconds: int = 0
    transfer: Transfer | None = None
    more: str = ""
    reads: bool | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A Task: steps that run one after the other on a host, or in a pod.

    `host` is a host name, a node selector (`anymaster`) or a label selector; empty when left open.
    `in_pod` is true when the author asked for a container image or mounts. `more` is what else the
    author wrote.
    """

    name: str
    namespace: str
    desc: str = ""
    host: str = ""
    variables: tuple[Variable, ...] = ()
    steps: tuple[Step, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    in_pod: bool = False
    more: str = ""

    @property
    def key(self) -> OperationKey:
        """What identifies this task."""
        return OperationKey(OperationKind.TASK, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A pipeline's reference to a task; `results` maps the name of a result to its step.

    `more` is what else the author wrote.
    """

    name: str
    task: str
    desc: str = ""
    allow_failure: bool = False
    run_always: bool = False
    results: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    more: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A Pipeline: tasks that run one after the other; its variables are filled from its tasks.

    `more` is what else the author wrote.
    """

    name: str
    namespace: str
    desc: str = ""
    variables: tuple[Variable, ...] = ()
    tasks: tuple[TaskRef, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    more: str = ""

    @property
    def key(self) -> OperationKey:
        """What identifies this pipeline."""
        return OperationKey(OperationKind.PIPELINE, self.namespace, self.name)

    @property
    def task_keys(self) -> tuple[OperationKey, ...]:
        """What identifies its tasks, in their order, whether they are there or not."""
        return tuple(
            OperationKey(OperationKind.TASK, self.namespace, ref.task) for ref in self.tasks
        )


Operation = Pipeline | Task
"""A Pipeline or a Task that can be run."""


def result_names(operation: Operation) -> tuple[str, ...]:
    """The results that an operation declares, each once; a task by itself declares none."""
    refs = operation.tasks if isinstance(operation, Pipeline) else ()
    return tuple(dict.fromkeys(name for ref in refs for name in ref.results))


@dataclass(frozen=True, slots=True)
class Definition:
    """What an operation consists of: itself, and the tasks that it runs, in their order."""

    operation: Operation
    tasks: tuple[Task, ...]

    @property
    def key(self) -> OperationKey:
        """What identifies the operation."""
        return self.operation.key


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the inventory; `default` marks the one used when a call names none."""

    name: str
    desc: str = ""
    server: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True)
class BadHost:
    """A host that cannot be used, or a part of its file; `name` is empty where it has none."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the inventory. `reachable` is None while there has been no heartbeat.

    `origin` is the file that names it, with the line, of a source that reads files. `groups` are
    those of an inventory of Ansible that it is in.
    """

    name: str
    namespace: str
    address: str = ""
    hostname: str = ""
    reachable: bool | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    port: int = 0
    origin: str = ""
    groups: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether a good heartbeat is missing. Nobody hears of a host that only a file names."""
        return not self.reachable and not self.origin
