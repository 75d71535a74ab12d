"""The verdict where no recording shows the case: mostly the embedded engine's own words."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.models import (
    Definition,
    Host,
    OperationKind,
    Pipeline,
    Step,
    Task,
    TaskRef,
    Variable,
)
from opsmcp_pipelines.run import NodeReport, Run, RunReport, Status, StepReport, TaskReport, Verdict
from opsmcp_pipelines.verdict.expected import (
    ExpectedStep,
    ExpectedTask,
    Truth,
    expected_on_ops,
    expected_tasks,
)
from opsmcp_pipelines.verdict.judge import judge

GOOD, BAD = Status.SUCCEEDED, Status.FAILED


def _node(*steps: Status, status: Status = GOOD, name: str = "web-1") -> NodeReport:
    return NodeReport(name, status, tuple(StepReport(f"s{n}", it) for n, it in enumerate(steps)))


def _allowed(*statuses: Status) -> NodeReport:
    """A host that its source calls good, where every failure was foreseen."""
    steps = (StepReport(f"s{n}", it, allowed=it is BAD) for n, it in enumerate(statuses))
    return NodeReport("web-1", GOOD, tuple(steps))


def _task(
    name: str, status: Status, *nodes: NodeReport, allowed: bool = False, skipped: bool = False
) -> TaskReport:
    return TaskReport(name, f"do-{name}", status, nodes, allowed=allowed, skipped=skipped)


def _run(*tasks: TaskReport, status: Status = GOOD) -> RunReport:
    return RunReport(status, tasks)


_MAYBE = (ExpectedStep("s0", Truth.OPEN),)
_DONE = _task("a", GOOD, _node(GOOD))
_IDLE = _task("b", GOOD)

_CASES = {
    "no task at all": (_run(), "unknown"),
    "one good task": (_run(_DONE), "succeeded"),
    "a good and an idle task": (_run(_DONE, _IDLE), "failed"),
    "an idle task that its author skipped": (
        _run(_DONE, _task("b", GOOD, skipped=True)),
        "succeeded",
    ),
    "only skipped tasks": (_run(_task("b", GOOD, skipped=True)), "nothing_ran"),
    "a foreseen failure beside a good task": (
        _run(_DONE, _task("b", BAD, _node(BAD, status=BAD), allowed=True)),
        "succeeded",
    ),
    "nothing but a foreseen failure": (
        _run(_task("b", BAD, _node(BAD, status=BAD), allowed=True)),
        "failed",
    ),
    "one step, which was allowed to fail and did": (
        _run(_task("a", GOOD, _allowed(BAD))),
        "failed",
    ),
    "several such steps and no other": (_run(_task("a", GOOD, _allowed(BAD, BAD))), "failed"),
    "such a step after a good one": (_run(_task("a", GOOD, _allowed(GOOD, BAD))), "succeeded"),
    "a task of such steps beside a good task": (
        _run(_DONE, _task("b", GOOD, _allowed(BAD))),
        "succeeded",
    ),
    "one of two hosts idle": (_run(_task("a", GOOD, _node(GOOD), _node(name="web-2"))), "failed"),
    "one of two hosts skipped": (
        _run(_task("a", GOOD, _node(GOOD), _node(name="web-2"), skipped=True)),
        "succeeded",
    ),
    "a good node whose last step failed": (_run(_task("a", GOOD, _node(GOOD, BAD))), "failed"),
    "a good task with a host that never ended": (
        _run(_task("a", GOOD, _node(GOOD, status=Status.RUNNING))),
        "unknown",
    ),
    "a state that Ops does not have": (_run(_DONE, status=Status.parse("Melted")), "unknown"),
    "a task in such a state": (_run(_task("a", Status.OTHER)), "unknown"),
    "called failed with good tasks": (_run(_DONE, status=BAD), "failed"),
    "cancelled": (_run(_DONE, status=Status.CANCELLED), "cancelled"),
    "aborted": (_run(_task("a", Status.ABORTED), status=Status.ABORTED), "aborted"),
    "a failed task while the run goes on": (
        _run(_task("a", BAD, _node(BAD, status=BAD)), status=Status.RUNNING),
        "running",
    ),
}


@pytest.mark.parametrize(("report", "verdict"), _CASES.values(), ids=_CASES)
def test_the_parts_decide(report: RunReport, verdict: str) -> None:
    assert judge(report).verdict == verdict


@pytest.mark.parametrize(("report", "verdict"), _CASES.values(), ids=_CASES)
def test_every_verdict_but_good_ones_has_a_reason(report: RunReport, verdict: str) -> None:
    assert bool(judge(report).reason) is not Verdict(verdict).good


def test_a_task_in_which_every_step_failed_as_foreseen_is_a_foreseen_failure() -> None:
    run = judge(_run(_DONE, _task("b", GOOD, _allowed(BAD))))
    assert [(task.verdict, task.allowed) for task in run.tasks] == [
        (Verdict.SUCCEEDED, False),
        (Verdict.FAILED, True),
    ]


def test_the_reason_says_that_the_failures_were_foreseen() -> None:
    reason = judge(_run(_task("a", GOOD, _allowed(BAD)))).reason
    assert reason == (
        "task 'a': every step failed on web-1, as its author allowed: none did its work"
    )


def test_of_a_task_without_an_entry_it_is_not_known_whether_it_ran() -> None:
    run = judge(_run(_DONE), [ExpectedTask("a", "do-a"), ExpectedTask("b", "do-b")])
    assert run.verdict is Verdict.UNKNOWN
    assert run.reason == "task 'b': nothing was reported of it: whether it ran is not known"


def test_a_task_that_nobody_expected_is_kept() -> None:
    run = judge(_run(_DONE, _task("z", GOOD, _node(GOOD))), [ExpectedTask("a", "do-a")])
    assert [task.name for task in run.tasks] == ["a", "z"]


def test_an_idle_task_with_conditions_on_every_step_cannot_be_decided() -> None:
    expected = [ExpectedTask("a", "do-a"), ExpectedTask("b", "do-b", steps=_MAYBE)]
    run = judge(_run(_DONE, _IDLE), expected)
    assert run.verdict is Verdict.UNKNOWN
    assert "perhaps none was true" in run.reason


def test_an_idle_host_of_a_conditional_task_cannot_be_decided() -> None:
    report = _run(_task("a", GOOD, _node(GOOD), _node(name="web-2")))
    run = judge(report, [ExpectedTask("a", "do-a", steps=_MAYBE)])
    assert run.verdict is Verdict.UNKNOWN
    assert "web-2" in run.reason


def test_several_failed_hosts_are_counted() -> None:
    nodes = [_node(BAD, status=BAD, name=f"web-{n}") for n in range(3)]
    run = judge(_run(_task("a", BAD, *nodes)))
    assert run.reason == "task 'a': step 's0' failed on web-0 and 2 more"


def test_a_run_consists_of_the_tasks_of_its_pipeline() -> None:
    pipeline = Pipeline(
        "p", "ns", tasks=(TaskRef("one", "t1"), TaskRef("two", "t2", run_always=True))
    )
    known = (Task("t1", "ns", steps=(Step("s0", when="${a} == b"),)),)
    assert expected_tasks(Definition(pipeline, known)) == (
        ExpectedTask("one", "t1", steps=_MAYBE),
        ExpectedTask("two", "t2", run_always=True),
    )


def test_a_run_of_a_task_consists_of_it() -> None:
    task = Task("t", "ns", steps=(Step("s"),))
    assert task.key.kind is OperationKind.TASK
    assert expected_tasks(Definition(task, ())) == (
        ExpectedTask("t", "t", steps=(ExpectedStep("s"),)),
    )


_FIRST = Task("do-a", "ops-system", host="web-1", steps=(Step("count", "x"),))
_SECOND = Task(
    "do-b",
    "ops-system",
    host="web-1",
    variables=(Variable("n"),),
    steps=(Step("s0", "x"), Step("shrink", "x", "${n} > 90")),
)
_UNREAD = (
    "task 'b', step 'shrink' did not run: its condition compares 'n' as a number, and no number is "
    "known to have reached it; at a condition that it cannot read Ops stops a task silently"
)


def _counted(
    output: str,
    results: dict[str, str],
    variables: dict[str, str],
    *after: str,
    second: Task = _SECOND,
) -> Run:
    """A run in which a task counts, and the next one shrinks what is too large, if it does."""
    operation = Pipeline(
        "p", "ops-system", tasks=(TaskRef("a", "do-a"), TaskRef("b", "do-b")), variables=()
    )
    hosts = (Host("web-1", "ops-system", "192.0.2.1", reachable=True),)
    expected = expected_on_ops(Definition(operation, (_FIRST, second)), hosts, variables)
    counted = NodeReport("web-1", GOOD, (StepReport("count", GOOD, output),))
    then = tuple(StepReport(name, GOOD) for name in ("s0", *after))
    first = TaskReport("a", "do-a", GOOD, (counted,), results=results)
    return judge(
        _run(first, TaskReport("b", "do-b", GOOD, (NodeReport("web-1", GOOD, then),))), expected
    )


@pytest.mark.parametrize(
    ("output", "results"),
    [("", {}), ("none", {"n": "none"}), ("n: none", {}), ("a: 5", {"m": "5"})],
)
def test_a_last_step_whose_condition_had_no_number_to_compare_is_told(
    output: str, results: dict[str, str]
) -> None:
    run = _counted(output, results, {})
    assert (run.verdict, run.reason) == (Verdict.SUCCEEDED, _UNREAD)


@pytest.mark.parametrize(
    ("output", "results", "variables", "after"),
    [
        ("40", {"n": "40"}, {}, ()),
        ("n: 40", {}, {}, ()),
        ("", {}, {"n": "40"}, ()),
        ("", {}, {}, ("shrink",)),
    ],
    ids=["a result", "an output", "an argument", "it ran"],
)
def test_nothing_is_told_where_there_was_a_number(
    output: str, results: dict[str, str], variables: dict[str, str], after: tuple[str, ...]
) -> None:
    run = _counted(output, results, variables, *after)
    assert (run.verdict, run.reason) == (Verdict.SUCCEEDED, "")


def test_a_number_that_only_the_pipeline_declares_may_not_reach_the_task() -> None:
    run = _counted("", {}, {"n": "40"}, second=replace(_SECOND, variables=()))
    assert (run.verdict, run.reason) == (Verdict.SUCCEEDED, _UNREAD)
