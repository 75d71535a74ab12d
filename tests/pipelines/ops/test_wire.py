"""JSON objects of the Ops API become models and reports; a broken one harms no other."""

import json
from typing import Any

import pytest

from opsmcp_pipelines.models import (
    Host,
    OperationKey,
    OperationKind,
    Step,
    TaskRef,
    Transfer,
    Variable,
)
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from tests.fakes.ops_state import make_pipeline, make_task
from tests.recorded_ops import load, names

_NS = "ops-system"
_PIPELINE = OperationKey(OperationKind.PIPELINE, _NS, "x")
_TASK = OperationKey(OperationKind.TASK, _NS, "x")


def _listed(recording: str) -> list[Any]:
    return load(recording)["body"]["data"]["list"]


def test_all_recorded_pipelines_and_tasks_are_understood() -> None:
    pipelines = wire.parse_objects(
        _listed("pipelines-list-page-size-999"), _NS, wire.parse_pipeline
    )
    tasks = wire.parse_objects(_listed("tasks-list-page-size-999"), _NS, wire.parse_task)
    assert (len(pipelines.good), len(pipelines.broken)) == (62, 0)
    assert (len(tasks.good), len(tasks.broken)) == (182, 0)


def test_a_pipeline_keeps_what_its_author_said() -> None:
    item = load("pipelines-get-one")["body"]["data"]
    (pipeline,) = wire.parse_objects([item], _NS, wire.parse_pipeline).good
    assert pipeline.desc == "view pod information and status"
    assert pipeline.labels == {"ops/copilot": "enabled"}
    assert pipeline.tasks == (
        TaskRef("get-pod-status", "get-pod", desc="view pod information and status"),
    )
    assert Variable("host", value="anymaster", desc="host", required=True) in pipeline.variables


def test_a_step_that_moves_files_is_marked_and_the_rest_is_kept() -> None:
    upload = {"name": "up", "localfile": "/a", "remotefile": "/b", "direction": "upload"}
    script = {"name": "s", "content": "id", "when": "1", "allowfailure": "true"}
    item = make_task("t", steps=[upload, {**script, "timeoutSeconds": 9}])
    (task,) = wire.parse_objects([item], _NS, wire.parse_task).good
    assert task.steps == (
        Step(
            "up",
            transfer=Transfer("/a", "/b", "upload"),
            more='{"direction": "upload", "localfile": "/a", "remotefile": "/b"}',
        ),
        Step("s", "id", when="1", allow_failure="true", timeout_seconds=9),
    )


@pytest.mark.parametrize("spec", [{"runtimeImage": "busybox"}, {"mounts": [{"hostPath": "/"}]}])
def test_a_task_with_an_image_or_mounts_runs_in_a_pod(spec: dict[str, Any]) -> None:
    (task,) = wire.parse_objects([make_task("t", "id", **spec)], _NS, wire.parse_task).good
    assert task.in_pod
    assert json.loads(task.more) == spec


def test_what_opsmcp_does_not_use_is_kept_all_the_same() -> None:
    item = make_pipeline("p", "t", runtimeImage="busybox")
    item["spec"]["tasks"][0]["runtimeImage"] = "alpine"
    (pipeline,) = wire.parse_objects([item], _NS, wire.parse_pipeline).good
    assert pipeline.more == '{"runtimeImage": "busybox"}'
    assert pipeline.tasks[0].more == '{"runtimeImage": "alpine"}'


def test_hosts_are_known_by_heartbeat_and_carry_no_credentials() -> None:
    hosts = wire.parse_objects(_listed("hosts-list"), _NS, wire.parse_host).good
    assert [host.reachable for host in hosts] == [True, True, True, None, False]
    local = Host("local", _NS, "127.0.0.1", "local-hn", True, {"bed/role": "local"}, 12222)
    assert hosts[0] == local
    assert "LS0t" not in repr(hosts)


@pytest.mark.parametrize(
    ("item", "name", "reason"),
    [
        pytest.param(7, "(no name)", "it must be an object", id="number"),
        pytest.param({}, "(no name)", "metadata.name is missing", id="empty"),
        pytest.param(
            {"metadata": {"name": "Not A Name"}}, "Not A Name", "metadata.name", id="bad-name"
        ),
        pytest.param(
            make_pipeline("p", desc=5), "p", "spec.desc must be text, not a number", id="desc"
        ),
        pytest.param(
            make_pipeline("p", tasks=[{"taskRef": "t"}, 3]), "p", "spec.tasks[1]", id="task"
        ),
        pytest.param(
            make_pipeline("p", variables={"v": {"required": "yes"}}),
            "p",
            "spec.variables.v.required must be true or false, not text",
            id="required",
        ),
        pytest.param(
            make_pipeline("p", variables={"v": {"enums": ["a", True]}}), "p", "enums[1]", id="enums"
        ),
        pytest.param(make_pipeline("p", variables=[]), "p", "must be an object", id="variables"),
    ],
)
def test_a_broken_object_is_named_and_the_others_are_kept(
    item: Any, name: str, reason: str
) -> None:
    found = wire.parse_objects([item, make_pipeline("good")], _NS, wire.parse_pipeline)
    assert [pipeline.name for pipeline in found.good] == ["good"]
    assert (found.broken[0].name, found.broken[0].namespace) == (name, _NS)
    assert reason in found.broken[0].reason


def test_a_boolean_is_no_number() -> None:
    task = make_task("t", steps=[{"name": "s", "timeoutSeconds": True}])
    assert not wire.parse_objects([task], _NS, wire.parse_task).good


@pytest.mark.parametrize("name", [name for name in names("run-") if "created" in load(name)])
def test_every_recorded_state_of_a_run_is_reported(name: str) -> None:
    operation = _TASK if name.startswith("run-task") else _PIPELINE
    for state in load(name)["states"]:
        data = state["response"]["data"]
        report = wire.parse_run(data, operation)
        assert report.status.value == data["status"].get("runStatus", "")
        assert report.created_at is not None
        assert report.variables == data["spec"].get("variables", {})


def test_a_task_run_is_one_task() -> None:
    data = load("run-task-good-local")["states"][-1]["response"]["data"]
    (task,) = wire.parse_run(data, _TASK).tasks
    (node,) = task.nodes
    assert (task.name, node.node, node.steps[0].output) == ("x", "local", "said: hello (calm)\n")
    assert node.steps[0].output_bytes == 19


def test_results_of_a_pipeline_are_kept() -> None:
    data = load("run-pipeline-results")["states"][-1]["response"]["data"]
    maker, user = wire.parse_run(data, _PIPELINE).tasks
    assert maker.results == {"token": "abc-42", "whole": "plain-value"}
    assert (user.task, dict(user.results)) == ("bed-usetoken", {})


def test_that_ops_went_on_after_a_failed_step_says_nothing_of_what_may_fail() -> None:
    steps = [
        {"stepName": "first", "stepStatus": "Failed"},
        {"stepName": "last", "stepStatus": "Failed"},
    ]
    node = {"taskRunStep": steps, "runStatus": "Failed"}
    data = {"status": {"taskrunNodeStatus": {"n": node}, "runStatus": "Failed"}}
    (task,) = wire.parse_run(data, _TASK).tasks
    assert [step.allowed for step in task.nodes[0].steps] == [False, False]


def test_a_task_without_a_name_has_none() -> None:
    item = make_pipeline("p", tasks=[{"taskRef": "t"}])
    (pipeline,) = wire.parse_objects([item], _NS, wire.parse_pipeline).good
    assert pipeline.tasks == (TaskRef("", "t"),)


@pytest.mark.parametrize(("task_at", "late"), [("09:00:00", False), ("09:00:06", True)])
def test_a_first_task_that_began_well_after_its_run_is_noticed(task_at: str, late: bool) -> None:
    entry = {"name": "a", "taskRunStatus": {"startTime": f"2026-11-23T{task_at}Z"}}
    status = {"pipelineRunStatus": [entry], "startTime": "2026-11-23T09:00:00Z"}
    assert wire.parse_run({"status": status}, _PIPELINE).began_late is late


@pytest.mark.parametrize(
    ("ref", "call_id", "ours"), [("x", "r-1", True), ("y", "r-1", False), ("x", "r-2", False)]
)
def test_a_run_is_ours_by_its_operation_and_its_call(ref: str, call_id: str, ours: bool) -> None:
    spec = {"pipelineRef": ref, "variables": {CALL_ID_VARIABLE: call_id}}
    assert wire.is_run_of({"spec": spec}, _PIPELINE, "r-1") is ours


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param({}, Status.PENDING, id="nothing"),
        pytest.param({"status": {"runStatus": "Odd"}}, Status.OTHER, id="new-word"),
        pytest.param({"status": {"runStatus": 5}}, Status.OTHER, id="no-text"),
        pytest.param({"status": [], "spec": 1, "metadata": "x"}, Status.PENDING, id="wrong-types"),
        pytest.param(
            {"status": {"pipelineRunStatus": [4, {"taskRunStatus": "?"}], "runStatus": "Running"}},
            Status.RUNNING,
            id="wrong-parts",
        ),
    ],
)
def test_a_run_is_reported_as_far_as_it_can_be_read(data: dict[str, Any], status: Status) -> None:
    assert wire.parse_run(data, _PIPELINE).status is status
    assert len(wire.parse_run(data, _TASK).tasks) == 1


@pytest.mark.parametrize("text", ["2026-11-23T09:24:28Z", "2026-11-23T09:24:28"])
def test_times_have_a_zone(text: str) -> None:
    report = wire.parse_run({"status": {"startTime": text}}, _PIPELINE)
    assert report.started_at is not None
    assert report.started_at.isoformat() == "2026-11-23T09:24:28+00:00"


@pytest.mark.parametrize("name", ["", "../x", "A", 5, None])
def test_only_a_real_name_is_a_run_name(name: object) -> None:
    assert wire.parse_run_name({"metadata": {"name": name}}) == ""


@pytest.mark.parametrize(
    "spec", [{"desc": "a\ud800"}, {"steps": [{"name": "s", "content": "echo \udfff"}]}]
)
def test_half_a_character_breaks_what_holds_it_and_nothing_else(spec: dict[str, Any]) -> None:
    items = [make_task("bad", **spec), make_task("good", "echo 磁盘")]
    found = wire.parse_objects(items, _NS, wire.parse_task)
    assert [task.name for task in found.good] == ["good"]
    assert [(item.name, "half a character" in item.reason) for item in found.broken] == [
        ("bad", True)
    ]


def test_half_a_character_in_what_is_not_used_is_kept_as_it_was_written() -> None:
    item = make_task("t", "id", runtimeImage="x\ud800")
    (task,) = wire.parse_objects([item], _NS, wire.parse_task).good
    assert task.more == '{"runtimeImage": "x\\ud800"}'
