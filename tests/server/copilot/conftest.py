from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_server.config.environment import process_environment
from tests.fakes.openai_server import FakeOpenAI, fake_openai
from tests.fakes.program import FakeProgram
from tests.own_settings import write_settings
from tests.server.cli.process import MANIFESTS, Opsmcp
from tests.server.copilot.harness import Copilot
from tests.server.copilot.scenario import prepare

MORE = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: write-word
  labels: {ops/copilot: enabled}
spec:
  desc: Writes a word to a file.
  host: localhost
  variables:
    word: {desc: What to write, required: true}
  steps:
    - name: write
      content: printf '%s' ${word} > FOLDER/written
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: rotate-logs
  labels: {ops/copilot: enabled}
spec:
  desc: Changes something and says much.
  host: localhost
  steps:
    - name: rotate
      content: seq 20
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-gated
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows what comes through a pipe.
  host: localhost
  steps:
    - name: wait
      content: cat FOLDER/pipe
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-evil
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows what would move a terminal.
  host: localhost
  steps:
    - name: move
      content: printf 'evil \\033]0;owned\\007\\033[2J\\033[1;1H\\033[31mred end\\n'
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-many
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows many lines.
  host: localhost
  steps:
    - name: count
      content: for i in $(seq 400); do printf 'line %4d\\n' $i; done
"""


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with fake_openai() as fake:
        yield fake


@pytest.fixture
def opsmcp(tmp_path: Path, model: FakeOpenAI) -> Opsmcp:
    """An opsmcp whose model is the scripted one."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    for name, manifests in [("all", MANIFESTS), ("more", MORE)]:
        text = manifests.replace("FOLDER", str(tmp_path))
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "marker").touch()
    environ = {
        "OPENAI_API_BASE": model.url,
        "OPENAI_API_KEY": "sk-very-secret-key",
        "OPENAI_API_MODEL": "test-model",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "COLUMNS": "",  # as wide as the terminal is
    }
    return replace(Opsmcp(tmp_path), environ=environ)


@pytest.fixture
def copilot(opsmcp: Opsmcp) -> Copilot:
    """Its chat, in this process."""
    return Copilot(opsmcp)


@pytest.fixture
def lenient(copilot: Copilot) -> Copilot:
    """One whose policy allows everything without a question."""
    rules = "policy: {rules: [{effect: allow}]}\n"
    write_settings(copilot.folder, rules)
    return copilot


@pytest.fixture
def kubectl(tmp_path: Path) -> FakeProgram:
    """A kubectl that the bundled operations find, and two clusters, `lab` and `live`."""
    return prepare(tmp_path)


@pytest.fixture
def lab(copilot: Copilot, kubectl: FakeProgram, tmp_path: Path) -> Copilot:
    """A chat with the bundled operations."""
    del kubectl  # it is on the PATH
    path = f"{tmp_path / 'bin'}:{process_environment()['PATH']}"
    return copilot.having(PATH=path, OPSMCP_EMBEDDED_BUNDLED="true")
