"""Whether a source that starts by name ran what was called: its definition, read afterwards.

Such a source is told which operation to run, not what that is. What the name stands for is read
once the last task of the run has begun, when later changes mean nothing to it any more; until then
they might. What cannot be read is not compared. Knows nothing of verdicts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from opsmcp_pipelines.errors import SourceError
from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.source import DefinitionSource, Source
from opsmcp_tools.model.definition import definition_hash
from opsmcp_tools.model.run_record import RunRecord

__all__ = ["DefinitionCheck", "DefinitionReader"]

_PATIENCE_SECONDS = 2.0
"""How long the end of a run waits for it."""


@dataclass(slots=True)
class _Reading:
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    rounds: int = 0
    last: str = ""


class DefinitionReader:
    """Reads definitions, each once for all who asked before the reading began."""

    def __init__(self, source: Source, turn: Callable[[], Awaitable[None]]) -> None:
        """Read from `source`, with a `turn` before each reading."""
        self.label = source.label
        self._source = source if isinstance(source, DefinitionSource) else None
        self.can_read = self._source is not None
        self._turn = turn
        self._readings: dict[OperationKey, _Reading] = {}

    async def read(self, operation: OperationKey) -> str:
        """The hash of its definition as it is now; empty where that cannot be known."""
        if self._source is None:
            return ""
        shared = self._readings.setdefault(operation, _Reading())
        before = shared.rounds
        async with shared.lock:
            if shared.rounds == before:
                shared.rounds += 1
                shared.last = await self._read(self._source, operation)
        if not shared.lock.statistics().tasks_waiting:
            self._readings.pop(operation, None)
        return shared.last

    async def _read(self, source: DefinitionSource, operation: OperationKey) -> str:
        await self._turn()
        try:
            found = await source.read_definition(operation)
        except SourceError:
            return ""
        return definition_hash(found.operation, found.tasks) if found else ""


class DefinitionCheck:
    """Compares the definition of one run's operation, once."""

    def __init__(self, reader: DefinitionReader, record: RunRecord, group: TaskGroup) -> None:
        """Prepare; it is read in `group`."""
        self._reader = reader
        self._record = record
        self._group = group
        self._begun = False
        self._done = anyio.Event()
        self._now = ""

    def begin(self) -> None:
        """Read it now, unless that was begun."""
        if self._reader.can_read and not self._begun:
            self._begun = True
            self._group.start_soon(self._read)

    async def note(self) -> str:
        """What is to be told of it; empty if it is the same, or cannot be known in time."""
        if not self._reader.can_read:
            return ""
        self.begin()
        with anyio.move_on_after(_PATIENCE_SECONDS):
            await self._done.wait()
        called = self._record.definition
        if not called or self._now in ("", called):
            return ""
        return (
            f"{self._reader.label} has another definition of it now than the one that was called: "
            "what ran may not be what was listed and agreed to"
        )

    async def _read(self) -> None:
        self._now = await self._reader.read(self._record.operation)
        self._done.set()
