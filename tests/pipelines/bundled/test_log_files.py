"""log-files, asked about files that real processes write, and about files that are none of its."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.pipelines.bundled.bench import Bench

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc here")

Write = Callable[[Path], int]

_WRITE = """
import signal, sys
file = open(sys.argv[1], "a")
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def written() -> Iterator[Write]:
    """Has a process that holds a file open for writing, and gives its number."""
    running = list[subprocess.Popen[str]]()

    def started(path: Path) -> int:
        command = [sys.executable, "-I", "-c", _WRITE, str(path)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process.pid

    yield started
    for process in running:
        process.kill()
        process.communicate()


@contextmanager
def _shell(errors: Path, text: str) -> Generator[int]:
    """A shell at work that writes its errors there; its number."""
    with (
        errors.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            ["sh", "-ec", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid


def _log(folder: Path, *lines: str) -> Path:
    path = folder / "orders.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


async def test_the_last_lines_of_the_log_of_a_process_are_shown_with_its_writer(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    path = _log(tmp_path, *(f"request {n} served" for n in range(500)))
    pid = written(path)
    outcome = await bench.run("log-files", service=str(pid), lines="2")
    assert outcome.verdict is Verdict.SUCCEEDED
    title, *lines = outcome.text.splitlines()
    assert title.startswith(f"== {path}: 9,390 bytes, last written ")
    assert f"written by {pid} python" in title
    assert lines == ["request 498 served", "request 499 served"]


async def test_a_search_counts_the_lines_and_shows_the_last_ones(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    path = _log(
        tmp_path, *(f"request {n} {'FAILED' if n % 9 == 0 else 'served'}" for n in range(90))
    )
    written(path)
    text = (await bench.run("log-files", path=str(path), search="failed", lines="1")).text
    assert text.splitlines()[1:] == [
        "10 of 90 lines have 'failed'; the last 1:",
        "request 81 FAILED",
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter2",
        '{"token": "hunter2"}',
        "Authorization: Bearer hunter2",
        "postgres://app:hunter2@db/orders",
        "DB_PASSWORD='hunter2'",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
    ],
)
async def test_secrets_in_a_log_are_masked(
    bench: Bench, tmp_path: Path, written: Write, secret: str
) -> None:
    path = _log(tmp_path, f"begin {secret}", "connection refused")
    written(path)
    text = (await bench.run("log-files", path=str(path))).text
    assert "hunter2" not in text
    assert "***" in text
    assert text.rstrip().endswith("connection refused")


async def test_a_log_that_was_deleted_is_read_as_long_as_it_is_held(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    path = _log(tmp_path, "no space left on device")
    pid = written(path)
    path.unlink()
    text = (await bench.run("log-files", service=str(pid))).text
    assert f"{path} (deleted): " in text
    assert text.rstrip().endswith("no space left on device")


async def test_what_no_process_writes_as_a_log_is_not_read(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    data, idle = tmp_path / "customers.db", tmp_path / "idle.log"
    data.write_text("private\n", encoding="utf-8")
    idle.write_text("private\n", encoding="utf-8")
    (tmp_path / "link.log").symlink_to(data)
    written(data)
    for path in (data, idle, tmp_path / "link.log", tmp_path):
        outcome = await bench.run("log-files", path=str(path))
        assert outcome.verdict is Verdict.FAILED
        assert "is no log file" in outcome.text
        assert "private" not in outcome.text


async def test_a_log_that_is_no_text_is_named_and_not_shown(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    path = tmp_path / "binary.log"
    path.write_bytes(os.urandom(20) + b"\0private")
    written(path)
    text = (await bench.run("log-files", path=str(path))).text
    assert text.splitlines()[1:] == [
        "this is no text (compressed, or a database): not shown",
    ]


async def test_a_process_without_a_log_file_says_where_it_writes(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    pid = written(tmp_path / "state")
    outcome = await bench.run("log-files", service=str(pid))
    assert outcome.verdict is Verdict.FAILED
    assert f"{pid} has no log file open" in outcome.text
    assert f"the standard output of {pid} is pipe:[" in outcome.text


async def test_a_shell_that_only_names_the_service_in_its_text_is_none_of_its_processes(
    bench: Bench, tmp_path: Path
) -> None:
    with _shell(tmp_path / "errors", "echo ready; read line; : frobnicated") as pid:
        of_word = await bench.run("log-files", service="frobnicated")
        of_number = await bench.run("log-files", service=str(pid))
    assert of_word.text.startswith("frobnicated has no log file open")
    assert of_number.text.startswith(f"== {tmp_path / 'errors'}: ")


async def test_without_arguments_the_log_files_are_listed(
    bench: Bench, tmp_path: Path, written: Write
) -> None:
    path = _log(tmp_path, "ready")
    pid = written(path)
    text = (await bench.run("log-files")).text
    assert " log files (open in a process, or in /var/log/), last written first:" in text
    row = next(line for line in text.splitlines() if line.startswith(f"{path}: 6 bytes"))
    assert f"written by {pid} " in row


async def test_more_lines_than_it_gives_are_refused(bench: Bench) -> None:
    outcome = await bench.run("log-files", lines="5001")
    assert outcome.verdict is Verdict.FAILED
    assert "lines must be 1 to 5000" in outcome.text
