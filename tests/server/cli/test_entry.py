import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from opsmcp_server.cli import COMMANDS, root, run
from tests.server.cli.process import COMMAND, SECONDS, Opsmcp

HEAVY = ("mcp", "mcp_types", "pydantic", "starlette", "rich", "yaml", "anyio", "httpx2")


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nsys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    assert modules_after("import opsmcp_server.cli").isdisjoint(HEAVY)


def test_the_help_imports_nothing_heavy() -> None:
    code = "from opsmcp_server.cli import run\nsys.stdout = sys.stderr\nrun(['--help'])"
    assert modules_after(f"{code}\nsys.stdout = sys.__stdout__").isdisjoint(HEAVY)


def test_the_chat_is_imported_when_it_is_used() -> None:
    chat = {"openai", "prompt_toolkit", "rich", "opsmcp_server.copilot.chat.session"}
    assert modules_after("import opsmcp_server.cli.copilot").isdisjoint(chat)


def test_showing_the_configuration_needs_no_protocol() -> None:
    code = "import opsmcp_server.cli.config"
    assert modules_after(code).isdisjoint({"mcp", "mcp_types", "starlette", "rich", "yaml"})


def test_the_help_lists_every_command_with_what_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())  # long lines are wrapped
    for name, does in COMMANDS.items():
        assert f" {name} {does}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_begins_its_help_as_the_list_does(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name]


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"opsmcp {version('opsmcp')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tols"], "No such command 'tols'. Did you mean tools? (see opsmcp --help)"),
        (["frobnicate"], "No such command 'frobnicate'. (see opsmcp --help)"),
        (["config", "--jsn"], "No such option"),
        (["call"], "Missing argument 'TOOL'. (see opsmcp call --help)"),
        (["call", "a", "b"], "'b' is not of the form name=value"),
        (["call", "a", "b=1", "b=2"], "'b' is given twice"),
        (["call", "a", "--wait", "-1"], "--wait"),
        (["runs", "--output"], "--output is for one RUN"),
        (["runs", "r", "--output", "--json"], "--output is for one RUN"),
        (["serve", "--port", "x"], "'x' is not a valid integer"),
        (["policy"], "Missing argument 'explain'. (see opsmcp policy --help)"),
        (["policy", "explan", "a"], "'explan' is not explain: opsmcp policy explain TOOL ..."),
    ],
)
def test_wrong_use_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("opsmcp: ")
    assert shown.count("\n") == 1
    assert words in shown


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_the_module_is_the_command(opsmcp: Opsmcp) -> None:
    assert COMMAND[1:] == ("-m", "opsmcp_server")
    assert opsmcp.as_process("--version").stdout == f"opsmcp {version('opsmcp')}\n"


def test_a_directory_that_is_gone_is_one_line(opsmcp: Opsmcp) -> None:
    gone = opsmcp.folder / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'cd gone && rmdir ../gone && exec "$@"', "sh", *COMMAND, "tools"]
    done = subprocess.run(
        command,
        cwd=opsmcp.folder,
        env=opsmcp.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "opsmcp: the working directory is gone; change to one that is there\n"


def test_verbose_works_before_the_command_as_after_it(opsmcp: Opsmcp) -> None:
    for arguments in (("--verbose", "tools"), ("-v", "tools"), ("tools", "-v")):
        assert " INFO opsmcp" in opsmcp(*arguments).stderr
    assert " INFO opsmcp" not in opsmcp("tools").stderr


def test_a_shell_can_complete_commands_and_options(opsmcp: Opsmcp) -> None:
    for words, completed in (("opsmcp tr", "plain,trust"), ("opsmcp tools --c", "plain,--cost")):
        place = str(len(words.split()) - 1)
        asked = {"COMP_WORDS": words, "COMP_CWORD": place, "_OPSMCP_COMPLETE": "bash_complete"}
        done = subprocess.run(
            ["opsmcp"],
            executable=str(Path(sys.executable).with_name("opsmcp")),
            env=opsmcp.environment() | asked,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert completed in done.stdout.splitlines()


def test_names_are_completed_without_importing_their_commands() -> None:
    script = (
        "import sys, click\n"
        "from opsmcp_server.cli import root\n"
        "found = root.shell_complete(click.Context(root), 'to')\n"
        "ours = (name for name in sys.modules if name.startswith('opsmcp_'))\n"
        "print(*(item.value for item in found), *ours)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["tools", "token", "opsmcp_server", "opsmcp_server.cli"]


_WITHOUT_EXTRAS = """
import sys
for name in ("cel_expr_python", "cronsim"):
    sys.modules[name] = None
from opsmcp_server.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "command",
    ["incidents", "schedules", "notify outbox", "notify retry", "events replay --since 1h"],
)
def test_what_is_kept_is_read_without_the_extra_of_responders(opsmcp: Opsmcp, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_EXTRAS, *command.split()],
        env=opsmcp.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
