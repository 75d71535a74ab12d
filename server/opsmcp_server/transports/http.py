"""MCP over HTTP: streamable HTTP on `/mcp`, SSE on `/sse` and `/messages/`, and the health checks.

One ASGI app serves both protocol eras. Host and Origin are checked against DNS rebinding, bodies
are bounded, and a server that is told to stop closes its streams with a final frame and gives calls
a few seconds.
"""

import logging
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import anyio
import uvicorn
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Scope

from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.extras import has_extra
from opsmcp_server.identity.addresses import Located, networks_of
from opsmcp_server.identity.gate import Gate
from opsmcp_server.identity.settings import gate_of
from opsmcp_server.process.signals import ending_signals
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.protocol.services import Services
from opsmcp_server.protocol.splice_json import SplicingMiddleware
from opsmcp_server.telemetry.health import Health
from opsmcp_server.telemetry.service import Telemetry
from opsmcp_server.transports import legacy_sessions
from opsmcp_server.transports.bodies import Bodies
from opsmcp_server.transports.connections import Places, most_connections
from opsmcp_server.transports.large_answers import ChunksMiddleware, LargeReads, TurnsMiddleware
from opsmcp_server.transports.legacy_sessions import SerialRequests
from opsmcp_server.transports.messages import CheckedBodies, method_of, tool_of
from opsmcp_server.transports.open_answers import OpenAnswers
from opsmcp_server.transports.origins import for_web_pages, security_of
from opsmcp_server.transports.quiet_uvicorn import QuietServer, uvicorn_config
from opsmcp_server.transports.sse import SseMessages, SseStreams

if TYPE_CHECKING:
    from opsmcp_server.transports.events import EventRoutes

__all__ = [
    "build_app",
    "serve_http",
    "wants_pages",
]

_MESSAGES = "/messages/"

_WAITING_CONNECTIONS = 256
"""How many the kernel keeps until they are accepted."""

_CUT_SECONDS = 2.0
"""How long what was cut may take to end."""


async def serve_http(
    services: Services,
    listener: socket.socket,
    gate: Gate,
    telemetry: Telemetry | None = None,
    monitoring: socket.socket | None = None,
) -> None:
    """Serve until a signal ends it; a second one cuts what is still open.

    Args:
        services: What to serve.
        listener: Where.
        gate: Lets in who calls.
        telemetry: What is measured of it.
        monitoring: Where metrics are served, if they are measured.
    """
    telemetry = telemetry or Telemetry()
    answers, places = OpenAnswers(), Places(most_connections())
    mcp_server = build_server(services)
    health = Health(services.calls, answers.is_ending)
    app: ASGIApp = build_app(services, mcp_server, answers, gate, health)
    for watcher in telemetry.watchers(mcp_server):
        # Behind the SDK's own, which makes the span of a message.
        mcp_server.middleware.insert(1, watcher)
        app = watcher.around(app)
    # A line for each request that is none would be written at the pace of strangers.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = _Server(uvicorn_config(app, places), services, answers, places)
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_on_signal, server)
        if telemetry.metering is not None and monitoring is not None:
            from opsmcp_server.telemetry.readings import Parts
            from opsmcp_server.transports.monitoring import serve_monitoring

            parts = Parts(services, gate, health, lambda: len(server.server_state.connections))
            group.start_soon(serve_monitoring, monitoring, telemetry.metering, parts)
        await server.serve(sockets=[listener])
        group.cancel_scope.cancel()


class _Server(QuietServer):
    """Uvicorn, ending what is open before it waits for it."""

    def __init__(
        self, config: uvicorn.Config, services: Services, answers: OpenAnswers, places: Places
    ) -> None:
        super().__init__(config)
        self._services = services
        self._answers = answers
        self._places = places
        self._hurry = anyio.Event()

    def stop(self) -> None:
        """Stop; at once when this is not the first time."""
        if self.should_exit:
            self._hurry.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in self.servers:
            listening.get_loop().set_exception_handler(self._places.log_failure)
        for listener in sockets or ():
            # Uvicorn has made its queue as short as what is accepted at once.
            listener.listen(_WAITING_CONNECTIONS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.clients.sessions.close()
        self._answers.end_standing()
        async with anyio.create_task_group() as group:
            group.start_soon(self._cut_in_time)
            await super().shutdown(sockets)
            group.cancel_scope.cancel()

    async def _cut_in_time(self) -> None:
        with anyio.move_on_after(self._services.calls.config.server.shutdown_seconds):
            await self._hurry.wait()
        self._answers.cut()
        await anyio.sleep(_CUT_SECONDS)
        # What is left then are clients that do not take the end of their answers.
        for connection in list(self.server_state.connections):
            connection.transport.abort()


async def _stop_on_signal(server: _Server) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, *ending_signals()) as signals:
        async for _ in signals:
            server.stop()


def build_app(
    services: Services,
    server: OpsmcpServer | None = None,
    answers: OpenAnswers | None = None,
    gate: Gate | None = None,
    health: Health | None = None,
) -> Starlette:
    """The ASGI app: every route of the contract, behind the checks that it needs.

    Args:
        services: What to serve.
        server: Serve this one, if there is one already, else one of its own.
        answers: Told of each that is open.
        gate: Lets in who calls; that of the settings if there is none yet.
        health: Says how the server is.
    """
    settings = services.calls.config.server
    gate = gate or gate_of(services.calls.config, services.calls.observers, services.calls.audit)
    security = security_of(settings)
    server = server or build_server(services)
    answers = answers or OpenAnswers()
    health = health or Health(services.calls, answers.is_ending)
    manager = legacy_sessions.SessionManager(
        server, security_settings=security, max_sessions=legacy_sessions.MOST_SESSIONS
    )
    sse = SseServerTransport(_MESSAGES, security_settings=security)

    events = _events(services.calls, security)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with (
            manager.run(),
            events.running() if events else nullcontext(),
            anyio.create_task_group() as group,
        ):
            group.start_soon(gate.run)
            yield
            group.cancel_scope.cancel()

    bodies, reads = Bodies(), LargeReads()
    streams = SseStreams(server, sse, security, answers, reads)
    streamable = SerialRequests(SplicingMiddleware(StreamableHTTPASGIApp(manager)), answers)
    inner = gate.scoped(TurnsMiddleware(ChunksMiddleware(streamable), reads), _message_of)
    checked = gate.streams.around(CheckedBodies(inner, bodies))
    messages = CheckedBodies(gate.scoped(SseMessages(sse), _message_of), bodies)
    mcp = gate.guard(answers.watched(checked, gets_stand=True))
    events_of_sse = gate.streams.around(ChunksMiddleware(streams))
    app = Starlette(
        routes=[
            *health.routes(),
            *(Route(path, mcp) for path in ("/mcp", "/mcp/")),
            Route("/sse", gate.guard(answers.watched(events_of_sse))),
            Mount(_MESSAGES, gate.guard(messages)),
            *gate.routes(),
            *_pages(services.calls, security),
            *(events.routes if events else ()),
        ],
        middleware=[
            Middleware(Located, networks_of(settings.trusted_proxies)),
            *for_web_pages(settings),
        ],
        lifespan=lifespan,
    )
    # Its address would be that of the Host header, over http: a token would be sent in clear.
    app.router.redirect_slashes = False
    return app


def _message_of(scope: Scope) -> tuple[str, str]:
    return method_of(scope), tool_of(scope)


def _pages(context: CallContext, security: TransportSecuritySettings) -> Sequence[Route]:
    """The pages of requests and incidents, where they are wanted and the extra is there."""
    if not (wants_pages(context) and has_extra("console")):
        return ()
    from opsmcp_server.console.pages import console_routes

    return console_routes(context, security)


def _events(context: CallContext, security: TransportSecuritySettings) -> "EventRoutes | None":
    """Where signals come in, if the settings have senders.

    Raises:
        ConfigError: A sender cannot be read as they say.
    """
    if not context.config.events.senders:
        return None
    from opsmcp_server.transports.events import EventRoutes

    return EventRoutes(context, security)


def wants_pages(context: CallContext) -> bool:
    """Whether there is something to decide or to look at, and people who sign in."""
    needed = context.policy.approves or context.config.responders
    return bool(needed and context.config.people)
