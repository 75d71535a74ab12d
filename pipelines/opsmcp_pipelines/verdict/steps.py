"""The verdict on one host or node, from what its steps report and what they must. Pure.

What may fail is known from the definition, never from what came after a failure: in a pod the later
steps stand in the report, too, though they never ran (pkg/kube/connect.go of Ops).
"""

import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from opsmcp_pipelines.report import NodeReport, Status, StepReport
from opsmcp_pipelines.run import NodeResult, StepResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedStep, ExpectedTask, Runner
from opsmcp_pipelines.verdict.missing import missing_steps, unforeseen

__all__ = ["all_foreseen", "judge_node", "passes_of", "verdict_as_reported", "worst"]

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
        Status.NOT_STARTED: Verdict.NOTHING_RAN,
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
_STILL_WAITING = "never started: its container was still waiting to start"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that weighs most; there must be one."""
    return min(verdicts, key=RANK.__getitem__)


def verdict_as_reported(status: Status, over: bool) -> Verdict:
    """The verdict that `status` says; what still runs in something that is over is unknown."""
    verdict = _PLAIN[status]
    return Verdict.UNKNOWN if over and verdict is Verdict.RUNNING else verdict


def all_foreseen(steps: Sequence[StepResult]) -> bool:
    """Whether there are steps, and each of them failed as its author allowed."""
    return bool(steps) and all(step.allowed for step in steps)


def judge_node(node: NodeReport, want: ExpectedTask, *, over: bool) -> NodeResult:
    """The verdict on a node.

    Two Hosts of one address report under one name, one after the other: the worse one counts.

    Args:
        node: What it reports.
        want: What its task must show.
        over: Whether the task has ended.
    """
    over = over or node.status.ended
    said = verdict_as_reported(node.status, over)
    checked = over and said in _TO_BE_LOOKED_INTO
    runner = want.place.runner
    passes = [_judge_pass(it, want.steps, runner, over=over) for it in passes_of(node, want)]
    if checked:
        passes = [steps + missing_steps(steps, want.steps, runner) for steps in passes]
    steps = [step for one in passes for step in one]
    verdict = _verdict(said, passes) if checked else _unchecked(said, steps)
    return NodeResult(node.node, verdict, tuple(steps))


def _unchecked(said: Verdict, steps: Sequence[StepResult]) -> Verdict:
    """The verdict on a node without an end; a failure that was reported is known all the same."""
    failed = said is Verdict.UNKNOWN and any(unforeseen(step) for step in steps)
    return Verdict.FAILED if failed else said


def passes_of(node: NodeReport, want: ExpectedTask) -> list[list[StepReport]]:
    """The steps of a node, apart for each host that may be behind its name; one list if none."""
    names = [step.name for step in want.steps]
    alone = not want.place.may_share_a_name
    if alone or not names or [step.name for step in node.steps] == names:
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
    allowed = _allowed(reports, wanted)
    results: list[StepResult] = []
    for report, may_fail in zip(reports, allowed, strict=True):
        result = _judge_step(report, may_fail, over=over)
        if over and runner is not Runner.HOST and (why := _why_never_run(report, results)):
            result = StepResult(report.name, Verdict.NOTHING_RAN, note=why)
        results.append(result)
    return results


def _allowed(reports: Sequence[StepReport], wanted: Sequence[ExpectedStep]) -> list[bool]:
    """Which of these may fail; of one name with several steps, only if each of them may."""
    if [report.name for report in reports] == [step.name for step in wanted]:
        return [step.may_fail for step in wanted]
    may_fail = {step.name for step in wanted} - {it.name for it in wanted if not it.may_fail}
    return [report.name in may_fail for report in reports]


def _judge_step(step: StepReport, may_fail: bool, *, over: bool) -> StepResult:
    verdict = verdict_as_reported(step.status, over)
    allowed = verdict is Verdict.FAILED and (step.allowed or may_fail)
    return StepResult(step.name, verdict, step.output, step.output_bytes, allowed, step.note)


def _why_never_run(step: StepReport, before: Sequence[StepResult]) -> str:
    """Why a step in a pod never ran, whatever is reported of it; empty if it may have."""
    if step.status is Status.SUCCEEDED:
        return ""
    if any(unforeseen(it) or it.verdict is Verdict.NOTHING_RAN for it in before):
        return _AFTER_FAILURE
    waits = _WAITING.match(step.output)
    if any(it.verdict is Verdict.FAILED for it in before):
        return _POD_ENDED if waits or step.status is Status.RUNNING else ""
    return _STILL_WAITING if waits else ""


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
