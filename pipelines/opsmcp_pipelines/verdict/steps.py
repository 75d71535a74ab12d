"""The verdict on one host or node, from what its steps report and what they must. Pure.

What may fail is known from the definition, never from what came after a failure: in a pod the later
steps stand in the report, too, though they never ran (pkg/kube/connect.go of Ops).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from opsmcp_pipelines.report import NodeReport, Status, StepReport
from opsmcp_pipelines.run import NodeResult, StepResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedStep, Runner, Truth

__all__ = ["all_foreseen", "judge_node", "passes_of", "taken_at_its_word", "unforeseen", "worst"]

_PLAIN = MappingProxyType(
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
RANK = MappingProxyType(
    {
        verdict: rank
        for rank, verdict in enumerate(
            (
                Verdict.CANCELLED,
                Verdict.FAILED,
                Verdict.ABORTED,
                Verdict.INVALID,
                Verdict.UNKNOWN,
                Verdict.RUNNING,
                Verdict.NOTHING_RAN,
                Verdict.SUCCEEDED,
            )
        )
    }
)
"""The worst first: what counts where parts ended differently."""

_TO_BE_LOOKED_INTO = (Verdict.SUCCEEDED, Verdict.FAILED)
"""What a source's word for a part is not believed in without its own parts."""

_WAITING = re.compile(r'container "[^"]{0,253}" in pod "[^"]{0,253}" is waiting to start')
"""What Kubernetes says instead of the output of a container that never ran."""

_AFTER_FAILURE = "never started, because a step before it failed"
_POD_ENDED = "never started: a step before it failed, and in a pod that ends the task"
_UNREADABLE = "Ops cannot read {}"
_SILENT_STOP = "Ops stops a task silently at a condition that it cannot read"
_POD_GONE = "has no report: its pod was removed, or the task stopped before it"
_GAP = "has no report, though a later step has; the task may not be the one that was listed"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that weighs most; there must be one."""
    return min(verdicts, key=RANK.__getitem__)


def taken_at_its_word(status: Status, over: bool) -> Verdict:
    """The verdict that `status` says; what still runs in something that is over is unknown."""
    verdict = _PLAIN[status]
    return Verdict.UNKNOWN if over and verdict is Verdict.RUNNING else verdict


def unforeseen(step: StepResult) -> bool:
    """Whether it failed and was not meant to."""
    return step.verdict is Verdict.FAILED and not step.allowed


def all_foreseen(steps: Sequence[StepResult]) -> bool:
    """Whether there are steps, and each of them failed as its author allowed."""
    return bool(steps) and all(step.allowed for step in steps)


def judge_node(
    node: NodeReport, wanted: Sequence[ExpectedStep], runner: Runner, *, over: bool
) -> NodeResult:
    """The verdict on a node.

    Two Hosts of one address report under one name, one after the other: the worse one counts.

    Args:
        node: What it reports.
        wanted: The steps of the task; empty when they are not known.
        runner: What runs them.
        over: Whether the task has ended.
    """
    over = over or node.status.ended
    said = taken_at_its_word(node.status, over)
    checked = over and said in _TO_BE_LOOKED_INTO
    passes = [_judge_pass(steps, wanted, runner, over=over) for steps in passes_of(node, wanted)]
    if checked:
        passes = [steps + _missing(steps, wanted, runner) for steps in passes]
    steps = [step for one in passes for step in one]
    return NodeResult(node.node, _verdict(said, passes) if checked else said, tuple(steps))


def passes_of(node: NodeReport, wanted: Sequence[ExpectedStep]) -> list[list[StepReport]]:
    """The steps of a node, apart for each time that they begin anew; one list if there are none."""
    names = [step.name for step in wanted]
    if not names or [step.name for step in node.steps] == names:
        return [list(node.steps)]
    passes: list[list[StepReport]] = [[]]
    at = -1
    for step in node.steps:
        later = _index(names, step.name, at + 1)
        if later is None and (again := _index(names, step.name, 0)) is not None:
            passes.append([])
            later = again
        at = at if later is None else later
        passes[-1].append(step)
    return passes


def _index(names: Sequence[str], name: str, start: int) -> int | None:
    return next((at for at in range(start, len(names)) if names[at] == name), None)


def _judge_pass(
    reports: Sequence[StepReport], wanted: Sequence[ExpectedStep], runner: Runner, *, over: bool
) -> list[StepResult]:
    may_fail = {step.name for step in wanted} - {it.name for it in wanted if not it.may_fail}
    results: list[StepResult] = []
    failed = False
    for report in reports:
        result = _judge_step(report, report.name in may_fail, over=over)
        if over and failed and (why := _why_never_run(report, results, runner)):
            result = StepResult(report.name, Verdict.NOTHING_RAN, note=why)
        failed |= result.verdict is Verdict.FAILED
        results.append(result)
    return results


def _judge_step(step: StepReport, may_fail: bool, *, over: bool) -> StepResult:
    verdict = taken_at_its_word(step.status, over)
    allowed = verdict is Verdict.FAILED and (step.allowed or may_fail)
    return StepResult(step.name, verdict, step.output, step.output_bytes, allowed, step.note)


def _why_never_run(step: StepReport, before: Sequence[StepResult], runner: Runner) -> str:
    """Why a step after one that failed never ran, whatever is reported; empty if it may have."""
    if step.status is Status.SUCCEEDED:
        return ""
    if any(unforeseen(it) for it in before):
        return _AFTER_FAILURE
    waits = step.status is Status.RUNNING or _WAITING.match(step.output)
    return _POD_ENDED if waits and runner is not Runner.HOST else ""


def _verdict(said: Verdict, passes: Sequence[Sequence[StepResult]]) -> Verdict:
    """The verdict on a node that its source calls good or failed."""
    if not passes[-1]:
        return Verdict.NOTHING_RAN if said is Verdict.SUCCEEDED else said
    verdict = worst(_verdict_of_pass(steps) for steps in passes)
    # Its source's word is that for the last step, which may have been allowed to fail.
    explained = passes[-1][-1].allowed
    return verdict if said is Verdict.SUCCEEDED or explained else worst((verdict, said))


def _verdict_of_pass(steps: Sequence[StepResult]) -> Verdict:
    if all(step.verdict is Verdict.SUCCEEDED for step in steps):
        return Verdict.SUCCEEDED
    if all_foreseen(steps):
        return Verdict.FAILED  # nothing was done, whoever foresaw it
    return worst(
        Verdict.SUCCEEDED
        if step.allowed
        else Verdict.FAILED
        if step.verdict is Verdict.NOTHING_RAN
        else step.verdict
        for step in steps
    )


def _missing(
    steps: Sequence[StepResult], wanted: Sequence[ExpectedStep], runner: Runner
) -> list[StepResult]:
    """The first step without a report that nothing excuses, where no step before it failed."""
    if [step.name for step in steps] == [step.name for step in wanted]:
        return []
    if not steps or any(unforeseen(step) for step in steps):
        return []
    lacks = Counter(step.name for step in wanted if step.required)
    lacks.subtract(step.name for step in steps)
    nameless = sum(1 for step in steps if all(step.name != want.name for want in wanted))
    for at, want in enumerate(wanted):
        # A name with a template in it is reported filled in.
        if not want.required or lacks[want.name] <= 0 or ("${" in want.name and nameless):
            continue
        return [_never_reported(want, _is_last(steps, wanted, at), wanted[: at + 1], runner)]
    return []


def _is_last(steps: Sequence[StepResult], wanted: Sequence[ExpectedStep], at: int) -> bool:
    """Whether no step after that one has a report."""
    return not {step.name for step in steps} & {want.name for want in wanted[at + 1 :]}


def _never_reported(
    want: ExpectedStep, last: bool, before: Sequence[ExpectedStep], runner: Runner
) -> StepResult:
    broken = next((step for step in before if step.when is Truth.UNREADABLE), None)
    if broken is not None:
        what = "its condition" if broken is want else f"the condition of step {broken.name!r}"
        note = f"was never started: {_UNREADABLE.format(what)}"
        return StepResult(want.name, Verdict.NOTHING_RAN, note=note)
    if not last:
        return StepResult(want.name, Verdict.UNKNOWN, note=_GAP)
    if runner is Runner.HOST:
        note = f"was never started: {_SILENT_STOP}"
        return StepResult(want.name, Verdict.NOTHING_RAN, note=note)
    return StepResult(want.name, Verdict.UNKNOWN, note=_POD_GONE)
