"""SignalStore: where signals are kept. Survives restarts.

The one small interface that whatever takes signals in needs, so that a shared database can come
later; `sqlite_signals` is what there is. A signal that is recorded is there whatever happens next:
its sender is answered after that and never before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from opsmcp_tools.incidents.signal import Signal

__all__ = ["Bounds", "Position", "Recorded", "Refusals", "SenderActivity", "SignalStore"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept. What is older goes when signals are recorded, the oldest first.

    `keep_newest` signals are never too old: a clock that is wrong must not empty a file.
    """

    keep_whole: timedelta = timedelta(days=7)
    keep_ids: timedelta = timedelta(days=30)
    keep_newest: int = 1_000
    all_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded: signals whose delivery is new, and those that were there before."""

    new: tuple[Signal, ...] = ()
    known: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """How far the events on the subjects of a pattern were read."""

    sender: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a sender was refused for one reason: how often, and when for the last time."""

    sender: str
    reason: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SenderActivity:
    """What came from a sender: how many signals are known, and when the last delivery was."""

    sender: str
    signals: int
    last_at: datetime


class SignalStore(Protocol):
    """What intake needs. Every method may raise `JournalUnusable`."""

    def record(self, signals: Sequence[Signal]) -> Recorded:
        """Keep signals and what follows from them, in one transaction."""
        ...

    def record_read(self, signals: Sequence[Signal], upto: Position) -> Recorded:
        """Keep what was read of a stream and how far it was read, in one transaction.

        What was read before has no effect, however often it is read. That something is not wrong is
        kept only of what was.
        """
        ...

    def position(self, sender: str, subject: str) -> datetime | None:
        """How far a stream was read; None if it never was."""
        ...

    def refused(self, counts: Mapping[tuple[str, str], int], at: datetime) -> None:
        """Add to what was refused, by sender and reason."""
        ...

    def signals(
        self, *, sender: str = "", since: datetime | None = None, limit: int = 50
    ) -> tuple[Signal, ...]:
        """The newest signals that are there as a whole, the newest first."""
        ...

    def activity(self) -> tuple[SenderActivity, ...]:
        """What came, by sender."""
        ...

    def refusals(self) -> tuple[Refusals, ...]:
        """What was refused, the newest first."""
        ...
