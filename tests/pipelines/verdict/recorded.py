"""The recorded runs as reports, each with what it must show by its recorded definition."""

from functools import cache
from typing import Any

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.models import Definition, Operation, Pipeline, Task
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.report import RunReport
from opsmcp_pipelines.run import Run
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_on_ops
from opsmcp_pipelines.verdict.judge import judge
from tests.fakes.ops_state import make_pipeline, make_task
from tests.recorded_ops import load, names

_NS = "ops-system"
_WHEN = ("${s} == abc", "${n} > 3", "${n} > 7", "${s} != abc")
_MADE_LATER = {
    "tasks": [
        make_task("bed-keyvalue", steps=[{"name": "kv", "content": "echo token:from-output"}]),
        make_task("bed-hostout", steps=[{"name": "say", "content": "echo host:ssh2"}]),
        make_task("bed-stdin", steps=[{"name": "eat", "content": "cat"}]),
        make_task(
            "bed-when",
            steps=[
                {"name": name, "content": "echo yes", "when": when}
                for name, when in zip(("eq-nocase", "gt", "lt", "ne"), _WHEN, strict=True)
            ],
        ),
    ],
    "pipelines": [
        make_pipeline(name, tasks=[{"name": it, "taskRef": ref} for it, ref in tasks.items()])
        for name, tasks in {
            "bed-big2": {"big-one": "bed-big", "big-two": "bed-big"},
            "bed-rename": {"first": "bed-keyvalue", "second": "bed-usetoken"},
            "bed-hostout": {"one": "bed-hostout", "two": "bed-undefined"},
        }.items()
    ],
}
"""Test objects that were made after the lists were recorded."""


@cache
def contents() -> Contents:
    """What existed on the server of the recordings."""
    hosts = wire.parse_objects(_listed("hosts-list"), _NS, wire.parse_host).good
    pipelines = wire.parse_objects(_all("pipelines"), _NS, wire.parse_pipeline).good
    tasks = wire.parse_objects(_all("tasks"), _NS, wire.parse_task).good
    return Contents(pipelines, tasks, hosts=hosts)


def _all(kind: str) -> list[dict[str, Any]]:
    recorded = [item for name in names(f"{kind}-list") for item in _listed(name)]
    return list({item["metadata"]["name"]: item for item in recorded + _MADE_LATER[kind]}.values())


def _listed(name: str) -> list[dict[str, Any]]:
    body: dict[str, Any] = load(name).get("body") or {}
    data: dict[str, Any] = body.get("data") or {}
    return data.get("list") or []


def _operation(spec: dict[str, Any]) -> Operation:
    among: tuple[Pipeline, ...] | tuple[Task, ...] = contents().pipelines
    if "taskRef" in spec:
        among = contents().tasks
    name = spec.get("taskRef") or spec["pipelineRef"]
    return next(found for found in among if found.name == name)


def _report(data: dict[str, Any]) -> tuple[RunReport, tuple[ExpectedTask, ...]]:
    operation = _operation(data["spec"])
    definition = Definition(operation, contents().tasks)
    variables = data["spec"].get("variables", {})
    expected = expected_on_ops(definition, contents().hosts, variables)
    return wire.parse_run(data, operation.key), expected


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
