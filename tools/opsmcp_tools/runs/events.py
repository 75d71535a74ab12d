"""Events: what happened to calls and runs, for audit, metrics and traces.

The core emits frozen events and knows nobody who listens.
"""

from dataclasses import dataclass
from typing import Protocol

from opsmcp_tools.model.run_record import RunRecord

__all__ = ["CallRefused", "Event", "EventHook", "RunEnded", "RunProgressed", "RunStarted"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A source has accepted a run, or a run of an earlier process was taken up again."""

    record: RunRecord
    taken_up: bool = False


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


Event = RunStarted | RunProgressed | RunEnded | CallRefused


class EventHook(Protocol):
    """Hears every event, in order. It must return quickly and must not raise."""

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`."""
        ...
