"""opsmcp killed in the middle of a run on other hosts: nothing goes on there, no verdict lies."""

import json
import os
import random
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.pipelines.ssh.remote_script import MARK, marked
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd
from tests.server.cli.process import Opsmcp
from tests.waiting import wait_until

pytestmark = needs_sshd
KILLS = 2
TASK = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: work-there
  labels: {ops/copilot: enabled, opsmcp/hosts: many, opsmcp/kind.place: path}
spec:
  desc: Works there.
  host: localhost
  variables: {place: {desc: a path}}
  steps:
    - name: work
      content: |
        touch ${place}-${HOSTNAME}-begin
        sh -c 'sleep 1; :' "${place}"
        touch ${place}-${HOSTNAME}-end
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hosts]:
    with running_sshd(tmp_path_factory.mktemp("sshd") / "hosts", "web1", "web2") as running:
        yield running


@dataclass
class Kill:
    """One call, whose opsmcp is killed at a moment that a seed decides."""

    opsmcp: Opsmcp
    place: Path

    def made(self, what: str) -> list[bool]:
        """On which hosts the script came so far."""
        return [Path(f"{self.place}-{name}-{what}").exists() for name in ("web1", "web2")]

    def verdict(self) -> str:
        """What another opsmcp makes of it."""
        (run,) = json.loads(self.opsmcp("runs", "--json").stdout)["runs"]
        shown = " ".join(self.opsmcp("runs", run["run"]).stdout.split())
        assert run["verdict"] != "aborted" or "what it had begun on other hosts" in shown
        return run["verdict"]


def kill_of(seed: int, opsmcp: Opsmcp, hosts: Hosts) -> Kill:
    environ = {
        "OPSMCP_HOSTS_SSH_CONFIG": str(hosts.config),
        "OPSMCP_STATE_DIR": str(opsmcp.folder / f"state-{seed}"),
        "OPSMCP_HOSTS_CANARY": "0",
    }
    place = opsmcp.folder / f"{MARK}-{os.getpid()}-{seed}"
    return Kill(replace(opsmcp, environ=environ), place)


def test_whenever_opsmcp_is_killed_nothing_goes_on_and_no_verdict_lies(
    opsmcp: Opsmcp, hosts: Hosts
) -> None:
    (opsmcp.folder / "manifests" / "there.yaml").write_text(TASK, encoding="utf-8")
    kills = [kill_of(seed, opsmcp, hosts) for seed in range(KILLS)]
    going = [
        kill.opsmcp.start("call", "work-there", "host=web1,web2", f"place={kill.place}", "--yes")
        for kill in kills
    ]
    for seed, (kill, process) in enumerate(zip(kills, going, strict=True)):
        wait_until(lambda kill=kill: any(kill.made("begin")))
        time.sleep(random.Random(seed).uniform(0, 1.5))
        process.kill()
        process.communicate()
    for kill in kills:
        wait_until(lambda kill=kill: not marked(str(kill.place)))
        done, verdict = kill.made("end"), kill.verdict()
        assert verdict in ("aborted", "unknown", "succeeded"), verdict
        assert verdict != "succeeded" or all(done)
