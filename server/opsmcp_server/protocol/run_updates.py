"""Updates of runs: who watches the resource of a run is told when it moved.

An `EventHook`: it takes note of what the runs of this process do, and returns at once. A task of
the server tells those who watch, so that no client ever holds up a follower. Knows nothing of
sessions or eras.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.run_record import Clock
from opsmcp_tools.runs.events import CallRefused, Event, RunEnded, RunProgressed
from opsmcp_tools.runs.first_of import first_of

__all__ = ["RunUpdates", "Wait", "Watchers"]

Wait = Callable[[str, float], Awaitable[bool]]
"""Waits for the end of a run, at most so many seconds; whether it is over then."""

_logger = logging.getLogger(__name__)

_ATTENDING_SECONDS = 10.0
"""After so long it is looked again whether anybody watches still."""

_MOST_ATTENDED = 1_000

_AT_MOST_EVERY_SECONDS = 1.0
"""How often one run makes news; a run with much output moves with every look at it."""


def addresses_of_run(run: str) -> tuple[str, ...]:
    """The resources that change while a run goes on."""
    return f"ops://runs/{run}", f"ops://runs/{run}/output"


class Watchers(Protocol):
    """Those who watch resources."""

    def is_watched(self, address: str) -> bool:
        """Whether anybody wants to be told of this resource."""
        ...

    async def resource_updated(self, address: str) -> None:
        """Tell those who watch it."""
        ...


class RunUpdates:
    """Tells watchers of runs: at most once a second each, and always of the end."""

    def __init__(self, watchers: Watchers, clock: Clock) -> None:
        """Prepare; nobody is told anything before `run`."""
        self._watchers = watchers
        self._clock = clock
        self._attended: set[str] = set()
        self._group: TaskGroup | None = None
        self._due: dict[str, float] = {}
        self._notified: dict[str, float] = {}
        self._changed = anyio.Event()

    def __call__(self, event: Event, /) -> None:
        """Take note of a run that moved or ended, also of one that was refused late."""
        match event:
            case RunProgressed(record) if self._is_watched(record.run):
                last = self._notified.get(record.run, -_AT_MOST_EVERY_SECONDS)
                self._due.setdefault(record.run, last + _AT_MOST_EVERY_SECONDS)
                self._changed.set()
            case RunEnded(record) if self._is_watched(record.run):
                self.is_over(record.run)
            case CallRefused(run=run) if self._is_watched(run):
                self.is_over(run)
            case _:
                pass

    def is_over(self, run: str) -> None:
        """Have those who watch this run told at once, for example one who came after its end."""
        self._due[run] = self._clock.monotonic()
        self._changed.set()

    def attend(self, run: str, wait: Wait) -> None:
        """Tell also of the end of a run that another process follows, as `wait` learns of it."""
        if self._group and run not in self._attended and len(self._attended) < _MOST_ATTENDED:
            self._attended.add(run)
            self._group.start_soon(self._attend, run, wait)

    async def _attend(self, run: str, wait: Wait) -> None:
        try:
            while self._is_watched(run):
                if await wait(run, _ATTENDING_SECONDS):
                    self.is_over(run)
                    return
        except ToolError as error:
            _logger.info("run %s is watched no more: %s", run, error)
        finally:
            self._attended.discard(run)

    def _is_watched(self, run: str) -> bool:
        return any(self._watchers.is_watched(address) for address in addresses_of_run(run))

    async def run(self) -> None:
        """Tell, until cancelled."""
        async with anyio.create_task_group() as group:
            self._group = group
            while True:
                now = self._clock.monotonic()
                for run in self._take(now):
                    for address in addresses_of_run(run):
                        group.start_soon(self._watchers.resource_updated, address)
                await self._next(now)

    def _take(self, now: float) -> list[str]:
        """The runs whose time has come."""
        taken = [run for run, at in self._due.items() if at <= now]
        recent = now - _AT_MOST_EVERY_SECONDS
        self._notified = {run: at for run, at in self._notified.items() if at > recent}
        self._notified |= dict.fromkeys(taken, now)
        self._due = {run: at for run, at in self._due.items() if at > now}
        return taken

    async def _next(self, now: float) -> None:
        """Return when there may be something to tell."""
        if self._due:
            pause = min(self._due.values()) - now
            await first_of(self._changed.wait, partial(self._clock.sleep, pause))
        else:
            await self._changed.wait()
        self._changed = anyio.Event()
