"""A real nats-server on loopback with JetStream, and what publishes on it as Ops does."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerInfo, StreamConfig

from tests.loopback import free_port

NATS = shutil.which("nats-server") or shutil.which("/usr/sbin/nats-server")

needs_nats = pytest.mark.skipif(
    NATS is None, reason="no nats-server here (Debian's nats-server has it)"
)

HOSTS = "ops.clusters.default.namespaces.ops-system.hosts"
PATTERN = "ops.clusters.*.namespaces.*.hosts.>"
USER, PASSWORD = "ops", "a-passwörd: 100% of /it"

_CONFIG = """\
host: 127.0.0.1
port: {port}
max_payload: 8388608
log_file: "{folder}/nats.log"
jetstream {{ store_dir: "{folder}/store" }}
{more}
"""
_LOGIN = f"authorization {{ user: {USER}, password: {json.dumps(PASSWORD, ensure_ascii=False)} }}"


def report(host: str, status: str = "alerting", **more: Any) -> dict[str, Any]:
    """What an inspection of Ops posts."""
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "https://github.com/shaowenchen/ops",
        "type": "TaskRunReport",
        "subject": f"{HOSTS}.{host}.findings",
        "data": {"host": host, "kind": "alert-hosts-disk", "status": status},
        **more,
    }


@dataclass
class Nats:
    """A server that may be ended and started again."""

    folder: Path
    port: int
    more: str = _LOGIN
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{USER}:a-passw%C3%B6rd%3A%20100%25%20of%20%2Fit@127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        return {"NATS_URL": self.url}

    def start(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(
            _CONFIG.format(port=self.port, folder=self.folder, more=self.more), "utf-8"
        )
        self.process = subprocess.Popen([str(NATS), "-c", str(config)], stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                assert self.process.poll() is None, (self.folder / "nats.log").read_text()
            else:
                return

    def stop(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(10)
            self.process = None

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Any]:
        client = Client()
        await client.connect(
            f"nats://127.0.0.1:{self.port}", user=USER, password=PASSWORD, allow_reconnect=False
        )
        try:
            yield client
        finally:
            await client.close()

    async def make_stream(self, name: str = "ops") -> None:
        async with self.client() as client:
            await client.jetstream().add_stream(StreamConfig(name=name, subjects=["ops.>"]))

    async def consumer(self, name: str) -> ConsumerInfo:
        async with self.client() as client:
            return await client.jetstream().consumer_info("ops", name)

    async def publish(self, *reports: dict[str, Any]) -> None:
        """Publish each on the subject that it says."""
        bodies = ((one["subject"], json.dumps(one).encode()) for one in reports)
        await self.publish_raw(bodies)

    def send(self, subject: bytes, header: bytes, body: bytes) -> None:
        """Publish what no client library would."""
        login = json.dumps({"user": USER, "pass": PASSWORD, "verbose": False, "headers": True})
        size = f"{len(header)} {len(header) + len(body)}" if header else f"{len(body)}"
        command = b"HPUB" if header else b"PUB"
        with (
            socket.create_connection(("127.0.0.1", self.port)) as peer,
            peer.makefile("rb") as lines,
        ):
            lines.readline()
            peer.sendall(b"CONNECT " + login.encode() + b"\r\n")
            head = b" ".join((command, subject, size.encode()))
            peer.sendall(head + b"\r\n" + header + body + b"\r\nPING\r\n")
            assert lines.readline() == b"PONG\r\n"

    async def publish_raw(self, messages: Iterable[tuple[str, bytes]]) -> None:
        async with self.client() as client:
            for subject, body in messages:
                await client.publish(subject, body)
            await client.flush()


@contextmanager
def running_nats(folder: Path, more: str = _LOGIN) -> Generator[Nats]:
    """One that runs, ended with the block."""
    folder.mkdir(exist_ok=True)
    nats = Nats(folder, free_port(), more)
    nats.start()
    try:
        yield nats
    finally:
        nats.stop()
