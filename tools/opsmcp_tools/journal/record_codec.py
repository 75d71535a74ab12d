"""How a run is kept in the journal: compact JSON, compressed and bounded.

Pure. The format is the journal's own (its `user_version` numbers it); nobody else reads it.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.run import NodeResult, Run, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import (
    ExpectedHost,
    ExpectedPlace,
    ExpectedStep,
    ExpectedTask,
    Runner,
    Truth,
)

__all__ = ["pack_expected", "pack_run", "unpack_expected", "unpack_run"]

_KEPT_WHEN_TOO_LARGE = 16_384
"""Characters of each step's output that stay when a run is too large as a whole."""


def pack_run(run: Run, limit_bytes: int) -> bytes:
    """The run in at most `limit_bytes`, its outputs cut to their ends if that is needed.

    A run that is too large even so is kept without its tasks.
    """
    packed = _compress(run)
    if len(packed) > limit_bytes:
        packed = _compress(_shortened(run))
    if len(packed) > limit_bytes:
        packed = _compress(replace(run, tasks=(), results=MappingProxyType({})))
    return packed


def unpack_run(packed: bytes) -> Run:
    """The run that was packed."""
    found: dict[str, Any] = json.loads(zlib.decompress(packed))
    return Run(
        verdict=Verdict(found["verdict"]),
        tasks=tuple(_task(task) for task in found["tasks"]),
        reason=found["reason"],
        results=MappingProxyType(found["results"]),
        started_at=_time(found["started_at"]),
        ended_at=_time(found["ended_at"]),
    )


def pack_expected(expected: Sequence[ExpectedTask]) -> str:
    """What a run must show, as JSON."""
    return json.dumps([_expected_list(task) for task in expected], separators=(",", ":"))


def unpack_expected(text: str) -> tuple[ExpectedTask, ...]:
    """What was packed."""
    return tuple(_expected(found) for found in json.loads(text))


def _expected_list(task: ExpectedTask) -> Sequence[Any]:
    place = task.place
    hosts = [[host.name, *host.shown_as] for host in place.hosts]
    return [
        task.name,
        task.task,
        task.run_always,
        [
            [step.name, step.when.value, step.may_fail, step.ends_task, *step.numbers]
            for step in task.steps
        ],
        [place.named, hosts, place.exact, place.runner, place.known, place.by_variable],
    ]


def _expected(found: Sequence[Any]) -> ExpectedTask:
    name, task, run_always, steps, (named, hosts, exact, runner, *rest) = found
    return ExpectedTask(
        name,
        task,
        run_always,
        tuple(
            ExpectedStep(step, Truth(when), may_fail, ends_task, tuple(numbers))
            for step, when, may_fail, ends_task, *numbers in steps
        ),
        ExpectedPlace(
            named,
            tuple(ExpectedHost(host, tuple(shown_as)) for host, *shown_as in hosts),
            exact,
            Runner(runner),
            *rest,
        ),
    )


def _compress(run: Run) -> bytes:
    text = json.dumps(
        {
            "verdict": run.verdict,
            "reason": run.reason,
            "results": dict(run.results),
            "started_at": run.started_at.isoformat() if run.started_at else None,
            "ended_at": run.ended_at.isoformat() if run.ended_at else None,
            "tasks": [_task_object(task) for task in run.tasks],
        },
        separators=(",", ":"),
    )
    return zlib.compress(text.encode("utf-8"), level=3)


def _task_object(task: TaskResult) -> Mapping[str, Any]:
    return {
        "name": task.name,
        "task": task.task,
        "verdict": task.verdict,
        "reason": task.reason,
        "allowed": task.allowed,
        "skipped": task.skipped,
        "explained": task.explained,
        "results": dict(task.results),
        "nodes": [
            [node.node, node.verdict, [_step_list(step) for step in node.steps]]
            for node in task.nodes
        ],
    }


def _step_list(step: StepResult) -> Sequence[Any]:
    return [step.name, step.verdict, step.output, step.output_bytes, step.allowed, step.note]


def _task(found: dict[str, Any]) -> TaskResult:
    return TaskResult(
        name=found["name"],
        task=found["task"],
        verdict=Verdict(found["verdict"]),
        nodes=tuple(
            NodeResult(node, Verdict(verdict), tuple(_step(step) for step in steps))
            for node, verdict, steps in found["nodes"]
        ),
        results=MappingProxyType(found["results"]),
        reason=found["reason"],
        allowed=found["allowed"],
        skipped=found.get("skipped", False),
        explained=found.get("explained", False),
    )


def _step(found: Sequence[Any]) -> StepResult:
    name, verdict, output, output_bytes, allowed, note = found
    return StepResult(name, Verdict(verdict), output, output_bytes, allowed, note)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _shortened(run: Run) -> Run:
    return replace(run, tasks=tuple(_shortened_task(task) for task in run.tasks))


def _shortened_task(task: TaskResult) -> TaskResult:
    nodes = (
        replace(node, steps=tuple(_shortened_step(step) for step in node.steps))
        for node in task.nodes
    )
    return replace(task, nodes=tuple(nodes))


def _shortened_step(step: StepResult) -> StepResult:
    if len(step.output) <= _KEPT_WHEN_TOO_LARGE:
        return step
    whole = max(step.output_bytes, len(step.output))
    return replace(step, output=step.output[-_KEPT_WHEN_TOO_LARGE:], output_bytes=whole)
