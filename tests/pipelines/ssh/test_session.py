"""Scripts through a real sshd: the state of each case, and what is left running."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.ssh.lookup import look_at
from opsmcp_pipelines.ssh.refusals import Reason
from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState
from opsmcp_pipelines.ssh.target import SshTarget
from tests.pipelines.ssh.remote_script import (
    ENVIRON,
    MARK,
    Script,
    marked,
    nothing_left,
    one_marked,
    own_connections,
    sleeper,
    sshd_above,
)
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "hosts", "web1") as running:
        yield running


@pytest.fixture
def target(hosts: Hosts) -> SshTarget:
    return SshTarget("web1", config=str(hosts.config))


async def test_a_script_ends_with_its_own_status_also_that_of_ssh(target: SshTarget) -> None:
    script = Script(target, "echo out; echo err >&2; cat; exit 255")
    assert await script.run() == RemoteEnd(RemoteState.ENDED, 255)
    assert script.printed == b"out\nerr\n"


async def test_ten_megabytes_arrive_whole(target: SshTarget) -> None:
    script = Script(target, "yes 0123456789 | head -c 10000000")
    assert (await script.run()).code == 0
    assert len(script.printed) == 10_000_000


@pytest.mark.parametrize("ignore", ["", "trap '' TERM; "])
async def test_a_cancelled_script_is_stopped_with_what_it_started(
    target: SshTarget, ignore: str
) -> None:
    mark = f"{MARK}-{'ignore' if ignore else 'plain'}-{os.getpid()}"
    text = f"{ignore}{sleeper(mark)} & setsid {sleeper(mark)} & echo begun; {sleeper(mark)}"
    script = Script(target, text)
    async with anyio.create_task_group() as group:
        group.start_soon(script.run)
        await script.begun.wait()
        group.cancel_scope.cancel()
    assert script.session.end.state is RemoteState.STOPPED
    assert not script.session.end.left
    assert await nothing_left(mark)


async def test_a_script_that_takes_too_long_is_stopped(target: SshTarget) -> None:
    mark = f"{MARK}-late-{os.getpid()}"
    late = Script(target, f"echo begun; {sleeper(mark)}")
    end = await late.run(4)
    assert end.state in (RemoteState.STOPPED, RemoteState.NOT_STARTED)
    assert await nothing_left(mark)


async def test_a_child_that_goes_on_holds_nobody_up_and_is_told_of(target: SshTarget) -> None:
    mark = f"{MARK}-child-{os.getpid()}"
    end = await Script(target, f"{sleeper(mark)} & echo a").run()
    assert end == RemoteEnd(RemoteState.ENDED, 0, left=True)
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("who", ["sshd", "ssh"])
async def test_a_connection_that_is_lost_makes_the_end_unknown_and_stops_the_script(
    target: SshTarget, who: str
) -> None:
    mark = f"{MARK}-{who}-{os.getpid()}"
    script = Script(target, f"echo begun; {sleeper(mark)}")
    ends: list[RemoteEnd] = []

    async def run() -> None:
        ends.append(await script.run())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await script.begun.wait()
        there = await one_marked(mark)
        os.kill(sshd_above(there) if who == "sshd" else own_connections()[0], signal.SIGKILL)
    assert ends[0].state is RemoteState.UNKNOWN
    assert await nothing_left(mark)


async def test_nothing_runs_on_a_host_that_is_not_who_it_should_be(
    hosts: Hosts, target: SshTarget, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    for known, key, reason in (
        ("none", "id", Reason.HOST_KEY_UNKNOWN),
        ("changed", "id", Reason.HOST_KEY_CHANGED),
        ("known", "stranger", Reason.AUTH),
    ):
        config = str(hosts.configure(known=known, key=key))
        end = await Script(replace(target, config=config), f"touch {marker}").run()
        assert (end.state, end.reason) == (RemoteState.NOT_STARTED, reason)
    assert not marker.exists()


async def test_the_reason_is_that_of_the_login_and_no_banner_says_another(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("banner")
    (folder / "banner").write_text("Permission denied to others; your time is timed out\n" * 999)
    more = f"Banner {folder / 'banner'}\nForceCommand echo this account cannot log in\n"
    with running_sshd(folder / "hosts", "web1", more=more) as hosts:
        quiet = hosts.configure(more=" LogLevel QUIET\n RemoteCommand echo no\n")
        end = await Script(SshTarget("web1", config=str(quiet)), "true").run()
        assert (end.state, end.reason) == (RemoteState.NOT_STARTED, Reason.OTHER)
        assert end.message.endswith("\nthis account cannot log in")
        quiet = hosts.configure(key="stranger", more=" LogLevel QUIET\n")
        end = await Script(SshTarget("web1", config=str(quiet)), "true").run()
        assert (end.state, end.reason) == (RemoteState.NOT_STARTED, Reason.AUTH)


async def test_nobody_who_listens_is_not_reached(target: SshTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    end = await Script(replace(target, port=port), "true").run()
    assert (end.state, end.reason) == (RemoteState.NOT_STARTED, Reason.UNREACHABLE)
    end = await Script(replace(target, address="nosuch.invalid"), "true").run()
    assert (end.state, end.reason) == (RemoteState.NOT_STARTED, Reason.UNREACHABLE)


async def test_a_connection_that_is_kept_for_later_holds_nobody_up(
    hosts: Hosts, target: SshTarget
) -> None:
    folder = tempfile.mkdtemp(prefix="cm-")  # a socket has a short name
    more = f" ControlMaster auto\n ControlPath {folder}/%C\n ControlPersist 60\n"
    kept = replace(target, config=str(hosts.configure(more=more)))
    try:
        for _ in range(2):
            assert (await Script(kept, "echo a").run()).code == 0
        mark = f"{MARK}-kept-{os.getpid()}"
        script = Script(kept, f"echo begun; {sleeper(mark)}")
        async with anyio.create_task_group() as group:
            group.start_soon(script.run)
            await script.begun.wait()
            group.cancel_scope.cancel()
        assert script.session.end.state is RemoteState.STOPPED
        assert await nothing_left(mark)
    finally:
        await anyio.run_process(["ssh", "-F", kept.config, "-O", "exit", "web1"], check=False)
        shutil.rmtree(folder)


async def test_a_look_at_a_host_says_what_ssh_makes_of_it_and_whether_it_answers(
    hosts: Hosts, target: SshTarget
) -> None:
    look = await look_at(target, ENVIRON)
    assert look.answers
    assert look.settings["hostname"] == "127.0.0.1"
    assert look.settings["port"] == str(hosts.ports["web1"])
    away = await look_at(replace(target, address="nosuch.invalid"), ENVIRON)
    assert not away.answers
    assert away.end.reason is Reason.UNREACHABLE
