"""The embedded engine as a Source: manifests in, runs on this machine.

Owns the task group in which runs live: closing the source ends them, and all that they started.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Set
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

import opsmcp_pipelines
from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.reader import Reading, WatchedReader
from opsmcp_pipelines.embedded.settings import EmbeddedSettings
from opsmcp_pipelines.errors import (
    DefinitionChanged,
    NotFound,
    SourceRefused,
    SourceUnavailable,
)
from opsmcp_pipelines.many_hosts import MOST_HOSTS
from opsmcp_pipelines.models import Definition, OperationKey
from opsmcp_pipelines.run import RunReport, Status
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest, Traits
from opsmcp_pipelines.ssh.named_hosts import HostSettings, Inventory
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_tasks

if TYPE_CHECKING:
    from opsmcp_pipelines.embedded.runs import LocalRuns
    from opsmcp_pipelines.ssh.inventory import InventoryReader
    from opsmcp_pipelines.ssh.lookup import HostLook

__all__ = ["EMBEDDED_TRAITS", "EmbeddedSettings", "EmbeddedSource", "open_embedded_source"]

EMBEDDED_TRAITS = Traits(
    pastes_values=False,
    runs_here=True,
    looks_are_requests=False,
    first_poll_seconds=0.25,
    acts_late_seconds=0.0,
    cancels=True,
    repeats_safely=True,
)


@asynccontextmanager
async def open_embedded_source(
    settings: EmbeddedSettings,
) -> AsyncGenerator["EmbeddedSource", None]:
    """An embedded engine for the time of the block; leaving it ends its runs."""
    source: EmbeddedSource | None = None
    try:
        async with anyio.create_task_group() as group:
            source = EmbeddedSource(settings, group)
            yield source
            group.cancel_scope.cancel()
    finally:
        if source is not None:
            await source.close()


class EmbeddedSource:
    """Runs manifests on this machine. Made by `open_embedded_source`."""

    def __init__(self, settings: EmbeddedSettings, group: TaskGroup) -> None:
        """Read nothing yet; runs live in `group`."""
        self._settings = settings
        self._group = group
        self._hosts = _inventory(settings.hosts, settings.environ) if settings.hosts else None
        self._reader = WatchedReader(_library(settings), settings.environ, self._hosts)
        self._read_lock = anyio.Lock()
        self._read: Reading | None = None
        self._contents = Contents()
        self._opened: LocalRuns | None = None
        self._stopping = False

    @property
    def _runs(self) -> "LocalRuns":
        # Imported when it is used: a list of operations needs nothing that runs them.
        from opsmcp_pipelines.embedded.runs import LocalRuns

        if self._opened is None:
            self._opened = LocalRuns(self._settings, self._group)
        return self._opened

    async def close(self) -> None:
        """End what runs were started by; they have ended. A cancellation does not interrupt it."""
        if self._opened is not None:
            await self._opened.close()

    @property
    def label(self) -> str:
        """What people call it."""
        return "the embedded engine"

    @property
    def traits(self) -> Traits:
        """What the embedded engine is like."""
        return replace(EMBEDDED_TRAITS, brakes=self._settings.brakes)

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        """What a run must show; the engine tells of everything that it does and leaves out."""
        named = variables.get("host", "")
        hosts = contents.hosts_of(named)
        return expected_tasks(definition, named, () if hosts == (named,) else hosts)

    def sign_of(self, report: RunReport) -> str:
        """What a run that does not end was last seen doing: only what can be true here."""
        return sign_of(report)

    async def read(self) -> Contents:
        """The operations and the inventory; the same object when nothing changed."""
        async with self._read_lock:
            reading = await self._reader.read()
            if reading != self._read:
                settings = self._settings
                self._contents = reading.contents(
                    settings.namespace, moves_files=settings.files is not None
                )
                self._read = reading
            if self._hosts is not None and self._hosts.is_old:
                self._group.start_soon(self._hosts.ask_again, self._settings.environ)
            return self._contents

    async def look_at_host(self, name: str) -> "HostLook":
        """What ssh makes of a host, and whether it answers now.

        Raises:
            NotFound: There is no such host, or it is this machine.
            SourceUnavailable: There is no ssh here.
        """
        from opsmcp_pipelines.ssh.lookup import look_at

        await self.read()
        host = self._read.inventory.hosts.get(name) if self._read else None
        if host is None:
            raise NotFound(f"the inventory has no host {name!r} that is reached by ssh")
        try:
            return await look_at(host.target, self._settings.environ)
        except OSError as error:
            raise SourceUnavailable("there is no ssh here") from error

    async def start(self, request: StartRequest) -> RunRef:
        """Start a run; it may wait for its turn. A call that made one gets that.

        Raises:
            NotFound: There is no such operation, or one of its tasks is missing.
            DefinitionChanged: It is not the one that was decided on.
            SourceRefused: It would run on too many hosts.
            SourceUnavailable: All runs are being ended.
        """
        await self._runs.prepare()
        definition = await self._definition(request)
        if self._stopping:
            raise SourceUnavailable("opsmcp is stopping")
        _check_hosts(request, self._contents)
        hosts = (self._read.inventory if self._read else Inventory()).hosts
        return self._runs.start(request, definition, hosts)

    async def read_run(self, ref: RunRef) -> RunReport:
        """How a run of this process stands, with the output so far.

        Raises:
            NotFound: There is no such run, or it was forgotten.
        """
        return self._runs.read(ref)

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        """How these runs stand; those that are not there are left out."""
        reports: dict[RunRef, RunReport] = {}
        for ref in refs:
            await turn()
            with suppress(NotFound):
                reports[ref] = self._runs.read(ref)
        return reports

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        """The run of this process that was started with this call id."""
        await turn()
        return self._runs.find(operation, call_id)

    async def changed(self, ref: RunRef) -> None:
        """Return once something of it has ended since it was read; never for another's run."""
        await self._runs.changed(ref)

    async def cancel(self, ref: RunRef) -> Cancelled:
        """End a run and everything it started.

        It goes on when it ended by itself, could not be ended, or is none of this process.
        """
        return await self._runs.cancel(ref)

    async def stop(self) -> None:
        """End all runs, and start no more."""
        self._stopping = True
        if self._opened is not None:
            await self._opened.stop()

    def forget(self, ref: RunRef) -> None:
        """Drop a run that has ended."""
        self._runs.forget(ref)

    async def end_left_over(self, operation: OperationKey, call_id: str) -> str:
        """End what the run of a process that is gone has left; what became of it, for people."""
        return await self._runs.end_left_over(operation, call_id)

    async def _definition(self, request: StartRequest) -> Definition:
        """What is run: what was decided on, if the files still say so.

        Raises:
            NotFound: They have it no more, or one of its tasks.
            DefinitionChanged: They say something else, or cannot be used any more.
        """
        operation, file = request.operation, self._contents.files.get(request.operation)
        now = await self.read()
        found = now.definition(operation)
        if found is None:
            unusable = (one for one in now.problems if one.operation in (operation.name, file))
            if problem := next(unusable, None):
                raise DefinitionChanged(f"{operation} cannot be used any more: {problem.reason}")
            raise NotFound(f"the embedded engine has {request.operation} no more, or not all of it")
        if found != request.definition:
            raise DefinitionChanged(
                f"the definition of {request.operation} was changed after it was listed"
            )
        return found


def _check_hosts(request: StartRequest, contents: Contents) -> None:
    """Return if it would run where it was decided on, and on no more hosts than a run may.

    Raises:
        DefinitionChanged: What it names means other hosts by now.
        SourceRefused: They are too many.
    """
    named = request.variables.get("host", "")
    found = contents.hosts_of(named)
    if request.hosts and request.hosts != frozenset(found):
        raise DefinitionChanged(f"the hosts that {named[:80]!r} means are others now")
    if len(found) > MOST_HOSTS:
        why = f"{named[:80]!r} means {len(found)} hosts, and a run takes at most {MOST_HOSTS}"
        raise SourceRefused(why)


def _inventory(settings: HostSettings, environ: Mapping[str, str]) -> "InventoryReader":
    # Most people name no hosts.
    from opsmcp_pipelines.ssh.inventory import InventoryReader
    from opsmcp_pipelines.ssh.ssh_config import account_home

    return InventoryReader(settings, account_home() or Path(environ.get("HOME", "/")))


def _library(settings: EmbeddedSettings) -> Library:
    """The manifests that count: the bundled ones, and of the others those that are as trusted."""
    bundled = Path(opsmcp_pipelines.__file__).parent / "bundled"
    directories = [bundled] if settings.bundled else []
    digests = settings.digests
    return Library(
        [*directories, *settings.manifests],
        settings.namespace,
        lambda path, digest: (
            digests is None or path.is_relative_to(bundled) or digests.get(str(path)) == digest
        ),
    )


def sign_of(report: RunReport) -> str:
    """What a run that does not end was last seen doing: it waits, or a step does not return."""
    if report.status is Status.PENDING:
        return "it never had its turn, because the runs before it had not ended"
    for task in report.tasks:
        for node in task.nodes:
            step = next((step.name for step in node.steps if not step.status.ended), "")
            if step:
                return f"step {step!r} of its task {task.name!r} was at work and did not return"
    return "it was between two steps when it was last seen"
