"""A bench for the bundled operations: a home and programs of its own, nothing of the user."""

from pathlib import Path

import pytest

from tests.fakes.program import FakeProgram
from tests.pipelines.bundled.bench import SYSTEM_PATH, Bench


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The folder that comes first on the PATH of the steps."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(tmp_path: Path, programs: Path) -> Bench:
    environ = {"PATH": f"{programs}:{SYSTEM_PATH}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    return Bench(tmp_path, environ)


KUBECONFIG = """
current-context: lab
contexts:
  - {name: lab, context: {cluster: lab}}
  - {name: live, context: {cluster: live}}
clusters:
  - {name: lab, cluster: {server: "https://lab.example:6443"}}
"""


@pytest.fixture
def kubectl(tmp_path: Path, programs: Path) -> FakeProgram:
    """A fake kubectl, and a kubeconfig with the contexts `lab` and `live`."""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBECONFIG, encoding="utf-8")
    return FakeProgram(programs, "kubectl")
