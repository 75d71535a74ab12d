"""Runs on many hosts of a real sshd: as many logins as it takes, and by way of another host."""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from tests.pipelines.embedded.hosts_engine import Engine, task
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd

pytestmark = needs_sshd
PATH = os.environ["PATH"]  # noqa: TID251 - programs are found by it
MANIFEST = task("say", 'echo "I am ${HOSTNAME}"', labels="{opsmcp/hosts: many}")
USUAL = "10:30:100"
"""The `MaxStartups` of an sshd that nobody configured."""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    folder = tmp_path_factory.mktemp("sshd") / "hosts"
    with running_sshd(folder, "web1", "gate", logins=USUAL) as running:
        yield running


@asynccontextmanager
async def engine_of(folder: Path, config: Path, brakes: Brakes) -> AsyncGenerator[Engine]:
    (folder / "all.yaml").write_text(MANIFEST, encoding="utf-8")
    settings = EmbeddedSettings(
        {"PATH": PATH, "HOME": str(folder)},
        manifests=(folder,),
        bundled=False,
        hosts=HostSettings(ssh_config=config, usual=False),
        brakes=brakes,
    )
    async with open_embedded_source(settings) as source:
        yield Engine(source, folder)


def configured(hosts: Hosts, folder: Path, names: list[str], more: str = "") -> Path:
    """A configuration in which all of these are web1."""
    known = hosts.config.read_text(encoding="utf-8")
    web1, _, gate = known.partition("Host gate")
    body = web1.partition("\n")[2]
    # The usual key exchange takes five times as long.
    fast = " KexAlgorithms curve25519-sha256\n"
    path = folder / "config"
    gate = f"Host gate{gate}{fast}" if more else ""
    path.write_text(f"Host {' '.join(names)}\n{body}{fast}{more}{gate}", encoding="utf-8")
    return path


async def test_many_hosts_behind_one_sshd_are_all_reached(hosts: Hosts, tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(24)]
    config = configured(hosts, tmp_path, names)
    async with engine_of(tmp_path, config, Brakes(64, 0, 0)) as engine:
        run = await engine.run("say", "all")
    assert run.verdict is Verdict.SUCCEEDED, run.reason
    outputs = {node.node: node.steps[0].output for node in run.tasks[0].nodes}
    assert outputs == {name: f"I am {name}\n" for name in names}


async def test_hosts_behind_a_jump_host_are_reached_and_die_with_it(
    hosts: Hosts, tmp_path: Path
) -> None:
    config = configured(hosts, tmp_path, ["far1", "far2"], " ProxyJump gate\n")
    async with engine_of(tmp_path, config, Brakes()) as engine:
        run = await engine.run("say", "far1,far2")
    assert run.verdict is Verdict.SUCCEEDED, run.reason
    broken = config.read_text(encoding="utf-8").replace(
        f"Port {hosts.ports['gate']}", f"Port {hosts.ports['gate']}\n HostKeyAlias nobody"
    )
    config.write_text(broken, encoding="utf-8")
    async with engine_of(tmp_path, config, Brakes()) as engine:
        run = await engine.run("say", "far1,far2")
    assert run.verdict is Verdict.NOTHING_RAN
    assert "host key unknown" in run.reason
