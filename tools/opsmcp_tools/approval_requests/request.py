"""Request: a call that policy lets run only after somebody else approved it. Frozen data, pure.

Everything that was decided on is fixed when it is made: the plan with its hash, the arguments, the
definition, the reason, until when, and who may decide.

pending -> approved -> started          its run exists
pending -> rejected | expired | void    nothing was or will be started
approved -> void                        something changed, or it could not be started in time
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from opsmcp_pipelines.models import OperationKey
from opsmcp_tools.model.tool import JsonObject, Principal
from opsmcp_tools.policy.rules import Approvers

__all__ = [
    "OPSMCP",
    "REJECTED_FOR",
    "START_WITHIN",
    "Entry",
    "Request",
    "State",
    "Vote",
]

OPSMCP = "opsmcp"
"""Who did what no person did, in timelines. No principal can have this name."""

START_WITHIN = timedelta(minutes=5)
"""How long after its approval a call may still be started: what was agreed to was agreed to now."""

REJECTED_FOR = timedelta(minutes=10)
"""How long the same call is answered with its rejection: nobody is asked again and again."""


class State(StrEnum):
    """How far a request has come."""

    PENDING = "pending"
    APPROVED = "approved"
    STARTED = "started"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"

    @property
    def is_open(self) -> bool:
        """Whether something may still become of it."""
        return self in (State.PENDING, State.APPROVED)


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person decided."""

    by: Principal
    approves: bool
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a timeline: at `at`, `by` made `after` of `before`, because of `why`.

    The first has no `before`. A vote that does not decide alone leaves the state as it was.
    """

    at: datetime
    before: State | None
    after: State
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    `id` is its handle, which no run has. `requester` is the principal that made the call, with the
    groups that it had then, `plan` what it would do with `plan_hash` over all of it, `question` the
    words that a person is asked.
    `digest` and `key` are those of the call, by which the same call is known again. `owner` is the
    process that starts it. `changed_at` is when it got its state, `why` what is to be said of that,
    and `run` the run that it became.
    """

    id: str
    requester: Principal
    tool: str
    operation: OperationKey
    source: str
    arguments: Mapping[str, str]
    definition: str
    plan_hash: str
    plan: JsonObject
    question: str
    rule: str
    reason: str
    approvers: Approvers
    digest: str
    key: str
    created_at: datetime
    expires_at: datetime
    changed_at: datetime
    state: State = State.PENDING
    why: str = ""
    run: str = ""
    owner: str = ""
    votes: tuple[Vote, ...] = ()
    log: tuple[Entry, ...] = ()

    @property
    def start_by(self) -> datetime:
        """Until when it may be started, once it is approved."""
        return self.changed_at + START_WITHIN

    @property
    def approved_by(self) -> tuple[str, ...]:
        """The names of those who approved it, in order."""
        return tuple(vote.by.name for vote in self.votes if vote.approves)
