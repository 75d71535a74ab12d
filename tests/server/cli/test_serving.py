import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import anyio
import httpx2
from mcp import Client, StdioServerParameters

from tests.own_settings import write_settings
from tests.server.cli.process import SECONDS, Opsmcp


async def test_stdio_serves_a_client(opsmcp: Opsmcp) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "opsmcp_server", "stdio"],
        env=opsmcp.environment(),
        cwd=opsmcp.folder,
    )
    with anyio.fail_after(SECONDS):
        async with Client(server) as client:
            result = await client.call_tool(
                "say-hello", {"word": "world"}, meta={"opsmcp/structured": True}
            )
    assert (result.structured_content or {})["verdict"] == "succeeded"


def test_stdio_on_a_terminal_says_what_it_waits_for(opsmcp: Opsmcp) -> None:
    status, shown = opsmcp.on_terminal("stdio", interrupt_at="waiting for an MCP client")
    assert "waiting for an MCP client" in shown
    assert status == 130


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return found[0]
    raise AssertionError("it did not say where it listens")


def test_serve_says_where_answers_and_stops(opsmcp: Opsmcp) -> None:
    with opsmcp.start("serve", "--port", "0") as process:
        answer = httpx2.get(f"{_address(process)}/healthz")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=SECONDS)
    assert answer.status_code == 200
    assert process.returncode == 0
    assert "Traceback" not in err


def test_serve_beyond_this_machine_needs_a_token(opsmcp: Opsmcp) -> None:
    done = opsmcp("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "server.token" in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_one_line_that_says_what_to_do(opsmcp: Opsmcp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = opsmcp("serve", "--port", str(port))
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.endswith("Address already in use. Choose another with --port or --host.")


def test_the_demo_works_from_end_to_end(opsmcp: Opsmcp) -> None:
    # Settings that would spoil it must not reach it.
    spoilt = replace(opsmcp, environ={"OPSMCP_EXPOSE_TASKS": "none", "OPS_SERVER": "nonsense"})
    write_settings(opsmcp.folder, "policy: {rules: [{effect: deny, operation: check-*}]}\n")
    # Nor does a trail that cannot be written.
    (opsmcp.folder / "state").mkdir()
    (opsmcp.folder / "state" / "audit").touch()
    done = spoilt("demo")
    assert done.returncode == 0, done.stderr
    assert "succeeded: check-space" in done.stdout
    assert "restart-web changes something, so a person has to agree" in done.stdout
    assert "- path: '/; rm -rf ~' was given" in done.stdout
    assert "claude mcp add -s user opsmcp -- " in done.stdout
    assert "your own YAML goes here" in done.stdout
    (run,) = opsmcp("runs").stdout.splitlines()
    assert run.split("\t")[0] in done.stdout


def test_the_demo_needs_no_state_directory_and_takes_a_closed_pipe_for_no_error(
    opsmcp: Opsmcp,
) -> None:
    (opsmcp.folder / "file").touch()
    without = replace(opsmcp, environ={"OPSMCP_STATE_DIR": str(opsmcp.folder / "file" / "state")})
    with without.start("demo") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


def test_the_demo_fits_a_terminal_of_80_columns(opsmcp: Opsmcp) -> None:
    _, shown = replace(opsmcp, environ={"COLUMNS": "80"}).on_terminal("demo")
    told = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown[shown.index("opsmcp turns") :])
    rows = told.replace("\r", "").splitlines()
    assert len(rows) < 45
    program = next(row for row in rows if "claude mcp add" in row)
    assert all(len(row) <= 80 for row in rows[: rows.index(program)])


def test_the_demo_breaks_no_word_of_its_own_on_a_narrow_terminal(opsmcp: Opsmcp) -> None:
    _, shown = replace(opsmcp, environ={"COLUMNS": "40"}).on_terminal("demo")
    told = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown[shown.index("opsmcp turns") :])
    rows = [row for row in told.replace("\r", "").splitlines() if row.startswith(tuple("o12345"))]
    assert len(rows) == 6 and max(map(len, rows)) <= 40
