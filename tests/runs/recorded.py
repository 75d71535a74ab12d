"""The recorded runs as reports, each with what its operation consisted of."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.ops.wire import parse_run
from opsmcp_pipelines.run import ExpectedTask, Run, RunReport, judge
from tests.recorded_ops import load, names

_NOT_LISTED = {
    "bed-big2": ("big-one", "big-two"),
    "bed-rename": ("first", "second"),
    "bed-hostout": ("one", "two"),
}
"""Test pipelines that were made after the list was recorded."""


@cache
def _pipelines() -> Mapping[str, tuple[ExpectedTask, ...]]:
    found = {name: tuple(ExpectedTask(it, it) for it in its) for name, its in _NOT_LISTED.items()}
    for recording in names("pipelines-list"):
        for item in _listed(load(recording)):
            refs: list[dict[str, str]] = item["spec"].get("tasks", [])
            found[item["metadata"]["name"]] = tuple(
                ExpectedTask(ref["name"], ref["taskRef"]) for ref in refs
            )
    return found


def _listed(recording: dict[str, Any]) -> list[dict[str, Any]]:
    body: dict[str, Any] = recording.get("body") or {}
    data: dict[str, Any] = body.get("data") or {}
    return data.get("list") or []


def _report(data: dict[str, Any]) -> tuple[RunReport, tuple[ExpectedTask, ...]]:
    spec = data.get("spec", {})
    if name := spec.get("taskRef"):
        key = OperationKey(OperationKind.TASK, "ops-system", name)
        return parse_run(data, key), (ExpectedTask(name, name),)
    key = OperationKey(OperationKind.PIPELINE, "ops-system", spec["pipelineRef"])
    return parse_run(data, key), _pipelines()[spec["pipelineRef"]]


def _objects(recording: dict[str, Any], part: str) -> list[dict[str, Any]]:
    if part:
        states = recording["states"][part] if part.endswith("run") else [recording[part]]
    else:
        states = recording.get("states") or [{"response": recording["body"]}]
    spec = {"taskrun": {"taskRef": "bed-sleep"}, "pipelinerun": {"pipelineRef": "bed-sleep"}}
    return [
        state["response"]["data"]
        if "response" in state
        else {"spec": spec[part], "status": state["status"]}
        for state in states
    ]


def reports(name: str, part: str = "") -> list[tuple[RunReport, tuple[ExpectedTask, ...]]]:
    """What Ops said at each look."""
    return [_report(data) for data in _objects(load(name), part)]


def judged(name: str, part: str = "") -> list[Run]:
    """The verdict at each look."""
    return [judge(report, expected) for report, expected in reports(name, part)]
