"""The metrics of a server at work: what is counted, timed and looked at, and all of it as text."""

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.telemetry.event_metrics import EventMetrics
from opsmcp_server.telemetry.labels import ToolNames
from opsmcp_server.telemetry.loop_lag import watch_loop
from opsmcp_server.telemetry.metrics import CONTENT_TYPE, Metrics
from opsmcp_server.telemetry.readings import Parts, read_parts
from opsmcp_server.telemetry.request_metrics import RequestMetrics
from opsmcp_server.telemetry.watcher import Watcher

__all__ = ["Metering"]


class Metering:
    """Measures one server, from here on."""

    content_type = CONTENT_TYPE

    def __init__(self, context: CallContext) -> None:
        """Listen for what happens."""
        self._metrics, self._names = Metrics(), ToolNames(context.tools)
        context.observers.add(EventMetrics(self._metrics, self._names))

    def watcher(self, server: OpsmcpServer) -> Watcher:
        """What sees the requests to `server`."""
        return RequestMetrics(self._metrics, self._names, server)

    async def run(self) -> None:
        """Look at the event loop until cancelled."""
        await watch_loop(self._metrics)

    async def text(self, parts: Parts) -> bytes:
        """All metrics, as they stand now, as Prometheus reads them."""
        self._metrics.take(read_parts(parts))
        return await self._metrics.text()
