"""A proxy on a real socket that does to requests what networks and Kubernetes do to them.

    async with fault_proxy(ops.url, lambda asked: FAULTS["dropped after"]) as proxy:
        settings = OpsSettings(server=proxy.url, token=ops.token)

It stands between opsmcp and the fake Ops server and passes on HTTP/1.1 with lengths, which is all
that the two speak. It never repeats a request. What it answers by itself was recorded on a real
server.
"""

import json
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.recorded_ops import load

__all__ = ["FAULTS", "Asked", "Fault", "FaultProxy", "Reach", "fault_proxy"]

_MOST_HEADER_BYTES = 65_536


class Reach(Enum):
    """Whether the request gets to the server."""

    YES = auto()
    NO = auto()
    LATE = auto()  # only when its sender has given up


class Reply(Enum):
    """What the sender gets when it is no recorded answer."""

    WHOLE = auto()
    HALF = auto()
    END = auto()
    RESET = auto()
    SILENCE = auto()


@dataclass(frozen=True)
class Fault:
    """What becomes of one request: a reply, or the name of a recorded one."""

    reach: Reach
    reply: Reply | str
    delay_seconds: float = 0.0


FAULTS: Mapping[str, Fault] = {
    "dropped before": Fault(Reach.NO, Reply.END),
    "reset before": Fault(Reach.NO, Reply.RESET),
    "silent before": Fault(Reach.NO, Reply.SILENCE),
    "late": Fault(Reach.LATE, Reply.SILENCE),
    "dropped after": Fault(Reach.YES, Reply.END),
    "reset after": Fault(Reach.YES, Reply.RESET),
    "silent after": Fault(Reach.YES, Reply.SILENCE),
    "cut short": Fault(Reach.YES, Reply.HALF),
    "delayed": Fault(Reach.YES, Reply.WHOLE, delay_seconds=0.02),
    "empty before": Fault(Reach.NO, "pipelines-list-page-size-text"),
    "empty after": Fault(Reach.YES, "pipelines-list-page-size-text"),
    "panic before": Fault(Reach.NO, "pipelines-list-page-size-0"),
    "panic after": Fault(Reach.YES, "pipelines-list-page-size-0"),
    "web page before": Fault(Reach.NO, "unknown-route"),
    "web page after": Fault(Reach.YES, "unknown-route"),
    "Kubernetes refused": Fault(Reach.NO, "kube-refused-pipelineruns-post"),
    "Kubernetes silent": Fault(Reach.NO, "kube-silent-pipelineruns-post"),
    "unauthorized": Fault(Reach.NO, "pipelineruns-post-no-token"),
}
"""All that is done to a request. Ops refuses nothing that it did, so no refusal comes after."""


@dataclass(frozen=True)
class Asked:
    """A request as the proxy sees it; `number` counts those of the same method, from 1."""

    method: str
    path: str
    body: bytes
    number: int
    raw: bytes = field(repr=False)


Plan = Callable[[Asked], Fault | None]
"""What shall become of a request; None passes it on."""


@dataclass
class FaultProxy:
    """The handle of a running proxy."""

    upstream: tuple[str, int]
    plan: Plan
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter[str])

    async def serve(self, client: SocketStream) -> None:
        """Answer one connection until either side ends it."""
        async with client, _Upstream(self.upstream) as server:
            reader = BufferedByteReceiveStream(client)
            try:
                while await self._pass_on(client, reader, server):
                    pass
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, OSError):
                return

    async def _pass_on(
        self, client: SocketStream, reader: BufferedByteReceiveStream, server: "_Upstream"
    ) -> bool:
        """Do one request; whether there may be another on this connection."""
        asked = await self._read(reader)
        fault = self.plan(asked)
        if fault is None:
            await client.send(await server.exchange(asked.raw))
            return True
        answer = await server.exchange(asked.raw) if fault.reach is Reach.YES else b""
        await anyio.sleep(fault.delay_seconds)
        match fault.reply:
            case Reply.WHOLE:
                await client.send(answer)
                return True
            case Reply.HALF:
                await client.send(answer[: len(answer) // 2])
            case Reply.END:
                pass
            case Reply.RESET:
                _reset(client)
            case Reply.SILENCE:
                await self._outwait(reader)
            case recorded:
                await client.send(_recorded(recorded))
                return True
        if fault.reach is Reach.LATE:
            await server.exchange(asked.raw)
        return False

    async def _read(self, reader: BufferedByteReceiveStream) -> Asked:
        head = await reader.receive_until(b"\r\n\r\n", _MOST_HEADER_BYTES)
        body = await reader.receive_exactly(_length(head))
        method, path, _ = head.split(b" ", 2)
        self.asked[method.decode()] += 1
        raw = head + b"\r\n\r\n" + body
        return Asked(method.decode(), path.decode(), body, self.asked[method.decode()], raw)

    async def _outwait(self, reader: BufferedByteReceiveStream) -> None:
        """Say nothing until the client hangs up."""
        try:
            while True:
                await reader.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return


class _Upstream:
    """One connection to the server, opened when it is needed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._stream: SocketStream | None = None
        self._reader: BufferedByteReceiveStream | None = None

    async def __aenter__(self) -> "_Upstream":
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._stream:
            await self._stream.aclose()

    async def exchange(self, request: bytes) -> bytes:
        if self._stream is None or self._reader is None:
            self._stream = await anyio.connect_tcp(*self._address)
            self._reader = BufferedByteReceiveStream(self._stream)
        await self._stream.send(request)
        head = await self._reader.receive_until(b"\r\n\r\n", _MOST_HEADER_BYTES)
        return head + b"\r\n\r\n" + await self._reader.receive_exactly(_length(head))


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


def _reset(stream: SocketStream) -> None:
    """Have the connection reset, not ended, when it is closed."""
    linger = struct.pack("ii", 1, 0)
    stream.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@cache
def _recorded(name: str) -> bytes:
    """The answer of a recording as it goes over the wire."""
    found = load(name)
    body = found.get("body_text") if "body_text" in found else json.dumps(found["body"])
    content = (body or "").encode()
    headers = {**found["headers"], "content-length": str(len(content))}
    lines = [f"HTTP/1.1 {found['status']} Recorded", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


@asynccontextmanager
async def fault_proxy(upstream: str, plan: Plan) -> AsyncGenerator[FaultProxy]:
    """Run a proxy to the server at `upstream` on a port of its own."""
    parts = urlsplit(upstream)
    proxy = FaultProxy((parts.hostname or "", parts.port or 80), plan)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(SocketAttribute.local_port)
    proxy.url = f"http://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, proxy.serve)
        yield proxy
        group.cancel_scope.cancel()
