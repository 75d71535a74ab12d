"""Who must hear that the list of tools changed, in both protocol eras.

Clients of 2026-07-28 listen on `subscriptions/listen` streams, which the SDK serves from a bus.
Older clients get a notification on each live session; of those the SDK keeps no public registry,
so this module keeps one. Knows nothing of tools: it is told that something changed.
"""

import logging
from contextlib import AsyncExitStack

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ToolsListChanged,
)

__all__ = ["Sessions"]

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 5.0
"""How long one client may take to accept a notification; one that stopped reading never does."""


class Sessions:
    """Tells every connected client, once, that the lists changed."""

    def __init__(self) -> None:
        """Start with no clients."""
        self._bus = InMemorySubscriptionBus()
        self._older: dict[int, ServerSession] = {}
        self.listen = ListenHandler(self._bus)

    async def register(
        self, ctx: ServerRequestContext[object], _params: types.NotificationParams
    ) -> None:
        """Remember a client of the older era, from its `notifications/initialized` to its end."""
        stack = _end_of_connection(ctx.session)
        key = id(stack)
        self._older[key] = ctx.session
        stack.callback(self._older.pop, key, None)

    async def lists_changed(self) -> None:
        """Tell everybody; returns when all have been told or given up on."""
        await self._bus.publish(ToolsListChanged())
        await self._bus.publish(ResourcesListChanged())
        async with anyio.create_task_group() as group:
            for session in list(self._older.values()):
                group.start_soon(_tell, session)

    def close(self) -> None:
        """End all listen streams with their final frame."""
        self.listen.close()


async def _tell(session: ServerSession) -> None:
    with anyio.move_on_after(_WRITE_SECONDS) as scope:
        await session.send_tool_list_changed()
        await session.send_resource_list_changed()
    if scope.cancelled_caught:
        logger.warning("a client did not take the notice that the list of tools changed")


def _end_of_connection(session: ServerSession) -> AsyncExitStack:
    # The SDK offers no public hook for the end of an older connection; this is its only mention.
    return session._connection.exit_stack  # pyright: ignore[reportPrivateUsage]
