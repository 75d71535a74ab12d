"""The verdict on one task, from its hosts and what they must have done. Pure.

A reason names what is known, and does not guess past it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from opsmcp_pipelines.report import Status, TaskReport
from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedTask, Runner, Truth
from opsmcp_pipelines.verdict.hosts import Attendance, attendance, some
from opsmcp_pipelines.verdict.missing import unforeseen
from opsmcp_pipelines.verdict.steps import (
    all_foreseen,
    judge_node,
    verdict_as_reported,
    worst,
)

__all__ = ["INTERRUPTED", "JudgedTask", "judge_task", "partly_idle"]

INTERRUPTED = "what ran it was stopped or restarted in the middle of it"
"""On Ops the controller; on the embedded engine opsmcp."""

_NO_WORD = "nothing was reported by {!r}: there is no such host or node, or its pod was removed"
_OTHER_ENDS = (
    (Verdict.UNKNOWN, "how it ended is not known"),
    (Verdict.FAILED, "it failed"),
    (Verdict.NOTHING_RAN, "nothing ran"),
)
_PERHAPS_SKIPPED = "every step has a condition, perhaps none was true"


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """The verdict on a task; `notes` are to be told beside it, however it ended."""

    result: TaskResult
    notes: tuple[str, ...] = ()


def judge_task(entry: TaskReport, want: ExpectedTask, *, over: bool, moved: str = "") -> JudgedTask:
    """The verdict on a task that has an entry.

    Args:
        entry: What the source says of it.
        want: What it must show.
        over: Whether the run has ended.
        moved: The host that an earlier output gave to this task; empty when none did.
    """
    over = over or entry.status.ended
    place = want.place
    if moved and place.by_variable and moved != place.named:
        want = replace(want, place=replace(place, hosts=(), exact=False))
    said = verdict_as_reported(entry.status, over)
    nodes = [judge_node(node, want, over=over) for node in entry.nodes]
    believed = over and (said is Verdict.SUCCEEDED or bool(nodes))
    there = attendance(entry.nodes, want) if believed else Attendance()
    absent = Verdict.UNKNOWN if _may_be_lost(want) else Verdict.NOTHING_RAN
    nodes += [
        NodeResult(name, Verdict.UNKNOWN if name in there.mixed_up else absent)
        for name in there.absent
    ]
    verdict = _verdict(entry, want, said, nodes, there)
    result = TaskResult(
        name=entry.name,
        task=entry.task,
        verdict=verdict,
        nodes=tuple(nodes),
        results=entry.results,
        reason=_reason(entry, want, verdict, nodes, there),
        allowed=verdict is Verdict.FAILED and (entry.allowed or _is_foreseen(nodes)),
        skipped=verdict is Verdict.NOTHING_RAN and (entry.skipped or want.skipped),
        explained=verdict is Verdict.NOTHING_RAN
        and bool(_why_not_started(entry) or _why_idle(want)),
    )
    return JudgedTask(result, tuple(_notes(entry, want, there, moved)))


def _verdict(
    entry: TaskReport,
    want: ExpectedTask,
    said: Verdict,
    nodes: Sequence[NodeResult],
    there: Attendance,
) -> Verdict:
    forgiven = said is Verdict.FAILED and any(
        result.verdict is Verdict.SUCCEEDED is not verdict_as_reported(node.status, over=True)
        for node, result in zip(entry.nodes, nodes, strict=False)
    )
    if said is not Verdict.SUCCEEDED and not forgiven:
        return said
    excused = entry.skipped or want.skipped
    verdict = _of_no_node(want, excused)
    if nodes:
        verdict = _of_nodes(nodes, len(there.mixed_up), excused, want.conditional)
    return Verdict.UNKNOWN if there.strangers and verdict is Verdict.SUCCEEDED else verdict


def _of_nodes(nodes: Sequence[NodeResult], idle: int, excused: bool, doubtful: bool) -> Verdict:
    """The verdict from the nodes, of which so many did nothing without it being known which."""
    busy = [node.verdict for node in nodes if node.verdict is not Verdict.NOTHING_RAN]
    if not busy:
        return Verdict.NOTHING_RAN
    if idle or len(busy) < len(nodes):
        busy.append(partly_idle(excused=excused, doubtful=doubtful))
    return worst(busy)


def _may_be_lost(want: ExpectedTask) -> bool:
    """Whether a pod may have been at work on the node that was named, and was removed."""
    place = want.place
    in_pod = place.runner is Runner.POD and not place.known and "=" not in place.named
    broken = any(step.when is Truth.UNREADABLE for step in want.steps)
    return in_pod and not broken and not want.skipped


def _of_no_node(want: ExpectedTask, excused: bool) -> Verdict:
    """A pod that was removed before its end leaves nothing, as one that never was."""
    chosen = bool(want.steps) and not want.place.hosts and want.place.runner is not Runner.HOST
    known = excused or bool(_why_idle(want))
    return Verdict.UNKNOWN if chosen and not known else Verdict.NOTHING_RAN


def partly_idle(*, excused: bool, doubtful: bool) -> Verdict:
    """One part did its work, another did nothing: good only if the author wanted it so."""
    if excused:
        return Verdict.SUCCEEDED
    return Verdict.UNKNOWN if doubtful else Verdict.FAILED


def _is_foreseen(nodes: Sequence[NodeResult]) -> bool:
    """Whether a task failed, and nowhere in another way than its author allowed."""
    failed = [node for node in nodes if not node.verdict.good]
    return bool(failed) and all(all_foreseen(node.steps) for node in failed)


def _reason(
    entry: TaskReport,
    want: ExpectedTask,
    verdict: Verdict,
    nodes: Sequence[NodeResult],
    there: Attendance,
) -> str:
    match verdict:
        case Verdict.NOTHING_RAN:
            return _why_not_started(entry) or _idle_reason(entry, want, there)
        case Verdict.INVALID:
            return f"the task {entry.task!r} is missing or unusable"
        case Verdict.ABORTED:
            return f"it was aborted: {_aborted_why(nodes)}"
        case Verdict.FAILED | Verdict.UNKNOWN:
            if not entry.status.ended and verdict is Verdict.UNKNOWN:
                return "it never reported its end"
            absence = _NO_WORD.format(want.place.named) if _is_silent(want, there) else ""
            absence = absence or there.absence()
            said = [*_bad_nodes(nodes, verdict, there), *_others(entry, nodes, verdict, there)]
            said += [absence, there.presence()]
            reasons = "; ".join(part for part in said if part)
            return reasons or _unexplained(entry, want, verdict, nodes)
        case _:
            return ""


def _idle_reason(entry: TaskReport, want: ExpectedTask, there: Attendance) -> str:
    if entry.skipped or want.skipped:
        return "every step was skipped by its condition"
    absence = _NO_WORD.format(want.place.named) if _is_silent(want, there) else there.absence()
    why = [_why_idle(want) or absence or "no host did anything", there.presence()]
    if want.conditional:
        why.append(_PERHAPS_SKIPPED)
    return "; ".join(part for part in why if part)


def _why_not_started(entry: TaskReport) -> str:
    """Why certainly nothing ran, where its source says so."""
    if entry.status is not Status.NOT_STARTED or not entry.nodes:
        return ""
    first, *others = entry.nodes
    more = f"; nothing ran on {some([node.node for node in others])}" if others else ""
    return f"{first.node}: {first.steps[0].note}{more}"


def _is_silent(want: ExpectedTask, there: Attendance) -> bool:
    """Whether nothing came from what was named, and nobody here knows what that is."""
    return bool(there.absent) and not want.place.known and want.place.runner is not Runner.HOST


def _why_idle(want: ExpectedTask) -> str:
    """Why nothing can have run, where the definition alone tells; empty where it does not."""
    broken = next((step for step in want.steps if step.when is Truth.UNREADABLE), None)
    possible = next((step for step in want.steps if step.when is not Truth.FALSE), None)
    # In a pod all conditions are read before the first step.
    if broken and (broken is possible or want.place.runner is Runner.POD):
        return f"Ops cannot read the condition of step {broken.name!r}"
    if want.place.runner is Runner.POD and want.place.known:
        named = want.place.named
        return (
            f"it runs in a pod, on a node, and {named!r} is a host; no node of that name reported"
        )
    if want.place.exact and not want.place.hosts:
        return f"no host of the inventory matches {want.place.named!r}"
    return ""


def _unexplained(
    entry: TaskReport, want: ExpectedTask, verdict: Verdict, nodes: Sequence[NodeResult]
) -> str:
    perhaps = f"; {_PERHAPS_SKIPPED}" if want.conditional else ""
    idle = next((node.node for node in nodes if node.verdict is Verdict.NOTHING_RAN), "")
    if idle:
        return f"nothing was done on {idle}{perhaps}"
    if verdict is Verdict.FAILED:
        return "it failed without naming a host"
    if nodes or entry.status is Status.OTHER:
        return "its state is not known: what was reported of it has no end, or cannot be read"
    return f"no node reported anything: none was fit, or its pod was removed{perhaps}"


def _aborted_why(nodes: Sequence[NodeResult]) -> str:
    steps = (step for node in nodes for step in node.steps if step.verdict is Verdict.ABORTED)
    return next((step.note for step in steps if step.note), INTERRUPTED)


def _bad_nodes(nodes: Sequence[NodeResult], verdict: Verdict, there: Attendance) -> Iterator[str]:
    """What happened on the first of the nodes that ended so, and on how many more."""
    bad = [node for node in nodes if node.verdict is verdict]
    if not bad:
        return
    first = bad[0]
    where = f"on {there.behind(first.node)}" + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
    if all_foreseen(first.steps):
        yield f"every step failed {where}, as its author allowed: none did its work"
    elif step := next((step for step in first.steps if unforeseen(step)), None):
        yield f"step {step.name!r} failed {where}"
    elif step := next((step for step in first.steps if _is_unreported(step)), None):
        yield f"step {step.name!r} {step.note} ({where})"
    elif verdict is Verdict.FAILED:
        yield f"it failed {where}"


def _others(
    entry: TaskReport, nodes: Sequence[NodeResult], verdict: Verdict, there: Attendance
) -> Iterator[str]:
    """Where else it did not succeed, by what is known of that."""
    reported = {node.node for node in entry.nodes}
    for other, what in _OTHER_ENDS:
        ended = [it.node for it in nodes if it.verdict is other and it.node in reported]
        names = [there.behind(node) for node in ended]
        if names and other is not verdict:
            yield f"{what} on {some(names)}"


def _is_unreported(step: StepResult) -> bool:
    """Whether nothing, or nothing final, was reported of it."""
    return step.verdict in (Verdict.NOTHING_RAN, Verdict.UNKNOWN) and bool(step.note)


def _notes(entry: TaskReport, want: ExpectedTask, there: Attendance, moved: str) -> Iterator[str]:
    named = entry.name or entry.task
    yield from (f"task {named!r}: {note}" for note in there.notes())
    place = want.place
    if not entry.nodes or not entry.status.ended:
        return
    if foreign := _foreign_steps(entry, want):
        yield f"task {named!r} had other steps than when it was listed: {some(foreign)}"
    where = some([node.node for node in entry.nodes])
    if moved and place.by_variable and moved != place.named:
        yield f"task {named!r} ran on {where}: an output before it said so"
    elif place.is_open:
        which = f"which hosts {place.named!r} means is not known here"
        yield f"task {named!r} ran on {where}; {which}"


def _foreign_steps(entry: TaskReport, want: ExpectedTask) -> list[str]:
    """The names of steps that were reported and that its definition does not have."""
    known = {step.name for step in want.steps}
    shown = dict.fromkeys(step.name for node in entry.nodes for step in node.steps)
    return [repr(name) for name in shown if known and name not in known]
