"""An ASGI app behind opsmcp's connections on a real socket, and clients that do what they like."""

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import anyio
import uvicorn
from anyio.abc import SocketStream
from starlette.types import ASGIApp

from opsmcp_server.config.groups.server import Server
from opsmcp_server.transports.connections import BoundedConnection, Places
from opsmcp_server.transports.listening import listen


@dataclass
class Bounded:
    """A server, and its clients."""

    server: uvicorn.Server
    port: int
    clients: AsyncExitStack

    async def connect(self, sent: bytes = b"") -> SocketStream:
        """A connection that has sent something. What comes is taken, also if it is not read."""
        stream = await self.clients.enter_async_context(
            await anyio.connect_tcp("127.0.0.1", self.port)
        )
        if sent:
            await stream.send(sent)
        return stream


@asynccontextmanager
async def bounded(app: ASGIApp, places: Places) -> AsyncGenerator[Bounded]:
    """`app`, served to so many."""
    config = uvicorn.Config(
        app,
        http=cast("Any", partial(BoundedConnection, places)),
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with listen(Server(port=0)) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: server.serve(sockets=[listener]))
            with anyio.fail_after(60):
                async with AsyncExitStack() as clients:
                    yield Bounded(server, listener.getsockname()[1], clients)
            server.should_exit = True


async def until_closed(stream: SocketStream) -> bytes:
    """What comes until the server closes the connection, one way or another."""
    read = b""
    try:
        async for data in stream:
            read += data
    except anyio.BrokenResourceError:
        pass
    return read


async def answer(stream: SocketStream, end: bytes = b"ok") -> bytes:
    """What comes until the end of the answer."""
    read = b""
    while not read.endswith(end):
        read += await stream.receive()
    return read


@contextmanager
def silent_client(port: int, sent: bytes) -> Generator[socket.socket]:
    """A connection that has sent something, and takes a few kilobytes of what comes."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(sent)
        yield client


def left_to_read(client: socket.socket) -> bytes:
    """What comes until the server closes the connection, one way or another."""
    read = b""
    with suppress(ConnectionError):
        while data := client.recv(65536):
            read += data
    return read


def post(body: bytes, length: int | None = None, path: str = "/") -> bytes:
    """A request; with `length`, of a body that is longer than what is sent."""
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = GET[:-2]
"""A head that lacks its end."""
