"""Files moved by what runs on the far side, in each shell that it has been tried with."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.engine.file_work import FileOrder, FileWork, open_work
from opsmcp_pipelines.embedded.engine.machine import Limit, StepEnd
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.ssh.file_frame import FILE_SCRIPT
from opsmcp_pipelines.ssh.session import RemoteEnd
from tests.fakes.bsd_programs import install_bsd_programs

ODD = 'it\'s $(touch ran) `touch ran` "x" \\ ☃ -n.conf'
BYTES = b"\x00first\n\n\xff\r\n" * 5000 + b"no line end"
PROGRAMS = (
    *("sh", "head", "mktemp", "stat", "sha256sum", "mv", "rm", "chmod", "chown", "wc"),
    "true",
)
LIMIT = Limit(30, "embedded.step_seconds")


class Far:
    """A machine: its shell, and a directory there."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder / "there"
        self.folder.mkdir()
        self.files = folder / "files"
        self.files.mkdir()
        self.environ, self.command = _far_side(folder, shell)

    def order(self, name: str, *, upload: bool, remote: Path | None = None) -> FileOrder:
        path = remote or self.folder / name
        return FileOrder(self.files, (name,), "web1", str(path), upload)

    async def move(self, order: FileOrder, before: Callable[[], object] = bool) -> StepEnd:
        """Move it; `before` is called when the file is open."""
        self.said = bytearray()
        async with open_work(order) as work:
            before()
            return await self.lead(work, (*self.command, FILE_SCRIPT))

    async def lead(self, work: FileWork, command: tuple[str, ...]) -> StepEnd:
        session = work.session(command, self.environ, self.said.extend)
        return work.judge(await session.run(LIMIT.seconds), LIMIT, _not_started)

    async def upload(self, name: str, content: bytes) -> StepEnd:
        (self.files / name).write_bytes(content)
        return await self.move(self.order(name, upload=True))

    @property
    def left(self) -> list[str]:
        """What is there on both sides."""
        return sorted(path.name for path in (*self.folder.iterdir(), *self.files.iterdir()))


def _not_started(end: RemoteEnd) -> StepEnd:
    return StepEnd(Status.FAILED, str(end.reason))


def _far_side(folder: Path, shell: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The environment and the command of a shell, with no programs but those it may use."""
    if shell == "bsd":
        return {"PATH": install_bsd_programs(folder / "programs")}, ("bash", "-c")
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"no {shell} here")
    programs = folder / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(found if shell == "busybox" else str(shutil.which(name)))
    command = (found, "sh", "-c") if shell == "busybox" else (found, "-c")
    return {"PATH": str(programs)}, command


@pytest.fixture(params=["dash", "bash", "busybox", "bsd"])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Far:
    return Far(tmp_path, request.param)


async def test_a_file_arrives_byte_for_byte_with_its_mode(far: Far) -> None:
    (far.files / ODD).touch(mode=0o640)
    end = await far.upload(ODD, BYTES)
    assert end == StepEnd(Status.SUCCEEDED)
    assert (far.folder / ODD).read_bytes() == BYTES
    assert (far.folder / ODD).stat().st_mode & 0o7777 == 0o640
    assert far.said.decode().startswith(f"uploaded: {ODD} to web1:{far.folder / ODD}, 55,011 bytes")
    assert far.left == [ODD, ODD]


async def test_a_file_is_fetched_byte_for_byte_with_its_mode(far: Far) -> None:
    (far.folder / ODD).write_bytes(BYTES)
    (far.folder / ODD).chmod(0o754)
    end = await far.move(far.order(ODD, upload=False))
    assert end == StepEnd(Status.SUCCEEDED)
    assert (far.files / ODD).read_bytes() == BYTES
    assert (far.files / ODD).stat().st_mode & 0o7777 == 0o754
    assert far.said.decode().startswith(f"downloaded web1:{far.folder / ODD} to {ODD}, ")


@pytest.mark.parametrize("upload", [True, False])
async def test_an_empty_file_is_a_file_too(far: Far, upload: bool) -> None:
    ((far.files if upload else far.folder) / "empty").touch()
    assert (await far.move(far.order("empty", upload=upload))).status is Status.SUCCEEDED
    assert far.left == ["empty", "empty"]


async def test_what_is_the_same_already_is_not_written(far: Far) -> None:
    await far.upload("a", BYTES)
    before = (far.folder / "a").stat()
    assert (await far.upload("a", BYTES)).status is Status.SUCCEEDED
    after = (far.folder / "a").stat()
    assert far.said.decode().startswith("unchanged: a to web1:")
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


async def test_a_file_that_is_replaced_keeps_its_mode_but_no_special_bits(far: Far) -> None:
    (far.folder / "a").write_bytes(b"old")
    (far.folder / "a").chmod(0o4711)
    assert (await far.upload("a", b"new")).status is Status.SUCCEEDED
    assert (far.folder / "a").read_bytes() == b"new"
    assert (far.folder / "a").stat().st_mode & 0o7777 == 0o711


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
async def test_a_file_that_is_replaced_keeps_its_owner(far: Far) -> None:
    (far.folder / "a").write_bytes(b"old")
    os.chown(far.folder / "a", 4321, 1234)
    assert (await far.upload("a", b"new")).status is Status.SUCCEEDED
    found = (far.folder / "a").stat()
    assert (found.st_uid, found.st_gid) == (4321, 1234)


async def test_a_link_is_not_replaced_and_a_directory_is_no_file(far: Far) -> None:
    (far.folder / "target").write_bytes(b"old")
    (far.folder / "a").symlink_to(far.folder / "target")
    end = await far.upload("a", b"new")
    assert "it is a symbolic link" in end.note
    assert (far.folder / "target").read_bytes() == b"old"
    (far.folder / "b").mkdir()
    assert "it is no regular file" in (await far.upload("b", b"new")).note


async def test_what_cannot_be_written_leaves_everything_as_it_was(far: Far) -> None:
    (far.files / "a").write_bytes(b"new")
    end = await far.move(far.order("a", upload=True, remote=Path("/proc/opsmcp-none")))
    assert end.status is Status.FAILED
    assert end.note.startswith("/proc/opsmcp-none: it cannot be written (")
    assert end.note.endswith("; nothing was replaced there")
    end = await far.move(far.order("a", upload=True, remote=far.folder / "none" / "a"))
    assert "there is no directory for it" in end.note


async def test_a_full_disk_leaves_the_old_file(far: Far) -> None:
    (far.folder / "a").write_bytes(b"old")
    (far.files / "a").write_bytes(BYTES)
    order = far.order("a", upload=True)
    far.said = bytearray()
    async with open_work(order) as work:
        # As on a disk that is full: a write beyond some size fails.
        full = f"ulimit -f 10; trap '' XFSZ; {FILE_SCRIPT}"
        end = await far.lead(work, (*far.command, full))
    assert end.status is Status.FAILED
    assert "it cannot be written" in end.note
    assert (far.folder / "a").read_bytes() == b"old"
    assert far.left == ["a", "a"]


@pytest.mark.parametrize("content", [BYTES[:-1] + b"!", BYTES[:100], b""])
async def test_a_file_that_changes_while_it_is_sent_replaces_nothing(
    far: Far, content: bytes
) -> None:
    (far.folder / "a").write_bytes(b"old")
    (far.files / "a").write_bytes(BYTES)
    order = far.order("a", upload=True)
    end = await far.move(order, lambda: (far.files / "a").write_bytes(content))
    assert end.status is Status.FAILED
    assert "nothing was replaced there" in end.note
    assert (far.folder / "a").read_bytes() == b"old"
    assert far.left == ["a", "a"]


async def test_a_file_that_grows_is_sent_as_it_was(far: Far) -> None:
    (far.files / "a").write_bytes(BYTES)

    def grow() -> None:
        with (far.files / "a").open("ab") as file:
            file.write(b"more")

    assert (await far.move(far.order("a", upload=True), grow)).status is Status.SUCCEEDED
    assert (far.folder / "a").read_bytes() == BYTES


@pytest.mark.parametrize("said", ["abd", "ab", "abcd", ""])
async def test_a_file_that_changes_while_it_is_fetched_is_not_kept(far: Far, said: str) -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of abc
    liar = (
        'read -r m o; read -r f; echo "$m ready"; read -r x; '
        f'echo "file 3 {digest} 644"; printf %s "{said}"; printf "%s end 0 \\n" "$m"'
    )
    far.said = bytearray()
    async with open_work(far.order("a", upload=False)) as work:
        end = await far.lead(work, (*far.command, liar))
    assert end.status is Status.FAILED
    assert end.note.endswith("it changed meanwhile; nothing was kept")
    assert far.left == []


async def test_what_is_not_there_or_no_file_is_said(far: Far) -> None:
    end = await far.move(far.order("none", upload=False))
    assert end.note == f"{far.folder / 'none'}: there is no such file; nothing was kept"
    end = await far.move(far.order("none", upload=False, remote=far.folder))
    assert "it is no regular file" in end.note


async def test_a_file_that_is_too_large_is_not_begun(far: Far) -> None:
    with (far.folder / "a").open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)
    end = await far.move(far.order("a", upload=False))
    assert "it is larger than 104,857,600 bytes" in end.note


async def test_a_far_side_without_the_programs_says_so(far: Far, tmp_path: Path) -> None:
    for name in ("sha256sum", "shasum"):
        (tmp_path / "programs" / name).unlink(missing_ok=True)
    end = await far.upload("a", b"x")
    assert end.note == "sha256sum or stat missing"
    assert far.left == ["a"]


def test_the_command_is_one_word_to_every_shell() -> None:
    assert not set("'!`") & set(FILE_SCRIPT)
    assert '\\"' not in FILE_SCRIPT
    done = subprocess.run(["sh", "-n", "-c", FILE_SCRIPT], check=False)
    assert done.returncode == 0
