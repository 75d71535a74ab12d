"""The operations that look at this host, run on it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.fakes.program import FakeProgram
from tests.pipelines.bundled.bench import Bench

MIB = 1024 * 1024
PROC = Path("/proc/self/comm")
NAME = PROC.read_text(encoding="utf-8").strip() if PROC.exists() else ""


def write_random(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


async def test_host_overview_shows_load_memory_filesystems_and_processes(bench: Bench) -> None:
    outcome = await bench.run("host-overview")
    assert outcome.verdict is Verdict.SUCCEEDED
    for part in (
        "host: ",
        "load: ",
        "up since: ",
        "processors: ",
        "memory: ",
        "fullest filesystems:",
    ):
        assert part in outcome.text
    assert "PID USER" in outcome.steps["processes"]
    assert outcome.steps["processes"].splitlines()[7] == "largest by memory:"


async def test_host_overview_names_failed_units(bench: Bench, programs: Path) -> None:
    systemctl = FakeProgram(programs, "systemctl")
    systemctl.answer("list-units", out="nginx.service loaded failed failed web server\n")
    outcome = await bench.run("host-overview")
    assert "  nginx.service loaded failed" in outcome.steps["failed-units"]


async def test_disk_usage_lists_the_filesystem_of_the_path_first(
    bench: Bench, tmp_path: Path
) -> None:
    outcome = await bench.run("disk-usage", path=str(tmp_path))
    head, asked, *others, used, inodes = outcome.steps["filesystems"].splitlines()
    full = [int(row.split("%")[0]) for row in others]
    assert head.startswith("USED%  INODES%")
    assert asked.endswith(f"<- {tmp_path} is here")
    assert full == sorted(full, reverse=True)
    told = [row.split("%")[0] for row in asked.split("%  ")[:2]]
    assert [used, inodes] == [
        f"OPS_RESULT:used={told[0].strip()}",
        f"OPS_RESULT:inodes={told[1].strip()}",
    ]


@pytest.fixture
def small_filesystem(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 1 MiB; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=100", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_disk_usage_has_units_that_fit_a_small_filesystem(
    bench: Bench, small_filesystem: Path
) -> None:
    write_random(small_filesystem / "data", 300 * 1024)
    outcome = await bench.run("disk-usage", path=str(small_filesystem))
    row = outcome.steps["filesystems"].splitlines()[1].split()
    assert row[:6] == ["30%", "2%", "1.0", "MiB", "724.0", "KiB"]
    assert f"300.0 KiB  {small_filesystem}/data" in outcome.steps["largest"]


async def test_disk_usage_names_the_directory_that_takes_the_inodes(
    bench: Bench, small_filesystem: Path
) -> None:
    sessions = small_filesystem / "app" / "sessions"
    sessions.mkdir(parents=True)
    for number in range(90):
        (sessions / f"s{number}").touch()
    outcome = await bench.run("disk-usage", path=str(small_filesystem), topk="3")
    assert outcome.steps["filesystems"].splitlines()[1].split()[1] == "93%"
    lines = outcome.steps["largest"].splitlines()
    title = "most files and directories (each takes an inode), of 92:"
    assert lines[lines.index(title) + 1].split() == ["90", str(sessions)]


async def test_disk_usage_says_that_no_inode_is_left(bench: Bench, small_filesystem: Path) -> None:
    with contextlib.suppress(OSError):
        for number in range(200):
            (small_filesystem / f"s{number}").touch()
    outcome = await bench.run("disk-usage", path=str(small_filesystem))
    row = outcome.steps["filesystems"].splitlines()[1]
    assert row.endswith("is here  NO INODES LEFT: no file can be made, whatever is free")


async def test_disk_usage_shows_a_deleted_file_only_where_it_takes_space(
    bench: Bench, small_filesystem: Path, tmp_path: Path
) -> None:
    with (small_filesystem / "gone.log").open("wb") as file:
        file.write(os.urandom(100_000))
        file.flush()
        (small_filesystem / "gone.log").unlink()
        here = await bench.run("disk-usage", path=str(small_filesystem))
        elsewhere = await bench.run("disk-usage", path=str(tmp_path))
    assert "100.0 KiB" in here.steps["deleted-in-use"]
    assert f"gone.log (deleted) held by {NAME} (process {os.getpid()}," in here.text
    assert str(small_filesystem) not in elsewhere.steps["deleted-in-use"]


async def test_disk_usage_writes_a_hostile_name_on_one_line(bench: Bench, tmp_path: Path) -> None:
    write_random(tmp_path / "data" / "a\nUSED% 99\x1b[2J", 5000)
    lines = (await bench.run("disk-usage", path=f"{tmp_path}/data")).steps["largest"].splitlines()
    assert any(line.endswith(f"{tmp_path}/data/a?USED% 99?[2J") for line in lines)


async def test_disk_usage_finds_the_largest_directory_and_file(
    bench: Bench, tmp_path: Path
) -> None:
    write_random(tmp_path / "data" / "logs" / "huge.log", 3 * MIB)
    write_random(tmp_path / "data" / "small" / "note", 1000)
    lines = (await bench.run("disk-usage", path=f"{tmp_path}/data")).steps["largest"].splitlines()
    assert lines[1].split() == ["3.0", "MiB", f"{tmp_path}/data"]
    assert lines[3].split() == ["3.0", "MiB", f"{tmp_path}/data/logs"]
    files = lines[lines.index("largest files:") + 1 :]
    assert files[0].split() == ["3.0", "MiB", f"{tmp_path}/data/logs/huge.log"]


async def test_disk_usage_leaves_out_directories_that_only_repeat_one_of_theirs(
    bench: Bench, tmp_path: Path
) -> None:
    write_random(tmp_path / "data" / "a" / "b" / "c" / "huge", MIB)
    text = (await bench.run("disk-usage", path=f"{tmp_path}/data")).steps["largest"]
    assert f"{tmp_path}/data/a/b/c\n" in text
    assert f"{tmp_path}/data/a/b\n" not in text.partition("most files")[0]


async def test_disk_usage_counts_a_file_with_two_names_once_and_follows_no_link(
    bench: Bench, tmp_path: Path
) -> None:
    write_random(tmp_path / "elsewhere" / "huge", 2 * MIB)
    write_random(tmp_path / "data" / "one", MIB)
    (tmp_path / "data" / "two").hardlink_to(tmp_path / "data" / "one")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    text = (await bench.run("disk-usage", path=f"{tmp_path}/data")).steps["largest"]
    assert text.splitlines()[1].split()[0] == "1.0"


async def test_disk_usage_refuses_what_is_no_directory(bench: Bench, tmp_path: Path) -> None:
    outcome = await bench.run("disk-usage", path=f"{tmp_path}/none")
    assert outcome.verdict is Verdict.FAILED
    assert f"{tmp_path}/none is not a directory" in outcome.text


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc here")
async def test_disk_usage_names_deleted_files_that_are_still_open(
    bench: Bench, tmp_path: Path
) -> None:
    with (tmp_path / "gone.log").open("wb") as file:
        file.write(os.urandom(2 * MIB))
        file.flush()
        os.fsync(file.fileno())
        number = file.fileno()
        (tmp_path / "gone.log").unlink()
        outcome = await bench.run("disk-usage", path=str(tmp_path))
    held = f"gone.log (deleted) held by {NAME} (process {os.getpid()}, descriptor {number})"
    assert held in outcome.steps["deleted-in-use"]


async def test_top_processes_shows_both_lists_of_the_asked_length(bench: Bench) -> None:
    outcome = await bench.run("top-processes", topk="2")
    assert outcome.verdict is Verdict.SUCCEEDED
    lines = outcome.text.splitlines()
    assert lines.index("by memory:") == lines.index("by processor time:") + 4


async def test_top_processes_hides_secrets_in_command_lines(bench: Bench, programs: Path) -> None:
    ps = FakeProgram(programs, "ps")
    command = (
        "db --password=hunter2 --token abc -phunter3 API_KEY=hunter4 pg://app:hunter5@h/x"
        " --port 1 -p8080"
    )
    ps.answer("-axo", out=f"1 root 0.0 20480 01:00 {command}\n")
    text = (await bench.run("top-processes")).text
    masked = "db --password=*** --token *** -p*** API_KEY=*** pg://app:***@h/x --port 1 -p8080"
    assert masked in text
    assert "hunter" not in text


async def test_top_processes_refuses_a_count_out_of_bounds(bench: Bench) -> None:
    outcome = await bench.run("top-processes", topk="51")
    assert outcome.verdict is Verdict.FAILED
    assert "topk must be 1 to 50" in outcome.text


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
async def test_listening_ports_finds_the_port_and_its_process(bench: Bench, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        outcome = await bench.run("listening-ports", port=str(port))
    assert outcome.verdict is Verdict.SUCCEEDED
    assert f"open on port {port}: 1" in outcome.text
    assert address in outcome.text
    assert f"(process {os.getpid()}" in outcome.text


async def test_listening_ports_says_when_a_port_is_closed(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert (await bench.run("listening-ports", port=str(port))).text.strip().endswith(": 0")


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A script that listens and prints its port; it got a secret as an argument."""
    script = tmp_path / "uploads.py"
    script.write_text(
        "import signal, socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\nsignal.pause()\n"
    )
    command = [sys.executable, str(script), "hunter2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="there is no /proc here")
async def test_listening_ports_says_what_the_process_of_a_port_runs_and_that_it_is_stopped(
    bench: Bench, tmp_path: Path, uploads: subprocess.Popen[str]
) -> None:
    assert uploads.stdout is not None
    port = uploads.stdout.readline().strip()
    before = (await bench.run("listening-ports", port=port)).text
    stop(uploads.pid)
    stopped = (await bench.run("listening-ports", port=port)).text
    holder = f"(process {uploads.pid}, {tmp_path}/uploads.py"
    assert f"{holder})" in before
    assert f"{holder}, STOPPED by a signal)" in stopped
    assert "hunter2" not in stopped


@pytest.mark.skipif(shutil.which("ss") is None, reason="only ss tells the backlog")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::"])
async def test_listening_ports_tells_a_full_queue_from_one_with_room(
    bench: Bench, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((address, 0), family=family, backlog=0) as full,
        socket.create_server((address, 0), family=family, backlog=7) as roomy,
        socket.create_connection(full.getsockname()[:2]),
        socket.create_connection(roomy.getsockname()[:2]),
    ):
        texts = [
            (await bench.run("listening-ports", port=str(server.getsockname()[1]))).text
            for server in (full, roomy)
        ]
    assert "wait to be accepted: 1 of at most 1: FULL, so new clients time out" in texts[0]
    assert texts[1].rstrip().endswith("wait to be accepted: 1 of at most 8")
