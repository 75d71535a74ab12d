"""Files through a real sshd: what arrives, and what is left when something breaks."""

import os
import signal
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.embedded.engine.file_work import FileOrder, open_work
from opsmcp_pipelines.embedded.engine.machine import Limit, StepEnd
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.ssh.refusals import Reason
from opsmcp_pipelines.ssh.session import RemoteEnd
from opsmcp_pipelines.ssh.target import SshTarget, file_command, ssh_environment
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd

pytestmark = needs_sshd
ENVIRON = ssh_environment(os.environ)  # noqa: TID251 - that of the person
ODD = 'it\'s $(touch ran) `touch ran` "x" \\ ☃ -n.conf'
LARGE = 60 * 1024 * 1024


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "hosts", "web1") as running:
        yield running


class Mover:
    """Moves files to and from the host; `ends` is how each try ended."""

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        self.files, self.there = folder / "files", folder / "there"
        self.files.mkdir()
        self.there.mkdir()
        self.said = bytearray()
        self._command = file_command(SshTarget("web1", config=str(hosts.config)))

    async def move(
        self, name: str, *, upload: bool, there: Path | None = None, seconds: float = 60
    ) -> StepEnd:
        path = (there or self.there) / name
        async with open_work(FileOrder(self.files, (name,), "web1", str(path), upload)) as work:
            session = work.session(self._command, ENVIRON, self._hear)
            end = await session.run(seconds)
            return work.judge(end, Limit(seconds, "timeoutSeconds"), _not_started)

    def _hear(self, chunk: bytes) -> None:
        self.said += chunk

    async def until(self, done: Callable[[], bool]) -> None:
        with anyio.fail_after(60):
            for _ in range(10_000):
                if done():
                    return
                await anyio.sleep(0.005)


def _not_started(end: RemoteEnd) -> StepEnd:
    return StepEnd(Status.FAILED, str(end.reason))


@pytest.fixture
def mover(hosts: Hosts, tmp_path: Path) -> Mover:
    return Mover(hosts, tmp_path)


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


async def test_a_large_file_with_an_odd_name_goes_there_and_comes_back(mover: Mover) -> None:
    content = os.urandom(1024 * 1024) * 17
    (mover.files / ODD).write_bytes(content)
    assert await mover.move(ODD, upload=True) == StepEnd(Status.SUCCEEDED)
    assert b"of 17,825,792 bytes\n" in mover.said
    assert (mover.there / ODD).read_bytes() == content
    (mover.files / ODD).unlink()
    assert await mover.move(ODD, upload=False) == StepEnd(Status.SUCCEEDED)
    assert (mover.files / ODD).read_bytes() == content


async def test_a_connection_that_is_killed_in_the_middle_leaves_the_old_file(
    mover: Mover,
) -> None:
    sparse(mover.files / "a", LARGE)
    (mover.there / "a").write_bytes(b"old")
    end = await _kill_in_the_middle(mover, upload=True)
    assert end == [StepEnd(Status.FAILED, str(Reason.LOST))]
    assert (mover.there / "a").read_bytes() == b"old"
    await mover.until(lambda: _names(mover.there) == ["a"])


async def test_a_fetch_that_is_killed_in_the_middle_keeps_nothing(mover: Mover) -> None:
    sparse(mover.there / "a", LARGE)
    end = await _kill_in_the_middle(mover, upload=False)
    assert end == [StepEnd(Status.FAILED, str(Reason.LOST))]
    assert _names(mover.files) == []


@pytest.fixture
def small(tmp_path: Path) -> Generator[Path]:
    """A disk of one MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_full_leaves_the_old_file(mover: Mover, small: Path) -> None:
    (small / "a").write_bytes(b"old")
    (mover.files / "a").write_bytes(b"x" * (2 * 1024 * 1024))
    end = await mover.move("a", upload=True, there=small)
    assert end.note == (
        f"{small / 'a'}: it cannot be written (No space left on device); nothing was replaced there"
    )
    assert (small / "a").read_bytes() == b"old"
    assert _names(small) == ["a"]


async def _kill_in_the_middle(mover: Mover, *, upload: bool) -> list[StepEnd]:
    """Move `a`, and kill its connection when some of it has gone."""
    end: list[StepEnd] = []

    async def move() -> None:
        end.append(await mover.move("a", upload=upload))

    async with anyio.create_task_group() as group:
        group.start_soon(move)
        await mover.until(lambda: b" of " in mover.said)
        _kill_session(mover.there)
    return end


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _kill_session(there: Path) -> None:
    """Kill the sshd of the session whose shell has the directory's name in its environment."""
    shells = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"opsmcp-XXXXXXXX" in _read(path) and _is_below_sshd(int(path.parent.name))
    ]
    assert shells, there
    for shell in shells:
        os.kill(_parent(shell), signal.SIGKILL)


def _is_below_sshd(number: int) -> bool:
    return b"sshd" in _read(Path(f"/proc/{_parent(number)}/cmdline"))


def _parent(number: int) -> int:
    stat = _read(Path(f"/proc/{number}/stat")).rpartition(b")")[2].split()
    return int(stat[1]) if stat else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
