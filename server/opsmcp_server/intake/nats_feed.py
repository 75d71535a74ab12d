"""The events of an Ops platform by a durable consumer of its NATS.

A message is acknowledged once what it signals is in our record, so that whatever dies in between,
it comes again, and has no effect then. Should NATS lose the consumer, our record knows from when on
another one is needed.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.platform_events import PlatformEvent, parse_event
from opsmcp_server.intake.event_record import EventRecord, keep_reading
from opsmcp_server.intake.nats_stream import Consumer, Message, NatsStream
from opsmcp_server.intake.ops_events import Unread
from opsmcp_server.intake.ops_feed import OVERLAP
from opsmcp_server.protocol.strict_json import BadJson, read_json

__all__ = ["NatsFeed", "event_of"]

_WAIT_SECONDS = 15.0
_MOST_BYTES = 1024 * 1024
"""What NATS takes as one message, unless somebody lets it take more."""


class NatsFeed:
    """The events on the subjects of one pattern."""

    def __init__(
        self,
        stream: NatsStream,
        record: EventRecord,
        subject: str,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Prepare; nothing is opened."""
        self._sleep = sleep
        self._stream = stream
        self._record = record
        self._subject = subject
        self._consumer: Consumer | None = None

    async def run(self) -> None:
        """Read until cancelled."""
        await keep_reading(self._record, self._subject, self._read_on, self._failed, self._sleep)

    async def _failed(self, error: Exception, _failures: int) -> None:
        """After a failure of NATS itself it is asked anew; else the message is still in hand."""
        if isinstance(error, SourceError) and self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _read_on(self) -> None:
        consumer = self._consumer or await self._begin()
        message = await consumer.next(_WAIT_SECONDS)
        if message is not None:
            event = event_of(message)
            if isinstance(event, Unread):
                self._record.leave_out(event)
            events = () if isinstance(event, Unread) else (event,)
            await self._record.keep(events, self._subject, message.at)
            await consumer.acknowledge()
            await self._record.turn()

    async def _begin(self) -> Consumer:
        """The consumer. What was published before the first start is none of our business."""
        upto = await self._record.position(self._subject)
        since = None if upto is None else upto - OVERLAP
        self._consumer = await self._stream.consumer(self._subject, since)
        if upto is None:
            await self._record.keep((), self._subject, datetime.now(UTC))
        return self._consumer


def event_of(message: Message) -> PlatformEvent | Unread:
    """The event in a message, or why there is none."""
    if len(message.body) > _MOST_BYTES:
        return Unread.LARGE
    try:
        value = read_json(message.body, most_bytes=_MOST_BYTES)
    except BadJson as error:
        # What Ops shows over HTTP is not read strictly either: what can be kept is.
        value = error.value
    return parse_event(message.subject, value) or Unread.JUNK
