"""A list of 1,000 tools over stdio, beside a bare SDK server that serves the same tools."""

import json
import os
import tempfile
from pathlib import Path

from benchmarks.measure import Row, alternate
from benchmarks.wire import StdioServer

_TOOLS = 1_000
_ROUNDS = 15

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
metadata: {{name: op-{n:04}, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: show part {n} of the system, with its namespace and pod
  tasks: [{{name: show, taskRef: op-{n:04}}}]
---
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        manifests = Path(folder) / "manifests"
        manifests.mkdir()
        for first in range(0, _TOOLS, 100):
            text = "".join(_MANIFEST.format(n=n) for n in range(first, first + 100))
            (manifests / f"{first:04}.yaml").write_text(text, "utf-8")
        environ = {
            **os.environ,  # noqa: TID251 - a process of its own
            "OPSMCP_STATE_DIR": str(Path(folder) / "state"),
            "OPSMCP_EMBEDDED_MANIFESTS": str(manifests),
            "OPSMCP_EMBEDDED_BUNDLED": "false",
            "OPSMCP_TOOLS_LIMIT": "5000",
        }
        return [_compare(folder, environ)]


def _compare(folder: str, environ: dict[str, str]) -> Row:
    ours = StdioServer(["-m", "opsmcp_server", "stdio"], environ)
    tools = json.loads(ours.request("tools/list"))["result"]["tools"]
    path = Path(folder) / "tools.json"
    path.write_text(json.dumps(tools), "utf-8")
    bare = StdioServer(["-m", "benchmarks.bare_server", str(path)], environ)
    bare.request("tools/list")
    mine, theirs = alternate(
        lambda: ours.request("tools/list"), lambda: bare.request("tools/list"), _ROUNDS
    )
    ours.close()
    bare.close()
    detail = f"{len(tools)} tools, {mine * 1000:.1f} ms beside {theirs * 1000:.1f} ms"
    return Row("list of 1,000 tools / bare SDK server", mine / theirs, 0.2, detail=detail)
