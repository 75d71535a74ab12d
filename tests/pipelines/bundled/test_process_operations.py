"""process-details and open-files, asked about real processes, locks, sockets and hostile names."""

import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import Task
from opsmcp_pipelines.run import Verdict
from tests.pipelines.bundled.bench import SYSTEM_PATH, Bench

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc here")

READY = "print('ready', flush=True)\n"
WAIT = f"{READY}import signal\nsignal.pause()\n"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program that prints `ready` once it is as it should be."""
    running = list[subprocess.Popen[str]]()

    def started(script: str, *arguments: str, ready: bool = True) -> subprocess.Popen[str]:
        command = [sys.executable, "-I", "-c", script, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert not ready or process.stdout.readline() == "ready\n"
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


def details(text: str, key: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"{key}: "))


async def test_process_details_tells_what_a_process_is(bench: Bench, start: Start) -> None:
    process = start(WAIT)
    outcome = await bench.run("process-details", process=str(process.pid))
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.startswith(f"process: {process.pid} python")
    assert details(outcome.text, "state") == "state: S (sleeping)"
    assert details(outcome.text, "parent").startswith(f"parent: {os.getpid()} ")
    assert details(outcome.text, "started").split()[4] in {"0", "1", "2", "3", "4", "5", "6", "7"}
    assert details(outcome.text, "executable").startswith("executable: /")
    assert "locks: none" in outcome.text


SECRETS = [
    "--password=hunter2",
    "-pHunter3",
    "--token",
    "hunter4",
    "API_KEY=hunter5",
    "postgres://app:hunter6@db/x",
    "https://x/?a=1&access_token=hunter7&b=2",
    '{"user": "app", "password": "hunter8 and more"}',
    "Authorization: Bearer hunter9",
    "mysql -uroot -phunter10 --password='hunter11 hunter12' shop; curl -u me:hunter13 http://x",
]


async def test_process_details_masks_secrets_of_the_command(bench: Bench, start: Start) -> None:
    process = start(WAIT, *SECRETS, "--port=8080", "-p2222", "--ssl-key=/etc/x.pem", "user=app")
    text = (await bench.run("process-details", process=str(process.pid))).text
    assert "unter" not in text.replace("import", "")
    command = details(text, "command")
    assert "--password=*** -p*** --token *** API_KEY=*** postgres://app:***@db/x" in command
    assert "https://x/?a=1&access_token=***&b=2" in command
    assert command.endswith("--port=8080 -p2222 --ssl-key=/etc/x.pem user=app")


LOCKING = "import fcntl, sys\nfile = open(sys.argv[1])\n"
WRITING = "import fcntl, sys\nfile = open(sys.argv[1], 'w')\n"


async def test_process_details_names_who_holds_the_lock_that_is_waited_for(
    bench: Bench, start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "job.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = start(f"{LOCKING}{READY}fcntl.flock(file, fcntl.LOCK_EX)", str(path))
        await _until_waiting(waiting.pid)
        stuck = (await bench.run("process-details", process=str(waiting.pid))).text
        holding = (await bench.run("process-details", process=str(os.getpid()))).text
    assert f"WAITS for FLOCK WRITE on {path}, held by " in stuck
    assert f"(process {os.getpid()})" in stuck
    assert f"holds FLOCK WRITE on {path}\n    waited for by process {waiting.pid}" in holding


async def test_process_details_names_who_locks_a_file_that_a_process_only_tries_to_lock(
    bench: Bench, start: Start, tmp_path: Path
) -> None:
    """As of a database of SQLite, whose lock is asked for again and again."""
    path = tmp_path / "orders.db"
    path.touch()
    holder = start(f"{WRITING}fcntl.lockf(file, fcntl.LOCK_EX)\n{WAIT}", str(path))
    trying = start(f"{LOCKING}{WAIT}", str(path))
    text = (await bench.run("process-details", process=str(trying.pid))).text
    assert f"  held by others: POSIX WRITE on {path}, by " in text
    assert f"(process {holder.pid})" in text


async def test_process_details_says_that_a_user_can_start_nothing_more(
    bench: Bench, start: Start
) -> None:
    if os.getuid():
        pytest.skip("only root may become another user")
    script = (
        "import os, resource, signal, time\nos.setuid(54_321)\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (4, 4))\n"
        "for _ in range(3):\n    if os.fork() == 0: os._exit(0)\n"
    )
    process = start(f"{script}{WAIT}")
    text = (await bench.run("process-details", process=str(process.pid))).text
    limit = "processes and threads of user 54321: 4 of at most 4, AT ITS LIMIT"
    assert limit in text


async def test_a_lock_is_held_by_who_inherited_it(
    bench: Bench, start: Start, tmp_path: Path
) -> None:
    """As with `flock 9` in a shell: the process that took the lock has ended."""
    path = tmp_path / "job.lock"
    path.touch()
    script = (
        f"{LOCKING}import os, signal\nif os.fork() == 0:\n"
        f"    fcntl.flock(file, fcntl.LOCK_EX)\n    os._exit(0)\nos.wait()\n{WAIT}"
    )
    holder = start(script, str(path))
    waiting = start(f"{LOCKING}{READY}fcntl.flock(file, fcntl.LOCK_EX)", str(path))
    await _until_waiting(waiting.pid)
    text = (await bench.run("process-details", process=str(waiting.pid))).text
    assert f"(process {holder.pid})" in next(line for line in text.splitlines() if "WAITS" in line)


async def _until_waiting(pid: int) -> None:
    locks = anyio.Path("/proc/locks")
    for _ in range(1000):
        if f" {pid} " in await locks.read_text(encoding="utf-8"):
            return
        await anyio.sleep(0.01)  # the kernel tells nobody that a process has begun to wait
    raise AssertionError("the process does not wait for the lock")


async def test_process_details_shows_sockets_with_what_is_not_read(
    bench: Bench, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = (
            "import socket, sys\n"
            "one = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
            "dns = socket.socket(type=socket.SOCK_DGRAM)\ndns.connect(('127.0.0.9', 53))\n"
            f"{READY}one.recv(1)"
        )
        process = start(script, str(port))
        text = (await bench.run("process-details", process=str(process.pid))).text
        own = (await bench.run("process-details", process=str(os.getpid()))).text
    assert f" -> 127.0.0.1:{port} ESTABLISHED" in details(text, "waits")
    assert " -> 127.0.0.9:53 (DNS)" in text
    assert f"tcp 127.0.0.1:{port} LISTEN, connections that wait to be accepted: 1" in own


async def test_process_details_tells_a_zombie_from_both_sides(bench: Bench, start: Start) -> None:
    script = f"import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)\n{WAIT}"
    parent = start(script)
    children = anyio.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    child = (await children.read_text(encoding="utf-8")).strip()
    above = (await bench.run("process-details", process=str(parent.pid))).text
    below = (await bench.run("process-details", process=child)).text
    assert "children: 1, of which 1 are zombies" in above
    assert f"(process {child})" in above
    assert f"state: ZOMBIE: it has ended, and its parent {parent.pid} (" in below


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


async def test_process_details_says_that_a_stop_or_an_ignored_signal_holds(
    bench: Bench, start: Start
) -> None:
    process = start(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT}")
    stop(process)
    text = (await bench.run("process-details", process=str(process.pid))).text
    assert "state: T, STOPPED by a signal" in text
    assert "signals: SIGTERM is ignored" in text


async def test_process_details_finds_processes_by_name_and_part_of_the_command(
    bench: Bench, start: Start
) -> None:
    ours = [start(WAIT, "--role=opsmcp-test-worker").pid for _ in range(2)]
    text = (await bench.run("process-details", process="opsmcp-test-worker")).text
    head, _, *rows = text.splitlines()
    assert head == "2 processes match 'opsmcp-test-worker':"
    assert [int(row.split()[0]) for row in rows[:2]] == sorted(ours)
    assert f"details of process {min(ours)} " in text


@pytest.mark.parametrize("operation", ["process-details", "open-files"])
@pytest.mark.parametrize("process", ["no-such-process", "999999999"])
async def test_a_process_that_is_not_there_is_a_failure(
    bench: Bench, operation: str, process: str
) -> None:
    outcome = await bench.run(operation, process=process)
    assert outcome.verdict is Verdict.FAILED
    assert process in outcome.text


ARGUMENTS = ("arg\x1b[31m\nuser: forged", r"\033[2J\nuser: forged\c")
HOSTILE = "a\nprocess: 1 forged\x1b[2J\x07 -> /etc/shadow"


@pytest.fixture
def hostile(start: Start, tmp_path: Path) -> subprocess.Popen[str]:
    """A process with a hostile name, a hostile file open, and 10,000 others."""
    (tmp_path / "many").mkdir()
    script = (
        "import ctypes, os, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (11_000, 11_000))\n"
        "ctypes.CDLL(None).prctl(15, b'x\\n\\x1b\\\\n\\\\033J) S', 0, 0, 0)\n"
        "evil = open(sys.argv[1] + '/' + os.fsdecode(bytes.fromhex(sys.argv[2])), 'w')\n"
        "every = [open(f'{sys.argv[1]}/many/{n % 100}', 'a') for n in range(10_000)]\n"
        f"{WAIT}"
    )
    name = HOSTILE.replace("/", "_")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 11_000:
        pytest.skip("this user may not open so many files")
    return start(script, str(tmp_path), name.encode().hex(), *ARGUMENTS)


BUSYBOX = (
    *("awk", "cat", "cut", "date", "find", "grep", "head"),
    *("ls", "readlink", "sed", "sort", "stat", "tr", "wc"),
)


def busybox_path(programs: Path) -> str:
    """Only what busybox has: its awk, ls, find, tr, sed, grep, stat and the rest."""
    busybox = shutil.which("busybox", path=SYSTEM_PATH)
    if busybox is None:
        pytest.skip("busybox is not installed")
    for name in BUSYBOX:
        (programs / name).symlink_to(busybox)
    return f"{programs}:{SYSTEM_PATH}"


@pytest.mark.parametrize("operation", ["process-details", "open-files"])
@pytest.mark.parametrize("tools", ["usual", "busybox"])
async def test_hostile_names_and_many_files_stay_on_their_lines(
    bench: Bench,
    hostile: subprocess.Popen[str],
    programs: Path,
    operation: str,
    tools: str,
) -> None:
    if tools == "busybox":
        bench = replace(bench, environ={**bench.environ, "PATH": busybox_path(programs)})
    outcome = await bench.run(operation, process=str(hostile.pid))
    assert outcome.verdict is Verdict.SUCCEEDED
    lines = outcome.text.splitlines()
    assert [line for line in lines if line.startswith(("process: ", "user: forged"))] == lines[:1]
    assert "\x1b" not in outcome.text
    assert len(outcome.text) < 20_000
    near = r"^open: 1000\d of at most 11000,? +NEAR ITS LIMIT$"
    assert re.search(near, outcome.text, re.MULTILINE)


async def test_open_files_counts_by_kind_and_says_where_most_are(
    bench: Bench, hostile: subprocess.Popen[str], tmp_path: Path
) -> None:
    text = (await bench.run("open-files", process=str(hostile.pid))).text
    assert "files 10001" in text
    assert f"most: 10000 below {tmp_path}/many/" in text
    assert "more" in text.splitlines()[-3]


async def test_open_files_names_who_uses_a_file_a_directory_or_a_socket(
    bench: Bench, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "app.log").open("w"), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "app.sock"))
        (folder / "other-name").hardlink_to(folder / "app.log")
        found = {
            name: (await bench.run("open-files", path=f"{folder}/{name}".rstrip("/"))).text
            for name in ("app.log", "other-name", "app.sock", "")
        }
    for name, text in found.items():
        assert f"processes that use {folder}/{name}".rstrip("/") in text
        assert f"  {os.getpid()} " in text
        assert "descriptor " in text


async def test_open_files_finds_a_deleted_file_and_a_linked_path(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with (tmp_path / "gone").open("w"):
        linked = (await bench.run("open-files", path=f"{tmp_path}/link/gone")).text
        (tmp_path / "gone").unlink()
        gone = (await bench.run("open-files", path=f"{tmp_path}/gone")).text
    assert f"  {os.getpid()} " in linked
    assert f"{tmp_path}/gone, which does not exist (any more): 1" in gone
    assert f"writes {tmp_path}/gone (deleted)" in gone


async def test_open_files_says_when_nobody_uses_a_path(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "idle").touch()
    outcome = await bench.run("open-files", path=f"{tmp_path}/idle")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.splitlines()[0] == f"processes that use {tmp_path}/idle: 0"


async def test_open_files_shows_who_may_use_a_path_also_before_it_is_there(
    bench: Bench, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o750)
    owner = f"{spool.owner()}:{spool.group()}"
    for name in ("", "/new/file"):
        text = (await bench.run("open-files", path=f"{spool}{name}")).text
        assert f"permissions: drwxr-x--- {owner} {spool}" in text.splitlines()


@pytest.mark.parametrize("given", [{}, {"process": "1", "path": "/"}], ids=["none", "both"])
async def test_open_files_wants_a_process_or_a_path(bench: Bench, given: dict[str, str]) -> None:
    outcome = await bench.run("open-files", **given)
    assert outcome.verdict is Verdict.FAILED
    assert "give one: process (PID or name)" in outcome.text


def run_step(operation: str, shell: str, user: int | None, **values: str) -> str:
    """The step in one shell as one user, without the engine, which runs as its own user."""
    text = (resources.files("opsmcp_pipelines.bundled") / f"{operation}.yaml").read_text("utf-8")
    task = parse_manifest(text, operation, "elsewhere").operations[1]
    assert isinstance(task, Task)
    environ = {"PATH": SYSTEM_PATH, "process": "", "path": "", **values}
    command = [shell, "-c", task.steps[0].content]
    return subprocess.run(
        command, env=environ, user=user, cwd="/", capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_another_user_is_told_what_could_not_be_read(start: Start, shell: str) -> None:
    if shutil.which(shell, path=SYSTEM_PATH) is None:
        pytest.skip(f"{shell} is not installed")
    pid = str(start(WAIT).pid)
    details_told = run_step("process-details", shell, 65534, process=pid)
    assert "open: not shown to this user; see it as root" in details_told
    assert "what it waits for is not shown to this user" in details_told
    assert "not shown to this user" in run_step("open-files", shell, 65534, process=pid)
    told = run_step("open-files", shell, 65534, path="/usr")
    assert "processes could not be looked into" in told


async def test_process_details_names_the_pipe_that_nobody_has_open_at_its_other_end(
    bench: Bench, start: Start, tmp_path: Path
) -> None:
    pipe = tmp_path / "in tray"
    os.mkfifo(pipe)
    # As a system that restricts this to ancestors (Yama) has to be told.
    anybody = (
        "import ctypes, sys\nctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)\n"
    )
    process = start(f"{anybody}{READY}open(sys.argv[1])", str(pipe))
    await _until_opening_a_pipe(process.pid)
    text = (await bench.run("process-details", process=str(process.pid))).text
    assert "(FIFO) that nobody has open at its other end" in details(text, "waits")
    assert f"\n  named pipe: {pipe}\n" in text


async def _until_opening_a_pipe(pid: int) -> None:
    place = anyio.Path(f"/proc/{pid}/wchan")
    for _ in range(500):
        if await place.read_text(encoding="utf-8") in {"wait_for_partner", "fifo_open"}:
            return
        await anyio.sleep(0.01)  # the kernel tells nobody that a process has begun to wait
    raise AssertionError("the process does not wait for the pipe")


@pytest.mark.parametrize("operation", ["process-details", "open-files"])
async def test_a_process_that_can_open_nothing_more_is_at_its_limit(
    bench: Bench, start: Start, operation: str
) -> None:
    script = (
        "import resource, signal\nresource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "files = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError: pass\n"
    )
    full = start(f"{script}{WAIT}")
    near = start(f"{script}files.pop().close()\n{WAIT}")
    texts = [
        (await bench.run(operation, process=str(process.pid))).text for process in (full, near)
    ]
    assert "open: 40 of at most 40, AT ITS LIMIT: it can open nothing more\n" in texts[0]
    assert "open: 39 of at most 40, NEAR ITS LIMIT\n" in texts[1]


REPLACED = "(deleted)  REPLACED: another file has this name now"


async def test_a_file_that_was_replaced_is_told_from_one_that_is_gone(
    bench: Bench, tmp_path: Path
) -> None:
    (replaced, gone) = (tmp_path / "shop prices.db", tmp_path / "gone.db")
    with replaced.open("w"), gone.open("w"):
        (tmp_path / "new").touch()
        (tmp_path / "new").replace(replaced)
        gone.unlink()
        by_path = (await bench.run("open-files", path=str(tmp_path / "gone.db"))).text
        texts = [
            (await bench.run(operation, process=str(os.getpid()))).text
            for operation in ("process-details", "open-files")
        ]
    for text in texts:
        assert f" {replaced} {REPLACED}" in text
        assert f" {gone} (deleted)\n" in text
    assert "REPLACED" not in by_path


async def test_who_reads_a_file_that_was_replaced_is_told_by_its_path(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "prices.db"
    with path.open("w"):
        (tmp_path / "new").touch()
        (tmp_path / "new").replace(path)
        text = (await bench.run("open-files", path=str(path))).text
    assert f"writes {path} {REPLACED}" in text


async def test_process_details_shows_what_a_child_runs_with_secrets_masked(
    bench: Bench, start: Start
) -> None:
    command = ["sh", "-c", "read line", "worker", "--password=hunter2"]
    child = f"import subprocess\nchild = subprocess.Popen({command}, stdin=subprocess.PIPE)\n"
    process = start(f"{child}{WAIT}")
    text = (await bench.run("process-details", process=str(process.pid))).text
    assert "ago: sh -c read line worker --password=***" in text


async def test_process_details_says_when_the_process_ended_meanwhile(
    bench: Bench, start: Start, programs: Path
) -> None:
    process = start(WAIT)
    ending = programs / "readlink"
    ending.write_text(
        f"#!/bin/sh\nkill -9 {process.pid}\n"
        f"until grep -q '^State:.Z' /proc/{process.pid}/status; do :; done\n"
    )
    ending.chmod(0o755)
    text = (await bench.run("process-details", process=str(process.pid))).text
    assert "THIS PROCESS ENDED while it was looked at" in text
    assert "not shown to this user" not in text
