"""The metrics of a server at work: what is counted, timed and looked at, and all of it as text."""

from time import monotonic

import anyio
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.event_metrics import EventMetrics
from opsmcp_server.telemetry.labels import ToolNames
from opsmcp_server.telemetry.metrics import CONTENT_TYPE, Metrics, Reading
from opsmcp_server.telemetry.readings import Parts, read_parts
from opsmcp_server.telemetry.request_metrics import RequestMetrics
from opsmcp_server.telemetry.watcher import Watcher

__all__ = ["Metering"]

_PAUSE_SECONDS = 0.5
"""Between two looks at the event loop."""


class Metering:
    """Measures one server, from here on."""

    content_type = CONTENT_TYPE

    def __init__(self, context: CallContext, names: ToolNames) -> None:
        """Listen for what happens; tools are called by these names."""
        self._context, self._names = context, names
        self._metrics = Metrics()
        self._begin()
        context.observers.add(EventMetrics(self._metrics, self._names))

    def _begin(self) -> None:
        """At zero what the settings name: what appears with its first value never rose."""
        config = self._context.config
        for channel in config.events.channels:
            for result in ("sent", "again", "dead"):
                self._metrics.count(families.NOTIFICATIONS, channel, result, by=0)
        for responder in config.responders:
            self._metrics.count(families.EXPRESSION_ERRORS, responder.name, by=0)
        read = (one.name for one in config.events.senders.values() if one.is_read)
        self._metrics.take(Reading(families.SENDER_CONNECTED, 0, [name]) for name in read)

    def watcher(self, server: OpsmcpServer) -> Watcher:
        """What sees the requests to `server`."""
        return RequestMetrics(self._metrics, self._names, server)

    async def run(self) -> None:
        """Look at the event loop, for whose pauses all clients wait, until cancelled."""
        while True:
            due = monotonic() + _PAUSE_SECONDS
            await anyio.sleep(_PAUSE_SECONDS)
            self._metrics.observe(families.LOOP_LAG, monotonic() - due)

    async def text(self, parts: Parts) -> bytes:
        """All metrics, as they stand now, as Prometheus reads them."""
        self._metrics.take(read_parts(parts))
        if self._context.config.responders:
            # Imported for those that have incidents.
            from opsmcp_server.telemetry.incident_readings import read_incidents

            self._metrics.take(await to_thread.run_sync(read_incidents, self._context))
        return await self._metrics.text()
