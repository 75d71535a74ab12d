"""MCP on stdin and stdout, for a client on the same machine. Logs go to stderr."""

from mcp.server.stdio import stdio_server

from opsmcp_server.handlers import build_server
from opsmcp_server.services import Services

__all__ = ["serve_stdio"]


async def serve_stdio(services: Services) -> None:
    """Serve one client until it closes stdin."""
    server = build_server(services)
    # While this is open, file descriptor 1 is stderr: nothing else can write into the protocol.
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())
