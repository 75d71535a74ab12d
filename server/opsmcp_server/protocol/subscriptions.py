"""Who must hear of changes, in both protocol eras: of the lists, and of resources subscribed to.

Clients of 2026-07-28 listen on `subscriptions/listen` streams, which the SDK serves from a bus.
Older clients get a notification on each live session; of those the SDK keeps no public registry,
so this module keeps one. Knows nothing of tools or runs: it is told that something changed, and
whoever hands it an address to watch has asked whether it may be watched.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_REQUEST

from opsmcp_server.protocol.sdk_gaps import connection_of, end_of_connection

__all__ = ["Sessions"]

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 5.0
"""How long one client may take to accept a notification; one that stopped reading never does."""

_MOST_OF_ONE = 100
"""Most addresses that one client, or one stream, may watch."""

_MOST_IN_ALL = 10_000


@dataclass(eq=False)
class _Older:
    """A client of the older era: what it watches, and of what it is still to be told."""

    session: ServerSession
    watched: set[str] = field(default_factory=set[str])
    due: dict[str, None] = field(default_factory=dict[str, None])
    being_notified: bool = False


class Sessions:
    """Tells connected clients what changed."""

    def __init__(self, write_seconds: float = _WRITE_SECONDS) -> None:
        """Start with no clients; one that does not take a notice in that time is passed over."""
        self._write_seconds = write_seconds
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._older: dict[int, _Older] = {}
        self._watched: Counter[str] = Counter()

    @property
    def connected(self) -> int:
        """How many clients of the older era are connected."""
        return len(self._older)

    async def register(
        self, ctx: ServerRequestContext[Any, Any], _params: types.NotificationParams
    ) -> None:
        """Remember a client of the older era, from its `notifications/initialized` to its end."""
        self._older_of(ctx.session)

    def is_watched(self, address: str) -> bool:
        """Whether anybody wants to be told of this resource."""
        return address in self._watched

    def watch(self, session: ServerSession, address: str) -> None:
        """Tell a client of the older era of this resource until it leaves.

        Raises:
            MCPError: There are too many that are watched.
        """
        older = self._older_of(session)
        if address in older.watched:
            return
        if len(older.watched) >= _MOST_OF_ONE or self._watched.total() >= _MOST_IN_ALL:
            raise MCPError(
                INVALID_REQUEST,
                f"Too many resources are subscribed to (at most {_MOST_OF_ONE} by one client and "
                f"{_MOST_IN_ALL} in all); unsubscribe from some.",
            )
        older.watched.add(address)
        self._watched[address] += 1

    def unwatch(self, session: ServerSession, address: str) -> None:
        """Tell it no more."""
        older = self._older_of(session)
        older.due.pop(address, None)
        if address in older.watched:
            older.watched.remove(address)
            self._forget([address])

    def with_room(self, addresses: Iterable[str]) -> list[str]:
        """The first of these addresses, each once: as many as one stream more may watch now."""
        room = min(_MOST_OF_ONE, _MOST_IN_ALL - self._watched.total())
        return list(dict.fromkeys(addresses))[: max(0, room)]

    async def listen(
        self, ctx: ServerRequestContext[Any, Any], params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Serve one stream of the newer era; what it may not watch for number is not confirmed."""
        wanted = self.with_room(params.notifications.resource_subscriptions or ())
        subset = params.notifications.model_copy(update={"resource_subscriptions": wanted or None})
        self._watched.update(wanted)
        try:
            return await self._listen(ctx, params.model_copy(update={"notifications": subset}))
        finally:
            self._forget(wanted)

    async def lists_changed(self) -> None:
        """Tell everybody; returns when all have been told or given up on."""
        await self._bus.publish(ToolsListChanged())
        await self._bus.publish(ResourcesListChanged())
        async with anyio.create_task_group() as group:
            for older in list(self._older.values()):
                group.start_soon(self._notify_of_lists, older.session)

    async def resource_updated(self, address: str) -> None:
        """Tell those who watch it; returns when all have been told or given up on."""
        await self._bus.publish(ResourceUpdated(address))
        watchers = [older for older in self._older.values() if address in older.watched]
        async with anyio.create_task_group() as group:
            for older in watchers:
                older.due[address] = None
                if not older.being_notified:
                    older.being_notified = True
                    group.start_soon(self._notify_of_resources, older)

    async def _notify_of_lists(self, session: ServerSession) -> None:
        with anyio.move_on_after(self._write_seconds) as scope:
            await session.send_tool_list_changed()
            await session.send_resource_list_changed()
        if scope.cancelled_caught:
            logger.warning("a client did not take the notice that the list of tools changed")

    async def _notify_of_resources(self, older: _Older) -> None:
        """Tell one client of all that is due, in turn; a stalled one loses what is left."""
        try:
            while older.due:
                address = next(iter(older.due))
                del older.due[address]
                with anyio.move_on_after(self._write_seconds) as scope:
                    await older.session.send_resource_updated(address)
                if scope.cancelled_caught:
                    older.due.clear()
                    logger.warning("a client did not take the notice that a resource was updated")
        finally:
            older.being_notified = False

    def close(self) -> None:
        """End all listen streams with their final frame."""
        self._listen.close()

    def _older_of(self, session: ServerSession) -> _Older:
        key = connection_of(session)
        if key not in self._older:
            self._older[key] = _Older(session)
            end_of_connection(session).callback(self._leave, key)
        return self._older[key]

    def _leave(self, key: int) -> None:
        self._forget(self._older.pop(key).watched)

    def _forget(self, addresses: Iterable[str]) -> None:
        self._watched.subtract(addresses)
        self._watched = +self._watched
