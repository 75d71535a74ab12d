"""How many logins one sshd gets at a time, through a program that stands for ssh."""

import os
from collections import Counter
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.ssh.explain import Explanations
from opsmcp_pipelines.ssh.login_turns import AT_ONE_SSHD, LoginTurns
from opsmcp_pipelines.ssh.target import SshTarget
from tests.fakes.ssh_program import install_ssh

PATH = os.environ["PATH"]  # noqa: TID251 - programs are found by it


async def most_at_once(environ: dict[str, str], names: list[str]) -> int:
    """How many are in their turn at once, when each waits for as many others as it can get."""
    turns, inside, most = LoginTurns(Explanations(environ)), Counter[str](), 0

    async def work(name: str) -> None:
        nonlocal most
        async with turns.turn(SshTarget(name)):
            inside[name] += 1
            most = max(most, inside.total())
            await anyio.wait_all_tasks_blocked()
            inside[name] -= 1

    async with anyio.create_task_group() as group:
        for name in names:
            # Asked before, so that all are ready for their turn in one moment.
            async with turns.turn(SshTarget(name)):
                pass
        for name in names:
            group.start_soon(work, name)
    return most


@pytest.mark.parametrize(
    ("kind", "most"), [("via-web", AT_ONE_SSHD), ("same-web", AT_ONE_SSHD), ("web", 12)]
)
async def test_a_jump_host_and_an_address_get_few_logins_at_a_time(
    tmp_path: Path, kind: str, most: int
) -> None:
    environ = {"PATH": f"{install_ssh(tmp_path / 'bin')}:{PATH}"}
    assert await most_at_once(environ, [f"{kind}{number}" for number in range(12)]) == most


async def test_without_ssh_nobody_waits(tmp_path: Path) -> None:
    assert await most_at_once({"PATH": str(tmp_path)}, [f"web{n}" for n in range(12)]) == 12
