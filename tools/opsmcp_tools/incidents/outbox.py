"""Outbox: what is told to which channel, and what became of it. Pure data.

A row is about an incident, or a notice of something else. A transition of an
incident and what is told of it are written in one transaction, so nothing is told of what did not
happen, and nothing that happened is left untold because a process died.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from opsmcp_tools.incidents.incident import Entry, Incident, Outcome, State

__all__ = [
    "URGENT",
    "Again",
    "Batch",
    "Delivered",
    "Delivery",
    "Letter",
    "Notice",
    "Pending",
    "Post",
    "PostState",
    "Refused",
    "Topic",
    "choose",
    "is_urgent",
    "topic_of",
]


class Topic(StrEnum):
    """What of an incident is told, or of something else."""

    REQUEST = "request"
    """A request waits for approval: of the incident, or of a call."""
    ESCALATED = "escalated"
    """People have to take it, and nobody decided so."""
    NOT_REPAIRED = "not_repaired"
    """A run did not help; the next attempt follows."""
    HANDED_OVER = "handed_over"
    """People have it."""
    DECIDED = "decided"
    """Its request was approved, and its run started."""
    STARTING = "starting"
    """It is repaired without asking anybody."""
    HELD = "held"
    """Something keeps it from being repaired."""
    WORSE = "worse"
    """Its senders say that it is more severe."""
    CLOSED = "closed"
    """It is over; its outcome says how."""
    REFUSED = "refused"
    """What a sender sends is refused."""
    SILENT = "silent"
    """A sender has said nothing for longer than its settings expect."""
    MISSED = "missed"
    """An inspection did not begin at its moment."""


URGENT = (Topic.REQUEST, Topic.ESCALATED)
"""What goes first."""

_BY_STATE = {
    State.WAITING: Topic.REQUEST,
    State.STARTING: Topic.STARTING,
    State.HELD: Topic.HELD,
    State.HANDED_OVER: Topic.HANDED_OVER,
}
_RAN = (State.RUNNING, State.VERIFYING)
_UNTOLD = (State.OPEN, State.DECIDING, State.INVESTIGATING)
"""States of an incident that nothing was told of yet, or not in this attempt."""


def topic_of(before: State | None, after: Incident, *, escalated: bool) -> Topic | None:
    """What is told of a transition, if anything; each incident is told once it is decided on."""
    state = after.state
    if before is state:
        return None if state in _UNTOLD else Topic.WORSE
    if state is State.CLOSED:
        return _of_end(before, after.outcome)
    if state is State.RUNNING:
        return Topic.DECIDED if before is State.WAITING else None
    if state is State.DECIDING:
        return Topic.NOT_REPAIRED if before in _RAN else None
    return Topic.ESCALATED if escalated else _BY_STATE.get(state)


def _of_end(before: State | None, outcome: Outcome | None) -> Topic | None:
    settled = outcome is Outcome.RESOLVED and before in _UNTOLD
    return None if settled or outcome is Outcome.SILENT else Topic.CLOSED


class Pending(NamedTuple):
    """A row of the outbox that is due, as far as the choice of the next message needs it."""

    id: int
    about: str
    number: int
    topic: str
    tries: int
    created_at: str = ""
    said: str = ""


_MOST_FIRST = 3
"""After so many tries something goes after everything else: it may be what stands in the way."""


def choose(pending: Sequence[Pending], room: int) -> Mapping[str, Sequence[Pending]]:
    """What the next message tells of, by what it is about, the most urgent first.

    One of them, if there is room for all one after the other, or for a summary after this one.
    """
    found: dict[str, list[Pending]] = {}
    for post in pending:
        found.setdefault(post.about, []).append(post)
    ordered = sorted(found, key=lambda about: _rank(found[about]))
    easy = [one for one in ordered if _tries(found[one]) < _MOST_FIRST]
    several = room == 1 and len(easy) > 1
    return {about: found[about] for about in (easy if several else ordered[:1])}


def is_urgent(posts: Sequence[Pending]) -> bool:
    """Whether one of them is."""
    return any(post.topic in URGENT for post in posts)


def _rank(posts: Sequence[Pending]) -> tuple[bool, bool, int, int]:
    tries = _tries(posts)
    return tries >= _MOST_FIRST, not is_urgent(posts), tries, posts[0].id


def _tries(posts: Sequence[Pending]) -> int:
    return max(post.tries for post in posts)


class PostState(StrEnum):
    """How far a post has come."""

    WAITING = "waiting"
    SENDING = "sending"
    """A process sends it, or was ended while it did: then it is sent again."""
    SENT = "sent"
    DEAD = "dead"
    """It was refused, or could not be delivered in a day; it is not tried again by itself."""
    DROPPED = "dropped"
    """It was not needed any more when its time came."""


@dataclass(frozen=True, slots=True)
class Post:
    """A row of the outbox: one transition of an incident, or one notice, for one channel."""

    id: int
    about: str
    number: int
    channel: str
    topic: Topic
    state: PostState
    created_at: datetime
    due_at: datetime
    changed_at: datetime
    tries: int
    why: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is told of one incident: its transitions that the channel does not know yet."""

    incident: Incident
    news: tuple[tuple[Topic, Entry], ...]

    @property
    def topic(self) -> Topic:
        """What it is about: the last that happened."""
        return self.news[-1][0]

    @property
    def request(self) -> str:
        """The request that it waits for, if it does."""
        return self.incident.request if self.incident.state is State.WAITING else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of something that is no incident.

    `about` names it: the handle of a request, `sender NAME` or `schedule NAME`. `said` is one line.
    """

    about: str
    topic: Topic
    at: datetime
    said: str

    @property
    def request(self) -> str:
        """The request that it is about, if it is."""
        return self.about if self.topic is Topic.REQUEST else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent to a channel as one message.

    `posts` are all rows that it tells of. `letters` has the most urgent, `more` counts
    the others. `id` is the same whenever the same is sent again. `failures` is how often in a row
    nothing could be delivered to the channel.
    """

    channel: str
    epoch: int
    id: str
    posts: tuple[int, ...]
    letters: tuple[Letter | Notice, ...]
    more: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel says that it has it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel will never take it."""

    why: str


@dataclass(frozen=True, slots=True)
class Again:
    """It is not known to be delivered, and is sent again, after `seconds` at least.

    `lost` if the channel may have it all the same: its answer did not arrive.
    """

    why: str
    seconds: float = 0.0
    lost: bool = False


Delivery = Delivered | Refused | Again
