"""What the SDK does not do, or does wrong, and where opsmcp works around it.

Held against mcp 2.3.0: `tests/server/protocol/test_sdk_gaps.py` has one test for each gap, on a
server of the SDK alone, and fails when the SDK closes it. Then what works around it can go. What is
short stands here; what is an idea of its own has a module, named in the table.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any

from mcp.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession

__all__ = ["GAPS", "OpsmcpServer", "connection_of", "end_of_connection", "was_cancelled"]

GAPS: Mapping[str, str] = MappingProxyType(
    {
        "older clients over http are not told that lists change": "protocol.sdk_gaps",
        "the end of an older connection has no hook": "protocol.sdk_gaps",
        "a handler cannot ask whether its request was cancelled": "protocol.sdk_gaps",
        "the text of an exception reaches older clients": "protocol.results",
        "kinds of content reach clients that cannot read them": "protocol.results",
        "all tools are listed before a call over http": "protocol.handlers",
        "a list is dumped anew for each request": "protocol.tool_list",
        "of two equal keys the last one counts": "transports.messages",
        "a line that is no message is not answered": "transports.envelope",
    }
)
"""Each gap, in the words of its test, and the module of `opsmcp_server` that works around it."""


class OpsmcpServer(Server[Any]):
    """The SDK's server, saying in the older era too that its lists change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """The SDK's, with `listChanged`: streamable HTTP calls this without arguments."""
        changing = NotificationOptions(tools_changed=True, resources_changed=True)
        return super().create_initialization_options(
            notification_options or changing, experimental_capabilities, extensions
        )


def connection_of(session: ServerSession) -> int:
    """What tells the connection of this session from all others, for as long as it lasts."""
    return id(end_of_connection(session))


def end_of_connection(session: ServerSession) -> AsyncExitStack:
    """What is closed when the connection of a client of the older era ends."""
    return session._connection.exit_stack  # pyright: ignore[reportPrivateUsage]


def was_cancelled(session: ServerSession) -> bool:
    """Whether the client said that it cancels the request of this session.

    A connection that ended says nothing. Over streamable HTTP of the newer era clients can only end
    the connection, so there it is never known.
    """
    outbound = session._request_outbound  # pyright: ignore[reportPrivateUsage]
    return outbound.cancel_requested.is_set()
