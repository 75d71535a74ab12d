"""A running opsmcp with a few operations of the tests' own, on the embedded engine."""

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.harness import LINKS, Running, running, settings

_MANIFESTS = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: show-greeting, namespace: ops-system}}
spec:
  desc: show a greeting
  host: localhost
  variables:
    who: {{desc: whom to greet, required: true}}
    topk: {{default: "1", desc: how often}}
  steps:
    - {{name: say, content: 'echo "hello ${{who}} ${{topk}}"'}}
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {{name: show-greeting, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: show a greeting
  tasks: [{{name: greet, taskRef: show-greeting}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: get-gated, namespace: ops-system}}
spec:
  desc: get what comes through the gate
  host: localhost
  steps: [{{name: wait, content: 'echo begun; cat {gate}'}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {{name: get-gated, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: get what comes through the gate
  tasks: [{{name: gated, taskRef: get-gated}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: delete-thing, namespace: ops-system}}
spec:
  desc: delete the thing
  host: localhost
  variables: {{name: {{desc: its name, required: true}}}}
  steps: [{{name: delete, content: 'touch {marker}; echo "deleted ${{name}}"'}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {{name: delete-thing, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: delete the thing
  tasks: [{{name: delete, taskRef: delete-thing}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: check-failing, namespace: ops-system}}
spec:
  desc: check something that is broken
  host: localhost
  steps: [{{name: look, content: 'echo "no space left"; exit 3'}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {{name: check-failing, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: check something that is broken
  tasks: [{{name: check, taskRef: check-failing}}]
"""

EXTRA = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: list-more, namespace: ops-system}
spec: {desc: list more, host: localhost, steps: [{name: more, content: echo more}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: list-more, namespace: ops-system, labels: {ops/copilot: enabled}}
spec: {desc: list more things, tasks: [{name: more, taskRef: list-more}]}
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the tests' operations live: `gate` is a FIFO that holds `get-gated` up."""

    root: Path

    @property
    def manifests(self) -> Path:
        return self.root / "manifests"

    @property
    def gate(self) -> Path:
        return self.root / "gate"

    @property
    def marker(self) -> Path:
        return self.root / "deleted"

    def environ(self, **more: str) -> dict[str, str]:
        return settings(
            self.root,
            OPSMCP_EMBEDDED_MANIFESTS=str(self.manifests),
            OPSMCP_EMBEDDED_BUNDLED="false",
            OPSMCP_DISCOVERY_INTERVAL_SECONDS="1",
            **more,
        )

    def open_gate(self, text: str = "through\n") -> None:
        """Let `get-gated` end with this output; blocks until it has come to the gate."""
        self.gate.write_text(text, "utf-8")


def make_ground(root: Path) -> Ground:
    ground = Ground(root)
    ground.manifests.mkdir()
    os.mkfifo(ground.gate)
    text = _MANIFESTS.format(gate=ground.gate, marker=ground.marker)
    (ground.manifests / "own.yaml").write_text(text, "utf-8")
    return ground


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_ground(tmp_path)


@pytest.fixture(params=LINKS)
async def link(request: pytest.FixtureRequest, ground: Ground) -> AsyncGenerator[Running]:
    """The same opsmcp over every transport, in both eras."""
    async with running(request.param, ground.environ(), ground.root) as run:
        yield run
