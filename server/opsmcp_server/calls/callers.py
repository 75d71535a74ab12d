"""Through what a request came in, for the audit trail: the transport, the program, its address."""

import re
from collections.abc import Mapping
from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from opsmcp_tools.model.caller import CALLER, Caller

__all__ = ["ADDRESS", "caller_of", "with_caller"]

ADDRESS = "opsmcp.address"
"""The key of an ASGI scope that has the address of whoever asks, as far as proxies are believed."""

_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


async def with_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let everything that the request leads to know through what it came in."""
    before = CALLER.set(caller_of(ctx))
    try:
        return await call_next(ctx)
    finally:
        CALLER.reset(before)


def caller_of(ctx: ServerRequestContext[Any, Any]) -> Caller:
    """Through what a request came in. What programs say of themselves is what they say."""
    token, params = get_access_token(), ctx.session.client_params
    # Of a transport over HTTP it is a request of Starlette, which stdio does without.
    scope: Mapping[str, Any] | None = getattr(ctx.request, "scope", None)
    info = params.client_info if params is not None else None
    trace = str(dict(ctx.meta or {}).get("traceparent", ""))
    return Caller(
        transport=_transport(scope),
        auth=str(getattr(token, "auth", "") or "local"),
        client_id=(token.client_id or "") if token else "",
        client_name=info.name if info else "",
        client_version=info.version if info else "",
        address=str(scope.get(ADDRESS, "")) if scope else "",
        rpc_id=str(ctx.request_id) if ctx.request_id is not None else "",
        trace=trace if _TRACE.fullmatch(trace) else "",
    )


def _transport(scope: Mapping[str, Any] | None) -> str:
    if scope is None:
        return "stdio"
    return "sse" if str(scope.get("path", "")).startswith("/messages") else "http"
