"""Takes deliveries in: proved, read, recorded with all that follows, and only then accepted.

A sender is answered with what makes it do the right thing: 202 once its signals are on the disk,
503 for what it may send again, another 4xx only for what would never be better. Nothing of a
delivery that was not proved is parsed, kept or told.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import NoReturn

import anyio
from anyio import to_thread

from opsmcp_server.calls.observed import Observers, SignalsTaken
from opsmcp_server.calls.rate_limit import RateLimit
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.extras import lack_of
from opsmcp_server.config.sender import Sender, SenderType
from opsmcp_server.intake.proof import flaw_of, flaw_of_head
from opsmcp_server.intake.reading import Delivery, Found, Reader, Unreadable
from opsmcp_server.intake.refusals import NOBODY, Refusals
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.incidents.store import Recorded, SignalStore
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import Clock

__all__ = ["BURST", "Answer", "Receiver", "Refusal", "Rejected", "reader_for"]

logger = logging.getLogger(__name__)

BURST = 10
"""How many minutes' worth of signals may come at once."""

_MOST_AT_ONCE = 200
"""So many signals are one transaction: nobody waits for a delivery of 10,000, here or in another
process. What was recorded of one that is sent again has no effect."""

_AGAIN_SECONDS = 10
_LONGEST_AGAIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is answered."""

    status: HTTPStatus
    body: Mapping[str, object] = field(default_factory=dict[str, object])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Refusal(StrEnum):
    """Why a delivery is not taken in that could be proved."""

    UNKNOWN = "no sender of that name"
    RATE = "more signals than signals_per_minute"
    HOST = "Host or Origin of a web page"
    TOO_LARGE = "body too large"
    LATE = "body that did not come in time"
    COMPRESSED = "compressed body"
    UNRECORDED = "could not be recorded"


class Rejected(Exception):
    """A delivery that is not taken in: whose it says it is, why, and what it is answered."""

    def __init__(self, sender: str, reason: str, answer: Answer) -> None:
        """Keep them."""
        super().__init__(answer.status.phrase)
        self.sender, self.reason, self.answer = sender, reason, answer

    @property
    def is_unproved(self) -> bool:
        """Whether it is not known to be from its sender."""
        return self.answer is _UNPROVED or self.reason == Refusal.HOST


_UNPROVED = Answer(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
"""Says nothing: whether there is such a sender, and what was wrong, is the operator's affair."""


class Receiver:
    """Receives what all senders of the settings send."""

    def __init__(
        self,
        senders: Mapping[str, Sender],
        open_store: Callable[[], SignalStore],
        writer: JournalWriter,
        *,
        per_minute: int,
        mask: Callable[[str], str],
        clock: Clock,
        observers: Observers | None = None,
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            senders: By name.
            open_store: Opens the store, or gives the one that is open; raises `JournalUnusable`.
            writer: How that is written.
            per_minute: How many signals one sender may send in a minute.
            mask: Replaces the secrets in a text.
            clock: What time it is.
            observers: Told of what is taken in and what is refused.
        """
        self._senders = senders
        self._open_store = open_store
        self._mask = mask
        self._clock = clock
        self._observers = observers or Observers()
        self._readers = {name: reader_for(sender) for name, sender in senders.items()}
        self._rate = RateLimit(per_minute, burst=per_minute * BURST)
        self._writer = writer
        self._reading = anyio.Lock()
        self._refusals = Refusals(open_store, self._writer, clock, self._observers)

    def sender(self, name: str) -> Sender | None:
        """The sender of that name."""
        return self._senders.get(name)

    def admit(self, name: str, headers: Mapping[str, str]) -> Sender:
        """Whose delivery this is, as far as its head tells.

        Raises:
            Rejected: The head alone says that it is not taken in.
        """
        sender = self._senders.get(name)
        if sender is None:
            self.refuse(NOBODY, Refusal.UNKNOWN, _UNPROVED)
        if flaw := flaw_of_head(sender, headers):
            self.refuse(name, flaw, _UNPROVED)
        if wait := self._rate.wait_seconds(name, self._clock.monotonic()):
            self.refuse(name, Refusal.RATE, _again(wait))
        return sender

    async def take(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take in the body of a delivery that was admitted.

        Raises:
            Rejected: It is not from this sender, makes no sense, or cannot be recorded now.
        """
        now = self._clock.now()
        if flaw := flaw_of(sender, headers, body, now.timestamp()):
            self.refuse(sender.name, flaw, _UNPROVED)
        if headers.get("content-encoding", "identity") != "identity":
            unread = {"error": "a body with a Content-Encoding is not read; send it as it is"}
            answer = Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, unread)
            self.refuse(sender.name, Refusal.COMPRESSED, answer)
        delivery = Delivery(sender.name, headers, body, now, sender.has_secret, self._mask)
        try:
            found = await self._read(delivery)
            recorded = await self._record(found)
        except Unreadable as error:
            answer = Answer(error.status, {"error": error.why})
            self.refuse(sender.name, error.reason, answer)
        except JournalUnusable as error:
            logger.warning("sender %s is told to send again later: %s", sender.name, error)
            self.refuse(sender.name, Refusal.UNRECORDED, _again(_AGAIN_SECONDS))
        seconds = (self._clock.now() - now).total_seconds()
        self._observers(SignalsTaken.of(sender.name, recorded, seconds))
        return self._accepted(sender.name, found, recorded)

    async def _read(self, delivery: Delivery) -> Found:
        """Read it, in a thread; one after the other, as each takes many times its length."""
        async with self._reading:
            return await to_thread.run_sync(self._readers[delivery.sender], delivery)

    async def _record(self, found: Found) -> Recorded:
        """Record it, some after some: whoever waits meanwhile has a turn in between."""
        new, known = list[Signal](), list[Signal]()
        for start in range(0, len(found.signals), _MOST_AT_ONCE):
            some = found.signals[start : start + _MOST_AT_ONCE]
            recorded = await self._writer.do(self._record_some, some)
            new += recorded.new
            known += recorded.known
        return Recorded(tuple(new), tuple(known))

    def _record_some(self, signals: Sequence[Signal]) -> Recorded:
        return self._open_store().record(signals)

    def _accepted(self, sender: str, found: Found, recorded: Recorded) -> Answer:
        self._rate.spend(sender, self._clock.monotonic(), len(found.signals))
        for reason, count in found.left_out.items():
            self._refusals.add(sender, reason, count)
        left_out = found.left_out.total()
        counts = {"new": len(recorded.new), "known": len(recorded.known), "left_out": left_out}
        return Answer(HTTPStatus.ACCEPTED, dict[str, object](counts))

    def refuse(self, sender: str, reason: str, answer: Answer) -> NoReturn:
        """Count a refusal.

        Raises:
            Rejected: Always, with the answer.
        """
        self._refusals.add(sender, reason)
        raise Rejected(sender, reason, answer)

    async def run(self) -> None:
        """Write what was refused, until cancelled."""
        await self._refusals.run()


def _again(seconds: float) -> Answer:
    whole = min(math.ceil(seconds), _LONGEST_AGAIN_SECONDS)
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(whole)})


def reader_for(sender: Sender) -> Reader:
    """What reads its deliveries, imported only for those that are there.

    Raises:
        ConfigError: It cannot be made as the settings say.
    """
    match sender.type:
        case SenderType.ALERTMANAGER | SenderType.GRAFANA:
            from opsmcp_server.intake.alerts import read_alerts

            return read_alerts
        case SenderType.JSON:
            _check_extra(sender, "map", "events")
            from opsmcp_server.intake.mapped_json import MappedJson

            return MappedJson(sender)
        case SenderType.CLOUDEVENTS:
            from opsmcp_server.intake.cloud_events import read_cloud_events

            return read_cloud_events
        case SenderType.OPS:
            if sender.nats is not None:
                _check_extra(sender, "nats", "nats")
            from opsmcp_server.intake.ops_events import read_ops

            return read_ops
        case SenderType.PAGERDUTY:
            from opsmcp_server.intake.pagerduty import read_pagerduty

            return read_pagerduty


def _check_extra(sender: Sender, part: str, extra: str) -> None:
    if lack := lack_of(extra):
        where = sender.where[""]
        raise ConfigError(f"events.senders.{sender.name}.{part} {lack} ({where})")
