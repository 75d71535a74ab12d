"""Poller: reads how runs stand without asking more of a source than it may be asked.

A few runs are read one by one. Above that the list is read once for all of them, so that the cost
does not grow with their number. Knows nothing of callers, verdicts or the journal.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.platform_events import HintSource
from opsmcp_pipelines.run import RunReport
from opsmcp_pipelines.source import ChangeSource, RunRef, Source
from opsmcp_tools.model.run_record import Clock

__all__ = ["Poller", "RateLimiter"]

_ONE_BY_ONE = 6
"""Up to so many runs of one list, each is read by itself."""

_BURST_SECONDS = 0.5
"""What was not used of the rate may be used for so long."""

_ROUND_SECONDS = 0.5
"""The least time between two readings of the same list."""


class RateLimiter:
    """Requests per second for the whole source; the turns come in the order of asking."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        """Allow so many; 0 allows any number."""
        self._gap = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = clock.monotonic() - _BURST_SECONDS

    async def turn(self) -> None:
        """Return when the next request may be sent."""
        if not self._gap:
            return
        now = self._clock.monotonic()
        at = max(self._next, now - _BURST_SECONDS)
        self._next = at + self._gap
        if at > now:
            await self._clock.sleep(at - now)


@dataclass(frozen=True, slots=True)
class _Round:
    """One reading of a list: what it told of each run, or why it could not be read."""

    began: float
    reports: Mapping[RunRef, RunReport]
    error: SourceError | None = None


class _Shared:
    """The runs of one list."""

    def __init__(self) -> None:
        self.polled: set[RunRef] = set()
        self.lock = anyio.Lock()
        self.last: _Round | None = None
        self.rounds = 0
        self.took = 0.0


class Poller:
    """Reads runs for their followers, within the rate."""

    def __init__(self, source: Source, *, clock: Clock, requests_per_second: float) -> None:
        """Read from `source`; at most so many requests per second, or any number for 0."""
        self._source = source
        self._clock = clock
        self._rate = RateLimiter(requests_per_second, clock)
        self._sharing = bool(requests_per_second)
        self._lists: dict[tuple[OperationKind, str], _Shared] = {}

    @contextmanager
    def polling(self, ref: RunRef) -> Generator[None, None, None]:
        """Count `ref` among the runs that are in flight."""
        key = (ref.operation.kind, ref.operation.namespace)
        shared = self._lists.setdefault(key, _Shared())
        shared.polled.add(ref)
        try:
            yield
        finally:
            shared.polled.discard(ref)
            if not shared.polled:
                shared.last = None  # it holds all their output

    async def turn(self) -> None:
        """Return when somebody else may send the source a request about runs."""
        await self._rate.turn()

    async def read(self, ref: RunRef) -> RunReport:
        """How a run stands now.

        Raises:
            SourceError: As the source raises it.
        """
        shared = self._lists.get((ref.operation.kind, ref.operation.namespace))
        if self._sharing and shared and len(shared.polled) > _ONE_BY_ONE:
            report = await self._read_shared(shared, ref)
            if report is not None:
                return report
        await self._rate.turn()
        return await self._source.read_run(ref)

    async def changed(self, ref: RunRef) -> None:
        """Return when the source says that the run may have changed; never if it says nothing."""
        if isinstance(self._source, ChangeSource):
            await self._source.changed(ref)
        elif isinstance(self._source, HintSource):
            await self._source.hinted(ref)
        else:
            await anyio.sleep_forever()

    async def hear(self) -> None:
        """Let a source that can listen to its runs do so, until cancelled."""
        if isinstance(self._source, HintSource):
            await self._source.hear(self.turn)

    def hints_ends(self, ref: RunRef) -> bool:
        """Whether the ends of such runs are told of late, so that fewer looks find them."""
        return isinstance(self._source, HintSource) and self._source.hints_ends(ref)

    def sign_of(self, report: RunReport) -> str:
        """What a run that does not end was last seen doing, as its source has it."""
        return self._source.sign_of(report)

    async def _read_shared(self, shared: _Shared, ref: RunRef) -> RunReport | None:
        before = shared.rounds
        async with shared.lock:
            found = shared.last
            if found is None or shared.rounds == before:
                found = await self._next_round(shared)
        if found.error:
            raise found.error
        return found.reports.get(ref)

    async def _next_round(self, shared: _Shared) -> _Round:
        # A list that is slow to read is read less often.
        pause = max(_ROUND_SECONDS, 2 * shared.took)
        if shared.last:
            due = shared.last.began + pause - self._clock.monotonic()
            await self._clock.sleep(max(0.0, due))
        shared.rounds += 1
        began = self._clock.monotonic()
        wanted = frozenset(shared.polled)
        try:
            reports = await self._source.read_runs(wanted, self._rate.turn)
            shared.last = _Round(began, reports)
        except SourceError as error:
            shared.last = _Round(began, {}, error)
        shared.took = self._clock.monotonic() - began
        return shared.last
