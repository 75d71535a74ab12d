"""`opsmcp serve`: MCP over HTTP, in both protocol eras."""

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.start import read_config
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.extras import lack_of
from opsmcp_server.identity.settings import gate_of
from opsmcp_server.intake.sender_checks import check_senders
from opsmcp_server.process.glibc_heap import share_heap
from opsmcp_server.process.preload import import_ahead
from opsmcp_server.protocol.services import Services
from opsmcp_server.telemetry.service import open_telemetry
from opsmcp_server.transports.http import serve_http, wants_pages
from opsmcp_server.transports.listening import listen, listen_for_monitoring
from opsmcp_server.transports.origins import in_url, refused_elsewhere

__all__ = ["command"]


@click.command("serve")
@click.option("--host", metavar="H", help="Address to listen on; 127.0.0.1 when not set.")
@click.option("--port", type=int, metavar="P", help="Port to listen on; 8765 when not set.")
@shared_options
def command(shared: Shared, host: str | None, port: int | None) -> int:
    """Serve MCP over HTTP: /mcp, /sse and health checks.

    Beyond this machine only with tokens (`opsmcp token create`, auth.tokens_file, server.token),
    which clients then send as `Authorization: Bearer ...`.
    """
    share_heap()
    import_ahead()
    flags = shared.with_flags(server_host=host, server_port=port)
    config = read_config(flags, people=True, senders=True, channels=True)
    return run_with_services(
        flags,
        _serve,
        starts_runs=True,
        level=logging.INFO,
        config=config,
        serves=True,
        serves_many=True,
    )


async def _serve(services: Services) -> int:
    config = services.calls.config
    server = config.server
    check_senders(config)
    services.calls.audit.serve("http")
    await services.calls.audit.begin()
    if services.calls.policy.approves:
        services.calls.requests.get().claim_all()
    gate = gate_of(config, services.calls.observers, services.calls.audit)
    with listen(server, guarded=gate.is_needed) as listener:
        port = listener.getsockname()[1]
        address = f"http://{in_url(server.host)}:{port}"
        click.echo(f"opsmcp: serving {address}/mcp", err=True)
        _tell_of_pages(services.calls, address)
        for name, sender in config.events.senders.items():
            read_from = sender.nats or services.calls.source.label
            where = (
                f"are read from {read_from}"
                if sender.is_read
                else f"come in at {address}/events/{name}"
            )
            click.echo(f"opsmcp: signals of {name} {where}", err=True)
        if refused_elsewhere(server):
            click.echo(
                "opsmcp: clients on other machines are refused (421) until server.allowed_hosts "
                f"has what they call this one, such as ops.example.com:{port}",
                err=True,
            )
        with (
            open_telemetry(services.calls, process_environment()) as telemetry,
            listen_for_monitoring(server) or nullcontext() as monitoring,
        ):
            if monitoring is not None:
                click.echo(f"opsmcp: metrics are at {_address_of(monitoring)}/metrics", err=True)
            async with (
                _responders(services.calls),
                _schedules(services.calls),
                _notifier(services.calls),
                _reading(services.calls),
            ):
                await serve_http(services, listener, gate, telemetry, monitoring)
    return 0


def _address_of(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{in_url(host)}:{port}"


@asynccontextmanager
async def _responders(context: CallContext) -> AsyncGenerator[None]:
    """Do something about signals, where the settings say what."""
    if not context.config.responders:
        yield
        return
    from opsmcp_server.agent.service import investigating
    from opsmcp_server.responding.service import responding

    async with investigating(context) as investigator, responding(context, investigator):
        names = ", ".join(responder.name for responder in context.config.responders)
        click.echo(f"opsmcp: responders at work: {names}", err=True)
        yield


@asynccontextmanager
async def _reading(context: CallContext) -> AsyncGenerator[None]:
    """Read the events of Ops, where the settings name it as a sender."""
    if not any(sender.is_read for sender in context.config.events.senders.values()):
        yield
        return
    from opsmcp_server.intake.event_reading import reading_events

    async with reading_events(context):
        yield


@asynccontextmanager
async def _schedules(context: CallContext) -> AsyncGenerator[None]:
    """Run inspections, where the settings say which."""
    if not context.config.schedules:
        yield
        return
    from opsmcp_server.responding.inspecting import inspecting

    async with inspecting(context):
        names = ", ".join(schedule.name for schedule in context.config.schedules)
        click.echo(f"opsmcp: schedules at work: {names}", err=True)
        yield


@asynccontextmanager
async def _notifier(context: CallContext) -> AsyncGenerator[None]:
    """Tell of incidents and of what else people are to know, where the settings say whom."""
    events = context.config.events
    channels = events.channels
    if not (channels and (context.config.responders or events.notify)):
        yield
        return
    from opsmcp_server.channels.notifier import notifying

    if context.requests.pages and not context.config.server.public_url:
        click.echo(
            f"opsmcp: messages link to {context.requests.pages}; set server.public_url to the "
            "address that people use",
            err=True,
        )
    async with notifying(context):
        click.echo(f"opsmcp: messages go to: {', '.join(channels)}", err=True)
        yield


def _tell_of_pages(context: CallContext, address: str) -> None:
    """Say where requests are decided, and name the pages in what callers are told."""
    if not wants_pages(context):
        return
    if lack := lack_of("console"):
        said = f"opsmcp: a page for requests {lack}. `opsmcp approve` needs none"
        click.echo(said, err=True)
        return
    click.echo(f"opsmcp: calls that wait for approval are at {address}/requests", err=True)
    if context.config.responders:
        click.echo(f"opsmcp: incidents are at {address}/incidents", err=True)
    context.requests.show_pages(context.config.server.public_url or address)
