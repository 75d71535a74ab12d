"""The contexts of a kubeconfig as clusters, and everything of it that must not be kept."""

import os
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.kubeconfig import read_clusters
from opsmcp_pipelines.models import Cluster
from tests.fakes.program import FakeProgram

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: live
contexts:
  - {name: live, context: {cluster: one, user: admin, namespace: web}}
  - {name: lab, context: {cluster: two, user: admin}}
clusters:
  - {name: one, cluster: {server: "https://user:hunter2@one.example:6443/k8s?token=hunter2"}}
  - {name: two, cluster: {server: "https://two.example", certificate-authority-data: aHVudGVyMg==}}
users:
  - {name: admin, user: {token: hunter2}}
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home without kubeconfig, and a kubectl on the PATH."""
    FakeProgram(tmp_path / "bin", "kubectl")
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def with_contexts(*names: str) -> str:
    return "contexts:\n" + "".join(f"- {{name: {name}, context: {{}}}}\n" for name in names)


def test_every_context_is_a_cluster_sorted_by_name(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", KUBECONFIG)
    found = read_clusters(environ)
    assert found.reason == ""
    assert found.clusters == (
        Cluster("lab", server="https://two.example"),
        Cluster("live", server="https://one.example:6443/k8s", default=True),
    )


def test_no_secret_is_kept(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", KUBECONFIG)
    kept = repr(read_clusters(environ))
    assert "hunter2" not in kept
    assert "aHVudGVyMg" not in kept


def test_the_first_of_several_files_wins(environ: dict[str, str], tmp_path: Path) -> None:
    one = "current-context: a\n" + with_contexts("a") + "clusters: []\n"
    two = KUBECONFIG.replace("name: lab", "name: a")
    environ["KUBECONFIG"] = f"{write(tmp_path / '1', one)}::{write(tmp_path / '2', two)}"
    assert read_clusters(environ).clusters == (
        Cluster("a", default=True),
        Cluster("live", server="https://one.example:6443/k8s"),
    )


def test_the_first_entry_of_a_name_wins(environ: dict[str, str], tmp_path: Path) -> None:
    text = with_contexts("a") + "- {name: a, context: {cluster: two}}\n" + "clusters:\n"
    text += "- {name: two, cluster: {server: https://two.example}}\n"
    write(tmp_path / ".kube" / "config", text)
    assert read_clusters(environ).clusters == (Cluster("a"),)


def test_a_context_may_be_named_like_another_type(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", with_contexts("no", "007", "2024-01-01"))
    assert [c.name for c in read_clusters(environ).clusters] == ["007", "2024-01-01", "no"]


@pytest.mark.parametrize(
    "server",
    ["", "one.example", "https://[", "https://"],
    ids=["empty", "no-scheme", "broken", "no-host"],
)
def test_a_server_that_is_no_address_is_left_out(
    environ: dict[str, str], tmp_path: Path, server: str
) -> None:
    text = KUBECONFIG.replace("https://two.example", server)
    write(tmp_path / ".kube" / "config", text)
    assert read_clusters(environ).clusters[0] == Cluster("lab")


def test_unusable_entries_are_passed_over(environ: dict[str, str], tmp_path: Path) -> None:
    text = with_contexts("good", "''", f"{'x' * 300}", '"a\\u001b[31m"')
    text += "- just-text\n- {context: {}}\n- [list]\nclusters: {not: a-list}\n"
    write(tmp_path / ".kube" / "config", text)
    assert read_clusters(environ).clusters == (Cluster("good"),)


def test_without_kubectl_there_are_no_clusters(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", KUBECONFIG)
    for path in ({"PATH": str(tmp_path)}, {"PATH": ""}):
        found = read_clusters({**environ, **path})
        assert (found.clusters, found.reason) == ((), "kubectl is not on the PATH")


@pytest.mark.parametrize("more", [{}, {"KUBECONFIG": "/no/such/file"}, {"HOME": ""}])
def test_without_a_file_the_reason_says_what_to_do(
    environ: dict[str, str], more: dict[str, str]
) -> None:
    found = read_clusters({**environ, **more})
    assert found.clusters == ()
    assert found.reason == "no kubeconfig: set KUBECONFIG or create ~/.kube/config"


@pytest.mark.parametrize("text", ["", "contexts: []", "contexts: null", "kind: Config"])
def test_a_kubeconfig_without_contexts_says_so(
    environ: dict[str, str], tmp_path: Path, text: str
) -> None:
    write(tmp_path / ".kube" / "config", text)
    assert read_clusters(environ).reason == "the kubeconfig has no contexts"


@pytest.mark.parametrize(
    "text",
    ["just text", "- a\n- b", "a: [", "[" * 2000, "a: &x [*x]", "\x00", "#" * 1_100_000],
    ids=["text", "list", "broken", "deep", "recursive", "binary", "large"],
)
def test_a_file_that_is_no_kubeconfig_cannot_be_read(
    environ: dict[str, str], tmp_path: Path, text: str
) -> None:
    path = write(tmp_path / ".kube" / "config", text)
    found = read_clusters(environ)
    assert (found.clusters, found.reason) == ((), f"the kubeconfig {path} cannot be read")


def test_a_pipe_is_never_opened(environ: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    environ["KUBECONFIG"] = str(tmp_path / "pipe")
    assert read_clusters(environ).reason.endswith("pipe cannot be read")


def test_a_broken_file_does_not_hide_a_good_one(environ: dict[str, str], tmp_path: Path) -> None:
    broken, good = write(tmp_path / "1", "a: ["), write(tmp_path / "2", KUBECONFIG)
    environ["KUBECONFIG"] = f"{broken}:{good}"
    assert [cluster.name for cluster in read_clusters(environ).clusters] == ["lab", "live"]


def test_a_file_that_cannot_be_read_at_the_moment_is_told_apart(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    environ["KUBECONFIG"] = f"{tmp_path / 'loop'}:{write(tmp_path / '2', KUBECONFIG)}"
    found = read_clusters(environ)
    assert "loop cannot be read: Too many levels of symbolic links" in found.unread
    assert [cluster.name for cluster in found.clusters] == ["lab", "live"]
