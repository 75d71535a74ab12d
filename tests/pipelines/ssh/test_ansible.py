"""Inventories of Ansible, read by the real `ansible-inventory` and by one that stands for it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.ssh.ansible import AnsibleFailed, ask_ansible
from opsmcp_pipelines.ssh.inventory import HostSettings, Inventory, InventoryReader
from tests.fakes.program import FakeProgram

ONE = '{"all": {"hosts": ["web1"]}, "_meta": {"hostvars": {}}}'
TWO = '{"all": {"hosts": ["web1", "web2"]}, "_meta": {"hostvars": {}}}'
ENVIRON: Mapping[str, str] = {"PATH": os.environ["PATH"]}  # noqa: TID251 - programs are found by it

needs_ansible = pytest.mark.skipif(
    shutil.which("ansible-inventory") is None,
    reason="no ansible-inventory here (ansible-core from PyPI has it)",
)


class Asked:
    """A file of an inventory, and whoever answers for it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "hosts.ini"
        self.file.write_text("[web]\nweb1\n", encoding="utf-8")
        self.program = FakeProgram(folder / "bin", "ansible-inventory")
        self.reader = InventoryReader(HostSettings((self.file,)), folder)
        self._environ = {"PATH": f"{folder / 'bin'}:{ENVIRON['PATH']}", "OPS_TOKEN": "hunter2"}

    async def read(self) -> Inventory:
        found = self.reader.read(lambda _path: None)
        if await self.reader.ask_ansible(self._environ):
            found = self.reader.read(lambda _path: None)
        return found

    async def read_again(self) -> Inventory:
        await self.reader.ask_again(self._environ)
        return await self.read()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


async def test_a_file_without_hosts_is_an_inventory_and_is_asked_for_once(asked: Asked) -> None:
    asked.program.answer(out=ONE)
    assert [*(await asked.read()).hosts] == ["web1"]
    assert [*(await asked.read_again()).hosts] == ["web1"]
    assert asked.program.calls == [["-i", str(asked.file), "--list"]]


async def test_it_is_asked_for_again_when_variables_beside_it_change(asked: Asked) -> None:
    asked.program.answer(out=ONE, once=True)
    asked.program.answer(out=TWO)
    assert [*(await asked.read()).hosts] == ["web1"]
    beside = asked.file.parent / "group_vars"
    beside.mkdir()
    (beside / "web.yml").write_text("a: 1\n", encoding="utf-8")
    assert [*(await asked.read()).hosts] == ["web1", "web2"]


async def test_it_is_asked_for_again_after_a_while(asked: Asked) -> None:
    asked.program.answer(out=ONE, once=True)
    asked.program.answer(out=TWO)
    asked.reader = InventoryReader(HostSettings((asked.file,)), asked.file.parent, 0)
    assert [*(await asked.read()).hosts] == ["web1"]
    assert asked.reader.is_old
    assert [*(await asked.read_again()).hosts] == ["web1", "web2"]


async def test_while_it_fails_the_hosts_stay_and_that_is_said(asked: Asked) -> None:
    asked.program.answer(out=ONE, once=True)
    asked.program.answer(err="the password is hunter2", code=1)
    await asked.read()
    asked.file.write_text("[web\n", encoding="utf-8")
    found = await asked.read()
    assert [*found.hosts] == ["web1"]
    assert "could not read it" in found.unread[0]
    assert "hunter2" not in str(found)
    asked.file.unlink()
    assert not (await asked.read()).hosts


@pytest.mark.parametrize(
    ("out", "code", "why"),
    [
        ("", 1, "could not read it (and it holds no `kind: Host`)"),
        (ONE, 250, "could not read it"),
        ("[1]", 0, "printed something else than an inventory"),
    ],
)
async def test_an_inventory_that_was_never_read_is_one_problem(
    asked: Asked, out: str, code: int, why: str
) -> None:
    asked.program.answer(out=out, code=code)
    found = await asked.read()
    assert not found.hosts
    (problem,) = found.problems
    assert problem.reason.startswith(f"{asked.file}: ")
    assert why in problem.reason


async def test_without_ansible_one_problem_says_so(asked: Asked) -> None:
    asked.reader.read(lambda _path: None)
    await asked.reader.ask_ansible({"PATH": "/nowhere"})
    found = asked.reader.read(lambda _path: None)
    (problem,) = found.problems
    assert "`ansible-inventory` is not installed here" in problem.reason


async def test_a_directory_and_a_program_are_inventories_too(asked: Asked) -> None:
    asked.program.answer(out=ONE)
    folder = asked.file.parent / "inventory"
    folder.mkdir()
    asked.reader = InventoryReader(HostSettings((folder,)), folder)
    assert [*(await asked.read()).hosts] == ["web1"]
    asked.file.write_bytes(b"\x7fELF\xff")
    asked.reader = InventoryReader(HostSettings((asked.file,)), folder)
    assert [*(await asked.read()).hosts] == ["web1"]


async def test_what_is_neither_file_nor_directory_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = InventoryReader(HostSettings((pipe,)), tmp_path)
    found = reader.read(lambda _path: None)
    assert "neither a file nor a directory" in found.unread[0]


def install(folder: Path, script: str) -> Mapping[str, str]:
    """A program of that name; the environment that finds it."""
    program = folder / "ansible-inventory"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {**ENVIRON, "PATH": f"{folder}:{ENVIRON['PATH']}", "OPS_TOKEN": "hunter2"}


async def test_a_program_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    number = tmp_path / "number"
    environ = install(
        tmp_path, f'sleep 600 & echo $! >"{number}.new"; mv "{number}.new" "{number}"; wait'
    )
    with pytest.raises(AnsibleFailed, match="was not over after 0.5 s"):
        await ask_ansible(tmp_path / "inv", environ, 0.5)
    assert await _is_gone(int(number.read_text(encoding="utf-8")))


async def test_an_endless_answer_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFailed, match="more than 16777216 bytes"):
        await ask_ansible(tmp_path / "inv", install(tmp_path, "exec yes"))


async def test_it_sees_settings_of_ansible_and_no_token(tmp_path: Path) -> None:
    environ = install(tmp_path, f'env >"{tmp_path}/seen"; exit 1')
    with pytest.raises(AnsibleFailed):
        await ask_ansible(tmp_path / "inv", {**environ, "ANSIBLE_CONFIG": "/etc/a.cfg"})
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "ANSIBLE_CONFIG=/etc/a.cfg" in seen
    assert "hunter2" not in seen


async def test_a_path_that_ansible_takes_for_a_list_of_hosts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFailed, match="comma"):
        await ask_ansible(tmp_path / "a,b", ENVIRON)


async def _is_gone(number: int) -> bool:
    """Whether a process ends soon."""
    for _ in range(1000):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        await anyio.sleep(0.01)
    return False


@needs_ansible
async def test_the_real_one_reads_groups_variables_and_what_stands_beside(tmp_path: Path) -> None:
    ini, yaml = tmp_path / "hosts.ini", tmp_path / "more.yml"
    ini.write_text(
        "[web]\nweb1 ansible_host=10.0.0.11\nweb2 ansible_port=2222\n[db]\n"
        "db1 ansible_password=hunter2\n[prod:children]\nweb\ndb\n",
        encoding="utf-8",
    )
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web.yml").write_text("ansible_user: deploy\n", encoding="utf-8")
    yaml.write_text("all: {children: {cache: {hosts: {'redis[1:2]': {}}}}}\n", encoding="utf-8")
    reader = InventoryReader(HostSettings((ini, yaml)), tmp_path)
    reader.read(lambda _path: None)
    await reader.ask_ansible({**ENVIRON, "HOME": str(tmp_path)})
    found = reader.read(lambda _path: None)
    assert {host.name: host.groups for host in found.hosts.values()} == {
        "web1": ("prod", "web"),
        "web2": ("prod", "web"),
        "redis1": ("cache",),
        "redis2": ("cache",),
    }
    assert found.hosts["web1"].target.options == ("-oHostName=10.0.0.11", "-oUser=deploy")
    (problem,) = found.problems
    assert "db1 has a password" in problem.reason
    assert "hunter2" not in problem.reason


@needs_ansible
async def test_a_broken_inventory_is_not_an_empty_one_to_the_real_one(tmp_path: Path) -> None:
    broken = tmp_path / "hosts.yml"
    broken.write_text("password hunter2: [\n", encoding="utf-8")
    with pytest.raises(AnsibleFailed, match="could not read it"):
        await ask_ansible(broken, {**ENVIRON, "HOME": str(tmp_path)})
