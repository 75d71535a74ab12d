"""Discovery: the loop that keeps a catalogue up to date with its source.

Holds the last good catalogue through every fault, and tells subscribers once per real change. Knows
nothing of tools or clients. The caller owns the task in which `run` runs.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import anyio
from anyio.abc import TaskStatus

from opsmcp_pipelines.catalogue import Catalogue, Contents, Difference, diff
from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.source import Source

__all__ = ["Discovery", "Health", "Listener"]

_log = logging.getLogger(__name__)

Listener = Callable[[Catalogue, Difference], None]
"""Told of every new catalogue and of what is different in it. Must not block and not raise."""

_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 300.0
_MOST_DOUBLINGS = 9


@dataclass(frozen=True, slots=True)
class Health:
    """How well the source can be read.

    Attributes:
        generation: Number of the catalogue, 0 while there is none.
        read_at: When the source was last read well, with time zone; None when it never was.
        checked_at: When it was last tried.
        failures: How many tries failed since the last good one.
        error: Why the last try failed, empty when it did not.
    """

    generation: int = 0
    read_at: datetime | None = None
    checked_at: datetime | None = None
    failures: int = 0
    error: str = ""


def _now() -> datetime:
    return datetime.now(UTC)


class Discovery:
    """The catalogue of one source, kept up to date by `run`."""

    def __init__(
        self,
        source: Source,
        *,
        interval_seconds: float = 30.0,
        now: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - spreads load, keeps no secret
    ) -> None:
        """Nothing is read yet.

        Args:
            source: What to read.
            interval_seconds: Time between two readings that went well.
            now: The clock, with time zone.
            sleep: How to wait, in seconds.
            jitter: A number from 0 to 1, by which the waits vary.
        """
        self._source = source
        self._interval_seconds = interval_seconds
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._lock = anyio.Lock()
        self._catalogue: Catalogue | None = None
        self._health = Health()
        self._listeners: dict[object, Listener] = {}

    @property
    def catalogue(self) -> Catalogue | None:
        """The last good catalogue; None until there is one."""
        return self._catalogue

    @property
    def health(self) -> Health:
        """How the last reading went."""
        return self._health

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called once for every real change, in the order of the changes.

        Returns:
            What ends the subscription; calling it twice does no harm.
        """
        handle = object()
        self._listeners[handle] = listener
        return lambda: self._forget(handle)

    async def refresh(self) -> bool:
        """Read the source once. A failure goes into `health` and is never raised.

        Returns:
            Whether the catalogue changed.
        """
        async with self._lock:
            try:
                contents = await self._source.read()
            except SourceError as error:
                self._note_failure(str(error))
                return False
            return self._take(contents)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Read again and again until cancelled; started after the first reading, good or bad."""
        await self.refresh()
        task_status.started()
        while True:
            await self._sleep(self._pause_seconds())
            await self.refresh()

    def _forget(self, handle: object) -> None:
        self._listeners.pop(handle, None)

    def _pause_seconds(self) -> float:
        """The interval; after failures from one second on, doubling up to five minutes."""
        seconds = self._interval_seconds
        if self._health.failures:
            doublings = min(self._health.failures - 1, _MOST_DOUBLINGS)
            seconds = min(_FIRST_RETRY_SECONDS * 2**doublings, _LONGEST_RETRY_SECONDS)
        return seconds * (0.9 + 0.2 * self._jitter())

    def _take(self, contents: Contents) -> bool:
        self._note_success()
        before = self._catalogue
        if before is not None and contents is before.contents:
            return False
        after = Catalogue(self._health.generation + 1, contents, self._now())
        difference = diff(before, after)
        if before is not None and not difference and contents == before.contents:
            return False
        self._catalogue = after
        self._health = replace(self._health, generation=after.generation)
        _log_change(after, difference)
        for listener in tuple(self._listeners.values()):
            listener(after, difference)
        return True

    def _note_success(self) -> None:
        health, now = self._health, self._now()
        if health.failures:
            _log.info(
                "%s can be read again after %d failures; the catalogue was %s",
                self._source.label,
                health.failures,
                _age(health.read_at, now),
            )
        self._health = replace(health, read_at=now, checked_at=now, failures=0, error="")

    def _note_failure(self, error: str) -> None:
        health, now = self._health, self._now()
        if error != health.error:
            _log.warning("%s; the catalogue is %s", error, _age(health.read_at, now))
        self._health = replace(health, checked_at=now, failures=health.failures + 1, error=error)


def _age(read_at: datetime | None, now: datetime) -> str:
    if read_at is None:
        return "not there yet"
    return f"{max(timedelta(0), now - read_at).total_seconds():.0f} s old"


def _log_change(catalogue: Catalogue, difference: Difference) -> None:
    _log.info(
        "catalogue %d: %d operations (%d added, %d removed, %d changed), %d clusters, %d hosts",
        catalogue.generation,
        len(catalogue.operations),
        len(difference.added),
        len(difference.removed),
        len(difference.changed),
        len(catalogue.contents.clusters),
        len(catalogue.contents.hosts),
    )
