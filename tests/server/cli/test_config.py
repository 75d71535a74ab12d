from dataclasses import replace

import pytest

from opsmcp_server.config.effective import setting_names
from tests.server.cli.process import Opsmcp


def lines(shown: str) -> list[list[str]]:
    return [line.split("\t") for line in shown.splitlines()]


def test_every_setting_is_shown_with_its_origin(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "opsmcp.yaml").write_text("\ntools: {limit: 7}\n", encoding="utf-8")
    done = opsmcp("config", "--namespace", "a,b", "--config", "opsmcp.yaml")
    rows = lines(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows[0] == ["(file)", str(opsmcp.folder / "opsmcp.yaml"), "used: given with --config"]
    assert tuple(row[0] for row in rows[1:]) == setting_names()
    assert ["ops.namespace", "a, b", "command line"] in rows
    assert ["tools.limit", "7", "file opsmcp.yaml:2"] in rows
    assert ["embedded.bundled", "false", "environment OPSMCP_EMBEDDED_BUNDLED"] in rows
    assert ["run.wait_seconds", "45", "default"] in rows


def test_a_terminal_gets_a_table(opsmcp: Opsmcp) -> None:
    status, shown = opsmcp.on_terminal("config", "--read-only")
    assert status == 0
    assert "setting" in shown.splitlines()[0] + shown.splitlines()[1]
    assert "policy.read_only" in shown
    assert "command line" in shown


def test_secrets_are_hidden(opsmcp: Opsmcp) -> None:
    environ = {"OPS_TOKEN": "hunter2", "OPSMCP_BIND_SK": "hunter2"}
    done = replace(opsmcp, environ=environ)("config")
    assert ["ops.token", "(hidden)", "environment OPS_TOKEN"] in lines(done.stdout)
    assert ["bind.sk", "(hidden)", "environment OPSMCP_BIND_SK"] in lines(done.stdout)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["config", "tools", "runs", "stdio", "serve"])
def test_a_bad_setting_stops_the_start_with_one_line(opsmcp: Opsmcp, command: str) -> None:
    done = replace(opsmcp, environ={"OPSMCP_TOOLS_LIMT": "1"})(command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(
        "opsmcp: environment OPSMCP_TOOLS_LIMT: there is no such setting; "
        "did you mean 'OPSMCP_TOOLS_LIMIT'"
    )
    assert done.stderr.count("\n") == 1


def test_a_named_file_that_is_not_there_stops_the_start(opsmcp: Opsmcp) -> None:
    done = opsmcp.as_process("config", "--config", "nowhere.yaml")
    assert done.returncode == 2
    assert done.stderr == "opsmcp: file nowhere.yaml: there is no such file\n"
