"""Reads the events of Ops platforms for as long as a server runs: by NATS, or by long poll."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.platform_events import EventPage, EventSource, HintSource
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.sender import Nats, Sender
from opsmcp_server.intake.event_record import EventRecord
from opsmcp_server.intake.ops_feed import Feed

if TYPE_CHECKING:
    from opsmcp_server.intake.nats_stream import NatsStream

__all__ = ["reading_events"]


@asynccontextmanager
async def reading_events(context: CallContext) -> AsyncGenerator[None]:
    """Read what the senders of the settings publish while the block goes on."""
    streams: list[NatsStream] = []
    async with AsyncExitStack() as stack, anyio.create_task_group() as group:
        for sender in context.config.events.senders.values():
            if sender.nats is not None:
                streams.append(await stack.enter_async_context(_open(sender.nats)))
                _read_nats(context, sender, streams[-1], group)
            elif sender.is_read:
                _poll(context, sender, group)
        if len(streams) == 1:  # of several it is not known which is that of the source
            _hear(context, streams[0])
        try:
            yield
        finally:
            group.cancel_scope.cancel()


@asynccontextmanager
async def _open(nats: Nats) -> AsyncGenerator["NatsStream"]:
    """NATS, which is imported only here; closed at the end."""
    from opsmcp_server.intake.nats_stream import NatsStream

    stream = NatsStream(nats)
    try:
        yield stream
    finally:
        await stream.close()


def _poll(context: CallContext, sender: Sender, group: TaskGroup) -> None:
    source, record = context.source, EventRecord(context, sender)
    if isinstance(source, EventSource):
        group.start_soon(record.refusals.run)
        for subject in sender.subjects:
            group.start_soon(Feed(source, record, subject).run)


def _read_nats(
    context: CallContext, sender: Sender, stream: "NatsStream", group: TaskGroup
) -> None:
    from opsmcp_server.intake.nats_feed import NatsFeed

    record = EventRecord(context, sender)
    group.start_soon(record.refusals.run)
    for subject in sender.subjects:
        group.start_soon(NatsFeed(stream, record, subject).run)


def _hear(context: CallContext, stream: "NatsStream") -> None:
    source = context.source
    if isinstance(source, HintSource) and isinstance(source, EventSource):
        source.hear_by(_Hearing(stream, source).read)


class _Hearing:
    """Hears of the ends of runs by NATS while that is connected, and else as without it."""

    def __init__(self, stream: "NatsStream", source: EventSource) -> None:
        self._stream = stream
        self._source = source

    async def read(self, pattern: str, since: datetime | None, wait_seconds: float) -> EventPage:
        """What `EventSource.read_events` says; what came before it is not heard."""
        if self._stream.is_connected:
            try:
                return await self._heard(pattern, wait_seconds)
            except SourceError:
                pass  # its consumers say so, and connect anew
        return await self._source.read_events(pattern, since, wait_seconds)

    async def _heard(self, pattern: str, wait_seconds: float) -> EventPage:
        from opsmcp_server.intake.nats_feed import event_of

        messages = await self._stream.heard(pattern, wait_seconds)
        read = [event_of(message) for message in messages]
        events = tuple(event for event in read if not isinstance(event, str))
        return EventPage(events, len(read) - len(events), is_full=False, asked_at=datetime.now(UTC))
