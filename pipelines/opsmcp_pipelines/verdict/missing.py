"""The step of a task that has no report though it must: Ops leaves out what it did not do. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from opsmcp_pipelines.run import StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedStep, ExpectedTask, Runner, Truth
from opsmcp_pipelines.verdict.ops_conditions import is_number

__all__ = ["missing_steps", "unforeseen", "unread_condition"]

_UNREADABLE = "Ops cannot read {}"
_ALLOWANCE = "Ops stops a task silently at an `allowfailure` that it cannot read"
_SILENT_STOP = "Ops stops a task silently at a condition that it cannot read"
_UNREAD = (
    "step {!r} did not run: its condition compares {} as a number, and no number is known to have "
    "reached it; at a condition that it cannot read Ops stops a task silently"
)
_POD_GONE = "has no report: its pod was removed, or the task stopped before it"
_GAP = (
    "has no report, though a later step has, or one that the task did not have when it was listed"
)


def unforeseen(step: StepResult) -> bool:
    """Whether it failed and was not meant to."""
    return step.verdict is Verdict.FAILED and not step.allowed


def missing_steps(
    steps: Sequence[StepResult], wanted: Sequence[ExpectedStep], runner: Runner
) -> list[StepResult]:
    """The first step without a report that nothing excuses, where no step before it failed."""
    if [step.name for step in steps] == [step.name for step in wanted]:
        return []
    if not steps or any(unforeseen(step) for step in steps):
        return []
    last = _last_reported(steps, wanted)
    wanted = _as_it_went(steps, wanted, last, runner)
    due = [
        want.required or overdue
        for want, overdue in zip(wanted, _overdue(wanted, last), strict=True)
    ]
    never = {want.name for want in wanted if want.when is Truth.UNREADABLE}
    lacks = Counter(
        want.name for want, must in zip(wanted, due, strict=True) if must or _takes(want, never)
    )
    lacks.subtract(step.name for step in steps)
    strangers = {step.name for step in steps} - {want.name for want in wanted}
    # A name with a template in it is reported filled in.
    filled_in = bool(strangers) and any("${" in want.name for want in wanted)
    for at, want in enumerate(wanted):
        if not due[at] or lacks[want.name] <= 0 or (filled_in and "${" in want.name):
            continue
        known = at > last and (filled_in or not strangers)
        return [_never_reported(want, known, wanted[: at + 1], runner)]
    return []


def unread_condition(task: TaskResult, want: ExpectedTask, given: Mapping[str, str]) -> str:
    """The last steps of a good task that did not run, where nobody can tell why; empty if none.

    Args:
        task: What is said of the task.
        want: What it must show.
        given: The variables that the tasks before it gave.
    """
    reported = {step.name for node in task.nodes for step in node.steps}
    last = max((at for at, step in enumerate(want.steps) if step.name in reported), default=-1)
    for step in want.steps[last + 1 :]:
        names = [name for name in step.numbers if not is_number(given.get(name, ""))]
        if names:
            return _UNREAD.format(step.name, " and ".join(map(repr, names)))
    return ""


def _last_reported(steps: Sequence[StepResult], wanted: Sequence[ExpectedStep]) -> int:
    """Where the last of the steps stands that have a report; -1 if none has."""
    names = {step.name for step in steps}
    return max((at for at, want in enumerate(wanted) if want.name in names), default=-1)


def _as_it_went(
    steps: Sequence[StepResult], wanted: Sequence[ExpectedStep], last: int, runner: Runner
) -> Sequence[ExpectedStep]:
    """The steps, by what the last one printed: on a host Ops fills that into conditions."""
    if runner is not Runner.HOST or is_number(steps[-1].output):
        return wanted
    return [
        replace(want, when=Truth.UNREADABLE) if want.when is Truth.ON_NUMBER and at > last else want
        for at, want in enumerate(wanted)
    ]


def _overdue(wanted: Sequence[ExpectedStep], last: int) -> Iterator[bool]:
    """For each step whether the task may have ended before it, so that no condition excuses it."""
    ended = False
    for at, want in enumerate(wanted):
        ended |= want.ends_task and at >= last
        yield ended and at > last and want.when is not Truth.FALSE


def _takes(want: ExpectedStep, names: Collection[str]) -> bool:
    """Whether a report under one of these names may be of this step."""
    return want.name in names and want.when is not Truth.FALSE


def _never_reported(
    want: ExpectedStep, known: bool, before: Sequence[ExpectedStep], runner: Runner
) -> StepResult:
    broken = next((step for step in before if step.when is Truth.UNREADABLE), None)
    if broken is not None:
        what = "its condition" if broken is want else f"the condition of step {broken.name!r}"
        note = f"was never started: {_UNREADABLE.format(what)}"
        return StepResult(want.name, Verdict.NOTHING_RAN, note=note)
    if not known:
        return StepResult(want.name, Verdict.UNKNOWN, note=_GAP)
    if any(step.ends_task for step in before):
        sure = want.required and not want.ends_task and runner is Runner.HOST
        verdict, said = (
            (Verdict.NOTHING_RAN, "was never started")
            if sure
            else (Verdict.UNKNOWN, "has no report")
        )
        return StepResult(want.name, verdict, note=f"{said}: {_ALLOWANCE}")
    if runner is Runner.HOST:
        note = f"was never started: {_SILENT_STOP}"
        return StepResult(want.name, Verdict.NOTHING_RAN, note=note)
    return StepResult(want.name, Verdict.UNKNOWN, note=_POD_GONE)
