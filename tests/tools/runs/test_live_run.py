"""The states of a run: which may follow which, and what may be asked in each."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.runs.live_run import LiveRun, State
from tests.fakes.clock import JumpingClock
from tests.tools.results import records

GOING_ON = records.record(Verdict.RUNNING)
ENDED = replace(GOING_ON, result=Run(Verdict.SUCCEEDED))

CHANGES: dict[str, tuple[Callable[[LiveRun], object], dict[State, State]]] = {
    "recorded": (LiveRun.note_recorded, {State.INTENDED: State.RECORDED}),
    "joined": (lambda live: live.join(GOING_ON), {State.INTENDED: State.JOINED}),
    "doubted": (lambda live: live.doubt("lost"), {State.RECORDED: State.RECORDED}),
    "accepted": (
        lambda live: live.accept("say-1", 2.0),
        {State.RECORDED: State.ACCEPTED, State.ACCEPTED: State.ACCEPTED},
    ),
    "observed": (
        lambda live: live.observe(Run(Verdict.RUNNING)),
        {State.ACCEPTED: State.ACCEPTED},
    ),
    "refused": (
        lambda live: live.refuse(ENDED, ToolUnavailable("no")),
        {State.INTENDED: State.REFUSED, State.RECORDED: State.REFUSED},
    ),
    "ended": (
        lambda live: live.end(ENDED),
        {State.RECORDED: State.ENDED, State.ACCEPTED: State.ENDED},
    ),
}


def _in(state: State) -> LiveRun:
    return LiveRun(GOING_ON, Masker(), JumpingClock(), state=state)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("change", CHANGES)
def test_a_run_changes_only_as_its_state_allows_and_else_stays_as_it_is(
    change: str, state: State
) -> None:
    live, (make, allowed) = _in(state), CHANGES[change]
    if state in allowed:
        make(live)
        assert live.state is allowed[state]
        return
    with pytest.raises(RuntimeError, match=f"that is {state.value} cannot become"):
        make(live)
    assert (live.state, live.record, live.refusal, live.same) == (state, GOING_ON, None, None)


def test_what_became_of_a_start_is_known_in_all_states_but_the_first_two() -> None:
    unsettled = [state for state in State if not _in(state).is_settled]
    assert unsettled == [State.INTENDED, State.RECORDED]
