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
_MOST_DOUBLINGS = 20

_OUR_FAILURE = "opsmcp itself failed while it read the operations; its log tells more"


@dataclass(frozen=True, slots=True)
class Health:
    """How well the source can be read.

    Attributes:
        generation: Number of the catalogue, 0 while there is none.
        read_at: When the whole source was last read well, with time zone; None when it never was.
        failures: How many tries failed since the last good one, wholly or in part.
        failures_in_all: How many failed since the start.
        error: Why the last try failed, empty when it did not.
    """

    generation: int = 0
    read_at: datetime | None = None
    failures: int = 0
    error: str = ""
    failures_in_all: int = 0


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
                contents = await self._read()
            except SourceError as error:
                self._note_failure(str(error))
                return False
            except Exception:  # noqa: BLE001 - one reading is no reason to end the server
                if self._health.error != _OUR_FAILURE:
                    _log.exception("the operations could not be read")
                self._note_failure(_OUR_FAILURE)
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

    async def _read(self) -> Contents:
        """What the source holds. A list that is empty all of a sudden is asked for once more."""
        contents = await self._source.read()
        if self._catalogue and (gone := _lists(self._catalogue.contents) - _lists(contents)):
            _log.warning(
                "%s lists no %s any more; it is asked again", self._source.label, min(gone)
            )
            await self._sleep(_FIRST_RETRY_SECONDS)
            contents = await self._source.read()
        return contents

    def _pause_seconds(self) -> float:
        """The interval; after failures from one second on, doubling, and never more than that."""
        varied = 0.9 + 0.2 * self._jitter()
        if not self._health.failures:
            return self._interval_seconds * varied
        doublings = min(self._health.failures - 1, _MOST_DOUBLINGS)
        return min(_FIRST_RETRY_SECONDS * 2**doublings * varied, self._interval_seconds)

    def _take(self, contents: Contents) -> bool:
        if contents.unread:
            self._note_failure("; ".join(contents.unread), "the rest was read")
        else:
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
        self._health = replace(health, read_at=now, failures=0, error="")

    def _note_failure(self, error: str, left: str = "") -> None:
        """Remember it, and log what is new; `left` says what there is, if not the catalogue."""
        health = self._health
        if error != health.error:
            left = left or f"the catalogue is {_age(health.read_at, self._now())}"
            _log.warning("%s; %s", error, left)
        self._health = replace(
            health,
            failures=health.failures + 1,
            failures_in_all=health.failures_in_all + 1,
            error=error,
        )


def _lists(contents: Contents) -> set[str]:
    """The lists of a source that hold anything: of each sort, in each namespace."""
    operations = (*contents.pipelines, *contents.tasks)
    found = {f"{found.key.kind}s of {found.namespace}" for found in operations}
    inventory = {"clusters": contents.clusters, "hosts": contents.hosts}
    return found | {name for name, items in inventory.items() if items}


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
