"""Streams that stand open: how they end with the server, and when too much is asked on them."""

import json
import logging
import re
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
import pytest
from anyio import to_thread
from anyio.abc import Process

from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.transports import sse
from opsmcp_server.transports.http import build_app
from tests.server.conftest import Ground
from tests.server.harness import running, services_of, serving
from tests.server.older import ACCEPT, Older, event_stream, initialize, next_data, older

_LONGER_THAN_A_TEST = "120"


class _Served:
    """`opsmcp serve` as a process of its own, and what it logs."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.log = ""

    async def read(self, until: str) -> re.Match[str]:
        assert self.process.stderr is not None
        while not (found := re.search(until, self.log)):
            self.log += (await self.process.stderr.receive()).decode()
        return found

    async def end(self) -> int:
        """Its status, once it has ended by itself."""
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self.log += chunk.decode()
        return await self.process.wait()


@asynccontextmanager
async def _served(ground: Ground, seconds: str) -> AsyncGenerator[tuple[_Served, str]]:
    environ = ground.environ(OPSMCP_SERVER_SHUTDOWN_SECONDS=seconds)
    command = [sys.executable, "-m", "opsmcp_server", "serve", "--port", "0"]
    with anyio.fail_after(40):
        async with await anyio.open_process(command, env=environ, cwd=ground.root) as process:
            served = _Served(process)
            yield served, (await served.read(r"(http://\S+)/mcp\s"))[1]


def _call(number: int, tool: str) -> dict[str, Any]:
    params = {"name": tool, "arguments": {}, "_meta": {"progressToken": number, STRUCTURED: True}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


async def _open(http: httpx2.AsyncClient, address: str) -> None:
    await http.post(address, json=initialize(), headers=ACCEPT)
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await http.post(address, json=initialized, headers=ACCEPT)


@asynccontextmanager
async def _left(client: Older) -> AsyncGenerator[None]:
    """Meanwhile a call goes on whose answer nobody waits for."""
    call = _call(5, "get-gated")
    async with client.http.stream("POST", client.url, json=call, headers=client.headers):
        pass
    yield


async def test_streams_that_wait_for_news_do_not_hold_up_the_end(ground: Ground) -> None:
    async with _served(ground, _LONGER_THAN_A_TEST) as (served, url):
        async with (
            older(url) as client,
            _left(client),
            client.http.stream("GET", client.url, headers=client.headers) as news,
            event_stream(url) as (_, _, lines),
        ):
            served.process.send_signal(signal.SIGTERM)
            assert await news.aread() == b""
            assert [line async for line in lines if line] == []
        assert await served.end() == 0
    assert "Traceback" not in served.log
    assert "ERROR" not in served.log


async def test_a_call_beside_an_event_stream_is_answered_before_the_stream_ends(
    ground: Ground,
) -> None:
    async with _served(ground, _LONGER_THAN_A_TEST) as (served, url):
        async with event_stream(url) as (http, address, lines):
            await _open(http, address)
            await http.post(address, json=_call(7, "get-gated"), headers=ACCEPT)
            await _until_progress(lines)
            served.process.send_signal(signal.SIGTERM)
            await _until_it_takes_no_more(url)
            await to_thread.run_sync(ground.open_gate)
            rest = [json.loads(line[6:]) async for line in lines if line.startswith("data: ")]
        assert await served.end() == 0
    assert rest[-1]["id"] == 7
    assert rest[-1]["result"]["structuredContent"]["verdict"] == "succeeded"


async def _until_it_takes_no_more(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with suppress(OSError):
        while True:
            await (await anyio.connect_tcp(host, int(port))).aclose()


async def _until_progress(lines: AsyncIterator[str]) -> None:
    while json.loads(await next_data(lines)).get("method") != "notifications/progress":
        pass


@pytest.mark.parametrize("twice", [True, False], ids=["at a second signal", "in time"])
async def test_what_is_not_done_is_cut_without_a_trace_in_the_log(
    twice: bool, ground: Ground
) -> None:
    seconds = _LONGER_THAN_A_TEST if twice else "0.5"
    async with _served(ground, seconds) as (served, url):
        async with (
            older(url) as client,
            client.http.stream(
                "POST", client.url, headers=client.headers, json=_call(7, "get-gated")
            ) as answer,
            event_stream(url) as (http, address, events),
        ):
            await _open(http, address)
            await http.post(address, json=_call(7, "get-gated"), headers=ACCEPT)
            lines = answer.aiter_lines()
            await _until_progress(lines)
            await _until_progress(events)
            served.process.send_signal(signal.SIGTERM)
            if twice:
                served.process.send_signal(signal.SIGINT)
            for stream in (lines, events):
                assert not [line async for line in stream if '"result"' in line]
        assert await served.end() == 0
    assert "Traceback" not in served.log
    assert "ERROR" not in served.log


async def test_a_client_that_asks_and_asks_without_an_answer_is_cut(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sse, "_MOST_UNANSWERED", 3)
    async with (
        running("sse-legacy", ground.environ(), ground.root) as run,
        event_stream(run.url) as (http, address, lines),
    ):
        await _open(http, address)
        assert "result" in json.loads(await next_data(lines))
        for number in range(3):
            await http.post(address, json=_call(number, "get-gated"), headers=ACCEPT)
        await _until_progress(lines)
        await http.post(address, json=_call(3, "get-gated"), headers=ACCEPT)
        with anyio.fail_after(60):
            assert not [line async for line in lines if '"result"' in line]
    assert "more than 3 requests unanswered" in caplog.text


class _Deaf(OpsmcpServer):
    """Reads nothing until it is told to leave."""

    def __init__(self) -> None:
        super().__init__("deaf")
        self.leave = anyio.Event()

    async def run(self, read_stream: Any, *_: Any, **__: Any) -> None:
        await self.leave.wait()
        await read_stream.aclose()


async def test_a_message_that_nobody_reads_any_more_is_no_failure_of_the_server(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with running("memory-legacy", ground.environ(), ground.root) as run:
        services, deaf = services_of(run), _Deaf()
        async with (
            serving(services, lambda _: build_app(services, deaf)) as url,
            event_stream(url) as (http, address, lines),
        ):
            assert (await http.post(address, json=initialize(), headers=ACCEPT)).status_code == 202
            deaf.leave.set()
            assert [line async for line in lines if line] == []
    assert "a client left before its message was read" in [*map(_words, caplog.records)]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _words(record: logging.LogRecord) -> str:
    return record.getMessage()
