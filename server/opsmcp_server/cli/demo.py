"""`opsmcp demo`: the whole way once, on the embedded engine, through a real MCP client.

Starts `opsmcp stdio` as a client would, with a state of its own, and checks what it shows: it ends
well only if every stage truly worked. Knows the server only through the protocol.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import anyio
import click
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

from opsmcp_server.cli.start import Failed
from opsmcp_server.cli.terminal import show_text
from opsmcp_server.cli.tools import show_tools
from opsmcp_server.config.environment import process_environment
from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["command"]

_TOOL = "disk-usage"
_ARGUMENTS: dict[str, object] = {"path": "/var", "topk": 5, "seconds": 3}
_HOSTILE: dict[str, object] = {"path": "/etc; id"}
_MOST_SECONDS = 60.0


@click.command("demo")
def command() -> int:
    """Show the whole way once, without an Ops server.

    Starts opsmcp as an MCP client does, lists its tools, calls one that only reads, and tries an
    argument that must be refused. Settings of yours are not used.
    """
    with tempfile.TemporaryDirectory(prefix="opsmcp-demo-") as folder:
        problem = anyio.run(_demonstrate, _server(folder))
    if problem:
        raise Failed(f"the demo did not work: {problem}")
    _say_next()
    return 0


def _server(folder: str) -> StdioServerParameters:
    foreign = ("OPSMCP_", "OPS_", "OPENAI_")
    environ = {
        name: value for name, value in process_environment().items() if not name.startswith(foreign)
    }
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "opsmcp_server", "stdio"],
        env=environ | {"OPSMCP_STATE_DIR": folder},
        cwd=folder,
    )


async def _demonstrate(server: StdioServerParameters) -> str:
    """Go through all stages; returns what did not work, or nothing."""
    problem = ""
    try:
        with anyio.fail_after(_MOST_SECONDS):
            async with Client(server) as client:
                problem = await _stages(client)
    except* (MCPError, OSError, TimeoutError):
        problem = "the server did not start, or did not answer in time"
    return problem


async def _stages(client: Client) -> str:
    _say("1. A client starts `opsmcp stdio` and lists its tools, each of them a runbook:")
    tools = (await client.list_tools()).tools
    operations = [tool for tool in tools if "_" not in tool.name]
    show_tools(operations)
    click.echo(f"{len(operations)} operations, and {len(tools) - len(operations)} built-in tools.")
    if _TOOL not in {tool.name for tool in operations}:
        return f"{_TOOL} is not listed"
    return await _call(client) or await _refusal(client)


async def _call(client: Client) -> str:
    _say(f"2. Asked what fills the disk, a model calls\n{_shown(_ARGUMENTS)}:")

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        click.echo(f"   ... {clean(message or '')}")

    result = await client.call_tool(
        _TOOL, _ARGUMENTS, progress_callback=on_progress, meta={STRUCTURED: True}
    )
    _say("3. It gets a verdict and a short summary; the whole output stays one call away:")
    click.echo(clean(_text(result)))
    data: JsonObject = result.structured_content or {}
    verdict = data.get("verdict")
    return "" if verdict == "succeeded" else f"{_TOOL} ended as {verdict}"


async def _refusal(client: Client) -> str:
    _say(f"4. A value is never code.\n{_shown(_HOSTILE)} starts nothing, and says what to change:")
    result = await client.call_tool(_TOOL, _HOSTILE)
    click.echo(clean(_text(result)))
    runs: JsonObject = (await client.call_tool("list_runs", {})).structured_content or {}
    if not result.is_error or "path" not in _text(result):
        return "the hostile argument was not refused"
    return "" if len(runs.get("runs", ())) == 1 else "the refused call started a run"


def _text(result: types.CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))


def _shown(arguments: dict[str, object]) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"{_TOOL}({given})"


def _say(text: str) -> None:
    click.echo()
    show_text(text, "bold cyan")


def _say_next() -> None:
    found = shutil.which("opsmcp")
    program = "opsmcp" if found else str(Path(sys.executable).with_name("opsmcp"))
    _say("All of this worked. Next:")
    steps = (
        (f"claude mcp add opsmcp -- {program} stdio", "then ask: what is filling the disk?"),
        (f"{program} tools --all", "what there is, and what is withheld and why"),
        ("OPS_SERVER=https://ops.example.com", "in the environment: your Ops server instead"),
    )
    for command, does in steps:
        click.echo(f"   {command}\n      {does}")
    click.echo("   Other clients: README.md")
