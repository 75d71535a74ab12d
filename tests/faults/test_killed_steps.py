"""`kill -9` of opsmcp at any moment: nothing that its steps started goes on, however it hides."""

import os
import random
import signal
import subprocess
import threading
from pathlib import Path

from tests.process_id import ProcessId
from tests.server.cli.process import SECONDS, Opsmcp

_ROUNDS = 4

_SWARM = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-swarm
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows how many processes it can start.
  host: localhost
  steps:
    - name: swarm
      content: |
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
          setsid sh -c 'echo $$ >> FOLDER/pids; exec sleep 600' > /dev/null 2>&1 &
          env -i nohup setsid sh -c 'echo $$ >> FOLDER/pids; exec sleep 600' > /dev/null 2>&1 &
          sleep 0.1
        done
        sleep 600
"""

_STOPPING = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-stopping
  labels: {ops/copilot: enabled}
spec:
  desc: Shows what it runs below, and stops it.
  host: localhost
  steps:
    - name: stop
      content: |
        forks=$(awk '/^PPid:/ {print $2}' /proc/$PPID/status)
        kill -STOP "$forks" "$PPID"
        printf '%s\\n' "$forks" "$PPID" "$$" >> FOLDER/pids
        sleep 600
"""


def _started(folder: Path) -> list[ProcessId]:
    path = folder / "pids"
    lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
    return [ProcessId.of(int(line)) for line in lines]


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _kill_in_the_middle(process: "subprocess.Popen[str]", folder: Path, after: float) -> None:
    for _ in range(SECONDS * 20):
        if _started(folder):
            break
        _wait(0.05)
    _wait(after)
    os.kill(process.pid, signal.SIGKILL)


def _still_there(folder: Path) -> list[ProcessId]:
    """Those that go on when there was time to end them."""
    going = list[ProcessId]()
    for _ in range(SECONDS * 10):
        going = [one for one in _started(folder) if one.started and one.alive]
        if not going:
            return []
        _wait(0.1)
    return going


def test_nothing_that_a_step_started_outlives_a_killed_opsmcp(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    (tmp_path / "manifests").mkdir()
    manifest = tmp_path / "manifests" / "swarm.yaml"
    manifest.write_text(_SWARM.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    for _ in range(_ROUNDS):
        (tmp_path / "pids").unlink(missing_ok=True)
        with Opsmcp(tmp_path).start("call", "--new", "show-swarm") as process:
            _kill_in_the_middle(process, tmp_path, chance.random())
        assert _started(tmp_path)
        assert _still_there(tmp_path) == []


def test_nothing_is_left_of_a_killed_opsmcp_whose_helpers_a_step_had_stopped(
    tmp_path: Path,
) -> None:
    (tmp_path / "manifests").mkdir()
    manifest = tmp_path / "manifests" / "stopping.yaml"
    manifest.write_text(_STOPPING.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    with Opsmcp(tmp_path).start("call", "--yes", "show-stopping") as process:
        _kill_in_the_middle(process, tmp_path, 0)
    assert len(_started(tmp_path)) == 3
    assert _still_there(tmp_path) == []
