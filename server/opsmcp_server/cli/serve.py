"""`opsmcp serve`: MCP over HTTP, in both protocol eras."""

import logging

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.process.glibc_heap import share_heap
from opsmcp_server.process.preload import import_ahead
from opsmcp_server.protocol.services import Services
from opsmcp_server.transports.http import listen, serve_http
from opsmcp_server.transports.origins import in_url, refused_elsewhere

__all__ = ["command"]


@click.command("serve")
@click.option("--host", metavar="H", help="Address to listen on; 127.0.0.1 when not set.")
@click.option("--port", type=int, metavar="P", help="Port to listen on; 8765 when not set.")
@shared_options
def command(shared: Shared, host: str | None, port: int | None) -> int:
    """Serve MCP over HTTP: /mcp, /sse and health checks.

    Beyond this machine only with server.token (OPSMCP_SERVER_TOKEN), which clients then send as
    `Authorization: Bearer ...`.
    """
    share_heap()
    import_ahead()
    flags = shared.with_flags(server_host=host, server_port=port)
    return run_with_services(flags, _serve, starts_runs=True, level=logging.INFO)


async def _serve(services: Services) -> int:
    server = services.calls.config.server
    if services.calls.policy.approves:
        services.calls.requests.get().claim_all()
    with listen(server) as listener:
        port = listener.getsockname()[1]
        click.echo(f"opsmcp: serving http://{in_url(server.host)}:{port}/mcp", err=True)
        if refused_elsewhere(server):
            click.echo(
                "opsmcp: clients on other machines are refused (421) until server.allowed_hosts "
                f"has what they call this one, such as ops.example.com:{port}",
                err=True,
            )
        await serve_http(services, listener)
    return 0
