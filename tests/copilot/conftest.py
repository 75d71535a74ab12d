from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.process import MANIFESTS, Opsmcp
from tests.copilot.harness import Copilot
from tests.fakes.openai_server import FakeOpenAI, fake_openai

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
  name: show-many
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows many lines.
  host: localhost
  steps:
    - name: count
      content: seq 400 | sed 's/^/line /'
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
