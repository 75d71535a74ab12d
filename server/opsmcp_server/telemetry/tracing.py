"""Traces of one server, sent over OTLP by OpenTelemetry's own SDK (extra `otel`).

Where to, how many and with which headers, the SDK reads from its own variables (`OTEL_*`). The SDK
of MCP makes the span of each message, below the `traceparent` of its `_meta`; here it gets what it
lacks, a span of HTTP that it is linked to, one of the run that came of it, and those of what the
source was asked meanwhile. What leaves is known to be harmless: attributes that are listed here,
and neither the words of errors nor names that a client invented.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Thread
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanContext, SpanKind, Status
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_pipelines.source_request import SourceRequest
from opsmcp_server.calls.callers import ADDRESS
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import Observed
from opsmcp_server.protocol.handlers import principal_of
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.telemetry.labels import ToolNames, http_method, method_label, route_of
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.runs.events import RunEnded

__all__ = ["Tracing"]

_LEFT_OUT = ("/healthz", "/readyz")
_HTTP_SPAN = "opsmcp.http_span"
_LONGEST_ATTRIBUTE = 256
_CLOSE_SECONDS = 3.0

_ATTRIBUTES = frozenset(
    {
        "client.address",
        "enduser.id",
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "jsonrpc.request.id",
        "mcp.method.name",
        "mcp.protocol.version",
        "mcp.session.id",
        "network.transport",
        "opsmcp.run",
        "opsmcp.verdict",
        "rpc.response.status_code",
    }
)
"""What a span may hold."""


class Tracing:
    """Traces one server, from here on. There is one in a process."""

    def __init__(self, context: CallContext, names: ToolNames, environ: Mapping[str, str]) -> None:
        """Begin to send spans, named by these names of tools."""
        self._context, self._names = context, names
        named = "OTEL_SERVICE_NAME" in environ or "service.name" in environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        self._provider = TracerProvider(
            resource=Resource.create({} if named else {"service.name": "opsmcp"}),
            span_limits=SpanLimits(max_span_attribute_length=_LONGEST_ATTRIBUTE),
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Plain(OTLPSpanExporter())))
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("opsmcp")
        context.observers.add(self._note)

    def watcher(self, server: OpsmcpServer) -> "RequestTraces":
        """What sees the requests to `server`."""
        return RequestTraces(self._context, self._names, server, self._tracer)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)

    def _note(self, event: Observed, /) -> None:
        if isinstance(event, RunEnded):
            self._note_run(event.record)
        elif isinstance(event, SourceRequest) and trace.get_current_span().is_recording():
            # What is asked on nobody's behalf, again and again, is no part of a trace.
            self._note_request(event)

    def _note_run(self, record: RunRecord) -> None:
        ended = record.ended_at or record.created_at
        span = self._tracer.start_span(
            f"run {record.operation.name}",
            start_time=_nanoseconds(record.created_at),
            attributes={"opsmcp.run": record.run, "opsmcp.verdict": str(record.verdict)},
        )
        if not record.verdict.good:
            span.set_status(Status(trace.StatusCode.ERROR))
        span.end(_nanoseconds(max(ended, record.created_at)))

    def _note_request(self, event: SourceRequest) -> None:
        attributes: dict[str, str | int] = {"http.request.method": http_method(event.method)}
        if event.status is not None:
            attributes["http.response.status_code"] = event.status
        span = self._tracer.start_span(
            http_method(event.method),
            kind=SpanKind.CLIENT,
            start_time=event.began_ns,
            attributes=attributes,
        )
        if event.status is None or event.status >= 400:
            span.set_status(Status(trace.StatusCode.ERROR))
        span.end(event.began_ns + int(event.seconds * 1e9))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1e9)


class RequestTraces:
    """A `Watcher` that completes the spans of messages, and makes those of HTTP."""

    def __init__(
        self,
        context: CallContext,
        names: ToolNames,
        server: OpsmcpServer,
        tracer: trace.Tracer,
    ) -> None:
        """Name spans by the methods of `server` and by tools."""
        self._context, self._names, self._server = context, names, server
        self._tracer = tracer

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Complete the span of a message."""
        span = trace.get_current_span()
        if span.is_recording():
            self._name(span, ctx)
            self._complete(span, ctx.request)
        return await call_next(ctx)

    def _name(self, span: Span, ctx: ServerRequestContext[Any, Any]) -> None:
        """By what is known: the SDK takes whatever the client wrote."""
        method = method_label(self._server, ctx.method)
        span.set_attribute("mcp.method.name", method)
        if method != "tools/call":
            span.update_name(method)
            return
        tool = self._names.label((ctx.params or {}).get("name"))
        span.set_attribute("gen_ai.tool.name", tool)
        span.update_name(f"{method} {tool}")

    def _complete(self, span: Span, request: object) -> None:
        span.set_attribute("network.transport", "tcp")
        span.set_attribute("enduser.id", principal_of(self._context).id)
        scope: Scope = getattr(request, "scope", {})
        if not scope:
            return
        span.set_attribute("client.address", scope.get(ADDRESS, ""))
        if session := Headers(scope=scope).get("mcp-session-id"):
            span.set_attribute("mcp.session.id", session)
        http: SpanContext | None = scope.get(_HTTP_SPAN)
        if http is not None:
            span.add_link(http)

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose requests have a span."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in _LEFT_OUT:
                await app(scope, receive, send)
                return
            method = http_method(scope["method"])
            parent = extract(Headers(scope=scope))
            with self._tracer.start_as_current_span(
                method, kind=SpanKind.SERVER, context=parent, record_exception=False
            ) as span:
                span.set_attribute("http.request.method", method)
                scope = {**scope, _HTTP_SPAN: span.get_span_context()}
                try:
                    await app(scope, receive, _noting(span, send))
                finally:
                    if route := route_of(scope):
                        span.set_attribute("http.route", route)
                        span.update_name(f"{method} {route}")

        return traced


def _noting(span: Span, send: Send) -> Send:
    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:
                span.set_status(Status(trace.StatusCode.ERROR))
        await send(message)

    return noted


class _Plain(SpanExporter):
    """Hands on what is harmless of each span."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_plain(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _plain(span: ReadableSpan) -> ReadableSpan:
    """The same without events, without the words of its status, and with attributes of the list."""
    attributes = {name: it for name, it in (span.attributes or {}).items() if name in _ATTRIBUTES}
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        attributes,
        (),
        span.links,
        span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
