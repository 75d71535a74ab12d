"""What is stopped has ended: every process that a step started, however it hid itself."""

import fcntl
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.embedded.engine.supervisor import end_left_over
from opsmcp_pipelines.run import Status, Verdict
from opsmcp_pipelines.source import Cancelled, RunRef
from opsmcp_pipelines.verdict.judge import judge
from tests.pipelines.embedded.test_source import (
    Engine,
    Open,
    engine,
    is_running,
    outputs,
    pipeline,
    step,
    steps_of,
    task,
    ticks,
)

__all__ = ["engine"]  # the fixture

STAY = "echo $$ > {}/pid; exec sleep 60"
DAEMON = """\
#!/usr/bin/env python3
import os, sys, time
def leave():
    if os.fork():
        os._exit(0)
if os.fork() == 0:
    os.setsid()
    leave()
    os.chdir("/")
    with open("{0}/pid", "w") as file:
        file.write(str(os.getpid()))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.execve("/bin/sleep", ["innocent", "60"], {{}})
os.wait()
print("here", flush=True)
time.sleep(60)
"""
HIDING = {
    "a child": "sh -c '" + STAY + "' & echo here; wait",
    "deaf": "sh -c 'trap \"\" TERM; echo $$ > {}/pid; while :; do sleep 1; done' & echo here; wait",
    "nohup": "nohup sh -c '" + STAY + "' >/dev/null 2>&1 & echo here; sleep 60",
    "setsid": "setsid sh -c '" + STAY + "' >/dev/null 2>&1 & echo here; sleep 60",
    "twice forked": "setsid sh -c \"setsid sh -c '"
    + STAY.replace("$", "\\$")
    + "' >/dev/null 2>&1 &\"; echo here; sleep 60",
    "without its mark": "env -i setsid sh -c '" + STAY + "' >/dev/null 2>&1 & echo here; sleep 60",
    "stopped": "setsid sh -c 'echo $$ > {}/pid; kill -STOP $$' >/dev/null & echo here; sleep 60",
    "a daemon": DAEMON,
}


async def pid_in(folder: Path) -> int:
    path = anyio.Path(folder / "pid")
    async for _ in ticks(20):
        if await path.exists() and (text := await path.read_text()).strip():
            return int(text)
    raise AssertionError("it did not start")


async def started(runs: Engine, folder: Path) -> tuple[RunRef, int]:
    """A run whose step has printed something, and the process that it left somewhere."""
    ref = await runs.start("t")
    await runs.until(ref, lambda found: "here" in str(found))
    pid = await pid_in(folder)
    assert is_running(pid)
    return ref, pid


@pytest.mark.parametrize("script", HIDING.values(), ids=HIDING.keys())
async def test_a_cancelled_run_has_ended_with_all_that_it_started(
    script: str, engine: Open, tmp_path: Path
) -> None:
    async with engine(task("t", step("a", script.format(tmp_path)))) as runs:
        ref, pid = await started(runs, tmp_path)
        assert await runs.source.cancel(ref) is Cancelled.STOPPED
        assert not is_running(pid)
        report = await runs.source.read_run(ref)
    assert judge(report).verdict is Verdict.CANCELLED
    assert steps_of(report)[-1].note == "cancelled"


@pytest.mark.parametrize("hidden", ["setsid", "a daemon"])
async def test_a_step_at_its_deadline_has_ended_with_all_that_it_started(
    hidden: str, engine: Open, tmp_path: Path
) -> None:
    script = HIDING[hidden].format(tmp_path)
    async with engine(task("t", step("a", script, "timeoutSeconds: 2"))) as runs:
        (only,) = steps_of(await runs.run("t"))
        assert not is_running(await pid_in(tmp_path))
    assert only.note == "stopped after 2 s (timeoutSeconds)"


FLEEING = """\
#!/usr/bin/env python3
import fcntl, os, time
lock = open("{0}/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
if os.fork() == 0:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)
        os.setsid()
print("here", flush=True)
time.sleep(60)
"""


def is_held(path: Path) -> bool:
    """Whether a process that has it open is still there."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_what_is_another_process_at_every_look_ends_with_the_cancelled_run(
    engine: Open, tmp_path: Path
) -> None:
    async with engine(task("t", step("a", FLEEING.format(tmp_path)))) as runs:
        ref = await runs.start("t")
        await runs.until(ref, lambda found: "here" in str(found))
        assert is_held(tmp_path / "lock")
        assert await runs.source.cancel(ref) is Cancelled.STOPPED
        assert not is_held(tmp_path / "lock")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_what_is_another_process_at_every_look_ends_with_the_step_at_its_deadline(
    engine: Open, tmp_path: Path
) -> None:
    script = FLEEING.format(tmp_path)
    async with engine(task("t", step("a", script, "timeoutSeconds: 1"))) as runs:
        (only,) = steps_of(await runs.run("t"))
        assert not is_held(tmp_path / "lock")
    assert only.note == "stopped after 1 s (timeoutSeconds)"


async def test_what_an_earlier_step_left_on_purpose_outlives_the_deadline_of_a_later_one(
    engine: Open, tmp_path: Path
) -> None:
    daemon = f"setsid sh -c '{STAY.format(tmp_path)}' >/dev/null 2>&1 &"
    slow = step("b", "sleep 60", "timeoutSeconds: 1")
    async with engine(task("t", step("a", daemon) + slow)) as runs:
        report = await runs.run("t")
        pid = await pid_in(tmp_path)
        assert report.status is Status.FAILED
        assert is_running(pid)
        os.kill(pid, signal.SIGKILL)


async def test_a_service_that_a_good_run_started_goes_on(engine: Open, tmp_path: Path) -> None:
    daemon = f"setsid sh -c '{STAY.format(tmp_path)}' >/dev/null 2>&1 &"
    async with engine(task("t", step("a", daemon))) as runs:
        report = await runs.run("t")
    pid = await pid_in(tmp_path)
    assert report.status is Status.SUCCEEDED
    assert steps_of(report)[0].note == ""
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


async def test_what_a_step_before_started_ends_with_the_cancelled_run(
    engine: Open, tmp_path: Path
) -> None:
    daemon = f"setsid sh -c '{STAY.format(tmp_path)}' >/dev/null 2>&1 &"
    tasks = task("first", step("a", daemon)) + task("then", step("b", "echo here; sleep 60"))
    refs = "[{taskRef: first}, {taskRef: then}]"
    async with engine(tasks + pipeline("p", refs)) as runs:
        ref = await runs.start("p")
        await runs.until(ref, lambda found: "here" in str(found))
        pid = await pid_in(tmp_path)
        assert await runs.source.cancel(ref) is Cancelled.STOPPED
        assert not is_running(pid)


async def test_what_keeps_the_output_open_in_a_session_of_its_own_is_ended(
    engine: Open, tmp_path: Path
) -> None:
    content = f"setsid sh -c '{STAY.format(tmp_path)}' & echo done"
    async with engine(task("t", step("a", content))) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert (only.status, only.output) == (Status.SUCCEEDED, "done\n")
    assert only.note == "it left processes behind that kept its output open; they were ended"
    assert not is_running(await pid_in(tmp_path))


async def test_a_step_that_kills_what_it_runs_below_is_told_and_ended(
    engine: Open, tmp_path: Path
) -> None:
    content = f"sh -c '{STAY.format(tmp_path)}' & sleep 0.3; kill -9 $PPID; sleep 60"
    async with engine(task("t", step("a", content))) as runs:
        report = await runs.run("t")
        assert not is_running(await pid_in(tmp_path))
    (only,) = steps_of(report)
    assert (report.status, only.status) == (Status.ABORTED, Status.ABORTED)
    assert only.note == "its supervisor was killed; what no longer carried its mark was not found"


async def test_a_supervisor_that_somebody_stopped_ends_what_is_below_it_all_the_same(
    engine: Open, tmp_path: Path
) -> None:
    content = f"kill -STOP $PPID; {STAY.format(tmp_path)}"
    async with engine(task("t", step("a", content))) as runs:
        ref = await runs.start("t")
        pid = await pid_in(tmp_path)
        assert await runs.source.cancel(ref) is Cancelled.STOPPED
        report = await runs.source.read_run(ref)
        assert not is_running(pid)
    (only,) = steps_of(report)
    assert (report.status, only.note) == (Status.CANCELLED, "cancelled")


async def test_a_step_that_stops_what_it_runs_below_ends_when_it_ends(engine: Open) -> None:
    steps = step("a", "kill -STOP $PPID; echo one") + step("b", "kill -STOP $PPID; echo two")
    async with engine(task("t", steps)) as runs:
        report = await runs.run("t")
    assert (report.status, outputs(report)) == (Status.SUCCEEDED, ["one\n", "two\n"])


@asynccontextmanager
async def sleeping(**environ: str) -> AsyncGenerator[int]:
    process = await anyio.open_process(["sleep", "60"], env=environ, start_new_session=True)
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_is_left_is_known_by_its_mark_and_nothing_else_is_touched() -> None:
    async with (
        sleeping(OPS_STEP_OF="t-1a2b") as mine,
        sleeping(OPS_STEP_OF="t-1a2b3") as of_another,
        sleeping(X_OPS_STEP_OF="t-1a2b") as unmarked,
    ):
        ending = await end_left_over("t-1a2b")
        assert not is_running(mine)
        assert is_running(of_another) and is_running(unmarked)
    assert (ending.found, ending.left) == (1, ())


PARENTS = """\
import os
def show(number):
    try:
        with open(f"/proc/{number}/environ", "rb") as file:
            print(file.read().replace(b"\\0", b"\\n").decode(errors="replace"))
    except OSError as error:
        print(error.strerror)
    with open(f"/proc/{number}/status") as file:
        parent = next(line.split()[1] for line in file if line.startswith("PPid:"))
    return int(parent)
number = os.getppid()
for _ in range({levels}):
    number = show(number)
"""


async def test_the_parent_of_a_step_shows_only_what_the_step_may_see(engine: Open) -> None:
    script = "#!/usr/bin/env python3\n" + PARENTS.replace("{levels}", "1")
    async with engine(task("t", step("a", script))) as runs:
        (shown,) = outputs(await runs.run("t"))
    names = {line.partition("=")[0] for line in shown.split("\n") if line}
    # Where the tests do not run as root, nobody may look at all.
    assert names <= {"PATH", "HOME", "OPS_STEP_OF", "LC_CTYPE", "Permission denied"}


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
async def test_the_next_run_begins_whatever_was_done_to_what_forks_supervisors(
    how: str, engine: Open
) -> None:
    script = "#!/usr/bin/env python3\n" + GRANDPARENT.replace("SIGKILL", how)
    async with engine(task("t", step("a", script)) + task("u", step("b", "echo good"))) as runs:
        first = await runs.run("t")
        after = await runs.run("u")
    assert [first.status, after.status] == [Status.SUCCEEDED, Status.SUCCEEDED]
    assert outputs(after) == ["good\n"]


async def test_runs_share_what_forks_supervisors_and_each_has_its_own(engine: Open) -> None:
    script = "#!/usr/bin/env python3\n" + GRANDPARENT.partition("os.kill")[0] + "print(number)"
    with_own = script + "\nprint(os.getppid())"
    async with engine(task("t", step("a", script)) + task("u", step("b", with_own))) as runs:
        (one,), (other,) = outputs(await runs.run("t")), outputs(await runs.run("u"))
    shared, own = other.split()
    assert one.split() == [shared] and own != shared


GRANDPARENT = """\
import os, signal
with open(f"/proc/{os.getppid()}/status") as file:
    number = int(next(line.split()[1] for line in file if line.startswith("PPid:")))
os.kill(number, signal.SIGKILL)
"""


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/true"])
async def test_what_cannot_be_started_is_told(program: str, engine: Open) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.executable", program)
        async with engine(task("t", step("a", "echo never"))) as runs:
            (only,) = steps_of(await runs.run("t"))
    assert only.status is Status.FAILED
    assert only.note.startswith("could not be started: ")
