"""An opsmcp and a bare SDK server that serve the same tools, to be measured in turn."""

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wire import TRANSPORTS, Server, StdioServer

__all__ = ["BARE", "OURS", "Pair", "Stage", "stage"]

OURS: Mapping[str, list[str]] = {
    "stdio": ["-m", "opsmcp_server", "stdio"],
    "http": ["-m", "opsmcp_server", "serve", "--port", "0"],
}
BARE: Mapping[str, list[str]] = {
    "stdio": ["-m", "benchmarks.bare_server"],
    "http": ["-m", "benchmarks.bare_server", "--http"],
}

_MANIFEST = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: op-{n:04}, namespace: ops-system}}
spec:
  desc: show part {n}
  variables:
    namespace: {{desc: namespace, required: true}}
    pod: {{desc: pod name, required: true}}
    topk: {{default: "10", desc: lines}}
  steps: [{{name: show, content: 'echo "${{pod}}"'}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata:
  name: op-{n:04}
  namespace: ops-system
  labels: {{ops/copilot: enabled, opsmcp/read-only: "true"}}
spec:
  desc: show part {n} of the system, with its namespace and pod
  tasks: [{{name: show, taskRef: op-{n:04}}}]
---
"""
_PER_FILE = 100


@dataclass(frozen=True, slots=True)
class Stage:
    """Where both servers find what they serve."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def known(self) -> Path:
        """What the bare server serves: opsmcp's list, and one result for every call."""
        return self.folder / "known.json"

    def learn(self, call: tuple[str, dict[str, Any]] | None = None) -> int:
        """Ask an opsmcp for what the bare server is to serve; how many tools there are."""
        server = StdioServer(OURS["stdio"], self.environ)
        tools = server.tools()
        result: object = json.loads(server.call(*call))["result"] if call else {"content": []}
        server.close()
        self.known.write_text(json.dumps({"tools": tools, "result": result}), "utf-8")
        return len(tools)

    @contextmanager
    def pair(self, transport: str, era: str, *bare_options: str) -> Generator["Pair"]:
        """Both, running; `learn` comes first."""
        start = TRANSPORTS[transport]
        ours = start(OURS[transport], self.environ, era)
        try:
            bare = start([*BARE[transport], *bare_options, str(self.known)], self.environ, era)
            try:
                yield Pair(ours, bare)
            finally:
                bare.close()
        finally:
            ours.close()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two running servers."""

    ours: Server
    bare: Server


@contextmanager
def stage(operations: int) -> Generator[Stage]:
    """A folder with so many operations, listed all; the bundled ones when it is none."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = {
            **_own_environ(),
            "OPSMCP_STATE_DIR": str(folder / "state"),
            "OPSMCP_TOOLS_LIMIT": "10000",
        }
        if operations:
            _write_manifests(folder / "manifests", operations)
            environ["OPSMCP_EMBEDDED_MANIFESTS"] = str(folder / "manifests")
            environ["OPSMCP_EMBEDDED_BUNDLED"] = "false"
        yield Stage(folder, environ)


def _own_environ() -> dict[str, str]:
    """This process's, but bytecode may be kept.

    An installed opsmcp has it, like the SDK that it is measured beside. Where the environment
    forbids it, a checkout is compiled anew at every start.
    """
    environ = dict(os.environ)  # noqa: TID251 - for processes of their own
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


def _write_manifests(folder: Path, operations: int) -> None:
    folder.mkdir()
    for first in range(0, operations, _PER_FILE):
        numbers = range(first, min(first + _PER_FILE, operations))
        text = "".join(_MANIFEST.format(n=number) for number in numbers)
        (folder / f"{first:04}.yaml").write_text(text, "utf-8")
