"""`opsmcp demo`: what opsmcp is for, in half a screen, by a real client on the embedded engine.

Starts `opsmcp stdio` as a client would, with a runbook of its own, and shows only what came back.
It ends well only if every claim was true. Knows the server only through the protocol.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import click
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

from opsmcp_server.cli import leave_closed_pipe
from opsmcp_server.cli.start import Failed
from opsmcp_server.cli.terminal import progress_line, wrapped
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import state_dir
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases.tool_names import LIST_RUNS
from opsmcp_tools.safe_text.cleaning import clean, unfenced

__all__ = ["command"]

_MOST_SECONDS = 60.0
_WIDTH = 80
"""Columns of a plain terminal, which breaks what is longer within a word."""

_RUNBOOK = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: check-space
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows how full the file system of a path is.
  variables:
    path: {default: /, desc: Where to look}
  steps:
    - {name: space, content: "df -P -h ${path}"}
"""

_CHANGE = """\
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: restart-web
  labels: {ops/copilot: enabled}
spec:
  desc: Restarts the web server. In this demo it only says so.
  steps:
    - {name: restart, content: echo restarted}
"""

# It shows what opsmcp does also where the audit trail of this person cannot be written.
_SETTINGS = """\
embedded: {bundled: false}
audit: {required: false}
"""

_HOSTILE = "/; rm -rf ~"


@click.command("demo")
def command() -> int:
    """Show in half a screen what opsmcp does, without an Ops server.

    Starts opsmcp as an MCP client does, with one runbook of its own: shows it and the tool that it
    became, answers a question with it, and tries a change without a person and an argument that is
    code. Settings of yours are not used; the run is kept where `opsmcp runs` finds it.
    """
    with (
        tempfile.TemporaryDirectory(prefix="opsmcp-demo-") as folder,
        progress_line("opsmcp starts, and a client calls it"),
    ):
        state = _state_dir()
        shown = anyio.run(_demonstrate, _server(Path(folder), state))
    if isinstance(shown, str):
        raise Failed(f"the demo did not work: {shown}")
    try:
        for line in (*_lines(shown), *_next(kept=state is not None)):
            click.echo(line)
    except BrokenPipeError:
        leave_closed_pipe()
    return 0


def _server(folder: Path, state: Path | None) -> StdioServerParameters:
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "demo.yaml").write_text(_RUNBOOK + _CHANGE, "utf-8")
    (folder / "opsmcp.yaml").write_text(_SETTINGS, "utf-8")
    foreign = ("OPSMCP_", "OPS_", "OPENAI_")
    environ = process_environment()
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    options = ["--config", str(folder / "opsmcp.yaml"), "--manifests", str(folder / "runbooks")]
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "opsmcp_server", "stdio", *options],
        env=kept | {"OPSMCP_STATE_DIR": str(state or folder / "state")},
        cwd=folder,
    )


def _state_dir() -> Path | None:
    """The state directory of this person, if it can be used: a demo must not need one."""
    try:
        folder = state_dir(process_environment(), cwd=Path.cwd())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (ConfigError, OSError):
        return None
    return folder if os.access(folder, os.W_OK) else None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the client saw: the tool, and what it was answered in each case."""

    tool: types.Tool
    answer: str
    refused: str
    hostile: str


async def _demonstrate(server: StdioServerParameters) -> _Seen | str:
    """What was seen; a text says what did not work."""
    seen: _Seen | str = "the server did not start, or did not answer in time"
    try:
        with anyio.fail_after(_MOST_SECONDS):
            async with Client(server) as client:
                seen = await _look(client)
    except* (MCPError, OSError, TimeoutError):
        pass
    return seen


async def _look(client: Client) -> _Seen | str:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    if not {"check-space", "restart-web"} <= tools.keys():
        return "the runbook became no tool"
    answer = await client.call_tool("check-space", {"path": "/tmp"})  # noqa: S108 - is only looked at
    if answer.is_error:
        return f"the question was not answered: {_text(answer)}"
    newest = await _newest_run(client)
    refused = await client.call_tool("restart-web", {})
    hostile = await client.call_tool("check-space", {"path": _HOSTILE})
    if not (refused.is_error and hostile.is_error) or await _newest_run(client) != newest:
        return "what had to be refused was started"
    return _Seen(tools["check-space"], _text(answer), _text(refused), _text(hostile))


async def _newest_run(client: Client) -> object:
    found = await client.call_tool(LIST_RUNS, {"limit": 1})
    data: JsonObject = found.structured_content or {}
    return data.get("runs")


def _text(result: types.CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))


def _lines(seen: _Seen) -> Iterator[str]:
    """All that is shown, in lines that a terminal has not to break, but for YAML and commands."""
    yield from _heading("opsmcp turns a team's runbooks into typed tools for any LLM client.")
    yield from _heading("1. A runbook:")
    yield from (f"   {line}" for line in _RUNBOOK.splitlines())
    default = seen.tool.input_schema["properties"]["path"]["default"]
    yield from _heading(f'2. The tool that it became: check-space(path="{default}")')
    yield from _indented(seen.tool.description or "")
    yield from _heading('3. "How full is the disk?" The model calls check-space(path="/tmp"):')
    yield from _indented(seen.answer)
    yield from _heading("4. A change, restart-web(), asks a person first. Nobody is here to ask:")
    yield from _indented(seen.refused.partition(" Use a client")[0])
    yield from _heading(f'5. A value is never code. check-space(path="{_HOSTILE}"):')
    yield from _indented(seen.hostile)


def _next(*, kept: bool) -> Iterator[str]:
    """What to do next; the run can be looked at where it was kept."""
    yield from _heading("Next:")
    program = "opsmcp" if shutil.which("opsmcp") else str(Path(sys.executable).with_name("opsmcp"))
    steps = [
        (f"claude mcp add -s user opsmcp -- {program} stdio", "then ask what fills the disk"),
        (f"{program} tools", "the runbooks that ship with it"),
        (f"{program} stdio --manifests DIR", "your own YAML goes here"),
        ("export OPS_SERVER=https://ops.example.com", "your Ops server instead"),
    ]
    if kept:
        steps.append((f"{program} runs", "the run above; nothing else was started"))
    for step, does in steps:
        line = f"   {step}  # {does}"
        fits = len(line) <= min(_WIDTH, shutil.get_terminal_size().columns)
        yield from [line] if fits else [f"   {step}", f"      # {does}"]


def _heading(text: str) -> Iterator[str]:
    for row in wrapped(text):
        yield click.style(row, fg="cyan", bold=True) if sys.stdout.isatty() else row


def _indented(text: str) -> Iterator[str]:
    for line, is_output in unfenced(clean(text)):
        if line.strip():
            yield from (f"   {row}" for row in ([line] if is_output else wrapped(line, 3)))
