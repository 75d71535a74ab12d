"""The runs of this process: started, read, cancelled, and ended when the process ends.

What they show is in memory until it is forgotten; whoever follows a run keeps it. Of the runs of a
process that is gone, only what they left on this machine is found. Knows nothing of manifests.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from opsmcp_pipelines.embedded.engine.fork_server import ForkServer
from opsmcp_pipelines.embedded.engine.local_machine import LocalMachine, go_on
from opsmcp_pipelines.embedded.engine.machines import Machines
from opsmcp_pipelines.embedded.engine.processes import SEES_PROCESSES
from opsmcp_pipelines.embedded.engine.remote_machine import Connections
from opsmcp_pipelines.embedded.engine.run_steps import EngineSettings, execute, step_environment
from opsmcp_pipelines.embedded.engine.state import RunState
from opsmcp_pipelines.embedded.engine.supervisor import (
    Supervisor,
    SupervisorGone,
    end_left_over,
    open_supervisor,
)
from opsmcp_pipelines.embedded.engine.variables import Plan, build_plan
from opsmcp_pipelines.embedded.engine.work_directory import WorkDirectory, remove_left_over
from opsmcp_pipelines.embedded.settings import EmbeddedSettings
from opsmcp_pipelines.errors import NotFound
from opsmcp_pipelines.models import Definition, OperationKey
from opsmcp_pipelines.run import RunReport, Status
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest
from opsmcp_pipelines.ssh.explain import Explanations
from opsmcp_pipelines.ssh.host_fields import SshHost
from opsmcp_pipelines.ssh.kept_connections import KeptConnections
from opsmcp_pipelines.ssh.target import ssh_environment
from opsmcp_pipelines.verdict.hosts import some

__all__ = ["LocalRuns"]

_MAX_RUNS_AT_A_TIME = 8
_END_SECONDS = 25.0
"""Longer than it takes to end what can be ended, also when a supervisor answers no more."""

_KILLED = "opsmcp ended in the middle of it"
_NONE_LEFT = "none of its processes was found any more"
_ENDED_NOW = "what was found of its processes was ended now"
_ELSEWHERE = "what it had begun on other hosts stops there when they notice that"
_NOT_FOUND = "whether its processes go on cannot be found out on this system"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """A run of this process."""

    ref: RunRef
    plan: Plan
    engine: EngineSettings
    hosts: Mapping[str, SshHost]
    connections: Connections
    state: RunState = field(default_factory=RunState)
    cancelled: bool = False
    supervisor: Supervisor | None = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)

    def abort(self, why: str) -> None:
        """End it where it stands, and tell `why` if nobody cancelled it."""
        why = "cancelled" if self.cancelled else why
        status = Status.CANCELLED if self.cancelled else Status.ABORTED
        supervisor = self.supervisor
        if supervisor is not None and supervisor.begun:
            why = "; ".join(filter(None, (why, supervisor.unseen)))
            if supervisor.left:
                status = Status.ABORTED
                why = f"{why}, but not all could be ended: {go_on(supervisor.left)}"
        if left := self.connections.left:
            status = Status.ABORTED
            why = f"{why}, but some of it goes on on {some(left)}"
        if unknown := (*self.state.lost, *self.connections.unknown):
            status = Status.OTHER
            why = f"{why}, and whether it ended on {some(unknown)} is not known"
        self.state.abort(status, why)


class LocalRuns:
    """Runs, in a task group that somebody else owns."""

    def __init__(self, settings: EmbeddedSettings, group: TaskGroup) -> None:
        """Start nothing yet."""
        self._ssh_environ = ssh_environment(settings.environ)
        environ = step_environment(settings.environ)
        self._engine = EngineSettings(
            environ=environ,
            namespace=settings.namespace,
            step_seconds=settings.step_seconds,
            output_bytes=settings.output_bytes,
            brakes=settings.brakes,
            files=settings.files,
        )
        self._server = ForkServer(environ, group)
        self._group = group
        self._masking = settings.masking
        self._has_hosts = settings.hosts is not None
        self._keeps = self._has_hosts and settings.keeps_connections
        self._kept: KeptConnections | None = None
        self._explanations = Explanations(self._ssh_environ)
        self._limit = anyio.CapacityLimiter(_MAX_RUNS_AT_A_TIME)
        self._runs: dict[str, _Run] = {}
        self._cleaned = False

    async def prepare(self) -> None:
        """Remove, once, what an opsmcp that was killed has left in the temporary directory."""
        if self._cleaned:
            return
        self._cleaned = True
        temporary = self._engine.environ.get("TMPDIR")
        await to_thread.run_sync(remove_left_over, temporary)
        if self._keeps:
            # Without a directory each run logs in anew.
            with suppress(OSError), anyio.CancelScope(shield=True):
                place = await to_thread.run_sync(WorkDirectory.make, temporary)
                self._kept = KeptConnections(place, self._ssh_environ)

    async def close(self) -> None:
        """End the process that the runs were below, and the connections that are kept."""
        await self._server.stop()
        if self._kept is not None:
            await self._kept.close()

    def start(
        self, request: StartRequest, definition: Definition, hosts: Mapping[str, SshHost]
    ) -> RunRef:
        """Start a run, unless that call made one; it may wait for its turn.

        Args:
            request: What is asked for.
            definition: What it consists of.
            hosts: Where it may run beside this machine, by name.
        """
        ref = _ref(request.operation, request.call_id)
        if ref.name in self._runs:
            return ref
        engine = replace(self._engine, reads_only=request.reads_only)
        if self._masking is not None:
            engine = replace(engine, mask=self._masking(request.secrets).text)
        plan = build_plan(definition, request.variables)
        connections = Connections(self._ssh_environ, self._explanations, self._kept)
        run = _Run(ref, plan, engine, hosts, connections)
        self._runs[ref.name] = run
        self._group.start_soon(self._lead, run)
        return ref

    def find(self, operation: OperationKey, call_id: str) -> RunRef | None:
        """The run of a call, or None."""
        ref = _ref(operation, call_id)
        return ref if ref.name in self._runs else None

    def read(self, ref: RunRef) -> RunReport:
        """How a run stands, with the output so far.

        Raises:
            NotFound: It is no run of this process, or was forgotten.
        """
        run = self._find(ref)
        if run is None:
            raise NotFound(f"the embedded engine has no run {ref.name!r} of {ref.operation}")
        return run.state.read()

    async def changed(self, ref: RunRef) -> None:
        """Return once something of it has ended since it was read; never for another's run."""
        run = self._find(ref)
        if run is None:
            await anyio.sleep_forever()
        else:
            await run.state.changed.wait()

    async def cancel(self, ref: RunRef) -> Cancelled:
        """End a run and everything it started.

        It goes on when it ended by itself, could not be ended, or is none of this process.
        """
        run = self._find(ref)
        if run is None or run.over.is_set():
            return Cancelled.GOES_ON
        run.cancelled = True
        run.scope.cancel()
        with anyio.move_on_after(_END_SECONDS):
            await run.over.wait()
        stopped = run.state.status is Status.CANCELLED
        return Cancelled.STOPPED if stopped else Cancelled.GOES_ON

    async def stop(self) -> None:
        """End all runs."""
        for run in self._runs.values():
            run.scope.cancel()
        with anyio.move_on_after(_END_SECONDS):
            for run in tuple(self._runs.values()):
                await run.over.wait()

    def forget(self, ref: RunRef) -> None:
        """Drop a run that has ended."""
        run = self._find(ref)
        if run is not None and run.over.is_set():
            del self._runs[ref.name]

    async def end_left_over(self, operation: OperationKey, call_id: str) -> str:
        """End what the run of a process that is gone has left; what became of it, for people."""
        await self.prepare()
        if not SEES_PROCESSES:
            return f"{_KILLED}; {_NOT_FOUND}"
        name = _ref(operation, call_id).name
        ending = await end_left_over(name)
        note = f"{_KILLED}; {_ENDED_NOW if ending.found else _NONE_LEFT}"
        note = f"{note}, but {go_on(ending.left)}" if ending.left else note
        note = f"{note}; {_ELSEWHERE}" if self._has_hosts else note
        _log.warning("run %s: %s", name, note)
        return note

    def _find(self, ref: RunRef) -> _Run | None:
        """The run that is meant: the call makes it ours, not its name alone."""
        run = self._runs.get(ref.name)
        return run if run is not None and run.ref == ref else None

    async def _lead(self, run: _Run) -> None:
        """Run it to its end, whatever the end is."""
        why = "opsmcp was stopped"
        try:
            with run.scope:
                async with self._limit, open_supervisor(run.ref.name, self._server) as supervisor:
                    run.supervisor = supervisor
                    machines = self._machines(run, supervisor)
                    await execute(run.plan, run.state, run.ref.name, run.engine, machines.find)
        except SupervisorGone:
            why = ""  # which its supervisor says
        except Exception:  # noqa: BLE001 - the other runs would end with this one
            _log.exception("run %s: opsmcp failed while it ran it", run.ref.name)
            why = "opsmcp itself failed while it ran it; its log tells more"
        finally:
            if not run.state.status.ended:
                run.abort(why)
            run.over.set()

    def _machines(self, run: _Run, supervisor: Supervisor) -> Machines:
        local = LocalMachine(supervisor, self._engine.environ)
        return Machines(local, run.hosts, run.connections)


def _ref(operation: OperationKey, call_id: str) -> RunRef:
    """A run is called by its call, so that its process can be found by whoever knows the call."""
    return RunRef(operation, f"{operation.name}-{call_id.removeprefix('r-')}", call_id)
