"""Incident: all signals of one key and everything done about them, until it is closed. Pure data.

open -> deciding -> waiting or starting -> running -> verifying -> closed; investigating between
deciding and a change where a model looks for the cause; held while something keeps it from that;
handed_over when people have it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from opsmcp_tools.incidents.signal import Severity, Signal

__all__ = [
    "BEFORE_A_RUN",
    "PATTERN",
    "Entry",
    "Incident",
    "Outcome",
    "State",
    "new_handle",
]

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 10
_LETTER_OF_BYTE = (_LETTERS * 8).encode()

PATTERN = f"i-[{_LETTERS}]{{{_LENGTH}}}"
"""What handles of incidents match, as a regular expression."""


def new_handle() -> str:
    """A handle that no other incident has."""
    # Not letter by letter: a storm opens thousands.
    return "i-" + secrets.token_bytes(_LENGTH).translate(_LETTER_OF_BYTE).decode()


class State(StrEnum):
    """How far an incident has come."""

    OPEN = "open"
    HELD = "held"
    DECIDING = "deciding"
    INVESTIGATING = "investigating"
    """A model looks for the cause."""
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    VERIFYING = "verifying"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"


BEFORE_A_RUN = frozenset(
    {
        State.OPEN,
        State.HELD,
        State.DECIDING,
        State.INVESTIGATING,
        State.WAITING,
        State.STARTING,
    }
)
"""What a signal that says it is over ends at once."""


class Outcome(StrEnum):
    """How a closed incident ended."""

    RECOVERED = "recovered"
    """A run helped, and that was verified."""
    RESOLVED = "resolved"
    """Its senders said that it is over."""
    UNCONFIRMED = "unconfirmed"
    """Looking showed that it is not so."""
    RAN = "ran"
    """Its run succeeded, and there was nothing that could be verified."""
    SILENT = "silent"
    """People had it, and nothing came any more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a timeline: at `at`, `by` made `after` of `before`, because of `why`."""

    at: datetime
    before: State | None
    after: State
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    `signal` is the last one that said it is so, `firing` whether any of its keys still is. `due_at`
    is when its state ends by itself, `look_at` when it is looked at next, `touched` counts what
    came in for it. `attempt` counts the runs, `voids` the requests of this attempt that became
    void. `operation` and `arguments` are the call that it asks for or starts. `request` and `run`
    are those of this attempt, `runs` all of them; `probe` counts the looks of a check, of which
    `probe_run` goes on. `owner` works on it, in its `epoch`.
    """

    id: str
    responder: str
    key: str
    state: State
    severity: Severity
    signal: Signal
    opened_at: datetime
    changed_at: datetime
    due_at: datetime
    look_at: datetime
    last_seen: datetime
    count: int = 1
    attempt: int = 1
    voids: int = 0
    outcome: Outcome | None = None
    why: str = ""
    escalated: bool = False
    chain: tuple[str, ...] = ()
    operation: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    confirmed_at: datetime | None = None
    request: str = ""
    run: str = ""
    probe: int = 0
    probe_run: str = ""
    firing: bool = True
    touched: int = 0
    owner: str = ""
    epoch: int = 0
    log: tuple[Entry, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something may still become of it."""
        return self.state is not State.CLOSED
