"""The embedded engine as a Source: manifests in, runs on this machine, their record in SQLite.

Owns the task group in which runs live: closing the source ends them, groups and all.
"""

import logging
import secrets
import socket
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Set
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

import opsmcp_pipelines
from opsmcp_pipelines.catalogue import Contents, Problem
from opsmcp_pipelines.embedded.engine.fork_server import ForkServer, open_fork_server
from opsmcp_pipelines.embedded.engine.processes import SEES_PROCESSES
from opsmcp_pipelines.embedded.engine.run_steps import (
    EngineSettings,
    execute,
    go_on,
    step_environment,
)
from opsmcp_pipelines.embedded.engine.state import RunState
from opsmcp_pipelines.embedded.engine.supervisor import (
    Supervisor,
    SupervisorGone,
    end_left_over,
    open_supervisor,
)
from opsmcp_pipelines.embedded.engine.variables import Plan, build_plan
from opsmcp_pipelines.embedded.engine.work_directory import remove_left_over
from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.loader import LOCAL_HOST, NEEDS_LABEL
from opsmcp_pipelines.embedded.reading import Reading, WatchedReader
from opsmcp_pipelines.embedded.store.run_store import RunStore, StoredRun
from opsmcp_pipelines.embedded.stuck_sign import sign_of
from opsmcp_pipelines.errors import DefinitionChanged, NotFound, SourceUnavailable
from opsmcp_pipelines.models import Definition, Host, Operation, OperationKey, Pipeline
from opsmcp_pipelines.run import RunReport, Status, TaskReport
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest, Traits
from opsmcp_pipelines.verdict.expected import ExpectedTask, expected_tasks

__all__ = ["EmbeddedSettings", "EmbeddedSource", "open_embedded_source"]

_MAX_RUNS_AT_A_TIME = 8
_CANCEL_SECONDS = 10.0
_SAVE_SECONDS = 10.0
_SHARE_OF_TIME = 0.05
"""How much of the time may go into storing a run that goes on."""

_KILLED = "opsmcp ended in the middle of it"
_NONE_LEFT = "none of its processes was found any more"
_ENDED_NOW = "what was found of its processes was ended now"
_NOT_FOUND = "whether its processes go on cannot be found out on this system"

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Masking(Protocol):
    """What replaces the secrets of one run."""

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        ...

    def report(self, report: RunReport) -> RunReport:
        """The report with every secret replaced."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Where the embedded engine finds its manifests and keeps its runs, and how steps are run.

    Attributes:
        state_dir: Holds `embedded.db`; created when it is not there.
        environ: The environment of the process; steps see only a few harmless names of it.
        manifests: Directories of manifests; operations of later ones replace those of earlier ones.
        bundled: Whether the operations that come with opsmcp are there, too (before all others).
        namespace: That of operations that name none.
        step_seconds: The deadline of a step that sets no `timeoutSeconds`.
        output_bytes: How much of a step's output is kept; the rest is counted.
        save_seconds: How often a run that goes on is stored, if it has changed.
        masking: What replaces secrets where outputs are cut and stored, given those of the call.
        digests: The SHA-256 of each file in `manifests` that may be read, by path; None: all may.
    """

    state_dir: Path
    environ: Mapping[str, str] = field(repr=False)
    manifests: tuple[Path, ...] = ()
    bundled: bool = True
    namespace: str = "ops-system"
    step_seconds: float = 600.0
    output_bytes: int = 1024 * 1024
    save_seconds: float = 3.0
    masking: Callable[[frozenset[str]], Masking] | None = None
    digests: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Live:
    """A run of this process that has not ended, or whose end is being stored."""

    name: str
    call_id: str
    plan: Plan
    state: RunState
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    cancelled: bool = False
    supervisor: Supervisor | None = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def open_embedded_source(
    settings: EmbeddedSettings,
) -> AsyncGenerator["EmbeddedSource", None]:
    """An embedded engine for the time of the block; leaving it ends its runs.

    The store of runs is opened when it is first used: listing operations needs none. Then, what an
    opsmcp that was killed has left in the temporary directory is removed.
    """
    with ExitStack() as stack:

        def open_store() -> RunStore:
            remove_left_over(settings.environ.get("TMPDIR"))
            store = RunStore.open(settings.state_dir / "embedded.db")
            stack.callback(store.close)
            return store

        environ = step_environment(settings.environ)
        async with open_fork_server(environ) as server, anyio.create_task_group() as group:
            yield EmbeddedSource(settings, open_store, server, group)
            group.cancel_scope.cancel()


EMBEDDED_TRAITS = Traits(
    pastes_values=False,
    runs_here=True,
    looks_are_requests=False,
    first_poll_seconds=0.05,
    acts_late_seconds=0.0,
    cancels=True,
)


class EmbeddedSource:
    """Runs manifests on this machine. Made by `open_embedded_source`."""

    def __init__(
        self,
        settings: EmbeddedSettings,
        open_store: Callable[[], RunStore],
        server: ForkServer,
        group: TaskGroup,
    ) -> None:
        """Take over the task group in which runs live; the store is opened once it is needed."""
        bundled = Path(opsmcp_pipelines.__file__).parent / "bundled"
        directories = [bundled] if settings.bundled else []
        digests = settings.digests
        self._settings = settings
        self._engine = EngineSettings(
            environ=server.environ,
            namespace=settings.namespace,
            step_seconds=settings.step_seconds,
            output_bytes=settings.output_bytes,
        )
        library = Library(
            [*directories, *settings.manifests],
            settings.namespace,
            lambda path, digest: (
                digests is None or path.is_relative_to(bundled) or digests.get(str(path)) == digest
            ),
        )
        self._reader = WatchedReader(library, settings.environ)
        self._open_store = open_store
        self._server = server
        self._store: RunStore | None = None
        self._store_lock = anyio.Lock()
        self._read_lock = anyio.Lock()
        self._group = group
        self._limit = anyio.CapacityLimiter(_MAX_RUNS_AT_A_TIME)
        self._live: dict[str, _Live] = {}
        self._read: Reading | None = None
        self._contents = Contents()

    @property
    def label(self) -> str:
        """What people call it."""
        return "the embedded engine"

    @property
    def traits(self) -> Traits:
        """What the embedded engine is like."""
        return EMBEDDED_TRAITS

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        """What a run must show; the engine tells of everything that it does and leaves out."""
        return expected_tasks(definition)

    def sign_of(self, report: RunReport) -> str:
        """What a run that does not end was last seen doing."""
        return sign_of(report)

    async def read(self) -> Contents:
        """The operations and the inventory; the same object when nothing changed."""
        async with self._read_lock:
            reading = await self._reader.read()
            if reading != self._read:
                self._contents = _build_contents(reading, self._settings.namespace)
                self._read = reading
            return self._contents

    async def start(self, request: StartRequest) -> RunRef:
        """Start a run; it may wait for its turn.

        Raises:
            NotFound: There is no such operation, or one of its tasks is missing.
            DefinitionChanged: It is not the one that was decided on.
            SourceUnavailable: The run cannot be stored.
        """
        self._group.start_soon(self._server.warm_up)  # it is there when the first step is
        plan = await self._plan(request)
        name = f"{request.operation.name}-{secrets.token_hex(4)}"
        live = _Live(name, request.call_id, plan, RunState(), request.secrets)
        report = live.state.report()
        await self._with_store(
            lambda store: store.insert(name, request.operation, request.call_id, report)
        )
        self._live[name] = live
        self._group.start_soon(self._run, live)
        return RunRef(request.operation, name, request.call_id)

    async def read_run(self, ref: RunRef) -> RunReport:
        """How a run stands, with the output so far.

        Raises:
            NotFound: There is no such run, or it was forgotten.
            SourceUnavailable: The store cannot be read.
        """
        live = self._live.get(ref.name)
        if live is not None and live.call_id == ref.call_id:
            return live.state.report()
        stored = await self._stored(ref)
        return await self._abort(stored) if stored.orphaned else stored.report

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        """How these runs stand; those that are not there are left out."""
        reports: dict[RunRef, RunReport] = {}
        for ref in refs:
            await turn()
            with suppress(NotFound):
                reports[ref] = await self.read_run(ref)
        return reports

    async def ended(self, ref: RunRef) -> None:
        """Return when a run of this process has ended; at once for any other run."""
        live = self._live.get(ref.name)
        if live is not None:
            await live.over.wait()

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        """The newest run that was started with this call id."""
        await turn()
        name = await self._with_store(lambda store: store.find(call_id, operation))
        return RunRef(operation, name, call_id) if name else None

    async def cancel(self, ref: RunRef) -> Cancelled:
        """End a run and everything it started.

        It goes on when it ended by itself, could not be ended, or is none of this process.

        Raises:
            NotFound: There is no such run.
        """
        live = self._live.get(ref.name)
        if live is None or live.over.is_set():
            await self._stored(ref)
            return Cancelled.GOES_ON
        live.cancelled = True
        live.scope.cancel()
        with anyio.move_on_after(_CANCEL_SECONDS):
            await live.over.wait()
        cancelled = live.state.status is Status.CANCELLED
        return Cancelled.STOPPED if cancelled else Cancelled.GOES_ON

    async def _plan(self, request: StartRequest) -> Plan:
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
        return build_plan(found, request.variables)

    async def _run(self, live: _Live) -> None:
        """Run to the end, whatever the end is, and store it."""
        why = "opsmcp was stopped"
        masking = self._settings.masking
        engine = replace(self._engine, mask=masking(live.secrets).text) if masking else self._engine
        try:
            with live.scope:
                async with self._limit, open_supervisor(live.name, self._server) as supervisor:
                    live.supervisor = supervisor
                    why = await self._execute(live, engine, supervisor) or why
        except Exception:  # noqa: BLE001 - the other runs would end with this one
            _log.exception("run %s: opsmcp failed while it ran it", live.name)
            why = "opsmcp itself failed while it ran it; its log tells more"
        finally:
            if not live.state.status.ended:
                live.state.abort(*_end_of(live, why))
            with anyio.move_on_after(_SAVE_SECONDS, shield=True):
                if await self._save(live):
                    del self._live[live.name]
            live.over.set()

    async def _execute(self, live: _Live, engine: EngineSettings, supervisor: Supervisor) -> str:
        """Run the steps, storing how it stands meanwhile; why not, if they could not be run."""
        why, keep = "", partial(self._save, live)
        async with anyio.create_task_group() as group:
            group.start_soon(self._save_now_and_then, live)
            try:
                await execute(live.plan, live.state, live.name, engine, supervisor, keep)
            except SupervisorGone:
                why = "the process that its steps were below was killed"
            group.cancel_scope.cancel()
        return why

    async def _save_now_and_then(self, live: _Live) -> None:
        """Store the output so far, for other processes and in case that this one is killed."""
        pause, saved = self._settings.save_seconds, None
        while True:
            await anyio.sleep(pause)
            report = live.state.report()
            if report == saved:
                continue
            began = anyio.current_time()
            await self._save(live)
            saved, took = report, anyio.current_time() - began
            pause = max(self._settings.save_seconds, took / _SHARE_OF_TIME)

    async def _save(self, live: _Live) -> bool:
        """Store how a run stands, and the process that its steps are below.

        A run that cannot be stored goes on, and stays in memory.
        """
        report, masking = live.state.report(), self._settings.masking
        if masking is not None:
            report = masking(live.secrets).report(report)
        leader = live.supervisor and live.supervisor.process
        try:
            await self._with_store(lambda store: store.update(live.name, report, leader))
        except SourceUnavailable:
            _log.warning("run %s could not be stored", live.name)
            return False
        return True

    async def _abort(self, stored: StoredRun) -> RunReport:
        """A run whose opsmcp was killed before its end. What it left behind is ended first."""
        note = await _end_left_over(stored)
        _log.warning("run %s: %s", stored.name, note)
        tasks = tuple(_abort_task(task, note) for task in stored.report.tasks)
        now = datetime.now(UTC)
        report = replace(stored.report, status=Status.ABORTED, tasks=tasks, ended_at=now)
        with suppress(SourceUnavailable):  # the next one that reads it does all this again
            await self._with_store(lambda store: store.update(stored.name, report))
        return report

    async def _stored(self, ref: RunRef) -> StoredRun:
        stored = await self._with_store(lambda store: store.get(ref.name))
        known = stored and (stored.operation, stored.call_id)
        # The call makes a run ours, not its name alone.
        if stored is None or known != (str(ref.operation), ref.call_id):
            raise NotFound(f"the embedded engine has no run {ref.name!r} of {ref.operation}")
        return stored

    async def _with_store(self, action: Callable[[RunStore], _T]) -> _T:
        """Use the store in a worker thread, one at a time."""

        def act() -> _T:
            self._store = self._store or self._open_store()
            return action(self._store)

        async with self._store_lock:
            try:
                return await to_thread.run_sync(act)
            except (OSError, sqlite3.Error) as error:
                path = self._settings.state_dir / "embedded.db"
                raise SourceUnavailable(f"the store of runs {path} cannot be used") from error


def _end_of(live: _Live, why: str) -> tuple[Status, str]:
    """How a run is told that was not left to end by itself, and `why` if nobody cancelled it."""
    why = "cancelled" if live.cancelled else why
    if live.supervisor is None or live.supervisor.process is None:
        return Status.CANCELLED if live.cancelled else Status.ABORTED, why
    if live.supervisor.unseen:
        why = f"{why}; {live.supervisor.unseen}"
    if live.supervisor.left:
        return Status.ABORTED, f"{why}, but not all could be ended: {go_on(live.supervisor.left)}"
    return Status.CANCELLED if live.cancelled else Status.ABORTED, why


def _build_contents(reading: Reading, namespace: str) -> Contents:
    """Leave out what needs kubectl where it cannot be used, and say why."""
    loaded, kubernetes = reading.loaded, reading.kubernetes
    tasks = {task.key: task for task in loaded.tasks}
    names = {(task.namespace, task.name) for task in loaded.tasks if _needs_kubectl(task)}
    operations: tuple[Operation, ...] = (*loaded.pipelines, *loaded.tasks)
    withheld = [op for op in operations if kubernetes.reason and _uses_kubectl(op, names)]
    left_out = {op.key for op in withheld}
    reason = kubernetes.reason
    problems = [Problem(op.name, op.key.kind, reason, op.namespace, absent=True) for op in withheld]
    hostname = socket.gethostname()
    host = Host(LOCAL_HOST, namespace, "127.0.0.1", hostname, reachable=True)
    return Contents(
        pipelines=tuple(found for found in loaded.pipelines if found.key not in left_out),
        tasks=tuple(task for key, task in tasks.items() if key not in left_out),
        clusters=kubernetes.clusters,
        hosts=(host,),
        problems=(*loaded.problems, *problems),
        files=loaded.files,
        unread=reading.unread,
    )


def _needs_kubectl(operation: Operation) -> bool:
    return "kubectl" in operation.labels.get(NEEDS_LABEL, "").split(",")


def _uses_kubectl(operation: Operation, tasks: set[tuple[str, str]]) -> bool:
    if isinstance(operation, Pipeline) and any(
        (operation.namespace, ref.task) in tasks for ref in operation.tasks
    ):
        return True
    return _needs_kubectl(operation)


async def _end_left_over(stored: StoredRun) -> str:
    """End what a killed opsmcp left of a run; what became of it, for people."""
    if stored.leader is None:
        return _KILLED
    if not SEES_PROCESSES:
        return f"{_KILLED}; {_NOT_FOUND}"
    ending = await end_left_over(stored.leader, stored.name)
    note = f"{_KILLED}; {_ENDED_NOW if ending.found else _NONE_LEFT}"
    return f"{note}, but {go_on(ending.left)}" if ending.left else note


def _abort_task(task: TaskReport, note: str) -> TaskReport:
    if task.status.ended:
        return task
    nodes = tuple(
        replace(
            node,
            status=Status.ABORTED,
            steps=tuple(
                step if step.status.ended else replace(step, status=Status.ABORTED, note=note)
                for step in node.steps
            ),
        )
        for node in task.nodes
    )
    return replace(task, status=Status.ABORTED, nodes=nodes)
