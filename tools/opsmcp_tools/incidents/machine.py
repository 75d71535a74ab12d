"""What becomes of an incident when something happened: the state machine. Pure: no clock, no I/O.

Whoever works on an incident looks at the world, says here what was seen, and carries out what
follows. What may still work is never followed by a second run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.incidents.incident import BEFORE_A_RUN, Incident, Outcome, State
from opsmcp_tools.incidents.responder import Check, Mode, Responder
from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.phrases.phrase import Said

__all__ = [
    "DAY",
    "Allowed",
    "Asked",
    "Change",
    "Due",
    "Event",
    "Failure",
    "HOLDS",
    "Held",
    "Helped",
    "HandOver",
    "Investigate",
    "NEW_ATTEMPT",
    "NothingHolds",
    "Over",
    "Recheck",
    "Rejected",
    "RunEnded",
    "Started",
    "Unconfirmed",
    "VoidRequest",
    "advance",
]

DAY = 86400.0
"""How long something may be held, or people have something of which nothing is said any more."""

_DECIDE_SECONDS = 120.0
_START_SECONDS = 300.0
_RUN_SECONDS = 7 * DAY
"""The deadline of a run is the run's own; this only ends what nothing else would."""

_MOST_VOIDS = 2

HOLDS = {
    words.BY_PAUSE: "pause",
    words.BY_QUIET: "quiet",
    words.BY_SILENCE: "silence",
    words.BY_LOOP: "loop",
    words.BY_RUNS: "runs_per_hour",
    words.BY_BREAKER: "breaker",
    words.BY_COOLDOWN: "cooldown",
    words.BY_KEY_LIMIT: "per_key",
}
"""Everything that can hold an incident, and the word for it."""

_REPEATABLE = frozenset({Verdict.FAILED, Verdict.NOTHING_RAN})
"""After anything else the run may still work, or nobody knows what it did."""


@dataclass(frozen=True, slots=True)
class Over:
    """None of its keys fires any more."""


@dataclass(frozen=True, slots=True)
class Due:
    """The time of its state is over; `why` is what was in the way so far."""

    why: str | Said = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing may be done now; it is looked at again after so many seconds."""

    why: Said
    seconds: float

    @property
    def reason(self) -> str:
        """What holds it, as one of few words."""
        return HOLDS.get(self.why.phrase, "other")


@dataclass(frozen=True, slots=True)
class NothingHolds:
    """Nothing keeps a held one from being decided."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """People have to take it; `escalated` if nobody decided so."""

    why: Said
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Looking showed that it is not so."""

    why: Said


@dataclass(frozen=True, slots=True)
class Investigate:
    """A model is to look for the cause; it has so many seconds."""

    why: Said
    seconds: float


@dataclass(frozen=True, slots=True)
class Recheck:
    """Before it goes on, it has to be looked at again whether it still is so."""

    why: Said


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of this call was made; it waits for so many seconds."""

    request: str
    why: Said
    seconds: float
    operation: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Somebody rejected its request."""

    why: Said


@dataclass(frozen=True, slots=True)
class Allowed:
    """This call may be started without asking anybody."""

    why: Said
    operation: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """What was decided on is another thing by now."""

    why: Said


@dataclass(frozen=True, slots=True)
class Started:
    """Its run is there."""

    run: str
    operation: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Its run ended; `reason` is what it says."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Helped:
    """The run helped."""

    why: Said


@dataclass(frozen=True, slots=True)
class Failure:
    """The run did not help, or nobody can say."""

    why: Said


Event = (
    Over
    | Due
    | Held
    | NothingHolds
    | HandOver
    | Unconfirmed
    | Investigate
    | Recheck
    | Asked
    | Rejected
    | Allowed
    | VoidRequest
    | Started
    | RunEnded
    | Helped
    | Failure
)


@dataclass(frozen=True, slots=True)
class Change:
    """What an incident becomes.

    It ends by itself after `due_seconds`, and is looked at after `look_seconds`. `fields` are those
    of the incident that change besides. `helped` is what is kept of its last run; None: nothing.
    """

    after: State
    why: Said
    due_seconds: float = DAY
    look_seconds: float = 0.0
    outcome: Outcome | None = None
    escalated: bool = False
    helped: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def goes_on(self) -> bool:
        """Whether there is something to do about it at once."""
        return self.after is not State.CLOSED and not self.look_seconds


NEW_ATTEMPT: Mapping[str, Any] = {"request": "", "run": "", "probe": 0, "probe_run": ""}
"""The fields of an incident of which nothing is left when the next attempt begins."""


def advance(incident: Incident, responder: Responder, event: Event) -> Change | None:
    """What becomes of the incident; None when nothing does."""
    match event:
        case Over():
            return _over(incident)
        case Due():
            return _due(incident, responder, event.why)
        case VoidRequest():
            return _void(incident, event.why)
        case Rejected():
            return _rejected(incident, responder, event.why)
        case RunEnded():
            return _run_ended(incident, responder, event)
        case Failure():
            return _again(incident, responder, event.why)
        case Investigate() | Asked() | Allowed() | Started():
            return _under_way(event)
        case _:
            return _settled(event)


def _settled(event: Held | NothingHolds | Recheck | HandOver | Unconfirmed | Helped) -> Change:
    match event:
        case Held():
            return _held(event)
        case NothingHolds():
            return _decide(words.FREE_AGAIN())
        case Recheck():
            return _decide(event.why)
        case HandOver():
            return _hand_over(event.why, escalated=event.escalated)
        case Unconfirmed():
            return Change(State.CLOSED, event.why, outcome=Outcome.UNCONFIRMED)
        case Helped():
            return Change(State.CLOSED, event.why, outcome=Outcome.RECOVERED, helped=True)


def _under_way(event: Investigate | Asked | Allowed | Started) -> Change:
    match event:
        case Investigate():
            return Change(State.INVESTIGATING, event.why, event.seconds)
        case Asked():
            fields = {"request": event.request, **_call_of(event)}
            return Change(State.WAITING, event.why, event.seconds + _START_SECONDS, fields=fields)
        case Allowed():
            return Change(State.STARTING, event.why, _START_SECONDS, fields=_call_of(event))
        case Started():
            why = words.STARTED(event.run, event.operation)
            return Change(State.RUNNING, why, _RUN_SECONDS, fields={"run": event.run})


def _call_of(event: Asked | Allowed) -> dict[str, Any]:
    return {"operation": event.operation, "arguments": dict(event.arguments)}


def _over(incident: Incident) -> Change | None:
    if incident.state in BEFORE_A_RUN or incident.state is State.HANDED_OVER:
        return Change(State.CLOSED, words.RESOLVED(), outcome=Outcome.RESOLVED)
    return None


def _due(incident: Incident, responder: Responder, why: str | Said) -> Change | None:
    match incident.state:
        case State.OPEN:
            return _decide(words.SETTLED())
        case State.HELD:
            return _hand_over(words.HELD_TOO_LONG(), escalated=True)
        case State.DECIDING | State.INVESTIGATING:
            return _hand_over(words.NOT_DECIDED(why), escalated=True)
        case State.WAITING:
            return _hand_over(words.EXPIRED(), escalated=True)
        case State.STARTING:
            return _void(incident, words.NOT_STARTED(why))
        case State.VERIFYING:
            return _again(incident, responder, words.NOT_VERIFIED(why))
        case State.HANDED_OVER:
            return Change(State.CLOSED, words.SILENT(), outcome=Outcome.SILENT)
        case _:
            return None


def _held(event: Held) -> Change:
    """Held on and on is one state: its day counts from the beginning, and is told once."""
    return Change(State.HELD, words.HELD(event.why), DAY, look_seconds=min(event.seconds, DAY))


def _decide(why: Said, **fields: Any) -> Change:
    return Change(State.DECIDING, why, _DECIDE_SECONDS, fields=fields)


def _hand_over(why: Said, *, escalated: bool, helped: bool | None = None) -> Change:
    return Change(State.HANDED_OVER, why, escalated=escalated, helped=helped, look_seconds=DAY)


def _void(incident: Incident, why: Said) -> Change:
    if incident.voids >= _MOST_VOIDS:
        return _hand_over(words.VOID_TOO_OFTEN(why), escalated=True)
    return _decide(why, voids=incident.voids + 1, **NEW_ATTEMPT)


def _rejected(incident: Incident, responder: Responder, why: Said) -> Change:
    """People have it; but for a model, which may know something else that could be done."""
    if responder.mode is not Mode.AGENT or incident.attempt >= responder.limits.attempts:
        return _hand_over(why, escalated=False)
    return _decide(why, attempt=incident.attempt + 1, voids=0, **NEW_ATTEMPT)


def _run_ended(incident: Incident, responder: Responder, event: RunEnded) -> Change:
    said = words.RUN_ENDED(incident.run, str(event.verdict), event.reason or "-")
    if event.verdict is Verdict.SUCCEEDED:
        return _verify(incident, responder)
    if event.verdict in _REPEATABLE:
        return _again(incident, responder, said)
    return _hand_over(words.NOT_REPEATED(said), escalated=True, helped=False)


def _verify(incident: Incident, responder: Responder) -> Change:
    verify = responder.verify
    if not isinstance(verify, Check) and incident.signal.status is Status.INFO:
        # Nothing ever says that what happened is over.
        return Change(State.CLOSED, words.RAN(incident.run), outcome=Outcome.RAN)
    after = verify.after_seconds if isinstance(verify, Check) else 0.0
    fields = {"probe": 0, "probe_run": ""}
    why = words.VERIFYING(incident.run)
    return Change(State.VERIFYING, why, verify.within_seconds, look_seconds=after, fields=fields)


def _again(incident: Incident, responder: Responder, why: Said) -> Change:
    """The next attempt, if there is one left."""
    most = responder.limits.attempts
    if incident.attempt >= most:
        return _hand_over(words.NO_ATTEMPT_LEFT(why), escalated=True, helped=False)
    following = incident.attempt + 1
    said = words.NEXT_ATTEMPT(why, following, most)
    return replace(_decide(said, attempt=following, voids=0, **NEW_ATTEMPT), helped=False)
