"""Every run that was recorded on a real Ops, with what truly happened, written down by hand."""

import pytest

from opsmcp_pipelines.run import Status, Verdict
from tests.pipelines.verdict.recorded import judged, reports
from tests.recorded_ops import names

_PIPELINES = {
    "allowFailure-on-taskref": "failed",
    "bad-enum": "succeeded",
    "cluster-unknown": "succeeded",
    "cluster-unreachable": "running",
    "env-leak": "succeeded",
    "failing-task": "failed",
    "fixed-variable": "succeeded",
    "get-os-usage": "succeeded",
    "good-local": "succeeded",
    "good-ssh": "succeeded",
    "host-all": "succeeded",
    "host-anymaster": "succeeded",
    "host-by-hostname": "succeeded",
    "host-down": "nothing_ran",
    "host-noheart": "succeeded",
    "host-selector-in-variable": "nothing_ran",
    "host-unknown": "nothing_ran",
    "injection-quoted": "succeeded",
    "injection-semicolon": "succeeded",
    "injection-subst": "succeeded",
    "keyvalue-output": "succeeded",
    "list-nodes": "succeeded",
    "long-20s": "succeeded",
    "missing-required": "nothing_ran",
    "missing-task": "invalid",
    "no-host": "succeeded",
    "no-host-2": "succeeded",
    "no-host-pod": "succeeded",
    "other-cluster-dispatched": "failed",
    "other-cluster-failing": "failed",
    "other-cluster-pod-pending": "running",
    "other-cluster-real": "succeeded",
    "other-namespace": "running",
    "output-1600KiB": "running",
    "output-2x900KiB": "unknown",
    "output-changes-host": "succeeded",
    "real-script": "failed",
    "results": "succeeded",
    "ssh-auth-refused": "nothing_ran",
    "variable-empty": "succeeded",
    "variable-in-variable": "succeeded",
    "variable-newline": "succeeded",
    "with-nats": "succeeded",
}

_TASKS = {
    # Ops calls it failed; its author allowed the step to fail, and the other one worked.
    "allowfailure-last-step": "succeeded",
    "allowfailure-mid-step": "succeeded",
    "allowfailure-step": "succeeded",
    "failing-local": "failed",
    "failing-ssh": "failed",
    "fixed-variable": "succeeded",
    "good-local": "succeeded",
    "host-missing": "nothing_ran",
    "local-multiline": "succeeded",
    "long-20s": "succeeded",
    "missing-required": "nothing_ran",
    "output-100KiB": "succeeded",
    "output-1400KiB": "succeeded",
    "output-1600KiB": "running",
    "output-4000KiB": "running",
    "pod-allnodes": "succeeded",
    "pod-image-failing": "failed",
    "pod-kubectl": "succeeded",
    "python": "succeeded",
    "selector": "succeeded",
    "selector-host-override": "succeeded",
    "ssh-multiline": "succeeded",
    "stdin-eaten": "succeeded",
    "undefined-variable": "succeeded",
    "when": "succeeded",
}

_OTHERS = {
    ("run-controller-restart", "taskrun"): "aborted",
    ("run-controller-restart", "pipelinerun"): "succeeded",
    ("run-ssh-connection-lost", "before"): "succeeded",
    ("run-ssh-connection-lost", "after"): "failed",
    ("run-ssh-connection-lost", "after_again"): "failed",
    ("sync-pipeline-failing", ""): "failed",
    ("sync-pipeline-good", ""): "succeeded",
    ("sync-pipeline-missing-task", ""): "invalid",
    ("sync-pipeline-two-tasks", ""): "succeeded",
    # The blocking endpoint of tasks answers without any status: nothing is known of the end.
    ("sync-task-failing", ""): "running",
    ("sync-task-good", ""): "running",
}

_FINAL = {
    **{(f"run-pipeline-{name}", ""): verdict for name, verdict in _PIPELINES.items()},
    **{(f"run-task-{name}", ""): verdict for name, verdict in _TASKS.items()},
    **_OTHERS,
}

_CALLED_GOOD_AND_IS_NOT = {
    "run-pipeline-allowFailure-on-taskref",
    "run-pipeline-failing-task",
    "run-pipeline-host-down",
    "run-pipeline-host-selector-in-variable",
    "run-pipeline-host-unknown",
    "run-pipeline-missing-required",
    "run-pipeline-missing-task",
    "run-pipeline-other-cluster-failing",
    "run-pipeline-output-2x900KiB",
    "run-pipeline-real-script",
    "run-pipeline-ssh-auth-refused",
    "run-task-host-missing",
    "run-task-missing-required",
    "sync-pipeline-failing",
    "sync-pipeline-missing-task",
}


@pytest.mark.parametrize(
    ("run", "verdict"), _FINAL.items(), ids=["/".join(filter(None, run)) for run in _FINAL]
)
def test_a_recorded_run_ends_as_it_truly_ended(run: tuple[str, str], verdict: str) -> None:
    assert judged(*run)[-1].verdict == verdict


@pytest.mark.parametrize("run", _FINAL, ids=["/".join(filter(None, run)) for run in _FINAL])
def test_a_recorded_run_is_running_until_its_last_look(run: tuple[str, str]) -> None:
    expected = [Verdict.RUNNING] * (len(judged(*run)) - 1)
    if run[0] == "run-pipeline-missing-task":
        expected = [Verdict.INVALID]  # Ops takes the word back 3 seconds later; the task stays it
    if run[0] == "run-ssh-connection-lost":
        expected = []
    assert [one.verdict for one in judged(*run)[:-1]] == expected


def test_every_recorded_run_is_in_the_table() -> None:
    assert {name for name, _ in _FINAL} >= set(names("run-"))


def test_ops_calls_these_runs_good_and_they_are_not() -> None:
    called_good = {
        name
        for (name, part), verdict in _FINAL.items()
        if reports(name, part)[-1][0].status is Status.SUCCEEDED and verdict != "succeeded"
    }
    assert called_good == _CALLED_GOOD_AND_IS_NOT


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("run-pipeline-failing-task", "task 'bad': step 'second' failed on local"),
        ("run-pipeline-host-unknown", "task 'say': nothing was reported by 'no-such-host'"),
        ("run-pipeline-missing-task", "task 'ghost': the task 'bed-no-such-task' is missing"),
        ("run-pipeline-output-2x900KiB", "task 'big-two': it never reported its end"),
        ("run-pipeline-other-cluster-dispatched", "it failed without naming a host"),
        ("run-task-pod-image-failing", "step 'two' failed on worker1"),
    ],
)
def test_the_reason_names_what_is_known(run: str, reason: str) -> None:
    assert reason in judged(run)[-1].reason


def test_a_task_skipped_after_a_failure_is_shown_as_not_started() -> None:
    whole = judged("run-pipeline-failing-task")[-1]
    assert [(task.name, task.verdict) for task in whole.tasks] == [
        ("bad", "failed"),
        ("skipped", "nothing_ran"),
        ("always", "succeeded"),
    ]
    assert "a task before it" in whole.tasks[1].reason


def test_results_of_all_tasks_are_joined() -> None:
    whole = judged("run-pipeline-results")[-1]
    assert dict(whole.results) == {"token": "abc-42", "whole": "plain-value"}
