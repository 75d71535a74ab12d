"""A client of the older era over streamable HTTP that says just what it is told to, in any version.

The SDK's own client asks for the newest version only, and cannot be made to err.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

ACCEPT = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}


def initialize(version: str = "2025-11-25") -> dict[str, Any]:
    """The request that opens a session."""
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    }
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


@dataclass(frozen=True)
class Older:
    """An open session; `headers` are those of its requests."""

    http: httpx2.AsyncClient
    url: str
    headers: Mapping[str, str]

    async def post(self, message: object) -> httpx2.Response:
        """Send one message; bytes go as they are."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return await self.http.post(self.url, content=body, headers=self.headers)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a request."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return result_of(await self.post(message))


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result in the last event of a stream."""
    (*_, last) = [line for line in answer.text.splitlines() if line.startswith("data:")]
    return json.loads(last.removeprefix("data:"))["result"]


@asynccontextmanager
async def older(url: str, version: str = "2025-11-25") -> AsyncGenerator[Older]:
    """Open a session of the opsmcp at `url`; it is left open in the end, as many clients do."""
    async with httpx2.AsyncClient(timeout=30) as http:
        yield await open_session(http, url, version)


async def open_session(http: httpx2.AsyncClient, url: str, version: str = "2025-11-25") -> Older:
    """Another session over the same connections."""
    opened = await http.post(f"{url}/mcp", json=initialize(version), headers=ACCEPT)
    assert opened.status_code == 200, opened.text
    assert result_of(opened)["protocolVersion"] == version
    headers = {**ACCEPT, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
    session = Older(http, f"{url}/mcp", {**headers, "MCP-Protocol-Version": version})
    await session.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
    return session


@asynccontextmanager
async def event_stream(
    url: str,
) -> AsyncGenerator[tuple[httpx2.AsyncClient, str, AsyncIterator[str]]]:
    """The older transport: where to post messages, and the lines of the stream of answers."""
    async with httpx2.AsyncClient(timeout=30) as http, http.stream("GET", f"{url}/sse") as stream:
        lines = stream.aiter_lines()
        yield http, url + await next_data(lines), lines


async def next_data(lines: AsyncIterator[str]) -> str:
    """What the next event of a stream holds."""
    async for line in lines:
        if line.startswith("data: "):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended")
