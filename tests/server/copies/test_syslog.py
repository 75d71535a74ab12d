"""Copies of the trail at a syslog receiver over real TLS, and at one of OpenTelemetry."""

import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from opsmcp_server.config.groups.audit import Audit
from opsmcp_server.config.load import load
from opsmcp_server.copies import copier as copies
from opsmcp_server.copies.copier import Copier, copier_of
from opsmcp_server.copies.syslog import message_of

LINES = [
    b'{"seq":%d,"time":"2026-11-30T12:00:00.000Z","event":"run.start","outcome":"success"}' % one
    for one in range(1, 6)
]


@dataclass
class Receiver:
    """A syslog receiver that counts octets; over TLS where it has a certificate."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list[bytes])
    came: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, stream: ByteStream) -> None:
        data = b""
        async with stream:
            async for part in _parts(stream):
                data += part
                while (head := data.partition(b" "))[1] and len(head[2]) >= int(head[0]):
                    length = int(head[0])
                    self.messages.append(head[2][:length])
                    data = head[2][length:]
                self.came.set()


async def _parts(stream: ByteStream) -> AsyncGenerator[bytes]:
    while True:
        try:
            yield await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return


@asynccontextmanager
async def receiving(
    secure: ssl.SSLContext | None = None, port: int = 0
) -> AsyncGenerator[Receiver]:
    it = Receiver()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    it.port = listener.extra(SocketAttribute.local_port)
    serving = TLSListener(listener, secure, standard_compatible=False) if secure else listener
    async with serving, anyio.create_task_group() as group:
        group.start_soon(serving.serve, it.take)
        yield it
        group.cancel_scope.cancel()


def copier(tmp_path: Path, *places: str, ca: Path | None = None) -> Copier:
    environ = {"OPSMCP_STATE_DIR": str(tmp_path), "OPSMCP_AUDIT_COPY_TO": ",".join(places)}
    config = load(environ | ({"OPSMCP_AUDIT_CA_FILE": str(ca)} if ca else {}), cwd=tmp_path)
    made = copier_of(config, "http")
    assert made is not None
    return made


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secured(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued = authority.issue_cert(name)
    with issued.private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


async def until_there(it: Receiver, count: int) -> None:
    with anyio.fail_after(20):
        while len(it.messages) < count:
            it.came = anyio.Event()
            await it.came.wait()


async def test_lines_arrive_over_tls_as_messages_of_rfc_5424(
    tmp_path: Path, authority: trustme.CA
) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    async with receiving(secured(authority, "localhost")) as it, anyio.create_task_group() as group:
        sender = copier(tmp_path, f"tls://localhost:{it.port}", ca=ca)
        group.start_soon(sender.run)
        sender.put(LINES)
        await until_there(it, len(LINES))
        await sender.drain()
        group.cancel_scope.cancel()
    heads = [message.partition(b"{") for message in it.messages]
    assert [b"{" + rest for _, _, rest in heads] == LINES
    priority, time, host, program, _, kind, data, *_ = heads[0][0].decode().split(" ")
    assert (priority, time) == ("<110>1", "2026-11-30T12:00:00.000Z")
    assert (program, kind, data) == ("opsmcp", "run.start", "-")
    assert host == Audit().replica_name()


async def test_a_receiver_with_another_certificate_gets_nothing(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(secured(trustme.CA(), "localhost")) as it:
        ca = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(ca))
        sender = copier(tmp_path, f"tls://localhost:{it.port}", ca=ca)
        sender.put(LINES)
        await sender.drain()
    assert it.messages == []
    assert "5 were not sent" in caplog.text


async def test_lines_wait_for_a_receiver_that_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sender = copier(tmp_path, f"tcp://127.0.0.1:{port}")
    async with anyio.create_task_group() as group:
        group.start_soon(sender.run)
        sender.put(LINES)
        with anyio.fail_after(20):
            while "wait: " not in caplog.text:
                await anyio.lowlevel.checkpoint()
        async with receiving(port=port) as it:
            await until_there(it, len(LINES))
            await sender.drain()
        assert [message[message.index(b"{") :] for message in it.messages] == LINES
        group.cancel_scope.cancel()


class _Stuck:
    """A place that takes nothing."""

    async def send(self, lines: Sequence[bytes]) -> None:
        raise copies.CopyFailed(f"{len(lines)} are too many")

    async def close(self) -> None:
        """Nothing is open."""


async def test_of_more_lines_than_can_wait_the_oldest_are_dropped_and_counted() -> None:
    sender = Copier([("nowhere", _Stuck())])
    sender.put([b"{}"] * (copies.MOST_WAITING + 7))
    assert sender.dropped == 7
    await sender.drain()


def test_a_failure_is_a_warning() -> None:
    line = LINES[0].replace(b"success", b"failure")
    assert message_of(line, "one").startswith(b"<108>1 2026-11-30T12:00:00.000Z one opsmcp ")


async def test_standard_output_has_the_lines_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = copier(tmp_path, "stdout")
    sender.put(LINES)
    await sender.drain()
    assert capsys.readouterr().out.encode() == b"".join(line + b"\n" for line in LINES)


def test_standard_output_is_left_to_the_protocol(tmp_path: Path) -> None:
    environ = {"OPSMCP_STATE_DIR": str(tmp_path), "OPSMCP_AUDIT_COPY_TO": "stdout"}
    assert copier_of(load(environ, cwd=tmp_path), "stdio") is None
