"""Events: what happened to calls and runs, and how it reaches audit, metrics and traces.

The core emits frozen events and knows nobody who listens.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import anyio

from opsmcp_pipelines.source import Cancelled
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal

__all__ = [
    "CallRefused",
    "CancelAsked",
    "Event",
    "EventHook",
    "Hooks",
    "RunEnded",
    "RunProgressed",
    "RunStarted",
    "SlowHook",
]

_MOST_WAITING = 1_000
"""How many events may wait for one slow hook."""

_DRAIN_SECONDS = 5.0
"""How long the end of the process waits for what is still to be delivered."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A source has accepted a run, or a run of an earlier process was recovered."""

    record: RunRecord
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class RunProgressed:
    """Something that a person would see has changed: a task, a node, a step or its output."""

    record: RunRecord


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has its final verdict."""

    record: RunRecord


@dataclass(frozen=True, slots=True)
class CallRefused:
    """A call did not become a run; `reason` is what the caller was told.

    `run` is its handle, by which the journal knows it; empty when it never got that far.
    """

    tool: str
    principal: str
    reason: str
    run: str = ""
    principal_id: str = ""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wanted a run to end; `done` is what its source could do."""

    record: RunRecord
    principal: Principal
    done: Cancelled


Event = RunStarted | RunProgressed | RunEnded | CallRefused | CancelAsked


class EventHook(Protocol):
    """Hears every event, in order. It must return at once; what takes time is a `SlowHook`."""

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`."""
        ...


@runtime_checkable
class SlowHook(Protocol):
    """Hears every event, in order, and may take its time: it holds up no run and no other hook."""

    async def deliver(self, event: Event, /) -> None:
        """Pass `event` on. Cancelled when the process has to end."""
        ...


class Hooks:
    """Tells events to whoever listens; what is still to be delivered at the end is waited for."""

    def __init__(self, hooks: Sequence[EventHook | SlowHook]) -> None:
        """Prepare; slow ones are told nothing before `delivering`."""
        self._quick = [hook for hook in hooks if not isinstance(hook, SlowHook)]
        self._slow = [_Line(hook) for hook in hooks if isinstance(hook, SlowHook)]

    def emit(self, event: Event) -> None:
        """Tell everybody; returns at once. Whoever fails does not end what it listens to."""
        for hook in self._quick:
            try:
                hook(event)
            except Exception:
                _logger.exception("a listener failed on %s", type(event).__name__)
        for line in self._slow:
            line.put(event)

    @asynccontextmanager
    async def delivering(self) -> AsyncGenerator[None]:
        """Deliver in the background for as long as the block lasts; then what is left, in time."""
        async with anyio.create_task_group() as group:
            for line in self._slow:
                group.start_soon(line.deliver)
            try:
                yield
            finally:
                with anyio.move_on_after(_DRAIN_SECONDS, shield=True):
                    for line in self._slow:
                        await line.drain()
                for line in self._slow:
                    line.stop()


class _Line:
    """The events that wait for one slow hook."""

    def __init__(self, hook: SlowHook) -> None:
        self._hook = hook
        self._put, self._take = anyio.create_memory_object_stream[Event](_MOST_WAITING)
        self._scope = anyio.CancelScope(shield=True)
        self._over = anyio.Event()

    def put(self, event: Event) -> None:
        waiting = self._put.statistics().current_buffer_used
        if isinstance(event, RunProgressed) and waiting > _MOST_WAITING // 2:
            return  # it is told by the next one; a start and an end are told once
        try:
            self._put.send_nowait(event)
        except (anyio.WouldBlock, anyio.ClosedResourceError):
            _logger.error("a listener is too slow: %s was not told", type(event).__name__)  # noqa: TRY400

    async def deliver(self) -> None:
        with self._scope, self._take:
            async for event in self._take:
                try:
                    await self._hook.deliver(event)
                except Exception:
                    _logger.exception("a listener failed on %s", type(event).__name__)
        self._over.set()

    async def drain(self) -> None:
        self._put.close()
        await self._over.wait()

    def stop(self) -> None:
        self._put.close()
        if not self._over.is_set():
            _logger.error("a listener did not take the last events in %g s", _DRAIN_SECONDS)
            self._scope.cancel()
