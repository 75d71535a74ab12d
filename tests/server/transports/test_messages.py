"""What says a thing twice, or too much, or is no message, reaches no handler on any transport."""

import json
import logging
from typing import Any

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.server.conftest import Ground
from tests.server.forked_stdio import forked_stdio
from tests.server.harness import running
from tests.server.lines import answers_on_stdio
from tests.server.older import event_stream, initialize, older

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

_PLANTED = "planted-in-a-message"


def message(fields: str) -> bytes:
    """What passes for a request but for these fields, which stand in the place of its id."""
    return f'{{"jsonrpc":"2.0",{fields},"x":"{_PLANTED}"}}'.encode()


NO_MESSAGES: dict[str, tuple[bytes, str, int | None]] = {
    "batch": (b"[" + message('"id":7,"method":"ping"') + b"]", "it is a batch", None),
    "scalar": (b"7", "not an object", None),
    "nothing": (b"null", "not an object", None),
    "no version": (f'{{"id":9,"method":"ping","x":"{_PLANTED}"}}'.encode(), "jsonrpc must", 9),
    "fraction": (message('"id":1.5,"method":"ping"'), "its id must", None),
    "null": (message('"id":null,"method":"ping"'), "its id must", None),
    "truth": (message('"id":true,"method":"ping"'), "its id must", None),
    "list of params": (message('"id":11,"method":"ping","params":[1]'), "its params must", 11),
    "method": (message('"id":12,"method":5'), "its method must", 12),
    "neither": (message('"id":8'), "neither a method nor", 8),
    "text as a result": (message('"id":8,"result":"x"'), "a result must", None),
    "error": (message('"id":8,"error":{"code":1}'), "an error must", None),
    "half": (message(r'"id":14,"method":"ping","params":{"a":"\ud800"}'), "half a char", 14),
    "half a key": (message(r'"id":15,"method":"ping","params":{"\uDC00":1}'), "half a char", 15),
    "half an id": (message(r'"id":"\udead","method":"ping"'), "half a char", None),
}
"""JSON that is no message, what is said of it, and the id under which."""


@pytest.mark.parametrize(("body", "words", "number"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("headers", [ACCEPT, dict(list(ACCEPT.items())[:2])], ids=["new", "old"])
async def test_a_bad_body_is_refused(
    ground: Ground, headers: dict[str, str], body: bytes, words: str, number: int | None
) -> None:
    async with running("http-modern", ground.environ(), ground.root) as run:
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{run.url}/mcp", headers=headers, content=body)
        assert run.services is not None
        runs = (await run.services.calls.executions.history.list(run.services.calls.principal)).runs
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
    answers = await answers_on_stdio(ground, lines, count=6)
    *refusals, result = answers
    assert [answer["id"] for answer in answers] == [0, 0, None, None, None, 0]
    assert all("was not read" in answer["error"]["message"] for answer in refusals)
    assert "hello world" in str(result["result"]["content"])


@pytest.mark.parametrize("headers", [ACCEPT, {}], ids=["new", "old"])
async def test_what_is_no_message_is_refused_over_http(
    ground: Ground, headers: dict[str, str]
) -> None:
    async with (
        running("http-legacy", ground.environ(), ground.root) as run,
        older(run.url) as client,
    ):
        for body, words, number in NO_MESSAGES.values():
            both = headers or client.headers
            answer = await client.http.post(client.url, headers=both, content=body)
            assert answer.status_code == 400
            _check_refusal(answer.json(), words, number)
        assert await client.ask("ping") == {}


def _check_refusal(answer: Any, words: str, number: int | None) -> None:
    assert (answer["error"]["code"], answer["id"]) == (-32600, number)
    assert words in answer["error"]["message"]
    assert _PLANTED not in str(answer)


async def test_what_is_no_message_is_refused_on_stdio(ground: Ground) -> None:
    lines = [body for body, _, _ in NO_MESSAGES.values()]
    answers = await answers_on_stdio(
        ground, [*lines, call('{"who":"world"}')], count=1 + len(lines)
    )
    for answer, (_, words, number) in zip(answers, NO_MESSAGES.values(), strict=False):
        _check_refusal(answer, words, number)
    assert "hello world" in str(answers[-1]["result"]["content"])


async def test_what_is_no_message_is_refused_beside_an_event_stream_without_a_trace(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        running("sse-legacy", ground.environ(), ground.root) as run,
        event_stream(run.url) as (http, address, _),
    ):
        for body, words, number in NO_MESSAGES.values():
            answer = await http.post(address, headers=ACCEPT, content=body)
            assert answer.status_code == 400
            _check_refusal(answer.json(), words, number)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "body",
    [
        message('"method":"notifications/nonsense"'),
        message('"method":"notifications/nonsense","params":null'),
        message('"id":8,"result":{}'),
        message('"id":null,"error":{"code":1,"message":"x"}'),
    ],
)
async def test_what_asks_for_nothing_is_taken(ground: Ground, body: bytes) -> None:
    async with (
        running("http-legacy", ground.environ(), ground.root) as run,
        older(run.url) as client,
    ):
        assert (await client.post(body)).status_code == 202


@pytest.mark.parametrize(
    "answer",
    [
        '"result":"yes"',
        '"result":null',
        '"error":"no"',
        '"result":{"action":"accept","action":"decline"}',
        '"result":{"action":"perhaps"}',
    ],
)
async def test_an_answer_of_a_wrong_shape_to_a_question_is_answered_at_once(
    answer: str, ground: Ground
) -> None:
    # Which must not make of it a client that cannot ask, and asks by itself.
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    call = {"name": "delete-thing", "arguments": {"name": "disk-7"}}
    opened = initialize()
    opened["params"]["capabilities"] = {"elicitation": {}}
    lines = [
        opened,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "the call", "method": "tools/call", "params": call},
    ]
    with anyio.fail_after(60):  # a question may wait for 300 s
        async with (
            forked_stdio(environ) as server,
            await anyio.open_process([server.command, *server.args]) as process,
        ):
            assert process.stdin is not None and process.stdout is not None
            said = BufferedByteReceiveStream(process.stdout)
            await process.stdin.send(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            question: Any = {}
            while question.get("method") != "elicitation/create":
                question = json.loads(await said.receive_until(b"\n", 100_000))
            line = f'{{"jsonrpc":"2.0","id":{json.dumps(question["id"])},{answer}}}\n'
            await process.stdin.send(line.encode())
            result: Any = {}
            while result.get("id") != "the call":
                result = json.loads(await said.receive_until(b"\n", 100_000))
            await process.stdin.aclose()
    assert result["result"]["isError"]
    assert "is no answer to that. It was not started." in result["result"]["content"][0]["text"]
    assert not ground.marker.exists()
