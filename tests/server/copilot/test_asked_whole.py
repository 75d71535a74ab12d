"""A person agrees to what is sent, the whole of it, and to nothing that they could not see."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.openai_server import FakeOpenAI, calls, says
from tests.server.cli.process import Opsmcp
from tests.server.copilot.harness import PROMPT, Copilot, Eye, Terminal, chatting, leave
from tests.server.copilot.stranger import Shell, listening

APPLY = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: apply-values
  labels: {ops/copilot: enabled}
spec:
  desc: Applies values.
  host: localhost
  variables: {VARIABLES}
  steps:
    - name: apply
      content: touch FOLDER/applied
"""
NAMES = [*(f"v{number:02}" for number in range(22)), "zz_target"]


SENT: list[tuple[tuple[str, dict[str, Any]], list[str]]] = [
    (
        ("run_command", {"command": f"uptime{' ' * 2400}; rm -rf /"}),
        ['command = "uptime" (2,400 blanks) "; rm -rf /"'],
    ),
    (("run_command", {"command": "echo a\nrm -rf /"}), ['command = "echo a\\nrm -rf /"']),
    (
        ("remove", {"selector": {"app": "everything"}, "selector.app": "sandbox"}),
        ["selector.app = everything", '"selector.app" = sandbox'],
    ),
    (("remove", {"selector": {}}), ["selector = {}"]),
]


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def url(shell: Shell) -> Iterator[str]:
    with listening(shell.server) as url:
        yield url


def asked_about(
    call: tuple[str, dict[str, Any]], copilot: Copilot, model: FakeOpenAI, url: str
) -> str:
    """What a person is shown who then declines."""
    shown: list[str] = []

    def person(at: Terminal) -> None:
        at.ask("go", "[y/n/e]")
        shown.append(at.shown.partition("ops> go")[2])
        at.ask("n", "Well.")

    model.script(calls(call), says("Well."))
    copilot.chat(person, "--mcp", url)
    return shown[0]


@pytest.mark.parametrize(
    ("call", "lines"),
    SENT,
    ids=["blanks", "lines", "colliding keys", "empty"],
)
def test_what_a_stranger_would_be_sent_is_shown(
    copilot: Copilot,
    model: FakeOpenAI,
    url: str,
    call: tuple[str, dict[str, Any]],
    lines: list[str],
) -> None:
    shown = [line.strip() for line in asked_about(call, copilot, model, url).splitlines()]
    assert [line for line in shown if " = " in line and "y = yes" not in line] == lines
    assert shown[shown.index("This can destroy or interrupt something.") - 1].startswith("Run ")


def test_a_line_that_is_wrapped_cannot_pass_for_another_argument(
    copilot: Copilot, model: FakeOpenAI, url: str
) -> None:
    command = f"{'x' * 64} host = sandbox"
    shown = asked_about(("run_command", {"command": command}), copilot, model, url)
    assert "\n      host = sandbox\n" in shown


def test_what_does_not_fit_is_seen_whole_before_it_can_be_agreed_to(
    copilot: Copilot, model: FakeOpenAI, shell: Shell, url: str
) -> None:
    commands = [*["echo ok"] * 45, "rm -rf /", *["echo ok"] * 3]
    model.script(calls(("run_commands", {"commands": commands})), says("Done."))
    with chatting(copilot.opsmcp, "--mcp", url, PAGER="cat") as child:
        child.logfile_read = eye = Eye((24, 80))
        child.setwinsize(24, 80)
        child.send("list\r")
        child.expect(r"\[a/n/e\]")
        assert "Run run_commands" in "\n".join(eye.lines[-24:])
        assert "more lines (" in eye.shown
        assert "run_commands: a = show all, n = no, e = edit an argument" in eye.shown
        child.send("y\r")
        child.expect(r"\[a/n/e\]")
        assert "rm -rf /" not in eye.shown
        assert shell.got == []
        child.send("a\r")
        child.expect_exact("commands[45] = rm -rf /\r\n")
        child.expect_exact("commands[48] = echo ok\r\n")
        child.expect(r"\[y/n/e/a\]")
        child.send("y\r")
        child.expect("Done.")
        child.expect(PROMPT)
        assert leave(child) == 0
    assert shell.got == [commands]


def test_the_question_of_opsmcp_is_shown_whole_too(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    variables = ", ".join(f"{name}: {{desc: One, required: true}}" for name in NAMES)
    manifest = APPLY.replace("VARIABLES", variables).replace("FOLDER", str(opsmcp.folder))
    (opsmcp.folder / "manifests" / "apply.yaml").write_text(manifest, "utf-8")
    given = dict.fromkeys(NAMES[:-1], "A" * 400) | {"zz_target": "everything"}
    model.script(calls(("apply-values", given)), says("Well."))
    with chatting(opsmcp, PAGER="cat") as child:
        child.send("apply\r")
        child.expect(r"\[a/n/e\]")
        child.send("a\r")
        child.expect_exact("zz_target = everything\r\n")
        child.expect(r"\[y/n/e/a\]")
        child.send("n\r")
        child.expect("Well.")
        child.expect(PROMPT)
        assert leave(child) == 0
    assert not (opsmcp.folder / "applied").exists()


def test_what_nobody_could_read_cannot_be_agreed_to(
    copilot: Copilot, model: FakeOpenAI, shell: Shell, url: str
) -> None:
    def person(at: Terminal) -> None:
        at.ask("go", "Well.")
        assert "[y/n" not in at.shown

    model.script(calls(("run_command", {"command": "x" * 60_000})), says("Well."))
    copilot.chat(person, "--mcp", url)
    assert "too long to be read" in model.requests[1].results()[0]
    assert shell.got == []
