"""The least that serves the same tools: the SDK's low-level server over a list read from a file."""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server


async def main(tools: list[types.Tool]) -> None:
    async def list_tools(
        _ctx: ServerRequestContext[Any, Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    server = Server[Any]("bare", version="0", on_list_tools=list_tools)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    listed = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    anyio.run(main, [types.Tool.model_validate(tool) for tool in listed])
