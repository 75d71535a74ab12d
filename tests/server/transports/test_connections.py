"""Whoever holds connections for nothing keeps nobody out, and is cut in time."""

import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress

import anyio
import httpx2
import pytest
from anyio import to_thread
from anyio.abc import SocketStream
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.transports.connections import Places, most_connections
from opsmcp_server.transports.large_answers import ChunksMiddleware
from tests.server.conftest import Ground
from tests.server.raw import (
    CHUNKED,
    GET,
    HALF,
    Bounded,
    answer,
    bounded,
    left_to_read,
    post,
    silent_client,
    until_closed,
)

_OK = PlainTextResponse("ok")


class _Held:
    """An app that answers when it is let."""

    def __init__(self) -> None:
        self.let = anyio.Event()
        self.asked = anyio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.release()
        await self.let.wait()
        await _OK(scope, receive, send)


async def _several(it: Bounded, number: int) -> list[SocketStream]:
    return [await it.connect(HALF) for _ in range(number)]


async def test_connections_without_a_request_keep_nobody_out() -> None:
    async with bounded(_OK, Places(4)) as it:
        await _several(it, 20)
        for _ in range(5):
            stream = await it.connect(GET)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        assert len(it.server.server_state.connections) <= 4


async def test_who_never_asked_is_closed_before_who_did() -> None:
    async with bounded(_OK, Places(3)) as it:
        known = await it.connect(GET)
        await answer(known)
        half_open = await _several(it, 10)
        await until_closed(half_open[0])
        await known.send(GET)
        assert (await answer(known)).startswith(b"HTTP/1.1 200")


async def test_an_idle_connection_gives_its_place_to_a_new_one() -> None:
    async with bounded(_OK, Places(2)) as it:
        idle = [await it.connect(GET), await it.connect(GET)]
        for stream in idle:
            await answer(stream)
        new = await it.connect(GET)
        assert (await answer(new)).startswith(b"HTTP/1.1 200")
        assert await until_closed(idle[0]) == b""


async def test_what_is_being_answered_is_not_given_up_for_others() -> None:
    held = _Held()
    async with bounded(held, Places(2)) as it:
        asked = [await it.connect(GET), await it.connect(GET)]
        for _ in asked:
            await held.asked.acquire()
        assert await until_closed(await it.connect(GET)) == b""
        held.let.set()
        for stream in asked:
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_a_head_that_does_not_end_is_cut_however_it_comes() -> None:
    async with bounded(_OK, Places(9, head_seconds=0.3)) as it:
        silent, half = await it.connect(), await it.connect(HALF)
        assert await until_closed(silent) == b""
        assert await until_closed(half) == b""
        dripping, sent = await it.connect(), 0
        try:
            while True:
                await dripping.send(b"GET /" if not sent else b"a")
                sent += 1
                await anyio.sleep(0.02)
        except anyio.BrokenResourceError:
            assert sent < 500


async def test_the_head_of_the_second_request_has_its_time_too() -> None:
    async with bounded(_OK, Places(9, head_seconds=0.3)) as it:
        stream = await it.connect(GET)
        await answer(stream)
        await stream.send(HALF)
        assert await until_closed(stream) == b""


async def test_a_body_that_goes_on_after_its_answer_is_cut() -> None:
    async with bounded(_OK, Places(9, head_seconds=0.3)) as it:
        stream = await it.connect(post(b"a", 1_000_000))
        await answer(stream)
        await stream.send(b"a")
        assert await until_closed(stream) == b""


async def _count(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} ok")(scope, receive, send)


def _in_pieces(number: int, piece: bytes) -> bytes:
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    return CHUNKED + chunk * number + b"0\r\n\r\n"


@pytest.mark.parametrize("app", [_count, _OK], ids=["read", "not read"])
async def test_a_body_of_many_tiny_pieces_is_cut(app: ASGIApp) -> None:
    async with bounded(app, Places(9)) as it:
        stream = await it.connect()
        with suppress(anyio.BrokenResourceError):
            await stream.send(_in_pieces(1_000, b"a"))
        assert await until_closed(stream) == b""


async def test_a_body_in_pieces_of_some_size_is_read() -> None:
    async with bounded(_count, Places(9)) as it:
        stream = await it.connect(_in_pieces(200, b"a") + _in_pieces(2_000, b"a" * 1024))
        assert (await answer(stream)).endswith(b"200 ok")
        assert (await answer(stream)).endswith(b"2048000 ok")


async def _long(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("x" * 8_000_000 + "ok")(scope, receive, send)


async def test_an_answer_that_is_not_read_is_cut_and_its_app_ends() -> None:
    ended = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ChunksMiddleware(_long)(scope, receive, send)
        ended.set()

    async with bounded(app, Places(9, unread_seconds=0.3)) as it:
        with silent_client(it.port, GET) as client:
            await ended.wait()
            assert len(await to_thread.run_sync(left_to_read, client)) < 2_000_000


async def test_a_long_answer_that_is_read_comes_whole_and_in_pieces() -> None:
    most = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def measured(message: Message) -> None:
            nonlocal most
            most = max(most, len(message.get("body", b"")))
            await send(message)

        await ChunksMiddleware(_long)(scope, receive, measured)

    async with bounded(app, Places(9, unread_seconds=5)) as it:
        stream = await it.connect(GET)
        read = await answer(stream)
    assert len(read.partition(b"\r\n\r\n")[2]) == 8_000_002
    assert most == 65536


def test_half_of_what_may_be_open_may_be_connections() -> None:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1 <= most_connections() <= files // 2


_FEW_FILES = 128


@pytest.mark.parametrize("flooded", ["mcp", "metrics"])
def test_a_flood_of_connections_does_not_silence_a_server_with_few_files(
    flooded: str, ground: Ground
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "opsmcp_server", "serve", "--port", "0"],
        env=ground.environ(OPSMCP_SERVER_METRICS_ADDRESS="127.0.0.1:0"),
        cwd=ground.root,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (_FEW_FILES, _FEW_FILES)),
    ) as process:
        assert process.stderr is not None
        try:
            ports = {name: _port_of(process.stderr, name) for name in ("mcp", "metrics")}
            port = ports["mcp"]
            _send_what_is_no_request(port)
            with ExitStack() as flood:
                _flood(ports[flooded], flood)
                for _ in range(3):
                    answer = httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
                    assert answer.text == "ok\n"
        finally:
            process.send_signal(signal.SIGTERM)
            log = process.stderr.read().decode()
    assert process.returncode == 0
    assert log.count("connections are taken") == 1
    assert "no connection can be accepted" not in log
    assert "Traceback" not in log
    assert "Invalid HTTP request" not in log


def _port_of(said: Iterable[bytes], path: str) -> int:
    line = next(line for line in said if line.endswith(b"/%b\n" % path.encode()))
    return int(line.partition(b"127.0.0.1:")[2].partition(b"/")[0])


def _send_what_is_no_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"no request\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def _flood(port: int, stack: ExitStack) -> None:
    for _ in range(2 * _FEW_FILES):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        with suppress(ConnectionError):  # it had to give its place up already
            client.sendall(HALF)
