"""Hosts that freeze, and connections that die at any moment: no state lies, and nothing is left."""

import os
import random
import signal
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState
from opsmcp_pipelines.ssh.target import SshTarget
from tests.pipelines.ssh.remote_script import (
    MARK,
    Script,
    marked,
    nothing_left,
    one_marked,
    own_connections,
    sleeper,
    sshd_above,
)
from tests.pipelines.ssh.sshd import needs_sshd, running_sshd

pytestmark = needs_sshd
KILLS = 16


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Generator[SshTarget]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "hosts", "web1") as hosts:
        yield SshTarget("web1", config=str(hosts.config))


async def test_how_a_script_ended_on_a_host_that_froze_is_not_known(target: SshTarget) -> None:
    """Frozen in the middle, and before it was to be stopped: both at once, for each takes long."""
    ends: dict[str, RemoteEnd] = {}

    async def freeze(name: str, *, stop: bool) -> None:
        mark, session = f"{MARK}-{name}-{os.getpid()}", list[int]()
        script = Script(target, f"echo begun; {sleeper(mark)}", alive=9 if stop else 1)
        async with anyio.create_task_group() as group:
            group.start_soon(script.run)
            await script.begun.wait()
            session.append(sshd_above(await one_marked(mark)))
            os.kill(session[0], signal.SIGSTOP)
            if stop:
                group.cancel_scope.cancel()
        ends[name] = script.session.end
        assert marked(mark)
        os.kill(session[0], signal.SIGCONT)
        assert await nothing_left(mark)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: freeze("frozen", stop=False))
        group.start_soon(lambda: freeze("deaf", stop=True))
    assert ends["frozen"].state is RemoteState.UNKNOWN
    assert "not responding" in ends["frozen"].message
    assert (ends["deaf"].state, ends["deaf"].silent) == (RemoteState.UNKNOWN, True)


@dataclass
class Kill:
    """One script, whose connection dies at a moment that a seed decides."""

    seed: int
    folder: Path

    @property
    def mark(self) -> str:
        return f"{MARK}-kill{self.seed}-{os.getpid()}"

    def made(self, name: str) -> bool:
        return (self.folder / f"{self.seed}-{name}").exists()

    async def run(self, target: SshTarget) -> RemoteEnd:
        begin, end = (self.folder / f"{self.seed}-{name}" for name in ("begin", "end"))
        text = f"touch {begin}; sh -c 'sleep 0.4; :' {self.mark}; touch {end}"
        chance = random.Random(self.seed)
        script = Script(target, text)
        async with anyio.create_task_group() as group:
            group.start_soon(script.run)
            await anyio.sleep(chance.uniform(0.0, 1.5))
            for pid in self._victims(chance.choice(("ssh", "sshd"))):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return script.session.end

    def _victims(self, who: str) -> list[int]:
        if who == "sshd":
            return [sshd_above(pid) for pid in marked(self.mark)[:1]]
        own = own_connections()
        return [own[self.seed % len(own)]] if own else []


async def test_whenever_a_connection_dies_no_state_lies_and_nothing_is_left(
    target: SshTarget, tmp_path: Path
) -> None:
    kills = [Kill(seed, tmp_path) for seed in range(KILLS)]
    ends: dict[int, RemoteEnd] = {}

    async def run(kill: Kill) -> None:
        ends[kill.seed] = await kill.run(target)

    async with anyio.create_task_group() as group:
        for kill in kills:
            group.start_soon(run, kill)
    for kill in kills:
        assert await nothing_left(kill.mark)
        match ends[kill.seed].state:
            case RemoteState.NOT_STARTED:
                assert not kill.made("begin")
            case RemoteState.ENDED:
                assert kill.made("end")
                assert ends[kill.seed].code == 0
            case RemoteState.STOPPED:
                pytest.fail("nobody stopped it")
            case RemoteState.UNKNOWN:
                assert not ends[kill.seed].silent
    assert len({end.state for end in ends.values()}) > 1
