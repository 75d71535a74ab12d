"""What a run that never ends is said to be doing: only what can be true on this engine."""

import pytest

from opsmcp_pipelines.embedded.source import sign_of
from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport

_STEPS = (StepReport("one", Status.SUCCEEDED), StepReport("two", Status.RUNNING))
_NODE = NodeReport("localhost", Status.RUNNING, _STEPS)
_CASES = {
    "waiting": (RunReport(Status.PENDING), "it never had its turn"),
    "at work": (
        RunReport(Status.RUNNING, (TaskReport("t", "do-t", Status.RUNNING, (_NODE,)),)),
        "step 'two' of its task 't' was at work and did not return",
    ),
    "between steps": (RunReport(Status.RUNNING), "it was between two steps"),
}


@pytest.mark.parametrize(("report", "sign"), _CASES.values(), ids=_CASES)
def test_a_run_without_an_end_is_told_by_what_it_does(report: RunReport, sign: str) -> None:
    assert sign_of(report).startswith(sign)
    assert "Ops" not in sign_of(report)
