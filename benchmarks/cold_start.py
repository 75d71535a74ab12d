"""From the start of a process to the first list of the bundled tools, beside a bare server."""

import json
import os
import tempfile
from pathlib import Path

from benchmarks.measure import Row, alternate
from benchmarks.wire import StdioServer

_ROUNDS = 15
_OURS = ["-m", "opsmcp_server", "stdio"]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "OPSMCP_STATE_DIR": folder}  # noqa: TID251 - a process of its own
        tools = Path(folder) / "tools.json"
        tools.write_bytes(_listed(environ))
        bare = ["-m", "benchmarks.bare_server", str(tools)]

        def start(arguments: list[str]) -> None:
            server = StdioServer(arguments, environ)
            server.request("tools/list")
            server.close()

        ours, theirs = alternate(lambda: start(_OURS), lambda: start(bare), _ROUNDS)
    detail = f"{ours * 1000:.0f} ms beside {theirs * 1000:.0f} ms"
    return [Row("cold start to first list / bare SDK server", ours / theirs, 1.15, detail=detail)]


def _listed(environ: dict[str, str]) -> bytes:
    server = StdioServer(_OURS, environ)
    answer = json.loads(server.request("tools/list"))
    server.close()
    return json.dumps(answer["result"]["tools"]).encode()
