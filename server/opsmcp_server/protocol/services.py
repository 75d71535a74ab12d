"""A running opsmcp in its two halves: what calls need, and what is published to clients.

Opened by `app.open_services`. Only what serves connections is handed both.
"""

from dataclasses import dataclass

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.published import Published

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """Both halves."""

    calls: CallContext
    clients: Published
