"""What a server may need is there before it serves: nothing is imported in the middle of a call."""

import subprocess
import sys

from tests.server.conftest import Ground

_CALLS = """
import os, sys
from pathlib import Path

import anyio
from mcp import Client

from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.process.preload import import_ahead
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.transports import http

OURS = ("opsmcp_", "re2", "anyio")

async def main():
    environ = dict(os.environ)
    async with open_services(load(environ, cwd=Path.cwd()), environ) as services:
        await services.calls.tools.wait_for_first_read()
        async with Client(build_server(services)) as client:
            before = set(sys.modules)
            await client.call_tool("search_operations", {"query": "greeting"})
            call = {"name": "show-greeting", "arguments": {"who": "world"}}
            await client.call_tool("plan_operation", call)
            print(await client.call_tool("run_operation", call))
            print(await client.call_tool("run_operation", {"name": "check-failing"}))
            await client.call_tool("list_runs", {})
            await client.read_resource("ops://operations")
            late = sorted(name for name in set(sys.modules) - before if name.startswith(OURS))
            print("late:", late)

import_ahead()
anyio.run(main)
"""


def test_extras_that_are_not_installed_keep_no_server_from_starting() -> None:
    without = (
        "import sys\n"
        "for name in ('cel_expr_python', 'cronsim', 'jinja2'): sys.modules[name] = None\n"
        "from opsmcp_server.process.preload import import_ahead; import_ahead()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", without], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr


def test_a_call_imports_nothing(ground: Ground) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _CALLS],
        env=ground.environ(OPSMCP_TOOLS_LIMIT="1"),
        cwd=ground.root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert "hello world" in ended.stdout
    assert "no space left" in ended.stdout
    assert ended.stdout.endswith("late: []\n")
