"""`kill -9` of the server in the middle of deliveries: nothing that was accepted is lost or twice.

Senders do what Alertmanager does: they send again what was not accepted, and now and then what was.
"""

import os
import random
import signal
import socket
import sqlite3
from contextlib import closing
from itertools import repeat
from multiprocessing.process import BaseProcess
from pathlib import Path

import anyio
import httpx2
from anyio import to_thread

from opsmcp_server.app import open_services
from opsmcp_server.config.groups.server import Server
from opsmcp_server.config.load import load
from opsmcp_server.identity.settings import gate_of
from opsmcp_server.transports.http import serve_http
from opsmcp_server.transports.listening import listen
from tests.own_settings import write_settings
from tests.server.conftest import Ground, make_ground
from tests.server.forked_stdio import PROCESSES
from tests.server.intake.senders import AM_TOKEN, alert, body_of, group

_SIGNALS, _SENDERS, _IN_ONE = 2_000, 4, 20
_KILLS = 3

_SETTINGS = "events: {senders: {alertmanager: {type: alertmanager, token: {env: AM_TOKEN}}}}\n"


def _serve(root: str, port: int) -> None:
    anyio.run(_serving, Ground(Path(root)), port)


async def _serving(ground: Ground, port: int) -> None:
    environ = ground.environ(AM_TOKEN=AM_TOKEN)
    config = load(environ, cwd=ground.root, senders=True)
    async with open_services(config, environ) as services:
        with listen(Server(port=port)) as listener:
            await serve_http(services, listener, gate_of(config))


class _Senders:
    """Send all signals until they are accepted, while the server is killed again and again."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self._ground = ground
        self._chance = random.Random(seed)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._process: BaseProcess | None = None
        self._kill_at = [_SIGNALS * (2 * number + 1) // (2 * _KILLS) for number in range(_KILLS)]
        self._due = anyio.Semaphore(0)
        self.accepted: set[str] = set()
        self.new = 0

    async def start(self) -> None:
        arguments = (str(self._ground.root), self._port)
        self._process = PROCESSES.Process(target=_serve, args=arguments)
        await to_thread.run_sync(self._process.start)

    async def kill(self) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await to_thread.run_sync(self._process.join)

    async def send_all(self) -> None:
        async with anyio.create_task_group() as group:
            for sender in range(_SENDERS):
                group.start_soon(self._send, sender)
            group.start_soon(self._kill_now_and_then)

    async def _kill_now_and_then(self) -> None:
        for _ in range(_KILLS):
            await self._due.acquire()
            await anyio.sleep(self._chance.random() * 0.05)
            await self.kill()
            await self.start()

    async def _send(self, sender: int) -> None:
        own = range(sender, _SIGNALS, _SENDERS)
        posts = [list(own[start : start + _IN_ONE]) for start in range(0, len(own), _IN_ONE)]
        async with httpx2.AsyncClient(timeout=20) as http:
            for numbers in posts:
                for pause in repeat(0.05):
                    if await self._is_accepted(http, numbers):
                        break
                    await anyio.sleep(pause)
                if self._chance.random() < 0.2:
                    await self._is_accepted(http, numbers)

    async def _is_accepted(self, http: httpx2.AsyncClient, numbers: list[int]) -> bool:
        body = body_of(group(*(alert(number) for number in numbers)))
        headers = {"Authorization": f"Bearer {AM_TOKEN}"}
        url = f"http://127.0.0.1:{self._port}/events/alertmanager"
        try:
            answer = await http.post(url, content=body, headers=headers)
        except httpx2.TransportError:
            return False
        assert answer.status_code in (202, 503)
        if answer.status_code == 202:
            self.new += answer.json()["new"]
            self.accepted |= {f"{number:016x}" for number in numbers}
            if self._kill_at and len(self.accepted) >= self._kill_at[0]:
                self._kill_at.pop(0)
                self._due.release()
        return answer.status_code == 202


async def test_what_was_accepted_is_there_once_however_often_the_server_is_killed(
    tmp_path: Path, seed: int
) -> None:
    ground = make_ground(tmp_path)
    write_settings(ground.root, _SETTINGS)
    senders = _Senders(ground, seed)
    await senders.start()
    try:
        with anyio.fail_after(120):
            await senders.send_all()
    finally:
        await senders.kill()
    with closing(sqlite3.connect(ground.root / "state" / "incidents.db")) as database:
        rows = database.execute("SELECT key, count(*) FROM signals GROUP BY key").fetchall()
        bodies = database.execute("SELECT count(*) FROM signal_bodies").fetchone()[0]
    assert len(senders.accepted) == _SIGNALS
    assert {key for key, _ in rows} == senders.accepted
    assert {count for _, count in rows} == {1}
    assert bodies == _SIGNALS
    # What was committed and never answered is known when it is sent again.
    assert senders.new <= _SIGNALS
