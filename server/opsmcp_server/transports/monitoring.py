"""`/metrics`, `/healthz` and `/readyz` on a listener of their own.

A network policy cannot tell paths apart, and who may call tools is not who may read metrics. It
goes on while the server stops, so that whoever looks sees that.
"""

import socket

import anyio
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from opsmcp_server.telemetry.metering import Metering
from opsmcp_server.telemetry.readings import Parts
from opsmcp_server.transports.connections import Places, most_connections
from opsmcp_server.transports.quiet_uvicorn import QuietServer, uvicorn_config

__all__ = ["serve_monitoring"]

_MOST_CONNECTIONS = 64


async def serve_monitoring(listener: socket.socket, metering: Metering, parts: Parts) -> None:
    """Serve until cancelled."""
    app = Starlette(routes=[Route("/metrics", _Scrape(metering, parts)), *parts.health.routes()])
    places = Places(min(_MOST_CONNECTIONS, most_connections()))
    server = QuietServer(uvicorn_config(app, places, lifespan="off"))
    async with anyio.create_task_group() as group:
        group.start_soon(metering.run)
        try:
            await server.serve(sockets=[listener])
        finally:
            server.force_exit = True
            with anyio.CancelScope(shield=True):
                await server.shutdown(sockets=[listener])


class _Scrape:
    """All metrics as they stand now."""

    def __init__(self, metering: Metering, parts: Parts) -> None:
        self._metering, self._parts = metering, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = await self._metering.text(self._parts)
        answer = Response(text, headers={"Content-Type": self._metering.content_type})
        await answer(scope, receive, send)
