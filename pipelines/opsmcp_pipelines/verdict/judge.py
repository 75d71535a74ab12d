"""The verdict on a run: what its source says, held against what the run must show.

Pure: no clock, no I/O. The difference matters because Ops calls a pipeline run `Successed` when its
tasks failed or never ran; only its tasks, hosts and steps tell
(controllers/pipelinerun_controller.go, taskrun_controller.go).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from opsmcp_pipelines.report import RunReport, Status, TaskReport
from opsmcp_pipelines.run import Run, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedTask
from opsmcp_pipelines.verdict.missing import unread_condition
from opsmcp_pipelines.verdict.repeated_names import shared_entries
from opsmcp_pipelines.verdict.steps import RANK, verdict_as_reported, worst
from opsmcp_pipelines.verdict.tasks import INTERRUPTED, judge_task, partly_idle

__all__ = ["judge"]

_NOTHING_KNOWN = ExpectedTask("", "")
_IDLE = Verdict.NOTHING_RAN
_STOPPING = (
    Status.FAILED,
    Status.ABORTED,
    Status.INVALID,
    Status.CANCELLED,
    Status.NOT_STARTED,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A task of the run: what is said of it, what it must show, and both together."""

    report: TaskReport | None
    want: ExpectedTask | None
    result: TaskResult
    notes: tuple[str, ...] = ()


def judge(report: RunReport, expected: Sequence[ExpectedTask] = ()) -> Run:
    """Decide how a run stands or ended.

    A `DataInValid` of a pipeline is taken at its word here, though Ops may take it back at the next
    look: whoever follows the run has to look twice.

    Args:
        report: What the source says.
        expected: What the run must show; empty when its definition is not known, and then what is
            left out cannot be noticed.
    """
    parts = tuple(_parts(report, expected))
    verdict, reason = _judge_whole(report, parts)
    if verdict is _IDLE and report.began_late:
        verdict = Verdict.UNKNOWN  # an earlier try may have done something
    notes = [note for part in parts for note in part.notes]
    if report.began_late and not _is_shared(expected, report.tasks[0]):
        notes.append(_RAN_TWICE)
    tasks = tuple(part.result for part in parts)
    return Run(
        verdict=verdict,
        tasks=tasks,
        reason="; ".join([reason, *notes] if reason else notes),
        results=MappingProxyType({k: v for task in tasks for k, v in task.results.items()}),
        started_at=report.started_at or report.created_at,
        ended_at=report.ended_at,
    )


_RAN_TWICE = (
    "its first task began long after the run did: its controller may have been restarted and have "
    "begun again from the first task, so what ran may have run twice"
)
_UNREPORTED = "nothing was reported of it: whether it ran is not known"
_NAMELESS = "it has no name, and Ops reports nothing of such a task"
_SAME_NAME = "Ops writes the report of a later task of the same name over its own"
_NOT_STARTED = "not started, because a task before it did not succeed"


def _parts(report: RunReport, expected: Sequence[ExpectedTask]) -> Iterator[_Part]:
    """The tasks in the order of the pipeline; the missing ones as soon as the run is over."""
    over, stopped, given = report.status.ended, False, dict[str, str]()
    for entry, want in _paired(report.tasks, expected):
        if entry is None:
            if over and want is not None:
                yield _Part(None, want, _missing(report, want, expected, stopped))
            continue
        # An entry of several tasks may be that of the last one.
        stopped |= _stops(entry) and not _is_shared(expected, entry)
        want = want or _NOTHING_KNOWN
        judged = judge_task(entry, want, over=over, moved=given.get("host", ""))
        unread = _unread_condition(judged.result, want, given)
        given |= _given_by(entry)
        yield _Part(entry, want, judged.result, (*judged.notes, *unread))


def _paired(
    entries: Sequence[TaskReport], expected: Sequence[ExpectedTask]
) -> Iterator[tuple[TaskReport | None, ExpectedTask | None]]:
    left = list(entries)
    for want in expected:
        key = (want.name, want.task)
        entry = next((it for it in left if (it.name, it.task) == key), None)
        if entry is not None:
            left.remove(entry)
        yield entry, want
    for entry in left:
        yield entry, None


def _stops(entry: TaskReport) -> bool:
    """Whether its source starts no task after this one, but those that always run."""
    return entry.status in _STOPPING and not entry.allowed


def _missing(
    report: RunReport, want: ExpectedTask, expected: Sequence[ExpectedTask], stopped: bool
) -> TaskResult:
    """A task that the finished run has no entry for."""
    if any(_is_shared(expected, it) and it.name == want.name for it in report.tasks):
        return TaskResult(want.name, want.task, Verdict.UNKNOWN, reason=_SAME_NAME)
    if stopped and not want.run_always:
        return TaskResult(want.name, want.task, Verdict.NOTHING_RAN, reason=_NOT_STARTED)
    reason = _UNREPORTED if want.name else _NAMELESS
    return TaskResult(want.name, want.task, Verdict.UNKNOWN, reason=reason)


def _is_shared(expected: Sequence[ExpectedTask], entry: TaskReport) -> bool:
    """Whether several tasks of the pipeline are reported in this one entry."""
    return (entry.name, entry.task) in shared_entries(expected)


def _given_by(entry: TaskReport) -> dict[str, str]:
    """The variables that a task gives to those after it: Ops takes `name:value` for one, too."""
    given = dict[str, str]()
    if entry.status is Status.SUCCEEDED and len(entry.nodes) == 1 and entry.nodes[0].steps:
        name, colon, value = entry.nodes[0].steps[-1].output.partition(":")
        if colon and ":" not in value:
            given[name.strip()] = value.strip()
    return given | {name: value for name, value in entry.results.items() if value}


def _unread_condition(
    result: TaskResult, want: ExpectedTask, given: Mapping[str, str]
) -> Iterator[str]:
    """That the end of a good task may be missing, where the report would be the same."""
    if result.verdict is Verdict.SUCCEEDED and (found := unread_condition(result, want, given)):
        yield f"task {(result.name or result.task)!r}, {found}"


def _judge_whole(report: RunReport, parts: Sequence[_Part]) -> tuple[Verdict, str]:
    said = verdict_as_reported(report.status, over=False)
    tasks = [part.result for part in parts]
    if said is Verdict.RUNNING:
        return said, ""
    if said is not Verdict.SUCCEEDED and not (said is Verdict.FAILED and _is_forgiven(parts)):
        return said, _first_reason(tasks) or _SAID[said]
    verdict = _judge_parts(parts)
    if verdict is Verdict.SUCCEEDED:
        return verdict, ""
    return verdict, _first_reason(tasks) or "nothing was reported of any of its tasks"


def _is_forgiven(parts: Sequence[_Part]) -> bool:
    """Whether a task that its source calls failed is good: only what may fail failed in it."""
    return any(
        part.report is not None
        and part.report.status is Status.FAILED
        and part.result.verdict is Verdict.SUCCEEDED
        for part in parts
    )


def _judge_parts(parts: Sequence[_Part]) -> Verdict:
    """The verdict of a run that its source calls good. A foreseen failure decides only alone."""
    decisive = [part for part in parts if not part.result.allowed] or parts
    if not decisive:
        return Verdict.UNKNOWN
    verdict = worst(part.result.verdict for part in decisive)
    busy = [part.result.verdict for part in parts if part.result.verdict is not _IDLE]
    if verdict is not _IDLE or not busy:
        return verdict
    if Verdict.SUCCEEDED not in busy:
        return worst(busy)
    idle = [part for part in decisive if part.result.verdict is _IDLE]
    return partly_idle(
        excused=all(part.result.skipped for part in idle),
        doubtful=all(part.result.skipped or _may_be_idle(part) for part in idle),
    )


def _may_be_idle(part: _Part) -> bool:
    return part.report is not None and part.want is not None and part.want.conditional


_SAID = MappingProxyType(
    {
        Verdict.FAILED: "the source reports it as failed and names no task",
        Verdict.ABORTED: INTERRUPTED,
        Verdict.INVALID: "it refers to something missing or unusable",
        Verdict.CANCELLED: "it was cancelled",
        Verdict.UNKNOWN: "the source reports a state that opsmcp does not know",
    }
)


def _first_reason(tasks: Sequence[TaskResult]) -> str:
    """The reason of the task that weighs most; of a foreseen failure only if there is no other."""
    ranked = sorted(tasks, key=lambda task: (task.allowed, RANK[task.verdict]))
    worst_one = next((task for task in ranked if task.reason), None)
    if worst_one is None:
        return ""
    named = worst_one.name or worst_one.task
    return f"task {named!r}: {worst_one.reason}"
