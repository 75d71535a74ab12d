"""Clients that only write and read bytes, so that they cost little themselves.

Each starts a server and speaks to it in one of the two protocol eras: over the pipes of stdio, or
over one kept connection of streamable HTTP.
"""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["ERAS", "HttpServer", "Server", "StdioServer", "TRANSPORTS"]

_OLDER, _NEWER = "2025-11-25", "2026-07-28"
ERAS = ("legacy", "modern")

_CLIENT = {"name": "bench", "version": "0"}
_INITIALIZE = {"protocolVersion": _OLDER, "capabilities": {}, "clientInfo": _CLIENT}
_ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": _NEWER,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_ANSWERS = "application/json, text/event-stream"


class Server:
    """A running server; in the older era it is initialized."""

    stderr = subprocess.DEVNULL

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], era: str) -> None:
        self.modern = era == "modern"
        self._id = 0
        self._process = subprocess.Popen(  # noqa: S603 - our own servers
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=environ,
        )

    def request(self, method: str, params: dict[str, Any] | None = None) -> bytes:
        """Send a request and return the raw message that answers it."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def call(self, tool: str, arguments: dict[str, Any]) -> bytes:
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    def tools(self) -> list[dict[str, Any]]:
        return json.loads(self.request("tools/list"))["result"]["tools"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def memory(self) -> int:
        """Its resident memory, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        if found is None:
            raise RuntimeError("the system does not say how much memory a process has")
        return int(found[1]) * 1024

    def _message(self, method: str, params: dict[str, Any] | None) -> bytes:
        self._id += 1
        given = {**(params or {}), **({"_meta": _ENVELOPE} if self.modern else {})}
        message = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": given}
        return json.dumps(message).encode()

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] | None = getattr(self._process, name)
        if pipe is None:
            raise RuntimeError(f"the process has no {name}")
        return pipe

    def _end(self) -> None:
        self._process.wait(15)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


_INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


class StdioServer(Server):
    """A server on stdin and stdout."""

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], era: str = "legacy"
    ) -> None:
        super().__init__(arguments, environ, era)
        if not self.modern:
            self.request("initialize", _INITIALIZE)
            self._send(_INITIALIZED)

    def request(self, method: str, params: dict[str, Any] | None = None) -> bytes:
        self._send(self._message(method, params))
        marker = b'"id":%d' % self._id
        for line in self._pipe("stdout"):
            if marker in line[:60] or marker in line[-60:]:
                return line
        raise EOFError(f"the server ended before it answered {method}")

    def _send(self, message: bytes) -> None:
        self._pipe("stdin").write(message + b"\n")
        self._pipe("stdin").flush()

    def close(self) -> None:
        """End the server as clients do: by closing its input."""
        self._pipe("stdin").close()
        self._end()


class HttpServer(Server):
    """A server on a port of its own, which it says on stderr."""

    stderr = subprocess.PIPE

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], era: str = "modern"
    ) -> None:
        super().__init__(arguments, environ, era)
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=60)
        self._headers = {"Accept": _ANSWERS, "Content-Type": "application/json"}
        self._headers["MCP-Protocol-Version"] = _NEWER if self.modern else _OLDER
        if not self.modern:
            self.request("initialize", _INITIALIZE)
            self._post(_INITIALIZED, {})

    def _port(self) -> int:
        for line in self._pipe("stderr"):
            found = re.search(rb"127\.0\.0\.1:(\d+)", line)
            if found:
                return int(found[1])
        raise EOFError("the server did not say where it listens")

    def request(self, method: str, params: dict[str, Any] | None = None) -> bytes:
        more = {"Mcp-Method": method} if self.modern else {}
        if self.modern and params and "name" in params:
            more["Mcp-Name"] = params["name"]
        body = self._post(self._message(method, params), more)
        # In a stream of events the message is the line of data.
        lines = (line for line in body.split(b"\n") if line.startswith(b"data: {"))
        return body if body.startswith(b"{") else next(lines).removeprefix(b"data: ")

    def _post(self, message: bytes, more: dict[str, str]) -> bytes:
        self._connection.request("POST", "/mcp", message, {**self._headers, **more})
        response = self._connection.getresponse()
        session = response.headers.get("Mcp-Session-Id")
        if session:
            self._headers["Mcp-Session-Id"] = session
        return response.read()

    def close(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._end()


TRANSPORTS: Mapping[str, type[StdioServer] | type[HttpServer]] = {
    "stdio": StdioServer,
    "http": HttpServer,
}
