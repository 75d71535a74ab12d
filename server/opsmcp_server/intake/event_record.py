"""The events of an Ops platform become signals: the same, by whichever way they came.

Signals are recorded together with how far was read, and a delivery counts once, so that nothing is
lost and nothing handled twice.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from anyio import to_thread

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.platform_events import PlatformEvent
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

__all__ = ["EventRecord", "keep_reading"]

logger = logging.getLogger(__name__)

_NOTE_EVERY = timedelta(minutes=1)
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""Before all others, so that it changes nothing of how far was read."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0


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
        self._failing: dict[str, str] = {}
        self._noted: dict[str, datetime] = {}

    async def position(self, subject: str) -> datetime | None:
        """How far the events of a pattern were read."""
        store = self._context.incidents.signals
        return await to_thread.run_sync(lambda: store().position(self.sender, subject))

    async def keep(self, events: Sequence[PlatformEvent], subject: str, upto: datetime) -> None:
        """Record what events signal, and that everything up to a time was read.

        That alone is written now and then: what is read again has no effect.

        Raises:
            JournalUnusable: It cannot be recorded now; nothing of it was.
        """
        try:
            await self._keep(events, subject, upto)
        except JournalUnusable:
            raise
        except Exception:
            if len(events) == 1:
                # One that cannot be understood must not hold up those that follow.
                logger.exception("sender %s: an event makes no signal", self.sender)
                self.leave_out(Unread.BROKEN)
                return
            for event in events:
                await self.keep((event,), subject, _NO_TIME)

    async def _keep(self, events: Iterable[PlatformEvent], subject: str, upto: datetime) -> None:
        context, now = self._context, self._context.clock.now()
        mask = context.masker.text
        delivery = Delivery(self.sender, {}, b"", now, trusted=False, mask=mask)
        position, host_of = Position(self.sender, subject, upto), self._host_of()
        is_due = self._is_due(subject, upto)

        def record() -> tuple[Found, Recorded]:
            found = signals_of(delivery, events, host_of)
            if not found.signals and not is_due:
                return found, Recorded()
            return found, context.incidents.signals().record_read(found.signals, position)

        found, recorded = await to_thread.run_sync(record)
        if found.signals or is_due:
            self._noted[subject] = upto
        for reason, count in found.left_out.items():
            self.leave_out(reason, count)
        if found.signals:
            seconds = (context.clock.now() - now).total_seconds()
            context.observers(SignalsTaken.of(self.sender, recorded, seconds))
        self._rate.spend(self.sender, context.clock.monotonic(), len(found.signals))

    def _is_due(self, subject: str, upto: datetime) -> bool:
        noted = self._noted.get(subject)
        return noted is None or upto - noted >= _NOTE_EVERY

    async def turn(self) -> None:
        """Return once more signals may come, as `events.limits.signals_per_minute` allows."""
        clock = self._context.clock
        while wait := self._rate.wait_seconds(self.sender, clock.monotonic()):
            await clock.sleep(wait)

    def _host_of(self) -> HostOf:
        read = self._context.tools.discovery.catalogue
        return host_by_hostname(read.contents.hosts if read else ())

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what makes no signal; zero of it is fine."""
        self.refusals.add(self.sender, reason, count)

    # Whether it can be read

    def fails(self, subject: str, error: Exception) -> None:
        """The events of a pattern cannot be read: told once, and once for all with one reason."""
        if subject not in self._failing and str(error) not in self._failing.values():
            logger.warning("sender %s cannot be read: %s", self.sender, error)
        if not self._failing:
            self.leave_out(Unread.AWAY)
        self._failing.setdefault(subject, str(error))
        self._unread.add(subject)
        self._tell()

    def works(self, subject: str) -> None:
        """The events of a pattern are read; the sender is whole if all are."""
        if self._failing.pop(subject, None) is not None and not self._failing:
            logger.info("sender %s is read again", self.sender)
        self._unread.discard(subject)
        self._tell()

    def _tell(self) -> None:
        self._context.observers(SenderRead(self.sender, not self._unread))


async def keep_reading(
    record: EventRecord,
    subject: str,
    turn: Callable[[], Awaitable[None]],
    failed: Callable[[Exception, int], Awaitable[None]],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Read the events of a pattern turn by turn until cancelled, ever more rarely while it fails.

    Args:
        record: Is told whether it works.
        subject: The pattern.
        turn: Reads and records some.
        failed: Does something about a failure, given how many there were in a row.
        sleep: Waits so many seconds.
    """
    pause, failures = 0.0, 0
    while True:
        try:
            await turn()
        except (SourceError, JournalUnusable) as error:
            record.fails(subject, error)
            failures += 1
            await failed(error, failures)
            pause = min(max(_FIRST_PAUSE_SECONDS, 2 * pause), _LONGEST_PAUSE_SECONDS)
            await sleep(pause)
        else:
            record.works(subject)
            pause, failures = 0.0, 0
