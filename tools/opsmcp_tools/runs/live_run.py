"""LiveRun: one run of this process and the state that it is in. Only its methods change either.

intended -> recorded -> accepted -> ended
intended -> joined              a run of the same call is the answer
intended, recorded -> refused   it never became a run
recorded -> ended               nobody knows what became of its start
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

import anyio

from opsmcp_pipelines.run import Run
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.run_record import Clock, RunRecord
from opsmcp_tools.runs.first_of import first_of

__all__ = ["LiveRun", "State"]


class State(Enum):
    """How far a call has come."""

    INTENDED = "intended"
    """The journal does not have it yet, and nothing was sent."""
    RECORDED = "recorded"
    """The journal has it: its handle is good, and it may have been sent."""
    ACCEPTED = "accepted"
    """The source has given it a name."""
    JOINED = "joined"
    """Another run answers it; it is none itself."""
    REFUSED = "refused"
    """It never became a run."""
    ENDED = "ended"
    """Its verdict is final."""


class LiveRun:
    """A run that this process follows. Waiters are woken when something visible changes."""

    def __init__(
        self,
        record: RunRecord,
        masker: Masker,
        clock: Clock,
        *,
        state: State = State.INTENDED,
        caller: object = None,
    ) -> None:
        """Begin with what is known; whatever is learnt of the run goes through `masker`.

        By `caller`, which is equal to no other, whoever made the call is known again.
        """
        self._clock = clock
        age = (clock.now() - record.created_at).total_seconds()
        self._began = clock.monotonic() - max(0.0, age)
        self._record = record
        self._state = state
        self._refusal: ToolError | None = None
        self._same: RunRecord | None = None
        self._polled = False
        self._usual_known = False
        self._waiters = 0
        self._changed = anyio.Event()
        self._hurried = anyio.Event()
        self.masker = masker
        self.caller = caller

    @property
    def record(self) -> RunRecord:
        """What is known of it."""
        return self._record

    @property
    def state(self) -> State:
        """How far it has come."""
        return self._state

    @property
    def refusal(self) -> ToolError | None:
        """Why it was refused."""
        return self._refusal

    @property
    def same(self) -> RunRecord | None:
        """The run that answers it, if it joined one."""
        return self._same

    @property
    def polled(self) -> bool:
        """Whether its source was asked how it stands."""
        return self._polled

    @property
    def is_settled(self) -> bool:
        """Whether it is known what became of its start."""
        return self._state not in (State.INTENDED, State.RECORDED)

    @property
    def is_usual_known(self) -> bool:
        """Whether it was found out how long runs like it take."""
        return self._usual_known

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self._state in (State.JOINED, State.REFUSED, State.ENDED)

    @property
    def is_waited_for(self) -> bool:
        """Whether anybody waits for it."""
        return self._waiters > 0

    @property
    def age_seconds(self) -> float:
        """How long ago it was called; a clock that is set meanwhile changes nothing of that."""
        return self._clock.monotonic() - self._began

    def now(self) -> datetime:
        """The time of day as it goes on from that of the call."""
        return self._record.created_at + timedelta(seconds=self.age_seconds)

    def note_recorded(self) -> None:
        """The journal has it."""
        self._become(State.RECORDED, self._record, State.INTENDED)

    def join(self, same: RunRecord) -> None:
        """Leave the call to the run that answers it."""
        self._become(State.JOINED, self._record, State.INTENDED)
        self._same = same

    def doubt(self, reason: str) -> None:
        """Its start was not answered: the reason stands for whoever asks meanwhile."""
        result = replace(self._record.result, reason=reason)
        self._become(State.RECORDED, replace(self._record, result=result), State.RECORDED)

    def accept(self, source_run: str, usual_seconds: float | None) -> None:
        """The source calls it so; runs like it usually take so long, None where nobody knows."""
        result = replace(self._record.result, reason="")
        record = replace(
            self._record, result=result, source_run=source_run, usual_seconds=usual_seconds
        )
        # One that is recovered was accepted already; how long it usually takes was not known.
        self._become(State.ACCEPTED, record, State.RECORDED, State.ACCEPTED)

    def note_usual(self, seconds: float | None) -> None:
        """Runs like it usually take so long; None where nobody knows."""
        self._usual_known = True
        record = replace(self._record, usual_seconds=seconds)
        self._become(State.ACCEPTED, record, State.ACCEPTED)

    def observe(self, result: Run) -> bool:
        """The source shows it so, still going on; whether anybody who looks on would notice."""
        changed, first = result != self._record.result, not self._polled
        record = replace(self._record, result=result, observed_at=self.now())
        self._become(State.ACCEPTED, record, State.ACCEPTED, visible=changed or first)
        self._polled = True
        return changed

    def refuse(self, record: RunRecord, refusal: ToolError) -> None:
        """It never became a run; `record` says so."""
        self._become(State.REFUSED, record, State.INTENDED, State.RECORDED)
        self._refusal = refusal

    def end(self, record: RunRecord) -> None:
        """It is over, as `record` says."""
        self._become(State.ENDED, record, State.RECORDED, State.ACCEPTED)

    def _become(self, state: State, record: RunRecord, *after: State, visible: bool = True) -> None:
        if self._state not in after:
            raise RuntimeError(f"a run that is {self._state.value} cannot become {state.value}")
        self._state, self._record = state, record
        if visible:
            self._changed.set()
            self._changed = anyio.Event()

    def next_change(self) -> anyio.Event:
        """What the next visible change sets: got before whatever it may change is looked at."""
        return self._changed

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Count one more who waits for it."""
        self._waiters += 1
        try:
            yield
        finally:
            self._waiters -= 1

    def hurry(self) -> None:
        """Have it polled at once."""
        self._hurried.set()

    async def pause(self, *waits: Callable[[], Awaitable[object]]) -> None:
        """Wait for the first of them, unless somebody is in a hurry."""
        await first_of(self._hurried.wait, *waits)
        self._hurried = anyio.Event()
