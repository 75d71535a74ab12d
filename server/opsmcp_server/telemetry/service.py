"""What the settings want to be seen of a server, and nothing else imported for it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.extras import lack_of
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.telemetry.labels import ToolNames
from opsmcp_server.telemetry.watcher import Watcher

if TYPE_CHECKING:
    from opsmcp_server.telemetry.metering import Metering
    from opsmcp_server.telemetry.tracing import Tracing

__all__ = ["Telemetry", "open_telemetry"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables of OpenTelemetry's own; one of them switches traces on."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Metrics and traces, each if it is wanted."""

    metering: "Metering | None" = None
    tracing: "Tracing | None" = None

    def watchers(self, server: OpsmcpServer) -> list[Watcher]:
        """What sees the requests to `server`."""
        return [one.watcher(server) for one in (self.metering, self.tracing) if one is not None]


@contextmanager
def open_telemetry(context: CallContext, environ: Mapping[str, str]) -> Generator[Telemetry]:
    """What is wanted, for as long as the block lasts; then what is left of traces is sent.

    Raises:
        ConfigError: A package is missing for it.
    """
    names = ToolNames(context.tools)
    metering = _metering(context, names) if context.config.server.metrics_address else None
    tracing = _tracing(context, names, environ)
    try:
        yield Telemetry(metering, tracing)
    finally:
        if tracing is not None:
            tracing.close()


def _metering(context: CallContext, names: ToolNames) -> "Metering":
    origin = context.config.origins.get("server.metrics_address", "default")
    _require("metrics", f"server.metrics_address ({origin})")
    from opsmcp_server.telemetry.metering import Metering

    return Metering(context, names)


def _tracing(
    context: CallContext, names: ToolNames, environ: Mapping[str, str]
) -> "Tracing | None":
    wanted = next((name for name in _ENDPOINTS if environ.get(name)), None)
    if wanted is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    _require("otel", f"{wanted} (environment)")
    from opsmcp_server.telemetry.tracing import Tracing

    return Tracing(context, names, environ)


def _require(extra: str, setting: str) -> None:
    if lack := lack_of(extra):
        raise ConfigError(f"{setting} {lack}")
