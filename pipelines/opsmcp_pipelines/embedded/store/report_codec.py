"""A report of the embedded engine as text, and back: what its store keeps of a run. Pure.

The format is the store's own; nobody else reads it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport

__all__ = ["dump_report", "load_report"]


def dump_report(report: RunReport) -> str:
    """The report as JSON."""
    return json.dumps(
        {
            "status": report.status,
            "created_at": _dump_time(report.created_at),
            "started_at": _dump_time(report.started_at),
            "ended_at": _dump_time(report.ended_at),
            "tasks": [_dump_task(task) for task in report.tasks],
        }
    )


def load_report(text: str) -> RunReport:
    """The report that was dumped."""
    data: dict[str, Any] = json.loads(text)
    return RunReport(
        status=Status.parse(data["status"]),
        tasks=tuple(_load_task(task) for task in data["tasks"]),
        created_at=_load_time(data["created_at"]),
        started_at=_load_time(data["started_at"]),
        ended_at=_load_time(data["ended_at"]),
    )


def _dump_time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _dump_task(task: TaskReport) -> dict[str, Any]:
    return {
        "name": task.name,
        "task": task.task,
        "status": task.status,
        "results": dict(task.results),
        "allowed": task.allowed,
        "skipped": task.skipped,
        "started_at": _dump_time(task.started_at),
        "nodes": [
            {
                "node": node.node,
                "status": node.status,
                "steps": [
                    [
                        step.name,
                        step.status,
                        step.output,
                        step.output_bytes,
                        step.allowed,
                        step.note,
                    ]
                    for step in node.steps
                ],
            }
            for node in task.nodes
        ],
    }


def _load_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _load_task(data: Mapping[str, Any]) -> TaskReport:
    return TaskReport(
        name=data["name"],
        task=data["task"],
        status=Status.parse(data["status"]),
        nodes=tuple(_load_node(node) for node in data["nodes"]),
        results=MappingProxyType(dict(data["results"])),
        allowed=data["allowed"],
        skipped=data["skipped"],
        started_at=_load_time(data["started_at"]),
    )


def _load_node(data: Mapping[str, Any]) -> NodeReport:
    steps = tuple(
        StepReport(name, Status.parse(status), output, size, allowed, note)
        for name, status, output, size, allowed, note in data["steps"]
    )
    return NodeReport(data["node"], Status.parse(data["status"]), steps)
