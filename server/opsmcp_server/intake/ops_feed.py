"""The events of an Ops platform by the long poll of its server.

So that neither clocks that disagree nor a restart can leave a gap, the last seconds are always read
again.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import anyio

from opsmcp_pipelines.errors import SourceError, SourceProtocolError
from opsmcp_pipelines.platform_events import EventPage, EventSource, PlatformEvent
from opsmcp_server.intake.event_record import EventRecord, keep_reading
from opsmcp_server.intake.ops_events import Unread

__all__ = ["OVERLAP", "Feed"]

_WAIT_SECONDS = 15.0
_SHORT_WAIT_SECONDS = 5.0
_PROBE_SECONDS = 1.0
_MOST_TRIES = 3
"""How often an answer may be unreadable before what is in it is passed over."""

OVERLAP = timedelta(seconds=10)
"""How much is read again: more than clocks of one cluster differ."""

_STEP = timedelta(seconds=1)
_GAP_SECONDS = 0.5
"""The least time between two questions that are answered at once."""

_MOST_IDS = 20_000


class Feed:
    """The events on the subjects of one pattern, by long poll."""

    def __init__(
        self,
        source: EventSource,
        record: EventRecord,
        subject: str,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Prepare; nothing is asked."""
        self._sleep = sleep
        self._source = source
        self._record = record
        self._subject = subject
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._upto: datetime | None = None
        self._was_full = False

    async def run(self) -> None:
        """Read until cancelled."""
        await keep_reading(self._record, self._subject, self._read_on, self._failed, self._sleep)

    async def _failed(self, error: Exception, failures: int) -> None:
        if isinstance(error, SourceProtocolError) and failures % _MOST_TRIES == 0:
            await self._skip()

    async def _skip(self) -> None:
        """Pass over what cannot be read, if all else can: one event must not hold up the others."""
        try:
            now = await self._source.read_events(self._subject, None, _PROBE_SECONDS)
        except SourceError:
            return
        self._record.leave_out(Unread.LOST)
        self._upto = now.asked_at + OVERLAP

    async def _read_on(self) -> None:
        """One question, and a second one where the first only had what was known."""
        began = anyio.current_time()
        upto = await self._begin()
        page = await self._source.read_events(self._subject, upto - OVERLAP, _WAIT_SECONDS)
        new = self._new(page)
        self._tell_gap(page, new)
        await self._keep(page, new, self._reached(page, upto))
        if page.events and not new and not page.is_full:
            later = await self._source.read_events(self._subject, None, _SHORT_WAIT_SECONDS)
            await self._keep(later, self._new(later), self._upto or upto)
        if page.events:
            await self._sleep(max(0.0, began + _GAP_SECONDS - anyio.current_time()))

    async def _begin(self) -> datetime:
        """How far was read; what was published before the first start is none of our business."""
        if self._upto is None:
            self._upto = await self._record.position(self._subject)
        if self._upto is None:
            now = await self._source.read_events(self._subject, None, _PROBE_SECONDS)
            self._upto = now.asked_at
            await self._record.keep((), self._subject, self._upto)
        return self._upto

    def _reached(self, page: EventPage, upto: datetime) -> datetime:
        """Everything before it was read. Only the server's own clock says so, or the last event."""
        if not page.is_full:
            return max(upto, page.asked_at)
        last = page.events[-1].at if page.events else None
        return max(upto + _STEP, min(last or upto, page.asked_at))

    def _new(self, page: EventPage) -> list[PlatformEvent]:
        return [event for event in page.events if event.id not in self._ids]

    def _tell_gap(self, page: EventPage, new: Sequence[PlatformEvent]) -> None:
        """After a full page, one that has nothing in common with it may not be the next one."""
        if self._was_full and len(new) == len(page.events) > 0:
            self._record.leave_out(Unread.LOST)
        self._was_full = page.is_full

    async def _keep(self, page: EventPage, new: Sequence[PlatformEvent], upto: datetime) -> None:
        await self._record.keep(new, self._subject, upto)
        self._upto = upto
        if new:
            self._record.leave_out(Unread.JUNK, page.unreadable)
        for event in new:
            self._ids[event.id] = None
        while len(self._ids) > _MOST_IDS:
            self._ids.popitem(last=False)
        await self._record.turn()
