"""Events that a source's platform publishes about what happens on it: data, and how they are read.

Whoever reaches the platform can publish any event, so that all of one is untrusted: it may suggest
something, and is never proof. Not every source has events; the Ops server has (`ops.events`).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from opsmcp_pipelines.source import RunRef
from opsmcp_pipelines.untyped import mapping_of

__all__ = [
    "EventPage",
    "EventSource",
    "HintSource",
    "PlatformEvent",
    "ReadEvents",
    "is_pattern",
    "parse_event",
]

_MOST_SUBJECT_CHARS = 1_024
_MOST_ID_CHARS = 256
_MOST_KIND_CHARS = 128

_PATTERN = re.compile(r"ops(?:\.(?:[a-z0-9_-]{1,63}|\*)){0,31}(?:\.>)?")


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """One event, as it came. `data` holds JSON of a stranger, of any size that could be read.

    Attributes:
        subject: What it was published on: dot-separated tokens, in lower case.
        id: Of this sending alone: copies of an event have other ones.
        kind: What it says it is: `TaskRunReport`, `Kube`, `Host`, ...
        at: When it was published, by the clock of its publisher; None where it does not say.
        data: What it says.
        claimed: The subject that it says it was published on; empty where it says none.
    """

    subject: str
    id: str
    kind: str
    at: datetime | None
    data: Mapping[str, Any]
    claimed: str = ""


@dataclass(frozen=True, slots=True)
class EventPage:
    """What one question for events was answered with.

    Attributes:
        events: The oldest first.
        unreadable: How many more were there that are no events.
        is_full: Whether there may be more after the last one.
        asked_at: When the question was asked, by the clock of the server.
    """

    events: tuple[PlatformEvent, ...]
    unreadable: int
    is_full: bool
    asked_at: datetime


ReadEvents = Callable[[str, datetime | None, float], Awaitable[EventPage]]
"""Reads events as `EventSource.read_events` does."""


@runtime_checkable
class EventSource(Protocol):
    """A source whose platform publishes events that can be read through it."""

    async def read_events(
        self, pattern: str, since: datetime | None, wait_seconds: float
    ) -> EventPage:
        """The events on the subjects of a pattern; waits for the first where there is none.

        Args:
            pattern: Tokens, of which `*` stands for any one, `>` at the end for all that follow.
            since: Those of this second and later, by the clock of the server, the oldest thousand.
                None: only what comes from now on.
            wait_seconds: How long to wait for the first one.

        Raises:
            SourceError: Nothing can be read now. An answer without events certainly has none.
        """
        ...


@runtime_checkable
class HintSource(Protocol):
    """A source that may hear that a run has ended, and then says so. What it hears proves nothing.

    A hint may be missing, late, or false: whoever follows a run looks at it as without hints, only
    a little less often where hints are known to come.
    """

    async def hear(self, turn: Callable[[], Awaitable[None]]) -> None:
        """Listen while runs are waited for, until cancelled; awaits `turn` before each request."""
        ...

    def hear_by(self, read: ReadEvents) -> None:
        """Listen in this way from now on."""
        ...

    async def hinted(self, ref: RunRef) -> None:
        """Return when something was heard of the run since it was last read; perhaps never."""
        ...

    def hints_ends(self, ref: RunRef) -> bool:
        """Whether the ends of such runs were heard of late."""
        ...


def is_pattern(text: str) -> bool:
    """Whether this is a pattern of subjects of Ops, as NATS has them."""
    return bool(_PATTERN.fullmatch(text))


def parse_event(subject: object, value: object) -> PlatformEvent | None:
    """An event that came on a subject; None for what is no CloudEvent, or none that can be used.

    The subject in it need not be the one that it came on.
    """
    fields = mapping_of(value)
    texts = {
        "subject": _text(subject, _MOST_SUBJECT_CHARS),
        "id": _text(fields.get("id"), _MOST_ID_CHARS),
        "kind": _text(fields.get("type"), _MOST_KIND_CHARS),
    }
    if not all(texts.values()) or fields.get("specversion") != "1.0":
        return None
    return PlatformEvent(
        **texts,
        at=_time(fields.get("time")),
        data=mapping_of(fields.get("data")),
        claimed=_text(fields.get("subject"), _MOST_SUBJECT_CHARS),
    )


def _text(value: object, most: int) -> str:
    return value if isinstance(value, str) and len(value) <= most else ""


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
