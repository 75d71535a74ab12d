"""Bodies that do not end, or are many, are bounded together; whole ones get through."""

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from opsmcp_server.transports.bodies import Bodies
from opsmcp_server.transports.connections import Places
from opsmcp_server.transports.large_answers import LargeReads, TurnsMiddleware
from opsmcp_server.transports.messages import CheckedBodies
from tests.server.raw import answer, bounded, post, until_closed

_PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
_READ = b'{"jsonrpc":"2.0","id":7,"method":"resources/read"}'
_OK = PlainTextResponse("ok")


async def test_the_body_that_takes_the_longest_gives_its_room_to_others() -> None:
    app = CheckedBodies(_OK, Bodies(most_bytes=100_000))
    async with bounded(app, Places(99)) as it:
        slow = await it.connect(post(b" " * 60_000, 200_000))
        slower = await it.connect(post(b" " * 30_000, 200_000))
        other = await it.connect(post(b" " * 30_000 + _PING))
        assert (await answer(other)).startswith(b"HTTP/1.1 200")
        assert (await answer(slow, b"}")).startswith(b"HTTP/1.1 503")
        await slower.send(b" " * (170_000 - len(_PING)) + _PING)
        assert (await answer(slower, b"}")).startswith(b"HTTP/1.1 503")


async def test_room_is_given_back_when_a_request_is_answered_or_its_client_leaves() -> None:
    app = CheckedBodies(_OK, Bodies(most_bytes=1_000))
    async with bounded(app, Places(99)) as it:
        for _ in range(5):
            left = await it.connect(post(b" " * 800, 200_000))
            await left.aclose()
            stream = await it.connect(post(b" " * 800 + _PING))
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_a_body_that_does_not_end_in_time_is_refused() -> None:
    app = CheckedBodies(_OK, Bodies(body_seconds=0.2))
    async with bounded(app, Places(99, head_seconds=0.2)) as it:
        stream = await it.connect(post(b"{", 1_000))
        assert (await until_closed(stream)).startswith(b"HTTP/1.1 408")


async def test_a_body_that_is_too_large_is_refused_before_or_while_it_comes() -> None:
    async with bounded(CheckedBodies(_OK, Bodies()), Places(99)) as it:
        declared = await it.connect(post(b"", 5_000_000))
        assert (await answer(declared, b"}")).startswith(b"HTTP/1.1 413")
        chunked = await it.connect(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await chunked.send(b"400001\r\n" + b" " * 0x400001 + b"\r\n")
        assert (await answer(chunked, b"}")).startswith(b"HTTP/1.1 413")


class _Counting:
    """An app that answers when it is let, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.asks = anyio.Semaphore(0)
        self.let = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        self.asks.release()
        await self.let.wait()
        await _OK(scope, receive, send)


async def test_large_answers_are_made_one_after_the_other_and_others_do_not_wait() -> None:
    app = _Counting()
    turns = TurnsMiddleware(app, LargeReads(at_once=1))
    async with bounded(CheckedBodies(turns, Bodies()), Places(99)) as it:
        first = await it.connect(post(_READ))
        await app.asks.acquire()
        second, ping = await it.connect(post(_READ)), await it.connect(post(_PING))
        await app.asks.acquire()
        assert app.asked == 2
        app.let.set()
        for stream in (ping, first, second):
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
    assert app.asked == 3


async def test_who_waits_for_a_turn_in_vain_is_told() -> None:
    app = _Counting()
    turns = TurnsMiddleware(app, LargeReads(at_once=1, turn_seconds=0.1))
    async with bounded(CheckedBodies(turns, Bodies()), Places(99)) as it:
        first = await it.connect(post(_READ))
        await app.asks.acquire()
        second = await it.connect(post(_READ))
        refused = await answer(second, b"}")
        assert refused.startswith(b"HTTP/1.1 503")
        assert b'"id":7' in refused
        app.let.set()
        await answer(first)


async def test_of_many_who_wait_for_a_turn_those_beyond_a_few_are_told_at_once() -> None:
    app = _Counting()
    turns = TurnsMiddleware(app, LargeReads(at_once=1))
    async with bounded(CheckedBodies(turns, Bodies()), Places(99)) as it:
        streams = [await it.connect(post(_READ)) for _ in range(40)]
        refused = await answer(streams[-1], b"}")
        assert refused.startswith(b"HTTP/1.1 503")
        app.let.set()
        assert (await answer(streams[0])).startswith(b"HTTP/1.1 200")
