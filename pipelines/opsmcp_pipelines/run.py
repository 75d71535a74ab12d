"""Run: what truly happened, as far as it is known. Frozen data, no decisions.

A source gives a `RunReport` (what it says); `verdict.judge` makes a `Run` of it (what is true).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from opsmcp_pipelines.report import NodeReport, RunReport, Status, StepReport, TaskReport

__all__ = [
    "NodeReport",
    "NodeResult",
    "Run",
    "RunReport",
    "Status",
    "StepReport",
    "StepResult",
    "TaskReport",
    "TaskResult",
    "Verdict",
]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Verdict(StrEnum):
    """How a run truly ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOTHING_RAN = "nothing_ran"
    ABORTED = "aborted"
    INVALID = "invalid"
    VANISHED = "vanished"
    STUCK = "stuck"
    UNKNOWN = "unknown"
    RUNNING = "running"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether this verdict is final."""
        return self is not Verdict.RUNNING

    @property
    def good(self) -> bool:
        """Whether a caller may take it for anything but a problem."""
        return self in (Verdict.SUCCEEDED, Verdict.RUNNING)


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step, judged. `allowed` is a failure that the author foresaw."""

    name: str
    verdict: Verdict
    output: str = ""
    output_bytes: int = 0
    allowed: bool = False
    note: str = ""

    @property
    def lost_bytes(self) -> int:
        """About how much of its output was not kept."""
        if len(self.output) >= self.output_bytes:
            return 0
        return max(0, self.output_bytes - len(self.output.encode("utf-8", "replace")))


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A host or node, judged."""

    node: str
    verdict: Verdict
    steps: tuple[StepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task, judged; `reason` says why when it did not succeed.

    `allowed` is a failure that the author foresaw: of the task as a whole, or of every step that
    it failed with. `skipped` says that the author's conditions left nothing to do, `explained` that
    `reason` tells why nothing ran.
    """

    name: str
    task: str
    verdict: Verdict
    nodes: tuple[NodeResult, ...] = ()
    results: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    reason: str = ""
    allowed: bool = False
    skipped: bool = False
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run, judged: what truly happened, as far as it is known.

    `reason` is one sentence when the verdict is not `succeeded`, and whatever else is to be told.
    `results` are those of all tasks, later ones winning.
    """

    verdict: Verdict
    tasks: tuple[TaskResult, ...] = ()
    reason: str = ""
    results: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def ending(self, verdict: Verdict, reason: str) -> "Run":
        """The same run with the end that its follower saw: vanished, stuck, unknown."""
        return replace(self, verdict=verdict, reason=reason)

    def cut_off(self, note: str) -> "Run":
        """The same run as one that was aborted where it was last seen; `note` says why."""
        tasks = tuple(_cut_off_task(task, note) for task in self.tasks)
        return replace(self, verdict=Verdict.ABORTED, tasks=tasks, reason=note)


def _cut_off_task(task: TaskResult, note: str) -> TaskResult:
    if task.verdict.ended:
        return task
    nodes = tuple(_cut_off_node(node, note) for node in task.nodes)
    return replace(task, verdict=Verdict.ABORTED, nodes=nodes)


def _cut_off_node(node: NodeResult, note: str) -> NodeResult:
    if node.verdict.ended:
        return node
    steps = tuple(
        step if step.verdict.ended else replace(step, verdict=Verdict.ABORTED, note=note)
        for step in node.steps
    )
    return replace(node, verdict=Verdict.ABORTED, steps=steps)
