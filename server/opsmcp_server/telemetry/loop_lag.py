"""How late the event loop is: whatever it does without a pause, all clients wait for."""

from time import monotonic

import anyio

from opsmcp_server.telemetry.families import LOOP_LAG
from opsmcp_server.telemetry.metrics import Metrics

__all__ = ["watch_loop"]

_PAUSE_SECONDS = 0.5


async def watch_loop(metrics: Metrics) -> None:
    """Look twice a second, until cancelled."""
    while True:
        due = monotonic() + _PAUSE_SECONDS
        await anyio.sleep(_PAUSE_SECONDS)
        metrics.observe(LOOP_LAG, monotonic() - due)
