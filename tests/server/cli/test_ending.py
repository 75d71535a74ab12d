"""Whatever ends opsmcp, no script of the embedded engine goes on with nobody to stop it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.process_id import ProcessId
from tests.server.cli.process import SECONDS, Opsmcp

ENDS = [signal.SIGTERM, signal.SIGHUP]

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "0"},
}


NEWER: Mapping[str, object] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
}


@pytest.fixture
def script(opsmcp: Opsmcp) -> Callable[[], ProcessId]:
    """The process of `show-forever`, once it runs."""
    os.mkfifo(opsmcp.pipe)
    return lambda: ProcessId.of(int(opsmcp.pipe.read_text(encoding="utf-8")))


def verdicts(opsmcp: Opsmcp) -> list[tuple[str, str]]:
    runs = json.loads(opsmcp("runs", "--json").stdout)["runs"]
    return [(run["operation"], run["verdict"]) for run in runs]


def end(process: "subprocess.Popen[str]", number: signal.Signals | None) -> str:
    """What it says on stderr while a signal ends it, or else the end of its input."""
    if number is not None:
        process.send_signal(number)
    elif process.stdin is not None:
        process.stdin.close()
    process.wait(SECONDS)
    assert process.stderr is not None
    return process.stderr.read()


@pytest.mark.parametrize("number", ENDS)
def test_a_call_that_is_told_to_end_cancels_its_run(
    number: signal.Signals, opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("call", "show-forever") as process:
        running = script()
        said = end(process, number)
    assert process.returncode == 128 + number
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert not running.alive
    # It may be told before it knows that the run began; then the engine ends it.
    assert verdicts(opsmcp) in ([("show-forever", one)] for one in ("cancelled", "aborted"))


def test_a_call_under_nohup_outlives_its_terminal(
    opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("call", "show-forever", under=("nohup",)) as process:
        running = script()
        process.send_signal(signal.SIGHUP)
        said = end(process, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Interrupted" in said
    assert not running.alive


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDS])
def test_stdio_ends_while_its_client_keeps_stdin_open(
    number: signal.Signals, opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        _ask(process, "initialize", INITIALIZE)
        _ask(process, "tools/call", {"name": "show-forever", "arguments": {}})
        running = script()
        said = end(process, number)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert not running.alive
    assert verdicts(opsmcp) == [("show-forever", "aborted")]


def _begin(process: "subprocess.Popen[str]") -> None:
    """Ask for a list whose answer does not fit into the pipe, and for a run that never ends."""
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    _ask(process, "initialize", INITIALIZE)
    _ask(process, "tools/list", {})
    _ask(process, "tools/call", {"name": "show-forever", "arguments": {}})


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes cannot be made small")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None])
def test_stdio_ends_while_its_client_reads_nothing(
    number: signal.Signals | None, opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        _begin(process)
        running = script()
        said = end(process, number)
    assert process.returncode == (128 + number if number else 0)
    assert "Traceback" not in said
    assert not running.alive


def test_stdio_ends_when_its_client_closes_stdout(
    opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        _begin(process)
        running = script()
        process.stdout.close()
        process.wait(SECONDS)
        assert process.stderr is not None
        said = process.stderr.read()
    assert (process.returncode, said) == (1, "")
    assert not running.alive


def test_stdio_says_so_when_its_client_floods_it_and_reads_nothing(opsmcp: Opsmcp) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stderr is not None
        _ask(process, "initialize", INITIALIZE)
        asks = [{"jsonrpc": "2.0", "id": f"n{n}", "method": "ping"} for n in range(20_000)]
        flood = "".join(f"{json.dumps(ask)}\n" for ask in asks).encode()
        with suppress(BrokenPipeError):
            while flood:
                flood = flood[os.write(process.stdin.fileno(), flood) :]
        process.wait(SECONDS)
        said = process.stderr.read()
    assert process.returncode == 1
    assert "read no answers; it was cut off" in said
    assert "Traceback" not in said


def test_stdio_says_nothing_of_bad_lines_that_nobody_is_told_of(opsmcp: Opsmcp) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        _ask(process, "initialize", INITIALIZE)
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write("no message\n" * 100)
        process.stdin.flush()
        process.wait(SECONDS)
        assert process.stderr is not None
        said = process.stderr.read()
    assert (process.returncode, said) == (1, "")


def test_stdio_answers_what_was_asked_before_stdin_was_closed(opsmcp: Opsmcp) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        _ask(process, "initialize", INITIALIZE)
        _ask(process, "tools/call", {"name": "list_runs", "arguments": {}})
        _ask(process, "tools/list", {})
        answers, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (0, "")
    found = [json.loads(line) for line in answers.splitlines()]
    assert {one["id"] for one in found if "result" in one} == {
        "initialize",
        "tools/call",
        "tools/list",
    }


def test_stdio_ends_a_stream_of_news_when_stdin_is_closed(opsmcp: Opsmcp) -> None:
    with opsmcp.start("stdio", stdin=subprocess.PIPE) as process:
        notices = {"toolsListChanged": True}
        _ask(process, "subscriptions/listen", {"_meta": NEWER, "notifications": notices})
        assert process.stdout is not None
        assert "acknowledged" in process.stdout.readline()
        answers, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (0, "")
    assert json.loads(answers)["result"]["resultType"] == "complete"


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_stdio_says_which_stream_is_closed(stream: str, opsmcp: Opsmcp) -> None:
    closed = 'exec "$@" ' + {"stdin": "<&-", "stdout": ">&-"}[stream]
    with opsmcp.start("stdio", under=("sh", "-c", closed, "sh")) as process:
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert said.startswith(f"opsmcp: {stream} is closed")
    assert len(said.splitlines()) == 1


def _ask(process: "subprocess.Popen[str]", method: str, params: Mapping[str, object]) -> None:
    assert process.stdin is not None
    request = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
    process.stdin.write(f"{json.dumps(request)}\n")
    process.stdin.flush()


@pytest.mark.parametrize("number", ENDS)
def test_serve_that_is_told_to_end_ends_its_runs(
    number: signal.Signals, opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    del script
    with opsmcp.start("serve", "--port", "0") as process:
        assert process.stderr is not None
        assert any("serving http" in line for line in process.stderr)
        said = end(process, number)
    assert process.returncode == 0
    assert "Traceback" not in said


def test_what_a_killed_opsmcp_had_started_ends_without_anybody(
    opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("call", "show-forever") as process:
        running = script()
        process.kill()
    wait_until_over(running)
    shown = json.loads(opsmcp("runs", "--json").stdout)["runs"]
    assert [run["verdict"] for run in shown] == ["aborted"]
    told = opsmcp("runs", shown[0]["run"]).stdout
    assert "opsmcp ended in the middle of it; none of its processes was found any more" in told


def test_what_nobody_was_left_to_end_is_ended_by_the_next_opsmcp(
    opsmcp: Opsmcp, script: Callable[[], ProcessId]
) -> None:
    with opsmcp.start("call", "show-forever") as process:
        running = script()
        supervisor = parent_of(running)
        os.kill(supervisor, signal.SIGSTOP)  # or it would be too quick to be killed with the other
        process.kill()
        os.kill(supervisor, signal.SIGKILL)
    assert running.alive
    shown = json.loads(opsmcp("runs", "--json").stdout)["runs"]
    assert not running.alive
    assert [run["verdict"] for run in shown] == ["aborted"]
    told = opsmcp("runs", shown[0]["run"]).stdout
    assert "opsmcp ended in the middle of it; what was found of its processes was ended" in told


def parent_of(process: ProcessId) -> int:
    stat = Path(f"/proc/{process.number}/stat").read_text("utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def wait_until_over(process: ProcessId) -> None:
    waited = threading.Event()
    for _ in range(SECONDS * 50):
        if not process.alive:
            return
        waited.wait(0.02)
    raise AssertionError("it goes on")


def test_no_ancestor_of_a_step_shows_a_token(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "manifests" / "look.yaml").write_text(LOOK, encoding="utf-8")
    with_key = replace(opsmcp, environ={"OPENAI_API_KEY": "sk-planted-9e8d7c"})
    done = with_key.as_process("call", "show-ancestors")
    assert done.returncode == 0
    assert "opsmcp_server" in done.stdout  # it came as far as opsmcp itself
    assert "sk-planted" not in done.stdout
    assert "my own" not in done.stdout


LOOK = r"""
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-ancestors
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows what the environments of its ancestors hold, as far as opsmcp.
  host: localhost
  steps:
    - name: look
      content: |
        p=$PPID
        for i in 1 2 3; do
          tr '\0' ' ' < /proc/$p/cmdline; echo
          tr '\0' '\n' < /proc/$p/environ | sed -n 's/sk-planted/my own/p' || echo refused
          p=$(awk '/^PPid/ {print $2}' /proc/$p/status)
        done
"""


def test_another_process_with_the_same_number_is_not_the_one() -> None:
    own = ProcessId.of(os.getpid())
    assert own.alive
    if own.started:
        assert not ProcessId(own.number, f"{own.started}0").alive


def test_a_process_that_is_over_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        started = ProcessId.of(process.pid)
        process.wait(SECONDS)
    assert not started.alive
