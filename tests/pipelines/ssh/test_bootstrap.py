import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from opsmcp_pipelines.ssh.bootstrap import (
    COMMAND,
    COMMAND_AS_ROOT,
    GO,
    Interpreter,
    new_frame,
    python_text,
    shell_text,
)
from opsmcp_pipelines.ssh.marked_output import MarkedOutput
from tests.fakes.bsd_programs import install_bsd_programs

BSD = ["BSD"]
"""bash with the programs of macOS, and without /proc."""

SHELLS = [["sh"], ["dash"], ["bash"], ["busybox", "sh"], ["fish"], ["csh"], ["zsh"], BSD]
HOSTILE = "a'; touch marker; $(touch marker) `touch marker`\n\"\\☃"

pytestmark = pytest.mark.parametrize("shell", SHELLS, ids=" ".join)


@pytest.fixture
def login(shell: list[str], tmp_path: Path) -> list[str]:
    """What sshd runs a command with, if it is installed here."""
    if shell is BSD:
        path = install_bsd_programs(tmp_path / "programs")
        return ["env", f"PATH={path}", "bash", "-c", COMMAND.replace("/proc/", "/nowhere/")]
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    return [*shell, "-c", COMMAND]


def run(
    login: list[str],
    text: str,
    interpreter: Interpreter = Interpreter.SH,
    go: bytes = GO,
    until: bytes = b"",
) -> tuple[MarkedOutput, str]:
    """Run a script there to its end, or end its input when it has printed `until`."""
    frame = new_frame(interpreter, text)
    printed = bytearray()
    output = MarkedOutput(frame.mark, printed.extend)
    with subprocess.Popen(login, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as far:
        assert far.stdin
        assert far.stdout
        far.stdin.write(frame.data + go)
        far.stdin.flush()
        while output.end is None and (chunk := os.read(far.stdout.fileno(), 65536)):
            output.add(chunk)
            if until and until in printed and not far.stdin.closed:
                far.stdin.close()
        far.stdin.close()
    output.close()
    return output, printed.decode()


def test_a_value_arrives_byte_for_byte_and_the_exit_status_comes_back(login: list[str]) -> None:
    output, printed = run(login, shell_text('printf %s "$V"; cat; exit 7', {"V": HOSTILE}))
    assert printed == HOSTILE
    assert output.end is not None
    assert (output.end.code, output.end.left) == (7, False)


def test_a_python_script_has_its_values_and_no_input(login: list[str]) -> None:
    script = "import os, sys\nprint(os.environ['V'], repr(sys.stdin.read()), end='')"
    text = python_text(script, {"V": HOSTILE}, "", "")
    output, printed = run(login, text, Interpreter.PYTHON)
    assert printed == f"{HOSTILE} ''"
    assert output.end is not None


def test_a_script_that_cannot_be_parsed_does_nothing(login: list[str]) -> None:
    output, printed = run(login, shell_text("echo never\nif then", {}))
    assert "never" not in printed
    assert output.end is not None
    assert output.end.code == 2


def test_nothing_runs_before_the_word_to_start(login: list[str], tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    output, _ = run(login, shell_text(f"touch {marker}", {}), go=b"no\n")
    assert output.end is None
    frame = new_frame(Interpreter.SH, shell_text(f"touch {marker}", {}))
    for sent in (frame.data, frame.data[:-3], frame.data[:10], b""):
        done = subprocess.run(login, input=sent, stdout=subprocess.PIPE, check=False)
        assert b" end " not in done.stdout
    assert not marker.exists()


def test_what_a_script_starts_in_the_background_is_told_of(login: list[str]) -> None:
    output, printed = run(login, shell_text("sleep 600 & echo $!", {}))
    os.kill(int(printed), signal.SIGKILL)
    assert output.end is not None
    assert output.end.left


def test_the_end_of_input_stops_a_script_with_what_it_has_started(login: list[str]) -> None:
    output, _ = run(login, shell_text("sleep 600 & echo begun; sleep 600", {}), until=b"begun")
    assert output.end is not None
    assert (output.end.code, output.end.left) == (143, False)


def test_the_command_is_one_word_for_every_login_shell(shell: list[str]) -> None:
    assert shell
    for command in (COMMAND, COMMAND_AS_ROOT):
        assert command.count("'") == 2
        assert "\n" not in command
        assert "\\'" not in command
        assert "\\\\" not in command
