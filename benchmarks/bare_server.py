"""The least that serves the same tools: the SDK's low-level server over a list read from a file.

Every call is answered by the same result: at once, or with `--run` after a process that echoes its
`pod`. `--http` serves on a port of its own.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server

Context = ServerRequestContext[Any, Any]


def build(
    tools: list[types.Tool], result: types.CallToolResult, *, runs: bool = False
) -> Server[Any]:
    schemas = {tool.name: tool.input_schema for tool in tools}

    async def list_tools(
        _ctx: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(_ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if runs:
            environ = {"POD": str((params.arguments or {})["pod"])}
            await anyio.run_process(["/bin/sh", "-c", 'echo "$POD"'], env=environ)
        return result

    return Server[Any](
        "bare",
        version="0",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=schemas.get,
    )


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def serve_http(server: Server[Any]) -> None:
    # Imported here: who starts on stdio does not pay for it.
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = server.streamable_http_app(host="127.0.0.1")
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_config=None)).serve(sockets=[listener])


def main(arguments: list[str]) -> None:
    known = json.loads(Path(arguments[-1]).read_text("utf-8"))
    tools = [types.Tool.model_validate(tool) for tool in known["tools"]]
    result = types.CallToolResult.model_validate(known["result"])
    server = build(tools, result, runs="--run" in arguments)
    anyio.run(serve_http if "--http" in arguments else serve_stdio, server)


if __name__ == "__main__":
    main(sys.argv[1:])
