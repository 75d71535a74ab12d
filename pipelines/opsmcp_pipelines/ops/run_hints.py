"""RunHints: that a pipeline run on Ops has ended, heard from the events of its controller.

A run's event comes about 10 ms after its end, through one long poll for all runs of a namespace.
Nothing of an event counts but the name in its subject, and that only as a reason to look: whoever
reaches the Ops server can publish any event, and a controller that stops publishes events of runs
that go on. Task runs have no such events in time (they come 3 s late).
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.platform_events import PlatformEvent, ReadEvents

__all__ = ["RunHints"]

_log = logging.getLogger(__name__)

Turn = Callable[[], Awaitable[None]]

_WAIT_SECONDS = 15.0
_RUN = "PipelineRun"

_GAP_SECONDS = 0.5
_BURST = 4
"""Questions are asked two a second at most; after a time of silence some at once."""

_LINGER_SECONDS = 2.0
"""How long to wait for the next who waits: a follower that looks is back in a moment."""

_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 600.0

_EVIDENCE = timedelta(minutes=10)
"""Ends that were told so long ago show that ends are told here."""

_TOLD_SECONDS = 5.0
"""How long before its end was read an event may have told of it."""

_DUE_SECONDS = 2.0
"""How long after its end was read an event may still come."""

_MOST_NAMES = 1_024


class RunHints:
    """What is heard of the pipeline runs of one namespace."""

    def __init__(
        self, namespace: str, read: ReadEvents, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; nothing is asked before somebody waits. `clock` counts seconds."""
        self._pattern = f"ops.clusters.*.namespaces.{namespace}.pipelineruns.>"
        self._read = read
        self._waiting: dict[str, set[anyio.Event]] = {}
        self._wanted = anyio.Event()
        self._clock = clock
        self._heard, self._ids = _Names(clock), _Names(clock)
        self._told, self._owed = _Names(clock), _Names(clock)
        self._proven: bool | None = None

    async def hinted(self, run: str) -> None:
        """Return when something was heard of a run since it was last read."""
        if self._heard.pop(run) is not None:
            return
        event = anyio.Event()
        waiting = self._waiting.setdefault(run, set())
        waiting.add(event)
        self._wanted.set()
        try:
            await event.wait()
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(run, None)

    def note_read(self, run: str) -> None:
        """A run is about to be read: what was heard of it is done with."""
        self._heard.pop(run)

    def note_end(self, run: str) -> None:
        """The end of a run was read: whether it is told as well decides about other runs."""
        told_at = self._told.pop(run)
        if told_at is not None and self._clock() - told_at <= _TOLD_SECONDS:
            self._proven = True
        else:
            self._owed.add(run)

    @property
    def hints_ends(self) -> bool:
        """Whether ends are told: those that were read of late, or at first any."""
        self._judge()
        return bool(self._proven)

    def _judge(self) -> None:
        """An end that is not told in time shows that ends are not told."""
        if self._owed.oldest_seconds > _DUE_SECONDS:
            self._proven = False
            self._owed.clear()

    async def hear(self, turn: Turn) -> None:
        """Listen while somebody waits, until cancelled. What hinders it is told once."""
        pause = 0.0
        while True:
            if not self._waiting:
                self._wanted = anyio.Event()
                await self._wanted.wait()
            try:
                await self._listen(turn)
                pause = 0.0
            except SourceError as error:
                if not pause:
                    _log.info("pipeline runs are followed without events: %s", error)
                pause = min(max(_FIRST_PAUSE_SECONDS, 2 * pause), _LONGEST_PAUSE_SECONDS)
                self._proven = None
                await anyio.sleep(pause)
            self._owed.clear()  # by whoever does not listen, nothing can be missed

    async def _listen(self, turn: Turn) -> None:
        """Ask again and again while somebody waits."""
        since = datetime.now(UTC) - _EVIDENCE if self._proven is None else None
        budget = _Budget(self._clock)
        while True:
            await turn()
            page = await self._read(self._pattern, since, _WAIT_SECONDS)
            for event in page.events:
                self._take(event)
            if self._proven is None:
                self._proven = any(event.kind == _RUN for event in page.events) or None
            late = not self._waiting
            if late and not await self._is_wanted():
                return
            # What comes while nobody asks is asked for with the next question.
            since = page.asked_at if await budget.spend() or late else None

    async def _is_wanted(self) -> bool:
        self._wanted = anyio.Event()
        with anyio.move_on_after(_LINGER_SECONDS):
            await self._wanted.wait()
        if not self._waiting:
            self._judge()  # while it still listens
        return bool(self._waiting)

    def _take(self, event: PlatformEvent) -> None:
        run = _run_of(event.subject)
        if not run or event.id in self._ids:
            return
        self._ids.add(event.id)
        if self._owed.pop(run) is not None:
            self._proven = True
        self._told.add(run)
        waiting = self._waiting.pop(run, set())
        if not waiting:
            self._heard.add(run)
        for waiter in waiting:
            waiter.set()


def _run_of(subject: str) -> str:
    """The name of the run: `web.a-x2f4d` of `ops.….pipelineruns.web.a-x2f4d.status`."""
    return subject.partition(".pipelineruns.")[2].removesuffix(".status")


class _Names:
    """The names that were added last, with the times at which they were."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._names: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        self._names[name] = self._clock()
        self._names.move_to_end(name)
        if len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)

    def pop(self, name: str) -> float | None:
        """Take it out: when it was added, or None if it is not there."""
        return self._names.pop(name, None)

    def clear(self) -> None:
        self._names.clear()

    @property
    def oldest_seconds(self) -> float:
        """How long ago the oldest one was added; 0 where there is none."""
        oldest = next(iter(self._names.values()), None)
        return 0.0 if oldest is None else self._clock() - oldest


class _Budget:
    """Some questions at once, then two a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left, self._at = float(_BURST), clock()

    async def spend(self) -> bool:
        """Return when the next question may be asked; whether that took a while."""
        now = self._clock()
        self._left = min(float(_BURST), self._left + (now - self._at) / _GAP_SECONDS) - 1
        self._at = now
        if self._left >= 0:
            return False
        await anyio.sleep(-self._left * _GAP_SECONDS)
        return True
