"""The engine: runs the steps of a plan, one after the other on a machine, machines side by side.

Conditions come from `conditions`, scripts from `shell.render`, and what runs them from `machine`;
this module decides what runs next and what that means. Where Ops has a bug it does what the author
meant (docs/embedded-engine.md). Knows nothing of manifests or of the store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from opsmcp_pipelines.conditions import ConditionError, evaluate, may_fail
from opsmcp_pipelines.embedded.engine.bounded_output import BoundedOutput
from opsmcp_pipelines.embedded.engine.file_order import make_order
from opsmcp_pipelines.embedded.engine.file_work import FileOrder
from opsmcp_pipelines.embedded.engine.machine import Launch, Limit, Machine
from opsmcp_pipelines.embedded.engine.results import WrongResult, read_results
from opsmcp_pipelines.embedded.engine.side_by_side import run_side_by_side
from opsmcp_pipelines.embedded.engine.state import NodeState, RunState
from opsmcp_pipelines.embedded.engine.variables import Plan, TaskValues, resolve
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import Step, Task, TaskRef, Transfer
from opsmcp_pipelines.run import Status, StepReport
from opsmcp_pipelines.shell.references import NOT_FIRST, RefusedStep, own_names, unfold

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.render import Script

__all__ = ["EngineSettings", "FindMachines", "execute", "step_environment"]

_PASSED_ON = frozenset(
    {
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "KUBECONFIG",
        "LANG",
        "LOGNAME",
        "NO_PROXY",
        "PATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
_DEFAULT_LIMIT = "embedded.step_seconds"
_BEGINS = (
    "the value of {0!r} begins with {1!r}, and a program could take it for an option there: put --"
    " in front of it"
)
_NO_HOST = "not run: the inventory has no host {0!r}"

_REMOTE_BYTES = 256 * 1024
_CROWD, _BYTES_IN_CROWD = 64, 16 * 1024
"""Of so many hosts and more only a part of each output is kept: all are in memory at once."""

FindMachines = Callable[[Task, str], tuple[Machine, ...]]
"""Where a task runs, by what its variable `host` says; nowhere when there is no such host."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How steps are run.

    `environ` is what steps see besides their values; `step_seconds` is the deadline of a step that
    sets none; `output_bytes` of each output are kept. `mask` replaces secrets in a text. `brakes`
    are for tasks on several machines, and `reads_only` is whether the run changes nothing. `files`
    is where files are sent from and fetched into.
    """

    environ: Mapping[str, str] = field(repr=False)
    namespace: str
    step_seconds: float = 600.0
    output_bytes: int = 1024 * 1024
    mask: Callable[[str], str] = str
    brakes: Brakes = Brakes()
    reads_only: bool = False
    files: Path | None = None

    def output_bytes_of(self, machines: int) -> int:
        """How much of each output is kept where so many machines do a task."""
        if machines == 1:
            return self.output_bytes
        return min(self.output_bytes, _BYTES_IN_CROWD if machines > _CROWD else _REMOTE_BYTES)


def step_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The part of the process environment that steps may see: nothing that could be a secret."""
    return {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith("LC_")
    }


async def execute(
    plan: Plan,
    state: RunState,
    name: str,
    settings: EngineSettings,
    machines: FindMachines,
) -> None:
    """Run a plan to its end, writing what happens into `state`.

    After a task that failed, and was not allowed to, only tasks with `runAlways` run.

    Args:
        plan: What to run.
        state: Where it is told.
        name: The name of the run.
        settings: How steps are run.
        machines: Where they are run.

    Raises:
        SupervisorGone: What starts steps on this machine was killed.
    """
    state.begin()
    end, nothing_ran = Status.SUCCEEDED, True
    for ref, task in plan.parts:
        if end is not Status.SUCCEEDED and not ref.run_always:
            continue
        work = _TaskRun(plan, ref, task, state, name, settings)
        good = await _run_task(work, machines)
        if not (good or ref.allow_failure) and end is not Status.OTHER:
            end = work.state.status
        nothing_ran &= work.state.status is Status.NOT_STARTED
        state.changed.set()
    state.end(Status.FAILED if end is Status.NOT_STARTED and not nothing_ran else end)


class _TaskRun:
    """One task of a run: what its machines have in common."""

    def __init__(
        self,
        plan: Plan,
        ref: TaskRef,
        task: Task,
        run: RunState,
        name: str,
        settings: EngineSettings,
    ) -> None:
        self.plan = plan
        self.ref = ref
        self.task = task
        self.run = run
        self.settings = settings
        self.resolved = resolve(plan, task, run.results)
        self.state = run.begin_task(ref)
        self.name = name
        # What is printed, and so may begin like an option.
        self.printed = {"output", "result"} - self.resolved.values.keys()
        self.printed |= {f"steps.{step.name}.output" for step in task.steps} | run.results.keys()

    @property
    def host(self) -> str:
        """The value of the variable `host`, empty if there is none."""
        return self.resolved.values.get("host", "")

    def values_on(self, machine: Machine) -> dict[str, str]:
        """Every known variable before the first step; the predefined ones are those of Ops.

        `host` is the machine itself, whatever else was named beside it.
        """
        here = {"host": machine.name} if self.host else {}
        started = self.run.started_at or datetime.now(UTC)
        return {
            "HOSTNAME": machine.hostname,
            "NAMESPACE": self.task.namespace or self.settings.namespace,
            "TASK": self.task.name,
            "TASKRUN": self.name,
            "TIME": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "output": "",
            "result": "",
            "status": "",
            **{f"steps.{step.name}.output": "" for step in self.task.steps},
            **self.resolved.values,
            **here,
        }


async def _run_task(task: _TaskRun, machines: FindMachines) -> bool:
    """Run a task on all its machines; whether it succeeded on each."""
    state, settings = task.state, task.settings
    places = machines(task.task, task.host)
    if problem := _refuse(task.resolved, task.host, places):
        state.fail("variables", problem)
        return False
    most_bytes = settings.output_bytes_of(len(places))
    nodes = [_NodeRunner(task, machine, most_bytes) for machine in places]
    brakes = settings.brakes.released() if settings.reads_only else settings.brakes
    await run_side_by_side(nodes, brakes)
    outputs = [node.outputs for node in nodes if node.state.status is Status.SUCCEEDED]
    if len(outputs) < len(nodes):
        state.fail_with_nodes(reads_only=settings.reads_only)
        return False
    state.skipped = not any(node.state.steps for node in nodes)
    # A result is one value, and each of several hosts has values of its own.
    gives = task.ref.results and len(outputs) == 1
    try:
        state.results |= read_results(task.plan, task.ref, outputs[0]) if gives else {}
    except WrongResult as wrong:
        state.fail("results", str(wrong))
        return False
    state.status = Status.SUCCEEDED
    return True


def _refuse(resolved: TaskValues, host: str, places: tuple[Machine, ...]) -> str:
    """Why a task cannot start with these values."""
    if resolved.missing:
        names = ", ".join(repr(name) for name in resolved.missing)
        return f"not run: no value for the required {names}"
    return "" if places else _NO_HOST.format(host[:80])


class _NodeRunner:
    """The steps of a task on one machine."""

    def __init__(self, task: _TaskRun, machine: Machine, output_bytes: int) -> None:
        steps = task.task.steps
        self.state: NodeState = task.state.add_node(machine.name, steps[0].name if steps else "")
        self._output_bytes = output_bytes
        self._task = task
        self._machine = machine
        self._values = task.values_on(machine)

    @property
    def outputs(self) -> Mapping[str, str]:
        """What each step printed that ran."""
        return {step.name: step.output for step in self.state.steps}

    async def run(self) -> None:
        """Run them to their end, or to the first that fails."""
        self.state.begin()
        for step in self._task.task.steps:
            if not await self._run_step(step):
                self.state.end(Status.FAILED)
                return
        self.state.end(Status.SUCCEEDED)

    async def _run_step(self, step: Step) -> bool:
        """Run a step if its condition holds; whether the task goes on."""
        try:
            if step.when and not evaluate(step.when, self._values):
                return True
            launch = await to_thread.run_sync(self._prepare, step)
        except ConditionError as error:
            self.state.fail(step.name, f"not run: `when`: {error}")
            return False
        except RefusedStep as refused:
            self.state.fail(step.name, f"not run: {refused.reason}")
            return False
        report = await self._execute(step, launch)
        self.state.add(report)
        self._task.run.changed.set()
        return report.status is Status.SUCCEEDED or report.allowed

    def _prepare(self, step: Step) -> Launch:
        """A step, ready to be started. In a thread.

        Raises:
            RefusedStep: See `_render`.
        """
        if step.transfer is not None:
            return self._machine.prepare_file(self._order(step.transfer))
        return self._machine.prepare(self._render(step))

    def _order(self, transfer: Transfer) -> FileOrder:
        """Which file goes where.

        Raises:
            RefusedStep: A name cannot be used with these values.
        """
        task = self._task
        return make_order(
            transfer, self._values, task.settings.files, self._machine.name, task.name
        )

    def _render(self, step: Step) -> "Script":
        """The script of a step, quoted for its values.

        Raises:
            RefusedStep: An output begins like an option, or a value cannot be passed.
        """
        # Imported with the first step: the shell parser behind it would slow down every start.
        from opsmcp_pipelines.shell.check import beginnings
        from opsmcp_pipelines.shell.render import render_step

        resolved = self._task.resolved
        own = own_names(step.content, resolved.values)
        values = {name: value for name, value in self._values.items() if name not in own}
        content = unfold(step.content, resolved.fixed)
        printed = frozenset(self._task.printed & values.keys())
        for name in beginnings(content, frozenset(values), printed):
            if values[name].startswith(NOT_FIRST):
                raise RefusedStep(_BEGINS.format(name, values[name][0]))
        return render_step(content, values)

    async def _execute(self, step: Step, launch: Launch) -> StepReport:
        settings = self._task.settings
        keeper = BoundedOutput(self._output_bytes, settings.mask)
        self.state.running = (step.name, keeper)
        limit = Limit(settings.step_seconds, _DEFAULT_LIMIT)
        if step.timeout_seconds:
            limit = Limit(step.timeout_seconds, "timeoutSeconds")
        end = await launch.run(limit, keeper.add)
        report = StepReport(step.name, end.status, keeper.text(), keeper.total, note=end.note)
        self._remember(step, report)
        return self._allow(step, report) if end.status is Status.FAILED else report

    def _remember(self, step: Step, report: StepReport) -> None:
        """Make the outcome known to the steps after it; declared names keep their values."""
        output = report.output.rstrip("\r\n")
        latest = {"status": str(report.status), "output": output, "result": output}
        declared = self._task.resolved.values
        self._values |= {name: text for name, text in latest.items() if name not in declared}
        self._values[f"steps.{step.name}.output"] = output

    def _allow(self, step: Step, report: StepReport) -> StepReport:
        note, allowed = report.note, False
        try:
            allowed = may_fail(step.allow_failure)
        except ConditionError as error:
            note = f"{note}; `allowfailure`: {error}"
        return replace(report, allowed=allowed, note=note)
