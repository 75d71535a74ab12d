"""Reads the events of the Ops server, and records what they signal, for as long as a server runs.

Nothing is lost and nothing handled twice: signals are recorded together with how far was read, and
a delivery counts once. So that neither clocks that disagree nor a restart can leave a gap, the last
seconds are always read again.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio
from anyio import to_thread

from opsmcp_pipelines.errors import SourceError, SourceProtocolError
from opsmcp_pipelines.platform_events import EventPage, EventSource, PlatformEvent
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import SenderRead, SignalsTaken
from opsmcp_server.calls.rate_limit import RateLimit
from opsmcp_server.config.sender import Sender
from opsmcp_server.intake.ops_events import HostOf, Unread, host_by_hostname, signals_of
from opsmcp_server.intake.reading import Delivery, Found
from opsmcp_server.intake.receiver import BURST
from opsmcp_server.intake.refusals import Refusals
from opsmcp_tools.incidents.store import Position, Recorded
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["EventRecord", "Feed", "reading_events"]

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 15.0
_SHORT_WAIT_SECONDS = 5.0
_PROBE_SECONDS = 1.0
_MOST_TRIES = 3
"""How often an answer may be unreadable before what is in it is passed over."""

_OVERLAP = timedelta(seconds=10)
"""How much is read again: more than clocks of one cluster differ."""

_STEP = timedelta(seconds=1)
_GAP_SECONDS = 0.5
"""The least time between two questions that are answered at once."""

_NOTE_EVERY = timedelta(minutes=1)
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0
_MOST_IDS = 20_000


@asynccontextmanager
async def reading_events(context: CallContext) -> AsyncGenerator[None]:
    """Read what the senders of the settings publish while the block goes on."""
    source = context.source
    async with anyio.create_task_group() as group:
        for sender in context.config.events.senders.values():
            if sender.is_read and isinstance(source, EventSource):
                record = EventRecord(context, sender)
                group.start_soon(record.refusals.run)
                for subject in sender.subjects:
                    group.start_soon(Feed(source, record, subject).run)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


class EventRecord:
    """Makes signals of the events of one sender, and records them."""

    def __init__(self, context: CallContext, sender: Sender) -> None:
        """Prepare; nothing is opened."""
        self._context = context
        self.refusals = Refusals(
            context.incidents.signals, JournalWriter(), context.clock, context.observers
        )
        per_minute = context.config.events.limits.signals_per_minute
        self._rate = RateLimit(per_minute, burst=per_minute * BURST)
        self.sender = sender.name
        self._unread = set(sender.subjects)

    async def position(self, subject: str) -> datetime | None:
        """How far the events of a pattern were read."""
        store = self._context.incidents.signals
        return await to_thread.run_sync(lambda: store().position(self.sender, subject))

    async def keep(self, events: Iterable[PlatformEvent], subject: str, upto: datetime) -> None:
        """Record what events signal, and that everything up to a time was read.

        Returns once as many signals may come again as `events.limits.signals_per_minute` allows.

        Raises:
            JournalUnusable: It cannot be recorded now; nothing of it was.
        """
        context, now = self._context, self._context.clock.now()
        mask = context.masker.text
        delivery = Delivery(self.sender, {}, b"", now, trusted=False, mask=mask)
        position = Position(self.sender, subject, upto)
        host_of = self._host_of()

        def record() -> tuple[Found, Recorded]:
            found = signals_of(delivery, events, host_of)
            return found, context.incidents.signals().record_read(found.signals, position)

        found, recorded = await to_thread.run_sync(record)
        for reason, count in found.left_out.items():
            self.leave_out(reason, count)
        if found.signals:
            seconds = (context.clock.now() - now).total_seconds()
            context.observers(SignalsTaken.of(self.sender, recorded, seconds))
        self._rate.spend(self.sender, context.clock.monotonic(), len(found.signals))
        while wait := self._rate.wait_seconds(self.sender, context.clock.monotonic()):
            await context.clock.sleep(wait)

    def _host_of(self) -> HostOf:
        read = self._context.tools.discovery.catalogue
        return host_by_hostname(read.contents.hosts if read else ())

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what makes no signal; zero of it is fine."""
        self.refusals.add(self.sender, reason, count)

    def tell(self, subject: str, *, is_read: bool) -> None:
        """Say whether the events of a pattern could be read; the sender is whole if all are."""
        if is_read:
            self._unread.discard(subject)
        else:
            self._unread.add(subject)
        self._context.observers(SenderRead(self.sender, not self._unread))


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
        self._noted: datetime | None = None
        self._was_full = False

    async def run(self) -> None:
        """Read until cancelled. An outage is told once, and so is its end."""
        pause, failures = 0.0, 0
        while True:
            try:
                await self._read_on()
            except (SourceError, JournalUnusable) as error:
                self._record.tell(self._subject, is_read=False)
                if not failures:
                    self._record.leave_out(Unread.AWAY)
                    logger.warning("sender %s cannot be read: %s", self._record.sender, error)
                failures += 1
                if isinstance(error, SourceProtocolError) and failures % _MOST_TRIES == 0:
                    await self._skip()
                pause = min(max(_FIRST_PAUSE_SECONDS, 2 * pause), _LONGEST_PAUSE_SECONDS)
                await self._sleep(pause)
            else:
                self._record.tell(self._subject, is_read=True)
                if failures:
                    logger.info("sender %s is read again", self._record.sender)
                pause, failures = 0.0, 0

    async def _skip(self) -> None:
        """Pass over what cannot be read, if all else can: one event must not hold up the others."""
        try:
            now = await self._source.read_events(self._subject, None, _PROBE_SECONDS)
        except SourceError:
            return
        self._record.leave_out(Unread.LOST)
        self._upto = now.asked_at + _OVERLAP

    async def _read_on(self) -> None:
        """One question, and a second one where the first only had what was known."""
        began = anyio.current_time()
        upto = await self._begin()
        page = await self._source.read_events(self._subject, upto - _OVERLAP, _WAIT_SECONDS)
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
        if new or self._noted is None or upto - self._noted >= _NOTE_EVERY:
            await self._record.keep(new, self._subject, upto)
            self._noted = upto
        self._upto = upto
        if new:
            self._record.leave_out(Unread.JUNK, page.unreadable)
        for event in new:
            self._ids[event.id] = None
        while len(self._ids) > _MOST_IDS:
            self._ids.popitem(last=False)
