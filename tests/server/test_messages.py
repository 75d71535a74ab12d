"""Messages that say a thing twice, or too much, reach no handler, over every transport."""

import json
import sys
from typing import Any

import anyio
import httpx2
import pytest

from tests.server.conftest import Ground
from tests.server.harness import running

ACCEPT = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "show-greeting",
}
_META = json.dumps(
    {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
)


def call(arguments: str) -> bytes:
    """A call of the newer era, with its arguments as they are written."""
    params = f'{{"name":"show-greeting","arguments":{arguments},"_meta":{_META}}}'
    return f'{{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{params}}}'.encode()


BAD: dict[str, tuple[bytes, str, int | None]] = {
    "twice": (call('{"who":"world","who":"moon"}'), "'who' stands twice", 0),
    "deep": (call('{"who":' + "[" * 70 + "]" * 70 + "}"), "deeper than 64", 0),
    "many": (call('{"who":[' + "1," * 100_000 + "1]}"), "more than 100000", None),
    "broken": (b'{"jsonrpc": "2.0", "id"', "not JSON", None),
}
"""Bodies, what is said of each, and the id under which."""


@pytest.mark.parametrize(("body", "words", "number"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("headers", [ACCEPT, dict(list(ACCEPT.items())[:2])], ids=["new", "old"])
async def test_a_bad_body_is_refused(
    ground: Ground, headers: dict[str, str], body: bytes, words: str, number: int | None
) -> None:
    async with running("http-modern", ground.environ(), ground.root) as run:
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{run.url}/mcp", headers=headers, content=body)
        assert run.services is not None
        runs, _ = run.services.executions.history.list(run.services.principal)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert answer.json()["id"] == number
    assert not runs


async def test_a_good_body_passes(ground: Ground) -> None:
    async with (
        running("http-modern", ground.environ(), ground.root) as run,
        httpx2.AsyncClient() as client,
    ):
        body = call('{"who":"world"}')
        answer = await client.post(f"{run.url}/mcp", headers=ACCEPT, content=body)
    assert answer.status_code == 200
    assert "hello world" in answer.text


async def test_a_message_beside_an_event_stream_is_looked_at(ground: Ground) -> None:
    async with (
        running("sse-legacy", ground.environ(), ground.root) as run,
        httpx2.AsyncClient() as client,
    ):
        url, body = f"{run.url}/messages/?session_id=0", call('{"a":1,"a":2}')
        answer = await client.post(url, headers=ACCEPT, content=body)
    assert answer.status_code == 400
    assert "'a' stands twice" in answer.text


async def test_bad_lines_on_stdin_are_answered_and_good_ones_still_read(ground: Ground) -> None:
    long = b'"' + b"x" * (5 << 20) + b'"'
    lines = [*(body for body, _, _ in BAD.values()), long, b"", call('{"who":"world"}')]
    answers = await _answers(ground, b"".join(line + b"\n" for line in lines), count=6)
    *refusals, result = answers
    assert [answer["id"] for answer in answers] == [0, 0, None, None, None, 0]
    assert all("was not read" in answer["error"]["message"] for answer in refusals)
    assert "hello world" in str(result["result"]["content"])


async def _answers(ground: Ground, lines: bytes, *, count: int) -> list[Any]:
    """What `opsmcp stdio` writes when it reads these lines."""
    with anyio.fail_after(20):
        async with await anyio.open_process(
            [sys.executable, "-m", "opsmcp_server", "stdio"], env=ground.environ(), cwd=ground.root
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            await process.stdin.send(lines)
            written = b""
            while written.count(b"\n") < count:
                written += await process.stdout.receive()
            await process.stdin.aclose()
            return [json.loads(line) for line in written.splitlines()]
