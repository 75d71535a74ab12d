"""Connections to a real sshd that are kept between runs: what they save, and when they end."""

import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.ssh.inventory import HostSettings
from tests.pipelines.embedded.hosts_engine import Engine, task
from tests.pipelines.ssh.remote_script import MARK, marked, nothing_left, one_marked, sleeper
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd

pytestmark = needs_sshd
PATH = os.environ["PATH"]  # noqa: TID251 - programs are found by it
MANIFEST = task("say", "echo so", labels="{opsmcp/hosts: many}") + task(
    "wait", f"echo begun; {sleeper('MARK')}", labels="{opsmcp/hosts: many}"
)
KILLED = """
import anyio
from pathlib import Path
from tests.pipelines.embedded.test_kept_connections import keeping

async def main():
    async with keeping(Path({path!r}), Path({temporary!r}), Path({config!r})) as engine:
        await engine.run("say", "web1")
        await engine.run("wait", "web1")

anyio.run(main)
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    folder = tmp_path_factory.mktemp("sshd") / "hosts"
    with running_sshd(folder, "web1", "web2") as running:
        yield running


@pytest.fixture
def temporary() -> Generator[Path]:
    """A directory with a short name, as a socket needs one."""
    with tempfile.TemporaryDirectory(prefix="oh-") as place:
        yield Path(place)


@asynccontextmanager
async def keeping(
    folder: Path, temporary: Path, config: Path, *, keeps: bool = True
) -> AsyncGenerator[Engine]:
    manifest = MANIFEST.replace("MARK", long_mark(temporary))
    (folder / "all.yaml").write_text(manifest, encoding="utf-8")
    settings = EmbeddedSettings(
        {"PATH": PATH, "HOME": str(folder), "TMPDIR": str(temporary)},
        manifests=(folder,),
        bundled=False,
        hosts=HostSettings(ssh_config=config, usual=False),
        keeps_connections=keeps,
    )
    async with open_embedded_source(settings) as source:
        yield Engine(source, folder)


def long_mark(temporary: Path) -> str:
    """What is among the arguments of `wait`."""
    return f"{MARK}-{temporary.name}"


def sockets(temporary: Path) -> list[Path]:
    return list(temporary.glob("opsmcp-step-*/*"))


def masters(temporary: Path) -> list[int]:
    """What ssh has left at work for later."""
    return marked(f"{temporary}/")


async def none_left(temporary: Path) -> bool:
    return await nothing_left(f"{temporary}/")


async def test_a_later_run_needs_no_login_and_nothing_is_left_at_the_end(
    hosts: Hosts, tmp_path: Path, temporary: Path
) -> None:
    async with keeping(tmp_path, temporary, hosts.config) as engine:
        assert (await engine.run("say", "web1,web2")).verdict is Verdict.SUCCEEDED
        assert len(sockets(temporary)) == 2
        with nobody_authorised(hosts):
            assert (await engine.run("say", "web2,web1")).verdict is Verdict.SUCCEEDED
    assert await none_left(temporary)
    assert sockets(temporary) == []


async def test_unless_they_are_wanted_no_connections_are_kept(
    hosts: Hosts, tmp_path: Path, temporary: Path
) -> None:
    async with keeping(tmp_path, temporary, hosts.config, keeps=False) as engine:
        assert (await engine.run("say", "web1")).verdict is Verdict.SUCCEEDED
        assert masters(temporary) == []


async def test_where_a_person_has_a_socket_of_their_own_that_is_used(
    hosts: Hosts, tmp_path: Path, temporary: Path
) -> None:
    own = temporary / "own"
    more = f" ControlMaster auto\n ControlPath {own}\n ControlPersist 60\n"
    config = hosts.configure(more=more).rename(tmp_path / "config")
    async with keeping(tmp_path, temporary, config) as engine:
        assert (await engine.run("say", "web1")).verdict is Verdict.SUCCEEDED
        assert sockets(temporary) == []
    assert masters(temporary)
    await anyio.run_process(["ssh", "-F", str(config), "-O", "exit", "web1"])
    assert await none_left(temporary)


async def test_a_kept_connection_that_dies_in_the_middle_makes_the_end_unknown(
    hosts: Hosts, tmp_path: Path, temporary: Path
) -> None:
    async with keeping(tmp_path, temporary, hosts.config) as engine:
        ref = await engine.start("wait", "web1")
        await one_marked(long_mark(temporary))
        kill(masters(temporary), signal.SIGKILL)
        assert (await engine.judged(ref, "web1")).verdict is Verdict.UNKNOWN
        assert await nothing_left(long_mark(temporary))
        # Its socket is still there, and nobody listens.
        assert (await engine.run("say", "web1")).verdict is Verdict.SUCCEEDED
    assert await none_left(temporary)


async def test_what_a_killed_opsmcp_has_begun_stops_and_its_sockets_are_removed_by_the_next(
    hosts: Hosts, tmp_path: Path, temporary: Path
) -> None:
    text = KILLED.format(path=str(tmp_path), temporary=str(temporary), config=str(hosts.config))
    async with await anyio.open_process([sys.executable, "-c", text]) as opsmcp:
        await one_marked(long_mark(temporary))
        opsmcp.kill()
    assert await nothing_left(long_mark(temporary))
    left = masters(temporary)
    async with keeping(tmp_path, temporary, hosts.config) as engine:
        assert (await engine.run("say", "web1")).verdict is Verdict.SUCCEEDED
        assert len({socket.parent for socket in sockets(temporary)}) == 1
    kill(left, signal.SIGTERM)  # they end by themselves, but a minute later
    assert await none_left(temporary)


@contextmanager
def nobody_authorised(hosts: Hosts) -> Generator[None]:
    authorized = hosts.folder / "authorized"
    key = authorized.read_bytes()
    authorized.write_bytes(b"")
    try:
        yield
    finally:
        authorized.write_bytes(key)


def kill(pids: Iterable[int], how: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, how)
