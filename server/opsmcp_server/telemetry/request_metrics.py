"""How long requests take, of MCP and of HTTP, and how long sessions last."""

from time import monotonic
from typing import Any, cast

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.protocol.sdk_gaps import OpsmcpServer, connection_of, end_of_connection
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.labels import (
    ToolNames,
    error_label,
    http_method,
    method_label,
    route_of,
    status_label,
    version,
)
from opsmcp_server.telemetry.metrics import Metrics

__all__ = ["RequestMetrics"]

_INITIALIZED = "notifications/initialized"
_TRANSPORT, _PROTOCOL = "tcp", "http"


class RequestMetrics:
    """A `Watcher` that measures."""

    def __init__(self, metrics: Metrics, names: ToolNames, server: OpsmcpServer) -> None:
        """Count in `metrics`; methods are those that `server` knows."""
        self._metrics, self._names, self._server = metrics, names, server
        self._sessions: set[int] = set()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Measure a request; notifications are not answered, and so take no time."""
        if ctx.request_id is None:
            if ctx.method == _INITIALIZED:
                self._begin_session(ctx.session, ctx.protocol_version)
            return await call_next(ctx)
        began, error = monotonic(), ""
        try:
            result = await call_next(ctx)
            error = "tool_error" if _is_tool_error(ctx.method, result) else ""
            return result
        except BaseException as raised:
            error = _error_of(raised)
            raise
        finally:
            self._metrics.observe(
                families.OPERATION_DURATION,
                monotonic() - began,
                method_label(self._server, ctx.method),
                self._names.label((ctx.params or {}).get("name")) if _is_call(ctx) else "",
                error,
                _TRANSPORT,
                version(ctx.protocol_version),
            )

    def _begin_session(self, session: ServerSession, protocol: str) -> None:
        key, began = connection_of(session), monotonic()
        if key not in self._sessions:
            self._sessions.add(key)
            end_of_connection(session).callback(self._end_session, key, began, protocol)

    def _end_session(self, key: int, began: float, protocol: str) -> None:
        self._sessions.discard(key)
        seconds = monotonic() - began
        family = families.SESSION_DURATION
        self._metrics.observe(family, seconds, version(protocol), _PROTOCOL, "")

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose requests are measured."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = monotonic(), 0

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                self._metrics.observe(
                    families.HTTP_DURATION,
                    monotonic() - began,
                    http_method(scope["method"]),
                    route_of(scope),
                    status_label(status or None),
                )

        return measured


def _is_call(ctx: ServerRequestContext[Any, Any]) -> bool:
    return ctx.method == "tools/call"


def _is_tool_error(method: str, result: object) -> bool:
    if method != "tools/call" or not isinstance(result, dict):
        return False
    return cast("dict[str, object]", result).get("isError") is True


def _error_of(raised: BaseException) -> str:
    if isinstance(raised, MCPError):
        return error_label(raised.error.code)
    if isinstance(raised, ValidationError):
        return error_label(INVALID_PARAMS)
    if isinstance(raised, anyio.get_cancelled_exc_class()):
        return "cancelled"
    return error_label(INTERNAL_ERROR)
