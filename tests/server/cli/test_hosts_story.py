"""Somebody new with three hosts in a configuration of ssh: who is short of disk, and a restart."""

import shutil
from collections.abc import Generator
from dataclasses import replace

import pytest

from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd
from tests.server.cli.process import Opsmcp

pytestmark = needs_sshd
NAMES = ("web1", "web2", "db1")
RESTART = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: restart-web
  labels: {ops/copilot: enabled, opsmcp/hosts: many}
spec:
  desc: Restarts the web server.
  host: localhost
  steps:
    - name: restart
      content: touch MARK-${HOSTNAME}; echo restarted
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "hosts", *NAMES) as running:
        yield running


@pytest.fixture
def ops(opsmcp: Opsmcp, hosts: Hosts) -> Opsmcp:
    manifest = RESTART.replace("MARK", str(opsmcp.folder / "restarted"))
    (opsmcp.folder / "manifests" / "restart.yaml").write_text(manifest, encoding="utf-8")
    (opsmcp.folder / ".ssh").mkdir()
    shutil.copy(hosts.config, opsmcp.folder / ".ssh" / "config")
    # HOME is not the home of the account, where ssh itself looks.
    environ = {"OPSMCP_HOSTS_SSH_CONFIG": "auto", "OPSMCP_EMBEDDED_BUNDLED": "true"}
    return replace(opsmcp, environ=environ)


def test_which_of_three_hosts_is_short_of_disk_is_one_call(ops: Opsmcp) -> None:
    listed = [line.split("\t")[0] for line in ops("hosts").stdout.splitlines()]
    assert listed == ["localhost", *NAMES]
    done = ops("call", "disk-usage", "host=all", "path=/dev/shm", "seconds=1")
    assert done.returncode == 0, done
    assert "succeeded: disk-usage on web1, web2, db1" in done.stdout
    assert "of 3 hosts" in done.stdout


def test_a_restart_on_two_of_them_asks_first_and_touches_no_third(ops: Opsmcp) -> None:
    status, shown = ops.on_terminal("call", "restart-web", "host=web2,web1", typed="y\n")
    assert status == 0, shown
    assert "Where: 2 hosts (web1, web2)" in shown
    assert "Start it? [y/N]" in shown
    assert sorted(path.name for path in ops.folder.glob("restarted-*")) == [
        "restarted-web1",
        "restarted-web2",
    ]
