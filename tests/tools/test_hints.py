"""Hints of all recorded pipelines, one by one, and what overrides them."""

import pytest

from opsmcp_pipelines.models import Pipeline, Task, TaskRef
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.toolbox.hints import infer_hints
from tests.tools.recorded import catalogue

READING = """
analysis-disk-usage get-dataset-status get-metrics-pod-not200 get-node-status get-os-usage get-pod
get-pod-logs-by-keyword get-pod-yaml get-public-ip inspect-pod-error inspect-pod-pending
inspect-pod-process inspect-pod-restart inspect-svc-error list-clusters list-datasets list-hosts
list-namespace list-nodes list-pipelines-for-copilot list-pod-bynode list-process-byio
search-clusterip
"""
ADDING = """
collect-gpu-log collect-npu-log cordon-node create-dataload create-namespace preload-image
retag-image sync-image uncordon-node
"""
DESTROYING = """
bed-allowfailure bed-big bed-bytes bed-echo bed-fail bed-fixed bed-missingtask bed-raw bed-results
bed-sleep clear-disk clear-mount clear-pod delete-host delete-kas-job delete-pod delete-pod-bylog
delete-pod-force delete-pod-not200-bymetrics delete-pod-not200-bysvcmetrics drain-node
restart-containerd restart-fabricmanager restart-gpu-manager restart-gpu-manager-bypod
restart-kubelet restart-kubelet-bypod restart-node script set-os
"""
EXPECTED = {
    **dict.fromkeys(READING.split(), "reads"),
    **dict.fromkeys(ADDING.split(), "adds"),
    **dict.fromkeys(DESTROYING.split(), "destroys"),
}


def word(hints: Hints) -> str:
    if hints.read_only:
        assert hints.idempotent
        assert not hints.destructive
        return "reads"
    return "destroys" if hints.destructive else "adds"


def test_every_recorded_pipeline_is_in_the_table():
    assert {pipeline.name for pipeline in catalogue().contents.pipelines} == set(EXPECTED)


@pytest.mark.parametrize("pipeline", catalogue().contents.pipelines, ids=lambda item: item.name)
def test_a_recorded_pipeline_is_known_for_what_it_does(pipeline: Pipeline):
    assert word(infer_hints(pipeline, {})) == EXPECTED[pipeline.name]


@pytest.mark.parametrize(
    ("name", "desc", "expected"),
    [
        ("get-kubeconfig", "copy kubeconfig from etc", "destroys"),
        ("get-diskio-byfio", "run fio to test disk", "destroys"),
        ("check-disk", "check the disk and clear it when full", "destroys"),
        ("check-and-restart", "look", "destroys"),
        ("get-x", "force it", "destroys"),
        ("top-nodes-bycpu", "list topK usage cpu of nodes", "reads"),
        ("disk-usage", "what fills the disk", "reads"),
        ("service-logs", "last lines of a service", "reads"),
        ("clear-status", "clear it", "destroys"),
        ("frobnicate-node", "frobnicate", "destroys"),
        ("execute-report", "execute a report", "destroys"),
        ("create-backup", "create a backup and remove the old one", "destroys"),
        ("-", "", "destroys"),
    ],
)
def test_every_doubt_ends_on_the_safe_side(name: str, desc: str, expected: str):
    assert word(infer_hints(Task(name, "n", desc), {})) == expected


def test_a_reading_name_does_not_hide_a_changing_task():
    hidden = Pipeline("get-it", "n", "get it", tasks=(TaskRef("a", "delete-pod"),))
    assert infer_hints(hidden, {}).destructive


def test_repeating_is_harmless_only_where_the_verb_says_so():
    assert infer_hints(Task("cordon-node", "n"), {}).idempotent
    assert not infer_hints(Task("restart-node", "n"), {}).idempotent


def test_labels_override_words_and_settings_override_labels():
    labels = {"opsmcp/read-only": "true", "opsmcp/idempotent": "maybe"}
    task = Task("frobnicate", "n", labels=labels)
    assert word(infer_hints(task, {})) == "reads"
    assert word(infer_hints(task, {"frob*": {"read_only": False, "destructive": True}})) == (
        "destroys"
    )
    assert word(infer_hints(task, {"other*": {"read_only": False}})) == "reads"
