"""A client of a stdio server that only writes and reads lines, so that it costs little itself."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["StdioServer"]

_INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}


class StdioServer:
    """A running server, initialized in the older era."""

    def __init__(self, arguments: Sequence[str], environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own servers
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._in, self._out = self._process.stdin, self._process.stdout
        self._id = 0
        self.request("initialize", _INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method: str, params: dict[str, Any] | None = None) -> bytes:
        """Send a request and return the raw line that answers it."""
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params or {}})
        marker = f'"id":{self._id}'.encode()
        for line in self._out:
            if marker in line[:60] or marker in line[-60:]:
                return line
        raise EOFError(f"the server ended before it answered {method}")

    def _send(self, message: dict[str, Any]) -> None:
        self._in.write(json.dumps(message).encode() + b"\n")
        self._in.flush()

    def close(self) -> None:
        """End the server as clients do: by closing its input."""
        self._in.close()
        self._out.close()
        self._process.wait(10)
