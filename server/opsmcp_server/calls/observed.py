"""What happens in this process, told to whoever measures it: frozen data, and who hears of it.

Parts tell what happened and know nobody who listens. While nobody does, telling costs next to
nothing. What has to be on the disk before something goes on is no affair of this: it is told after.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsmcp_pipelines.source_request import SourceRequest
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.runs.events import Event

if TYPE_CHECKING:
    from opsmcp_tools.incidents.store import Recorded

__all__ = [
    "ArgumentsRefused",
    "CallDecided",
    "ConsentAnswered",
    "ExpressionFailed",
    "IncidentMoved",
    "InspectionBegun",
    "JournalWritten",
    "Limited",
    "ModelAsked",
    "Notified",
    "Observed",
    "Observers",
    "RequestMoved",
    "SenderRead",
    "SignalsRefused",
    "SignalsTaken",
    "TokenRefused",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallDecided:
    """Policy decided on a call that is to start something; `effect` is one of its four words."""

    effect: str


@dataclass(frozen=True, slots=True)
class ArgumentsRefused:
    """The arguments of a call do not fit, for these reasons (`ArgumentProblem.reason`)."""

    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConsentAnswered:
    """What came of asking the person at the client, in the word of `elicitation.Answer`."""

    answer: str


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """A request was refused for its token, or for having none; `reason` is a `Reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Limited:
    """Something was refused because there was too much of it; `limit` is the name of a setting."""

    limit: str


@dataclass(frozen=True, slots=True)
class JournalWritten:
    """Something was written to the journal; `error` says why some of it was not kept."""

    seconds: float
    error: JournalUnusable | None = None


@dataclass(frozen=True, slots=True)
class SignalsTaken:
    """A delivery was recorded: how many of its signals are new, by status, and how many are not.

    `lags` has, for each new one, the seconds from when it was so, as its sender says.
    """

    sender: str
    new: Mapping[str, int]
    known: int
    seconds: float
    lags: tuple[float, ...] = ()

    @classmethod
    def of(cls, sender: str, recorded: "Recorded", seconds: float) -> "SignalsTaken":
        """What was recorded of a sender, in so many seconds."""
        new = Counter(str(signal.status) for signal in recorded.new)
        lags = ((signal.received_at - signal.at).total_seconds() for signal in recorded.new)
        return cls(sender, new, len(recorded.known), seconds, tuple(lags))


@dataclass(frozen=True, slots=True)
class SignalsRefused:
    """A delivery, or some of its signals, were not taken in; `reason` is one of few constants."""

    sender: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class SenderRead:
    """Whether all of what is read of a sender could be read when it was last tried."""

    sender: str
    is_connected: bool


@dataclass(frozen=True, slots=True)
class IncidentMoved:
    """An incident got another state: `verdict` of its run, whether that `helped`, its `outcome`.

    `held` is what holds it from now on, in the word of `Held.reason`.
    """

    responder: str
    verdict: str = ""
    helped: bool | None = None
    outcome: str = ""
    held: str = ""


@dataclass(frozen=True, slots=True)
class ModelAsked:
    """The model of a responder answered; it cost so many tokens."""

    responder: str
    tokens: int


@dataclass(frozen=True, slots=True)
class ExpressionFailed:
    """An expression of a responder could not be evaluated on what came in."""

    responder: str


@dataclass(frozen=True, slots=True)
class InspectionBegun:
    """A moment of a schedule was begun, so many seconds after it was due, jitter aside."""

    late_seconds: float


@dataclass(frozen=True, slots=True)
class Notified:
    """A message was sent to a channel; `result` is `sent`, `again` or `dead`."""

    channel: str
    result: str


@dataclass(frozen=True, slots=True)
class RequestMoved:
    """A request got another state, so many seconds after it was made."""

    state: str
    seconds: float


Observed = (
    Event
    | SourceRequest
    | CallDecided
    | ArgumentsRefused
    | ConsentAnswered
    | TokenRefused
    | Limited
    | JournalWritten
    | SignalsTaken
    | SignalsRefused
    | SenderRead
    | IncidentMoved
    | ModelAsked
    | ExpressionFailed
    | InspectionBegun
    | Notified
    | RequestMoved
)


@dataclass(slots=True)
class Observers:
    """Who hears of everything, in order. They must return at once."""

    _observers: list[Callable[[Observed], None]] = field(
        default_factory=list[Callable[[Observed], None]]
    )

    def add(self, observer: Callable[[Observed], None]) -> None:
        """Tell this one, too, from here on."""
        self._observers.append(observer)

    def __call__(self, event: Observed, /) -> None:
        """Tell everybody. Whoever fails ends nothing of what it listens to."""
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                logger.exception("an observer failed on %s", type(event).__name__)
