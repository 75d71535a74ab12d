"""The state machine: what becomes of an incident in each state when something happens."""

import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.incidents.incident import BEFORE_A_RUN, Outcome, State
from opsmcp_tools.incidents.machine import (
    DAY,
    Allowed,
    Asked,
    Due,
    Failure,
    HandOver,
    Held,
    Helped,
    Investigate,
    NothingHolds,
    Over,
    Recheck,
    Rejected,
    RunEnded,
    Started,
    Unconfirmed,
    VoidRequest,
    advance,
)
from opsmcp_tools.incidents.responder import Limits, Mode, Resolved
from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.phrases import incident as words
from tests.tools.incidents.incidents import REPAIRS, incident, responder
from tests.tools.incidents.signals import make

WHY = words.RESOLVED()
TWICE = responder(limits=Limits(attempts=2))


@pytest.mark.parametrize("state", sorted({*BEFORE_A_RUN, State.HANDED_OVER}))
def test_what_is_over_is_closed_before_a_run_and_when_people_have_it(state: State) -> None:
    change = advance(incident(state), REPAIRS, Over())
    assert change is not None
    assert (change.after, change.outcome) == (State.CLOSED, Outcome.RESOLVED)


@pytest.mark.parametrize("state", [State.RUNNING, State.VERIFYING, State.CLOSED])
def test_a_run_is_never_interrupted_because_it_is_over(state: State) -> None:
    assert advance(incident(state), REPAIRS, Over()) is None


@pytest.mark.parametrize(
    ("state", "after", "escalated"),
    [
        (State.OPEN, State.DECIDING, False),
        (State.HELD, State.HANDED_OVER, True),
        (State.DECIDING, State.HANDED_OVER, True),
        (State.INVESTIGATING, State.HANDED_OVER, True),
        (State.WAITING, State.HANDED_OVER, True),
        (State.STARTING, State.DECIDING, False),
        (State.VERIFYING, State.HANDED_OVER, True),
        (State.HANDED_OVER, State.CLOSED, False),
    ],
)
def test_no_state_waits_without_an_end(state: State, after: State, escalated: bool) -> None:
    change = advance(incident(state), REPAIRS, Due("too long"))
    assert change is not None
    assert (change.after, change.escalated) == (after, escalated)


def test_a_run_has_its_own_deadline() -> None:
    assert advance(incident(State.RUNNING), REPAIRS, Due()) is None


def test_a_request_waits_for_people_and_what_is_allowed_is_started() -> None:
    asked = advance(incident(), REPAIRS, Asked("q-1", WHY, 900, "clear", {"host": "h1"}))
    allowed = advance(incident(), REPAIRS, Allowed(WHY, "clear", {"host": "h1"}))
    assert asked is not None and allowed is not None
    assert (asked.after, asked.fields["request"]) == (State.WAITING, "q-1")
    assert (allowed.after, allowed.fields["arguments"]) == (State.STARTING, {"host": "h1"})
    assert asked.fields["operation"] == allowed.fields["operation"] == "clear"


def test_what_is_held_is_looked_at_again_and_decided_when_nothing_holds_it() -> None:
    held = advance(incident(), REPAIRS, Held(WHY, 60))
    free = advance(incident(State.HELD), REPAIRS, NothingHolds())
    assert held is not None and free is not None
    assert (held.after, held.look_seconds, held.due_seconds) == (State.HELD, 60, DAY)
    assert free.after is State.DECIDING


def test_what_is_not_so_is_closed_and_what_helped_is_recovered() -> None:
    not_so = advance(incident(), REPAIRS, Unconfirmed(WHY))
    helped = advance(incident(State.VERIFYING), REPAIRS, Helped(WHY))
    assert not_so is not None and helped is not None
    assert not_so.outcome is Outcome.UNCONFIRMED
    assert (helped.outcome, helped.helped) == (Outcome.RECOVERED, True)


def test_a_request_that_is_void_is_asked_anew_twice_and_then_people_have_it() -> None:
    first = advance(incident(State.WAITING, voids=1, request="q-1"), REPAIRS, VoidRequest(WHY))
    last = advance(incident(State.WAITING, voids=2), REPAIRS, VoidRequest(WHY))
    assert first is not None and last is not None
    assert (first.after, first.fields["voids"], first.fields["request"]) == (State.DECIDING, 2, "")
    assert (last.after, last.escalated) == (State.HANDED_OVER, True)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.NOTHING_RAN])
def test_a_run_that_failed_is_followed_by_the_next_attempt_if_there_is_one(
    verdict: Verdict,
) -> None:
    running = incident(State.RUNNING, run="r-1")
    again = advance(running, TWICE, RunEnded(verdict, "no space"))
    last = advance(incident(State.RUNNING, attempt=2), TWICE, RunEnded(verdict, "no space"))
    assert again is not None and last is not None
    assert (again.after, again.fields["attempt"], again.fields["run"]) == (State.DECIDING, 2, "")
    assert (last.after, last.escalated, last.helped) == (State.HANDED_OVER, True, False)


@pytest.mark.parametrize(
    "verdict",
    [Verdict.UNKNOWN, Verdict.STUCK, Verdict.VANISHED, Verdict.ABORTED, Verdict.INVALID],
)
def test_what_may_still_work_is_never_followed_by_a_second_run(verdict: Verdict) -> None:
    change = advance(incident(State.RUNNING), TWICE, RunEnded(verdict, ""))
    assert change is not None
    assert (change.after, change.escalated, change.helped) == (State.HANDED_OVER, True, False)


def test_a_run_that_succeeded_is_not_yet_a_recovery() -> None:
    change = advance(incident(State.RUNNING), REPAIRS, RunEnded(Verdict.SUCCEEDED, ""))
    assert change is not None
    assert (change.after, change.due_seconds, change.look_seconds) == (State.VERIFYING, 600, 30)
    assert change.outcome is None and change.helped is None


def test_what_only_happened_is_closed_as_run_if_nothing_can_verify_it() -> None:
    happened = incident(State.RUNNING, signal=make(status=Status.INFO))
    change = advance(happened, responder(verify=Resolved()), RunEnded(Verdict.SUCCEEDED, ""))
    assert change is not None
    assert (change.after, change.outcome) == (State.CLOSED, Outcome.RAN)


def test_a_run_that_did_not_help_counts_as_one_that_did_not() -> None:
    change = advance(incident(State.VERIFYING), TWICE, Failure(WHY))
    assert change is not None
    assert (change.after, change.helped) == (State.DECIDING, False)


def test_a_model_has_its_time_and_it_is_looked_again_whether_it_is_so_when_that_is_long_ago() -> (
    None
):
    begun = advance(incident(), REPAIRS, Investigate(WHY, 300))
    again = advance(incident(State.INVESTIGATING), REPAIRS, Recheck(WHY))
    assert begun is not None and again is not None
    assert (begun.after, begun.due_seconds) == (State.INVESTIGATING, 300)
    assert again.after is State.DECIDING and "attempt" not in again.fields


def test_what_is_rejected_people_have_but_a_model_may_ask_for_something_else() -> None:
    agent = responder(mode=Mode.AGENT, limits=Limits(attempts=2))
    waiting = incident(State.WAITING, request="q-1")
    people = advance(waiting, TWICE, Rejected(WHY))
    model = advance(waiting, agent, Rejected(WHY))
    last = advance(incident(State.WAITING, attempt=2), agent, Rejected(WHY))
    assert people is not None and model is not None and last is not None
    assert (people.after, people.escalated) == (State.HANDED_OVER, False)
    assert (model.after, model.fields["attempt"], model.helped) == (State.DECIDING, 2, None)
    assert (last.after, last.escalated) == (State.HANDED_OVER, False)


def test_people_are_handed_what_is_decided_so_and_a_run_is_noted() -> None:
    handed = advance(incident(), REPAIRS, HandOver(WHY))
    started = advance(incident(State.WAITING), REPAIRS, Started("r-1", "clear-disk"))
    assert handed is not None and started is not None
    assert (handed.after, handed.escalated) == (State.HANDED_OVER, False)
    assert (started.after, started.fields["run"]) == (State.RUNNING, "r-1")
