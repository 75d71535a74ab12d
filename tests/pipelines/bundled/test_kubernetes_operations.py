"""The Kubernetes operations against a fake kubectl: what they ask it, and what they refuse."""

from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.fakes.program import FakeProgram
from tests.pipelines.bundled.bench import Bench

TIMEOUT = "--request-timeout=15s"
DEFAULT = "--namespace=default"

CONTROLLER = "{.metadata.ownerReferences[?(@.controller==true)]"
OWNER = f"jsonpath={{.metadata.uid}} {CONTROLLER}.kind}} {CONTROLLER}.name}}"
UID = "jsonpath={.metadata.uid}"
COLUMNS = (
    "custom-columns=UID:.metadata.uid,NAME:.metadata.name,PHASE:.status.phase,"
    "READY:.status.containerStatuses[*].ready,OWNER:.metadata.ownerReferences[*].name"
)
OWNED = ["get", "pods", TIMEOUT, DEFAULT, "--no-headers", "-o", COLUMNS]

PODS = """\
NAMESPACE   NAME   READY   STATUS             RESTARTS     AGE   IP         NODE
web         web-1  1/1     Running            0            2d    10.0.0.5   n1
web         web-2  0/1     CrashLoopBackOff   7 (2m ago)   2d    10.0.0.6   n1
web         job-1  0/1     Completed          0            1d    10.0.0.7   n2
web         web-3  1/2     Running            0            1d    10.0.0.8   n2
"""


async def test_list_pods_puts_those_with_a_problem_first(
    bench: Bench, kubectl: FakeProgram
) -> None:
    kubectl.answer("get", "pods", out=PODS)
    outcome = await bench.run("list-pods")
    assert outcome.verdict is Verdict.SUCCEEDED
    count, head, *rows = outcome.text.splitlines()
    assert count == "4 pods, 2 with a problem"
    assert head.startswith("NAMESPACE")
    assert [row.split()[1] for row in rows if row] == ["web-2", "web-3", "web-1", "job-1"]
    assert kubectl.calls == [["get", "pods", "-o", "wide", TIMEOUT, "--all-namespaces"]]


async def test_list_pods_reads_the_columns_of_one_namespace(
    bench: Bench, kubectl: FakeProgram
) -> None:
    kubectl.answer("pods", out="\n".join(row[12:] for row in PODS.splitlines()))
    outcome = await bench.run(
        "list-pods", cluster="aws:1/web@lab", namespace="web", selector="app=web"
    )
    assert outcome.text.startswith("4 pods, 2 with a problem\nNAME")
    assert kubectl.calls[0][4:] == [
        TIMEOUT,
        "--context=aws:1/web@lab",
        "--namespace=web",
        "--selector=app=web",
    ]


async def test_list_pods_can_say_that_there_are_none(bench: Bench, kubectl: FakeProgram) -> None:
    kubectl.answer("pods", err="No resources found in web namespace.\n")
    outcome = await bench.run("list-pods", namespace="web")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "0 pods, 0 with a problem" in outcome.text


@pytest.mark.parametrize("row", ["web broken", "oops", "  "], ids=["two", "one", "blank"])
async def test_list_pods_survives_a_row_that_has_too_few_columns(
    bench: Bench, kubectl: FakeProgram, row: str
) -> None:
    kubectl.answer("pods", out=f"{PODS}{row}\n")
    outcome = await bench.run("list-pods")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert ("5 pods, 3 with" if row.strip() else "4 pods, 2 with") in outcome.text
    assert row.strip() in outcome.text


async def test_list_nodes_adds_their_load(bench: Bench, kubectl: FakeProgram) -> None:
    kubectl.answer("get", "nodes", out="NAME STATUS\nn1 Ready\n")
    kubectl.answer("top", "nodes", out="NAME CPU\nn1 12%\n")
    outcome = await bench.run("list-nodes", cluster="live")
    assert outcome.text.split() == ["NAME", "STATUS", "n1", "Ready", "NAME", "CPU", "n1", "12%"]
    assert kubectl.calls == [
        ["get", "nodes", "-o", "wide", TIMEOUT, "--context=live"],
        ["top", "nodes", TIMEOUT, "--context=live"],
    ]


async def test_list_nodes_works_without_metrics(bench: Bench, kubectl: FakeProgram) -> None:
    kubectl.answer("get", "nodes", out="NAME STATUS\nn1 Ready\n")
    kubectl.answer("top", err="error: Metrics API not available\n", code=1)
    outcome = await bench.run("list-nodes")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "load: not known, the cluster collects no metrics" in outcome.text


async def test_describe_pod_passes_on_what_kubectl_says(bench: Bench, kubectl: FakeProgram) -> None:
    kubectl.answer("describe", "pod/web-1", out="Name: web-1\n")
    outcome = await bench.run("describe-pod", pod="web-1", namespace="web", cluster="lab")
    assert outcome.text.strip() == "Name: web-1"
    assert kubectl.calls == [["describe", "pod/web-1", TIMEOUT, "--namespace=web", "--context=lab"]]


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, ["--tail=200", TIMEOUT, DEFAULT, "--all-containers", "--prefix"]),
        ({"container": "app"}, ["--tail=200", TIMEOUT, DEFAULT, "--container=app"]),
        (
            {"lines": "5", "previous": "true", "container": "app"},
            ["--tail=5", TIMEOUT, DEFAULT, "--container=app", "--previous"],
        ),
    ],
    ids=["all-containers", "one-container", "before-the-restart"],
)
async def test_get_pod_logs_asks_for_the_right_container(
    bench: Bench, kubectl: FakeProgram, given: dict[str, str], more: list[str]
) -> None:
    kubectl.answer("logs", out="hello\n")
    outcome = await bench.run("get-pod-logs", pod="web-1", **given)
    assert outcome.text.strip() == "hello"
    assert kubectl.calls == [["logs", "pod/web-1", "--timestamps", *more]]


@pytest.mark.parametrize("lines", ["0", "5001", "-1", "all"])
async def test_get_pod_logs_keeps_its_bounds(
    bench: Bench, kubectl: FakeProgram, lines: str
) -> None:
    outcome = await bench.run("get-pod-logs", pod="web-1", lines=lines)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.text.strip() == "lines must be 1 to 5000"
    assert kubectl.calls == []


OLD = "u-1 web-1 Running true web\nu-5 web-5 Running true web\nu-7 db-0 Running true db\n"
NEW = "u-5 web-5 Running true web\nu-2 web-9 {} web\nu-7 db-0 Running true db\n"
RESTARTS = pytest.mark.parametrize("operation", ["restart-pod", "force-restart-pod"])


def answer_owned_pod(
    kubectl: FakeProgram, *, then_uid: str = "", successor: str = "Running true,true"
) -> None:
    kubectl.answer("get", OWNER, out="u-1 ReplicaSet web")
    kubectl.answer("get", UID, out=then_uid)
    kubectl.answer("delete", out='pod "web-1" deleted\n')
    kubectl.answer("get", "pods", out=OLD, once=True)
    kubectl.answer("get", "pods", out=NEW.format(successor) if successor else OLD[27:])


@pytest.fixture
def hurried(programs: Path) -> None:
    """A `sleep` that does not."""
    (programs / "sleep").write_text("#!/bin/sh\n", encoding="utf-8")
    (programs / "sleep").chmod(0o755)


@pytest.mark.parametrize("then_uid", ["", "u-2"], ids=["gone", "same-name-new-pod"])
async def test_restart_pod_deletes_it_and_waits_for_its_replacement(
    bench: Bench, kubectl: FakeProgram, then_uid: str
) -> None:
    answer_owned_pod(kubectl, then_uid=then_uid)
    outcome = await bench.run("restart-pod", pod="web-1", cluster="lab")
    flags = [TIMEOUT, DEFAULT, "--context=lab"]
    owned = ["get", "pods", *flags, "--no-headers", "-o", COLUMNS]
    assert outcome.verdict is Verdict.SUCCEEDED
    assert [line.split() for line in outcome.text.splitlines()[-3:]] == [
        ["NAME", "PHASE", "READY"],
        ["web-5", "Running", "true"],
        ["web-9", "Running", "true,true"],
    ]
    assert kubectl.calls == [
        ["get", "pod/web-1", *flags, "-o", OWNER],
        owned,
        ["delete", "pod/web-1", "--wait=false", *flags],
        ["get", "pod/web-1", *flags, "--ignore-not-found", "-o", UID],
        owned,
        owned,
    ]


@pytest.mark.usefixtures("hurried")
async def test_restart_pod_says_when_the_pod_does_not_end(
    bench: Bench, kubectl: FakeProgram
) -> None:
    answer_owned_pod(kubectl, then_uid="u-1")
    outcome = await bench.run("restart-pod", pod="web-1")
    assert outcome.verdict is Verdict.FAILED
    assert "pod web-1 was told to end and still runs after a minute" in outcome.text


@RESTARTS
@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("successor", "reason"),
    [
        ("Pending <none>", "the new pod is not ready after 90 seconds: Pending"),
        ("Running true,false", "the new pod is not ready after 90 seconds: Running"),
        ("", "the ReplicaSet web has made no new pod after 90 seconds"),
    ],
    ids=["pending", "one-container", "none"],
)
async def test_a_restart_without_a_successor_that_is_ready_fails(
    bench: Bench, kubectl: FakeProgram, operation: str, successor: str, reason: str
) -> None:
    answer_owned_pod(kubectl, successor=successor)
    outcome = await bench.run(operation, pod="web-1")
    assert outcome.verdict is Verdict.FAILED
    assert reason in outcome.text
    assert ["web-5", "Running", "true"] in [line.split() for line in outcome.text.splitlines()]


async def test_force_restart_pod_does_not_wait_for_a_clean_end(
    bench: Bench, kubectl: FakeProgram
) -> None:
    answer_owned_pod(kubectl)
    outcome = await bench.run("force-restart-pod", pod="web-1")
    flags = [TIMEOUT, DEFAULT]
    assert outcome.verdict is Verdict.SUCCEEDED
    assert kubectl.calls[1:] == [
        OWNED,
        ["delete", "pod/web-1", "--force", "--grace-period=0", "--wait=false", *flags],
        OWNED,
        OWNED,
    ]


@RESTARTS
@pytest.mark.parametrize(
    ("out", "err", "reason"),
    [
        ("u-1  ", "", "pod web-1 has no controller"),
        ("u-1 Node n1", "", "pod web-1 is a static pod"),
        ("", 'Error: pods "web-1" not found', 'pods "web-1" not found'),
    ],
    ids=["no-owner", "static", "missing"],
)
async def test_a_pod_that_would_not_come_back_is_never_deleted(
    bench: Bench, kubectl: FakeProgram, operation: str, out: str, err: str, reason: str
) -> None:
    kubectl.answer("get", OWNER, out=out, err=err, code=1 if err else 0)
    outcome = await bench.run(operation, pod="web-1")
    assert outcome.verdict is Verdict.FAILED
    assert reason in outcome.text
    assert len(kubectl.calls) == 1


ADDRESSES = {
    "nodes": "node n1 v1.30.0 192.168.1.4 n1\n",
    "services": "service web/web LoadBalancer 10.96.0.7 1.2.3.4 5.6.7.8\n",
    "pods": "pod web/web-1 n1 10.0.0.5 fd00::5\npod web/web-2 n1 10.0.0.55\n",
}


@pytest.mark.parametrize(
    ("ip", "line"),
    [
        ("192.168.1.4", "node n1 (v1.30.0)"),
        ("5.6.7.8", "service web/web (LoadBalancer)"),
        ("10.0.0.5", "pod web/web-1 (n1)"),
        ("fd00::5", "pod web/web-1 (n1)"),
        ("10.0.0.4", "no service, pod or node of the cluster has 10.0.0.4"),
    ],
)
async def test_get_cluster_ip_names_who_has_exactly_this_address(
    bench: Bench, kubectl: FakeProgram, ip: str, line: str
) -> None:
    for kind, rows in ADDRESSES.items():
        kubectl.answer("get", kind, out=rows)
    outcome = await bench.run("get-cluster-ip", ip=ip, cluster="lab")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.strip() == line
    assert {tuple(call[2:5]) for call in kubectl.calls} == {
        ("--all-namespaces", TIMEOUT, "--context=lab")
    }


async def test_get_cluster_ip_refuses_what_is_no_address(
    bench: Bench, kubectl: FakeProgram
) -> None:
    outcome = await bench.run("get-cluster-ip", ip="web-1")
    assert outcome.verdict is Verdict.FAILED
    assert outcome.text.strip() == "ip must be an IPv4 or IPv6 address"
    assert kubectl.calls == []


READING = {
    "list-pods": {},
    "list-nodes": {},
    "describe-pod": {"pod": "web-1"},
    "get-pod-logs": {"pod": "web-1"},
    "get-cluster-ip": {"ip": "10.0.0.5"},
}


@pytest.mark.parametrize("operation", READING)
async def test_an_error_of_kubectl_is_a_failure_with_its_words(
    bench: Bench, kubectl: FakeProgram, operation: str
) -> None:
    kubectl.answer(err="Unable to connect to the server: i/o timeout\n", code=1)
    outcome = await bench.run(operation, **READING[operation])
    assert outcome.verdict is Verdict.FAILED
    assert "Unable to connect to the server" in outcome.text


EVIL = ["a; touch /tmp/x", "$(id)", "`id`", "a b", "--all", "'\"", "*", "$HOME", "a\nb", "\\"]


@pytest.mark.parametrize("value", EVIL)
async def test_a_value_reaches_kubectl_as_one_argument(
    bench: Bench, kubectl: FakeProgram, value: str
) -> None:
    answer_owned_pod(kubectl)
    await bench.run("restart-pod", pod=value, namespace=value, cluster=value)
    own = [f"pod/{value}", TIMEOUT, f"--namespace={value}", f"--context={value}"]
    assert kubectl.calls[0] == ["get", *own, "-o", OWNER]
