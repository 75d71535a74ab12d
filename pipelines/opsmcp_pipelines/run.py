"""Run and the verdict: the one place that decides how a run ended.

Pure: no clock, no I/O. A source gives a `RunReport` (what it says), `judge` turns it into a `Run`
(what is true). The difference matters because Ops calls a pipeline run `Successed` when its tasks
failed or never ran; only its tasks, nodes and steps tell
(controllers/pipelinerun_controller.go, taskrun_controller.go).
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_pipelines.report import NodeReport, RunReport, Status, StepReport, TaskReport

__all__ = [
    "ExpectedTask",
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
    "expected_tasks",
    "judge",
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
    it failed with. `skipped` says that the author's conditions left nothing to do.
    """

    name: str
    task: str
    verdict: Verdict
    nodes: tuple[NodeResult, ...] = ()
    results: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    reason: str = ""
    allowed: bool = False
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run, judged: what truly happened, as far as it is known.

    `reason` is one sentence when the verdict is not `succeeded`. `results` are those of all tasks,
    later ones winning.
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


@dataclass(frozen=True, slots=True)
class ExpectedTask:
    """A task that a run must show an entry for; `conditional` when each of its steps has `when`."""

    name: str
    task: str
    run_always: bool = False
    conditional: bool = False


def expected_tasks(operation: Operation, tasks: Mapping[str, Task]) -> tuple[ExpectedTask, ...]:
    """What a run of `operation` must consist of; `tasks` are those of its namespace by name."""
    if isinstance(operation, Task):
        return (ExpectedTask(operation.name, operation.name, conditional=_conditional(operation)),)
    return _expected_of_pipeline(operation, tasks)


def _expected_of_pipeline(
    pipeline: Pipeline, tasks: Mapping[str, Task]
) -> tuple[ExpectedTask, ...]:
    return tuple(
        ExpectedTask(ref.name, ref.task, ref.run_always, _conditional(tasks.get(ref.task)))
        for ref in pipeline.tasks
    )


def _conditional(task: Task | None) -> bool:
    return task is not None and bool(task.steps) and all(step.when for step in task.steps)


def judge(report: RunReport, expected: Sequence[ExpectedTask] = ()) -> Run:
    """Decide how a run stands or ended.

    A `DataInValid` of a pipeline is taken at its word here, though Ops may take it back at the next
    look: whoever follows the run has to look twice.

    Args:
        report: What the source says.
        expected: What the operation consists of; empty when its definition is not known, and then
            a task that never got an entry cannot be noticed.
    """
    over = report.status.ended
    maybe_idle = {task.name for task in expected if task.conditional}
    tasks = [_judge_task(task, over, task.name in maybe_idle) for task in report.tasks]
    if over:
        tasks = _with_missing(tasks, expected)
    verdict, reason = _judge_whole(report, tasks, maybe_idle)
    results = {name: value for task in tasks for name, value in task.results.items()}
    return Run(
        verdict=verdict,
        tasks=tuple(tasks),
        reason=reason,
        results=MappingProxyType(results),
        started_at=report.started_at or report.created_at,
        ended_at=report.ended_at,
    )


_PLAIN: Mapping[Status, Verdict] = MappingProxyType(
    {
        Status.PENDING: Verdict.RUNNING,
        Status.RUNNING: Verdict.RUNNING,
        Status.DISPATCHED: Verdict.RUNNING,
        Status.SUCCEEDED: Verdict.SUCCEEDED,
        Status.FAILED: Verdict.FAILED,
        Status.ABORTED: Verdict.ABORTED,
        Status.INVALID: Verdict.INVALID,
        Status.CANCELLED: Verdict.CANCELLED,
        Status.OTHER: Verdict.UNKNOWN,
    }
)

_WORST_FIRST = (
    Verdict.CANCELLED,
    Verdict.FAILED,
    Verdict.ABORTED,
    Verdict.INVALID,
    Verdict.UNKNOWN,
    Verdict.RUNNING,
    Verdict.NOTHING_RAN,
    Verdict.SUCCEEDED,
)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST_FIRST.index)


def _taken_at_its_word(status: Status, over: bool) -> Verdict:
    """The verdict that `status` says; what still runs in something that is over is unknown."""
    verdict = _PLAIN[status]
    return Verdict.UNKNOWN if over and verdict is Verdict.RUNNING else verdict


def _judge_step(step: StepReport, over: bool) -> StepResult:
    verdict = _taken_at_its_word(step.status, over)
    allowed = step.allowed and verdict is Verdict.FAILED
    return StepResult(step.name, verdict, step.output, step.output_bytes, allowed, step.note)


def _judge_node(node: NodeReport, over: bool) -> NodeResult:
    over = over or node.status.ended
    steps = tuple(_judge_step(step, over) for step in node.steps)
    verdict = _taken_at_its_word(node.status, over)
    if verdict is Verdict.SUCCEEDED and not steps:
        verdict = Verdict.NOTHING_RAN
    # A last step that failed contradicts a good node, unless its failure was foreseen; and where
    # every step failed, nothing was done, whoever foresaw it.
    elif verdict is Verdict.SUCCEEDED and (_unforeseen(steps[-1]) or _all_foreseen(steps)):
        verdict = Verdict.FAILED
    return NodeResult(node.node, verdict, steps)


def _unforeseen(step: StepResult) -> bool:
    return step.verdict is Verdict.FAILED and not step.allowed


def _all_foreseen(steps: Sequence[StepResult]) -> bool:
    """Whether there are steps, and each of them failed as its author allowed."""
    return bool(steps) and all(step.allowed for step in steps)


def _is_foreseen(nodes: Sequence[NodeResult]) -> bool:
    """Whether a task failed, and nowhere in another way than its author allowed."""
    failed = [node for node in nodes if node.verdict is Verdict.FAILED]
    return bool(failed) and all(_all_foreseen(node.steps) for node in failed)


def _judge_task(task: TaskReport, over: bool, maybe_idle: bool) -> TaskResult:
    over = over or task.status.ended
    nodes = tuple(_judge_node(node, over) for node in task.nodes)
    verdict = _taken_at_its_word(task.status, over)
    if verdict is Verdict.SUCCEEDED:
        verdict = _worst(node.verdict for node in nodes) if nodes else Verdict.NOTHING_RAN
        if verdict is Verdict.NOTHING_RAN and any(node.steps for node in nodes):
            verdict = _partly_idle(excused=task.skipped, doubtful=maybe_idle)
    return TaskResult(
        name=task.name,
        task=task.task,
        verdict=verdict,
        nodes=nodes,
        results=task.results,
        reason=_task_reason(task, verdict, nodes, maybe_idle),
        allowed=verdict is Verdict.FAILED and (task.allowed or _is_foreseen(nodes)),
        skipped=task.skipped and verdict is Verdict.NOTHING_RAN,
    )


def _partly_idle(*, excused: bool, doubtful: bool) -> Verdict:
    """One part did its work, another did nothing: good only if the author wanted it so."""
    if excused:
        return Verdict.SUCCEEDED
    return Verdict.UNKNOWN if doubtful else Verdict.FAILED


_INTERRUPTED = "what ran it was stopped or restarted in the middle of it"
"""On Ops the controller; on the embedded engine opsmcp."""


def _task_reason(
    task: TaskReport, verdict: Verdict, nodes: Sequence[NodeResult], maybe_idle: bool
) -> str:
    match verdict:
        case Verdict.NOTHING_RAN:
            return _idle_reason(task.skipped, maybe_idle)
        case Verdict.INVALID:
            return f"the task {task.task!r} is missing or unusable"
        case Verdict.UNKNOWN:
            return _unknown_reason(task, nodes)
        case Verdict.FAILED:
            return _failed_where(nodes)
        case Verdict.ABORTED:
            return f"it was aborted: {_aborted_why(nodes)}"
        case _:
            return ""


def _idle_reason(skipped: bool, maybe_idle: bool) -> str:
    if skipped:
        return "every step was skipped by its condition"
    if maybe_idle:
        return "no host did anything; every step has a condition, perhaps none was true"
    return "no host did anything"


def _unknown_reason(task: TaskReport, nodes: Sequence[NodeResult]) -> str:
    if not task.status.ended:
        return "it never reported its end; its output may have been too large to store"
    idle = next((node.node for node in nodes if node.verdict is Verdict.NOTHING_RAN), "")
    if idle:
        return f"nothing was done on {idle}; every step has a condition, perhaps none was true"
    return "its state is not known"


def _aborted_why(nodes: Sequence[NodeResult]) -> str:
    steps = (step for node in nodes for step in node.steps if step.verdict is Verdict.ABORTED)
    return next((step.note for step in steps if step.note), _INTERRUPTED)


def _failed_where(nodes: Sequence[NodeResult]) -> str:
    failed = [node for node in nodes if node.verdict is Verdict.FAILED]
    if not failed:
        idle = next((node.node for node in nodes if node.verdict is Verdict.NOTHING_RAN), "")
        return f"nothing was done on {idle}" if idle else "it failed without naming a host"
    first = failed[0]
    where = f"on {first.node}" + (f" and {len(failed) - 1} more" if len(failed) > 1 else "")
    if _all_foreseen(first.steps):
        return f"every step failed {where}, as its author allowed: none did its work"
    step = next((step.name for step in reversed(first.steps) if _unforeseen(step)), "")
    return f"step {step!r} failed {where}" if step else f"it failed {where}"


def _with_missing(
    tasks: Sequence[TaskResult], expected: Sequence[ExpectedTask]
) -> list[TaskResult]:
    """Put in the tasks that the finished run has no entry for, in the order of the pipeline."""
    left = list(tasks)
    stopped = any(not task.verdict.good and not task.allowed for task in tasks)
    reason = "not started, because a task before it did not succeed" if stopped else "never started"
    whole: list[TaskResult] = []
    for want in expected:
        entry = next((task for task in left if task.name == want.name), None)
        if entry is None:
            entry = TaskResult(want.name, want.task, Verdict.NOTHING_RAN, reason=reason)
        else:
            left.remove(entry)
        whole.append(entry)
    return [*whole, *left]


def _judge_whole(
    report: RunReport, tasks: Sequence[TaskResult], maybe_idle: Set[str]
) -> tuple[Verdict, str]:
    said = _PLAIN[report.status]
    if said is Verdict.RUNNING:
        return said, ""
    if said is not Verdict.SUCCEEDED:
        return said, _first_reason(tasks) or _SAID[said]
    verdict = _judge_parts(report, tasks, maybe_idle)
    if verdict is Verdict.SUCCEEDED:
        return verdict, ""
    return verdict, _first_reason(tasks) or "the run has no task that did anything"


def _judge_parts(report: RunReport, tasks: Sequence[TaskResult], maybe_idle: Set[str]) -> Verdict:
    """The verdict of a run that its source calls good. A foreseen failure decides only alone."""
    decisive = [task for task in tasks if not task.allowed] or tasks
    verdict = _worst(task.verdict for task in decisive) if decisive else Verdict.NOTHING_RAN
    if verdict is Verdict.NOTHING_RAN and any(task.verdict.good for task in decisive):
        idle = {task.name for task in decisive if task.verdict is Verdict.NOTHING_RAN}
        skipped = {task.name for task in report.tasks if task.skipped}
        return _partly_idle(excused=idle <= skipped, doubtful=idle <= skipped | maybe_idle)
    return verdict


_SAID: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.FAILED: "the source reports it as failed and names no task",
        Verdict.ABORTED: _INTERRUPTED,
        Verdict.INVALID: "it refers to something missing or unusable",
        Verdict.CANCELLED: "it was cancelled",
        Verdict.UNKNOWN: "the source reports a state that opsmcp does not know",
    }
)


def _first_reason(tasks: Sequence[TaskResult]) -> str:
    """The reason of the task that weighs most; of a foreseen failure only if there is no other."""
    ranked = sorted(tasks, key=lambda task: (task.allowed, _WORST_FIRST.index(task.verdict)))
    worst = next((task for task in ranked if task.reason), None)
    return f"task {worst.name!r}: {worst.reason}" if worst else ""
