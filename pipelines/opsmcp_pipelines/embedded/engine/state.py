"""The state of a run while it runs, readable at any moment as a `RunReport`.

Changed by `engine`, read by `source`; both in one event loop, so there are no locks.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import anyio

from opsmcp_pipelines.embedded.engine.bounded_output import BoundedOutput
from opsmcp_pipelines.embedded.loader import LOCAL_HOST
from opsmcp_pipelines.models import TaskRef
from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport

__all__ = ["NodeState", "RunState", "TaskState"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class NodeState:
    """A machine and its part of a task, which begins when its turn comes.

    `running` is the step at work, with its output so far, and `first` the name of the first step.
    """

    name: str
    first: str = ""
    status: Status = Status.PENDING
    steps: list[StepReport] = field(default_factory=list[StepReport])
    running: tuple[str, BoundedOutput] | None = None

    def begin(self) -> None:
        """Its turn has come."""
        self.status = Status.RUNNING

    def add(self, report: StepReport) -> None:
        """The step at work has ended."""
        self.running = None
        self.steps.append(report)

    def fail(self, step: str, note: str) -> None:
        """End it with something that is not an output: it is shown as a step."""
        self.add(StepReport(step, Status.FAILED, note=note))
        self.status = Status.FAILED

    def end(self, status: Status) -> None:
        """Nothing more happens here. It is not known how, if that is so of its last step."""
        said = {step.status for step in self.steps}
        if Status.OTHER in said:
            status = Status.OTHER
        elif said == {Status.NOT_STARTED}:
            status = Status.NOT_STARTED
        self.status = status

    def skip(self, why: str) -> None:
        """End it before its turn: nothing ran."""
        self.add(StepReport(self.first, Status.NOT_STARTED, note=f"skipped: {why}"))
        self.status = Status.NOT_STARTED

    def abort(self, status: Status, note: str) -> None:
        """End it where it stands, keeping the output of the step at work."""
        if self.status is Status.PENDING:
            self.skip(f"{note} before its turn")
            return
        if self.running is not None:
            name, keeper = self.running
            self.add(StepReport(name, status, keeper.text(), keeper.total, note=note))
        self.status = status

    def report(self) -> NodeReport:
        """How it stands."""
        steps = list(self.steps)
        if self.running is not None:
            name, keeper = self.running
            steps.append(StepReport(name, Status.RUNNING, keeper.text(so_far=True), keeper.total))
        return NodeReport(self.name, self.status, tuple(steps))


@dataclass(slots=True)
class TaskState:
    """A task that has begun."""

    ref: TaskRef
    status: Status = Status.RUNNING
    nodes: list[NodeState] = field(default_factory=list[NodeState])
    results: dict[str, str] = field(default_factory=dict[str, str])
    skipped: bool = False
    started_at: datetime | None = None

    def add_node(self, name: str, first: str = "") -> NodeState:
        """A machine is to do it, from the step that is called `first`."""
        node = NodeState(name, first)
        self.nodes.append(node)
        return node

    def fail(self, step: str, note: str) -> None:
        """End the task with something that is not an output: it is shown as a step."""
        node = self.nodes[0] if self.nodes else self.add_node(LOCAL_HOST)
        node.fail(step, note)
        self.status = Status.FAILED

    def fail_with_nodes(self, *, reads_only: bool) -> None:
        """End the task, which did not succeed on one of its machines at least.

        Of what only reads it does not matter how it ended where the connection was lost.
        """
        said = {node.status for node in self.nodes}
        if Status.OTHER in said and not reads_only:
            self.status = Status.OTHER
        elif said == {Status.NOT_STARTED} and not self.ref.allow_failure:
            self.status = Status.NOT_STARTED
        else:
            self.status = Status.FAILED

    def abort(self, status: Status, note: str) -> None:
        """End the task where it stands."""
        for node in self.nodes:
            if not node.status.ended:
                node.abort(status, note)
        self.status = status

    def report(self) -> TaskReport:
        """How the task stands."""
        nodes = [node.report() for node in self.nodes]
        return TaskReport(
            name=self.ref.name,
            task=self.ref.task,
            status=self.status,
            nodes=tuple(node for node in nodes if node.steps),
            results=MappingProxyType(dict(self.results)),
            allowed=self.ref.allow_failure,
            skipped=self.skipped,
            started_at=self.started_at,
        )


@dataclass(slots=True)
class RunState:
    """A run from its start to its end."""

    created_at: datetime = field(default_factory=_now)
    status: Status = Status.PENDING
    tasks: list[TaskState] = field(default_factory=list[TaskState])
    started_at: datetime | None = None
    ended_at: datetime | None = None
    changed: anyio.Event = field(default_factory=anyio.Event)
    """Set when something has ended since the run was last read."""
    _born: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The time of day as it goes on from that of the creation, whatever sets the clock."""
        return self.created_at + timedelta(seconds=time.monotonic() - self._born)

    def begin(self) -> None:
        """It has its turn."""
        self.status = Status.RUNNING
        self.started_at = self.now()

    def begin_task(self, ref: TaskRef) -> TaskState:
        """Its next task starts."""
        task = TaskState(ref, started_at=self.now())
        self.tasks.append(task)
        return task

    @property
    def lost(self) -> tuple[str, ...]:
        """The machines of which nobody knows how they ended."""
        nodes = (node for task in self.tasks for node in task.nodes)
        return tuple(dict.fromkeys(it.name for it in nodes if it.status is Status.OTHER))

    def end(self, status: Status) -> None:
        """Nothing more will happen."""
        self.status = status
        self.ended_at = self.now()
        self.changed.set()

    def abort(self, status: Status, note: str) -> None:
        """End the run where it stands."""
        for task in self.tasks:
            if not task.status.ended:
                task.abort(status, note)
        self.end(status)

    def read(self) -> RunReport:
        """How the run stands, for whoever follows it: what is new after that is a change."""
        if self.changed.is_set():
            self.changed = anyio.Event()
        return self.report()

    def report(self) -> RunReport:
        """How the run stands."""
        return RunReport(
            status=self.status,
            tasks=tuple(task.report() for task in self.tasks),
            created_at=self.created_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )

    @property
    def results(self) -> Mapping[str, str]:
        """The results of the tasks so far, later ones winning."""
        return {name: value for task in self.tasks for name, value in task.results.items()}
