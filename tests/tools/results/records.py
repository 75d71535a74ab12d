"""Run records for the tests of summaries."""

from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import NodeResult, Run, StepResult, TaskResult, Verdict
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.results import structured as of_programs
from opsmcp_tools.results import summary

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
MARK = "5f2b81c0"
summarise = partial(summary.summarise, mark=MARK)
GOOD, BAD = Verdict.SUCCEEDED, Verdict.FAILED


def structured(record: RunRecord, **how: Any) -> dict[str, Any]:
    """The structured result of a run whose text is `text`."""
    return of_programs.structured(record, "text", mark=MARK, **how)


def step(name: str, output: str, verdict: Verdict = GOOD, *, lost: int = 0) -> StepResult:
    return StepResult(name, verdict, output, len(output.encode("utf-8", "replace")) + lost)


def task(
    name: str, *steps: StepResult, node: str = "web-1", verdict: Verdict = GOOD, reason: str = ""
) -> TaskResult:
    nodes = (NodeResult(node, verdict, steps),) if steps else ()
    return TaskResult(name, f"do-{name}", verdict, nodes, reason=reason)


def record(
    verdict: Verdict, *tasks: TaskResult, reason: str = "", results: dict[str, str] | None = None
) -> RunRecord:
    return RunRecord(
        run="r-abcdefghij",
        tool="disk-usage",
        operation=OperationKey(OperationKind.PIPELINE, "ops-system", "disk-usage"),
        principal="anna",
        principal_id="local:anna",
        arguments=MappingProxyType({"host": "web-9"}),
        source="the fake",
        source_run="disk-usage-1",
        created_at=AT,
        result=Run(verdict, tasks, reason, MappingProxyType(results or {})),
        ended_at=AT + timedelta(seconds=3.2) if verdict.ended else None,
        observed_at=AT + timedelta(seconds=2),
    )
