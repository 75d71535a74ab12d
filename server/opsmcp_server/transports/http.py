"""MCP over HTTP: streamable HTTP on `/mcp`, SSE on `/sse` and `/messages/`, and the health checks.

One ASGI app serves both protocol eras. Host and Origin are checked against DNS rebinding, bodies
are bounded, and a server that is told to stop closes its streams with a final frame and gives calls
a few seconds.
"""

import ipaddress
import signal
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import anyio
import uvicorn
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import (
    StreamableHTTPASGIApp,
    StreamableHTTPSessionManager,
)
from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from opsmcp_server.ending import ending_signals
from opsmcp_server.errors import ConfigError
from opsmcp_server.handlers import OpsmcpServer, build_server
from opsmcp_server.inserting import Inserting
from opsmcp_server.services import Services
from opsmcp_server.settings import Server as ServerSettings
from opsmcp_server.strict_json import MOST_BYTES
from opsmcp_server.transports.auth import guard
from opsmcp_server.transports.messages import CheckedBodies

__all__ = ["build_app", "check_exposure", "listen", "serve_http"]

_MESSAGES = "/messages/"

_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than clients keep theirs (5 to 60 seconds), since
a request on a connection that is just being closed is lost."""

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


async def serve_http(services: Services, listener: socket.socket) -> None:
    """Serve on a listening socket until a signal ends it; a second one cuts what is still open."""
    config = uvicorn.Config(
        build_app(services),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(services.config.server.shutdown_seconds),
    )
    server = _Server(config, services)
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_on_signal, server)
        await server.serve(sockets=[listener])
        group.cancel_scope.cancel()


def listen(settings: ServerSettings) -> socket.socket:
    """The socket to serve on.

    Raises:
        ConfigError: It would listen beyond this machine without a token, or the address is taken.
    """
    host, port = settings.host, settings.port
    check_exposure(host, settings.token.get_secret_value())
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port} (server.host, server.port): {error.strerror}"
        ) from error
    # Connections inherit it. The event loop would set it only on sockets that name their protocol,
    # and without it an answer in two parts waits 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def check_exposure(host: str, token: str) -> None:
    """Refuse to listen beyond this machine without a token.

    Raises:
        ConfigError: That would let everybody on the network run operations.
    """
    if not token and not _is_loopback(host):
        raise ConfigError(
            f"server.host {host!r} is reached from other machines, and server.token is not set. "
            "Set server.token (OPSMCP_SERVER_TOKEN), or listen on 127.0.0.1."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(uvicorn.Server):
    """Uvicorn, leaving signals to us and closing the listen streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.sessions.close()
        await super().shutdown(sockets)


async def _stop_on_signal(server: _Server) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, *ending_signals()) as signals:
        async for _ in signals:
            server.force_exit = server.should_exit
            server.should_exit = True


def build_app(services: Services, server: OpsmcpServer | None = None) -> Starlette:
    """The ASGI app: every route of the contract, behind the checks that it needs.

    Serves `server` if there is one already, else one of its own.
    """
    settings = services.config.server
    token = settings.token.get_secret_value()
    security = _security(services)
    server = server or build_server(services)
    manager = StreamableHTTPSessionManager(server, security_settings=security)
    sse = SseServerTransport(_MESSAGES, security_settings=security)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with manager.run():
            yield

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", _Ready(services)),
            Route("/mcp", guard(_checked(Inserting(StreamableHTTPASGIApp(manager))), token)),
            Route("/sse", guard(_Sse(server, sse, security), token)),
            Mount(_MESSAGES, guard(_checked(sse.handle_post_message), token)),
        ],
        lifespan=lifespan,
    )


def _checked(app: ASGIApp) -> ASGIApp:
    """`app`, given only bodies that are not too long and say each thing once."""
    return RequestBodyLimitMiddleware(CheckedBodies(app), MOST_BYTES)


def _security(services: Services) -> TransportSecuritySettings:
    settings = services.config.server
    own = (*_LOOPBACK_HOSTS, settings.host)
    hosts = [f"{host}:*" for host in own] + list(own) + list(settings.allowed_hosts)
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[*origins, *settings.allowed_origins],
    )


class _Sse:
    """The older transport: one GET is one connection."""

    def __init__(
        self,
        server: OpsmcpServer,
        transport: SseServerTransport,
        security: TransportSecuritySettings,
    ) -> None:
        self._server = server
        self._transport = transport
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await Response(status_code=405, headers={"Allow": "GET"})(scope, receive, send)
            return
        refusal = await self._security.validate_request(Request(scope, receive), is_post=False)
        if refusal is not None:
            # The transport would answer the same and then raise.
            await refusal(scope, receive, send)
            return
        options = self._server.create_initialization_options()
        async with self._transport.connect_sse(scope, receive, send) as (read, write):
            await self._server.run(read, write, options)


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


class _Ready:
    """Whether there is a catalogue to serve, and how old it is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        health = self._services.discovery.health
        ready = self._services.toolbox is not None
        checked = health.checked_at
        age = (datetime.now(UTC) - checked).total_seconds() if checked else None
        body = {
            "ready": ready,
            "generation": health.generation,
            "age_seconds": round(age, 1) if age is not None else None,
            "failures": health.failures,
            "error": health.error,
        }
        await JSONResponse(body, status_code=200 if ready else 503)(scope, receive, send)
