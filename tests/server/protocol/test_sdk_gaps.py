"""Each gap of the SDK is still there, on a server of the SDK alone.

A test that fails here says that the SDK closed a gap: what works around it can go.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import jsonrpc, methods

import opsmcp_server
from opsmcp_server.protocol.sdk_gaps import GAPS

SECRET = "dsn postgres://u:planted@h"
MODERN, PREFIX = "2026-07-28", "io.modelcontextprotocol"
TOOL = types.Tool(name="x", input_schema={"type": "object"})


@dataclass
class Seen:
    """What a server of the SDK alone did."""

    listed: int = 0
    dumped: int = 0


def bare(seen: Seen, error: Exception | None = None) -> Server[Any]:
    """A server of the SDK alone, with one tool, whose calls end in `error`."""

    class List(types.ListToolsResult):
        def model_dump(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            seen.dumped += 1
            return super().model_dump(*args, **kwargs)

    the_list = List(tools=[TOOL])

    async def listed(_ctx: object, _params: object) -> types.ListToolsResult:
        seen.listed += 1
        return the_list

    async def called(_ctx: object, _params: object) -> types.CallToolResult:
        if error:
            raise error
        return types.CallToolResult(content=[])

    return Server("bare", on_list_tools=listed, on_call_tool=called)


def test_each_gap_has_a_test_and_a_module_that_works_around_it() -> None:
    tests = {name.removeprefix("test_").replace("_", " ") for name in globals()}
    package = Path(opsmcp_server.__file__).parent
    assert set(GAPS) <= tests
    assert all((package / f"{module.replace('.', '/')}.py").exists() for module in GAPS.values())


def test_older_clients_over_http_are_not_told_that_lists_change() -> None:
    tools = bare(Seen()).create_initialization_options().capabilities.tools
    assert tools is not None and not tools.list_changed


def test_the_end_of_an_older_connection_has_no_hook() -> None:
    public = [name for name in dir(ServerSession) if not name.startswith("_")]
    assert [name for name in public if re.search("exit|clos|end_of|stack|on_end", name)] == []


def test_a_handler_cannot_ask_whether_its_request_was_cancelled() -> None:
    public = [*dir(ServerSession), *ServerRequestContext.__dataclass_fields__]
    assert [name for name in public if "cancel" in name] == []


async def test_the_text_of_an_exception_reaches_older_clients() -> None:
    async with Client(bare(Seen(), RuntimeError(SECRET)), mode="legacy") as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("x")
    assert SECRET in str(caught.value)


def test_kinds_of_content_reach_clients_that_cannot_read_them() -> None:
    link = {"type": "resource_link", "name": "x", "uri": "ops://x"}
    sent = methods.serialize_server_result("tools/call", "2025-03-26", {"content": [link]})
    assert sent["content"] == [link]


async def test_all_tools_are_listed_before_a_call_over_http() -> None:
    seen = Seen()
    app = bare(seen).streamable_http_app()
    meta: dict[str, object] = {
        f"{PREFIX}/protocolVersion": MODERN,
        f"{PREFIX}/clientCapabilities": {},
    }
    params = {"name": "x", "arguments": {"a": 1}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Mcp-Method": "tools/call", "Mcp-Name": "x", "MCP-Protocol-Version": MODERN}
    headers |= {"Accept": "application/json, text/event-stream"}
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost:1")
    async with app.router.lifespan_context(app), http:
        answer = await http.post("/mcp", json=body, headers=headers)
    assert (answer.status_code, seen.listed) == (200, 1)


async def test_a_list_is_dumped_anew_for_each_request() -> None:
    seen = Seen()
    async with Client(bare(seen), mode="legacy") as client:
        await client.list_tools()
        await client.list_tools()
    assert (seen.listed, seen.dumped) == (2, 2)


def test_of_two_equal_keys_the_last_one_counts() -> None:
    line = '{"jsonrpc": "2.0", "id": 1, "method": "ping", "id": 2}'
    read = jsonrpc.jsonrpc_message_adapter.validate_json(line)
    assert isinstance(read, types.JSONRPCRequest) and read.id == 2


async def test_a_line_that_is_no_message_is_not_answered() -> None:
    written = io.StringIO()
    lines = io.StringIO('{"jsonrpc": "2.0", "id": 7}\n')
    server = bare(Seen())
    async with stdio_server(anyio.wrap_file(lines), anyio.wrap_file(written)) as streams:
        await server.run(*streams, server.create_initialization_options())
    assert written.getvalue() == ""
