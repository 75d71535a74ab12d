"""RequestStore: where requests are kept. Survives restarts.

The one small interface that asking, deciding and starting need, so that a shared database can come
later; `sqlite_store` is what there is. Each method that changes something is one transaction, and
writes a row of the timeline with it. Knows neither policy nor plans.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from opsmcp_tools.approval_requests.request import Request, State, Vote

__all__ = ["Bounds", "RequestStore", "TooManyRequests", "Verdict"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and how much may wait at once."""

    pending_of_one: int = 10
    pending: int = 1_000
    keep: timedelta = timedelta(days=90)
    keep_newest: int = 1_000
    all_bytes: int = 1024 * 1024 * 1024


class TooManyRequests(Exception):
    """There is no room for one more; the message says of whom."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a vote: whether it counted, and the request as it is now."""

    counted: bool
    request: Request


class RequestStore(Protocol):
    """What requests need. Every method may raise `JournalUnusable`."""

    def add(self, request: Request) -> Request:
        """Keep a new request, owned by this process; or give the one of the same call.

        That is one with the same key if there is a key; else one with the same digest that is open,
        or was rejected a moment ago.

        Raises:
            TooManyRequests: It was not kept.
        """
        ...

    def get(self, request: str) -> Request | None:
        """One request with its votes and its timeline, or None."""
        ...

    def list(self, state: State | None, limit: int) -> tuple[Request, ...]:
        """The newest requests, without votes and timelines."""
        ...

    def owned(self) -> tuple[Request, ...]:
        """The open requests that this process starts."""
        ...

    def vote(self, request: str, vote: Vote, plan_hash: str, now: datetime) -> Verdict | None:
        """Count a vote, if the request still waits, is not over, and has this plan; None: no such.

        It is rejected by one who rejects, and approved once as many approved as have to.
        """
        ...

    def move(
        self, request: Request, after: State, *, by: str, why: str, at: datetime, run: str = ""
    ) -> bool:
        """Give the request another state, if state and owner still are what they are here.

        False when another process was first; then nothing was changed.
        """
        ...

    def claim(self, source: str, request: str | None = None) -> int:
        """Take over the open requests (or the one) of this source whose process is gone."""
        ...

    def stand_by(self, source: str) -> None:
        """Note that this process claims the requests of this source until it ends."""
        ...

    def is_attended(self, request: Request, *, elsewhere: bool = False) -> bool:
        """Whether a process is there that would start it; `elsewhere` another one than this."""
        ...
