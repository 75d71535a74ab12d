"""Requests that no client of ours could send: half of Unicode, endless numbers, wrong shapes."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from tests.safety.conftest import NAME, Target
from tests.safety.test_entries import foreign
from tests.server.harness import running

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": NAME,
}
DEEP = 100_000

ARGUMENTS = {
    "half a surrogate pair": '{"keyword": "\\ud800"}',
    "half a pair in text": '{"comment": "a\\udfffb"}',
    "half a pair as a name": '{"\\ud800": "a"}',
    "a NUL": '{"keyword": "a\\u0000b"}',
    "not a number": '{"port": NaN}',
    "infinity": '{"port": Infinity}',
    "minus infinity": '{"port": -Infinity}',
    "beyond all floats": '{"port": 1e999}',
    "beyond all integers": '{"port": 1' + "0" * 5_000 + "}",
    "a very small number": '{"port": 1e-999}',
    "a negative zero and a half": '{"port": -0.5}',
    "deep lists": '{"keyword": ' + "[" * DEEP + "]" * DEEP + "}",
    "deep objects": '{"keyword": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}",
    "a name twice": '{"port": 80, "port": "80;id"}',
    "a list": '["keyword", "a;id"]',
    "a text": '"keyword=a;id"',
    "a number": "5",
    "true": "true",
    "many names": json.dumps({f"a{n}": "b" for n in range(10_000)}),
    "a long value": json.dumps({"keyword": "a" * 3_000_000}),
    "a long name": json.dumps({"a" * 3_000_000: "b"}),
    "an object of Python": '{"__class__": "a", "__init__": {"__globals__": {}}}',
    "half of a request": '{"keyword": "a',
    "a comment": '{"keyword": /* */ "a"}',
    "single quotes": "{'keyword': 'a'}",
    "bytes that are no text": '{"keyword": "\udcff"}',
}


@pytest.fixture(scope="module")
async def address(target: Target) -> AsyncGenerator[str]:
    async with running("http-modern", target.environ, target.root) as run:
        yield f"{run.url}/mcp"


def _body(arguments: str, **more: Any) -> bytes:
    params = {"name": NAME, "_meta": META, **more}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    text = json.dumps(request).replace('"params": {', f'"params": {{"arguments": {arguments}, ', 1)
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
async def test_a_request_as_bytes(
    arguments: str, address: str, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(address, headers=HEADERS, content=_body(arguments))
    assert answer.status_code < 500
    assert '"error"' in answer.text or '"isError":true' in answer.text
    assert foreign(answer.text) == []
    assert target.ops.posts == []
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize(
    "more",
    [
        {"name": 5},
        {"name": None},
        {"name": ["a"]},
        {"_meta": {**META, "opsmcp/idempotency-key": "\ud800"}},
        {"_meta": {**META, "opsmcp/plan-hash": "\ud800"}},
        {"_meta": {**META, "opsmcp/plan-hash": None}},
        {"_meta": {**META, "progressToken": {"a": "b"}}},
        {"_meta": []},
        {"_meta": None},
        {"inputResponses": {"consent": {"action": "accept", "content": {"agree": True}}}},
        {"requestState": "\ud800"},
    ],
    ids=repr,
)
async def test_a_request_of_another_shape(
    more: dict[str, Any], address: str, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(address, headers=HEADERS, content=_body('{"port": 0}', **more))
    assert answer.status_code < 500
    assert '"error"' in answer.text or '"isError":true' in answer.text
    assert foreign(answer.text) == []
    assert target.ops.posts == []
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


async def test_the_same_bytes_with_good_arguments_start_a_run(address: str, target: Target) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(address, headers=HEADERS, content=_body('{"port": 80}'))
    assert '"isError":false' in answer.text or '"isError"' not in answer.text
    assert len(target.ops.posts) == 1


@pytest.mark.parametrize("key", ["opsmcp/idempotency-key", "opsmcp/plan-hash"])
async def test_half_a_surrogate_pair_beside_good_arguments(
    key: str, address: str, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(target.ops.posts)
    body = _body('{"port": 81}', _meta={**META, key: "\ud800"})
    async with httpx2.AsyncClient() as client:
        answer = await client.post(address, headers=HEADERS, content=body)
    assert '"error"' in answer.text or '"isError":true' in answer.text
    assert foreign(answer.text) == []
    assert len(target.ops.posts) == before
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
