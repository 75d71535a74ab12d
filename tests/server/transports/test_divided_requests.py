"""A request that a proxy could divide otherwise is refused at once, and its connection closed."""

from contextlib import suppress

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from opsmcp_server.transports.connections import Places
from tests.server.raw import GET, answer, bounded, until_closed

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"Content-Length: 5\r\n"
BODY = b"\r\nhello"
TRAILED = CHUNKED + b"5\r\nhello\r\n0\r\n"
CHUNKS = b"\r\n5\r\nhello\r\n0\r\n\r\n"
TWO_WAYS = {
    "chunked and a length": HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + BODY,
    "a length and chunked": HEAD + LENGTH + b"transfer-encoding: chunked\r\n" + CHUNKS,
    "two lengths": HEAD + LENGTH + b"Content-Length: 6\r\n" + BODY,
    "a length twice": HEAD + LENGTH + b"CONTENT-LENGTH: 5\r\n" + BODY,
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n" + BODY,
    "chunks of HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + CHUNKS[2:],
    "an unknown coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS,
    "a header that is folded": HEAD + b"X: a\r\n b\r\n" + LENGTH + BODY,
    "a length that is folded": HEAD + b"Content-Length:\r\n 5\r\n" + BODY,
    "lines without returns": (HEAD + LENGTH + b"\r\n").replace(b"\r", b"") + b"hello",
    "one line without a return": HEAD + b"X: a\n" + LENGTH + BODY,
    "half a head with such a line": b"GET / HTTP/1.1\nHost",
    "the size of a chunk with a sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "the size of a chunk without a return": CHUNKED + b"5\nhello",
    "a chunk without an end": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "an extension with a bare return": CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "an extension with a bare line feed": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with a control character": CHUNKED + b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "an extension without a name": CHUNKED + b"5;\r\nhello\r\n0\r\n\r\n",
    "an extension behind white space": CHUNKED + b"5 ;a\r\nhello\r\n0\r\n\r\n",
    "an extension that has no end": CHUNKED + b"5;" + b"a" * 1_100,
    "the size of a chunk that is huge": CHUNKED + b"f" * 17 + b"\r\nhello",
    "a length behind the body": TRAILED + b"Content-Length: 7\r\n\r\n",
    "a coding behind the body": TRAILED + b"transfer-encoding: chunked\r\n\r\n",
    "a trailer that is folded": TRAILED + b"X: y\r\n z\r\n\r\n",
    "a trailer without a return": TRAILED + b"X: y\n\r\n",
    "no trailer and no return": TRAILED + b"\n",
    "a request in the place of a trailer": TRAILED + GET,
    "trailers that have no end": TRAILED + b"X: y\r\n" * 1_400,
    "another version": GET.replace(b"1.1", b"2.0"),
}


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} ok")(scope, receive, send)


@pytest.mark.parametrize("sent", TWO_WAYS.values(), ids=TWO_WAYS.keys())
async def test_what_can_be_divided_in_two_ways_is_refused_at_once(sent: bytes) -> None:
    async with bounded(_echo, Places(9)) as it:
        with anyio.fail_after(5):  # the head may take 10 seconds
            told = await until_closed(await it.connect(sent))
    assert told.startswith(b"HTTP/1.1 400 ")
    assert told.count(b"HTTP/1.1") == 1


async def test_what_follows_a_good_request_on_its_connection_is_looked_at_too() -> None:
    good = HEAD + LENGTH + BODY
    async with bounded(_echo, Places(9)) as it:
        told = await until_closed(await it.connect(good + TWO_WAYS["chunked and a length"]))
    assert b"5 okHTTP/1.1 400 " in told


async def test_a_body_that_breaks_after_its_answer_is_cut() -> None:
    async def at_once(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)

    async with bounded(at_once, Places(9)) as it:
        stream = await it.connect(CHUNKED)
        await answer(stream)
        with suppress(anyio.BrokenResourceError):
            await stream.send(b"+5\r\nhello")
        assert await until_closed(stream) == b""


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize(
    "chunks",
    [
        CHUNKS,
        b"\r\n2\r\nhe\r\n03\r\nllo\r\n000\r\n\r\n",
        b'\r\n5;a;b=c;\td = "e;\\" \xe9"\r\nhello\r\n0;last\r\n\r\n',
        b"\r\n5\r\nhello\r\n0\r\nX-Checksum: 1\r\nAuthorization: Bearer x\r\n\r\n",
    ],
    ids=["one chunk", "chunks", "extensions", "trailers"],
)
async def test_a_good_request_is_read_however_it_comes(size: int, chunks: bytes) -> None:
    whole = HEAD + b"X: a\tb\r\nTransfer-Encoding:\tchunked \r\n" + chunks
    async with bounded(_echo, Places(9)) as it:
        stream = await it.connect()
        for start in range(0, len(whole), size):
            await stream.send(whole[start : start + size])
        assert (await answer(stream)).endswith(b"5 ok")
