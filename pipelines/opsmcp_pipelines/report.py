"""Report: what a source says of a run at one moment, which need not be the truth.

Frozen data, no decisions: `verdict.judge` makes a verdict of it. Statuses are spelled as Ops spells
them (api/v1/taskrun_types.go, pipelinerun_types.go); `CANCELLED` and `NOT_STARTED`, of which
certainly nothing ran, are the embedded engine's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

__all__ = ["NodeReport", "RunReport", "Status", "StepReport", "TaskReport"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Status(StrEnum):
    """What a source says of a run, a task, a node or a step."""

    PENDING = ""
    RUNNING = "Running"
    SUCCEEDED = "Successed"
    FAILED = "Failed"
    ABORTED = "Aborted"
    INVALID = "DataInValid"
    DISPATCHED = "Dispatched"
    CANCELLED = "Cancelled"
    NOT_STARTED = "NotStarted"
    OTHER = "?"

    @classmethod
    def parse(cls, text: str) -> "Status":
        """The status spelled `text`; OTHER for a word that Ops does not have."""
        try:
            found = cls(text)
        except ValueError:
            return cls.OTHER
        return cls.OTHER if found in (cls.CANCELLED, cls.NOT_STARTED) else found

    @property
    def ended(self) -> bool:
        """Whether the source says that nothing more will happen."""
        return self not in (Status.PENDING, Status.RUNNING, Status.DISPATCHED)


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step as reported. `output_bytes` counts all output, also what was not kept.

    `allowed` means that its failure was foreseen by the author.
    """

    name: str
    status: Status
    output: str = ""
    output_bytes: int = 0
    allowed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A host or node as reported, with the steps that ran on it in order."""

    node: str
    status: Status
    steps: tuple[StepReport, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task as reported. `skipped` says that the author's conditions left nothing to do."""

    name: str
    task: str
    status: Status
    nodes: tuple[NodeReport, ...] = ()
    results: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    allowed: bool = False
    skipped: bool = False
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run as its source reports it at one moment.

    Of a Task's run, `tasks` holds exactly one entry. `ended_at` is None where the source does not
    say (Ops never does). `began_late` says that its first task began much later than it did.
    """

    status: Status
    tasks: tuple[TaskReport, ...] = ()
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    began_late: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
