"""The engine: runs the steps of a plan as subprocesses on this machine, one after the other.

Conditions come from `conditions`, scripts from `shell.render`, subprocesses from `supervisor`; this
module decides what runs next and what that means. Where Ops has a bug it does what the author meant
(docs/embedded-engine.md). Knows nothing of manifests or of the store.
"""

import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from opsmcp_pipelines.embedded.engine.bounded_output import BoundedOutput
from opsmcp_pipelines.embedded.engine.conditions import ConditionError, evaluate
from opsmcp_pipelines.embedded.engine.results import WrongResult, read_results
from opsmcp_pipelines.embedded.engine.state import RunState
from opsmcp_pipelines.embedded.engine.supervisor import Ended, Supervisor
from opsmcp_pipelines.embedded.engine.variables import Plan, TaskValues, resolve
from opsmcp_pipelines.embedded.engine.work_directory import WorkDirectory
from opsmcp_pipelines.embedded.loader import runs_here
from opsmcp_pipelines.models import Step, Task, TaskRef
from opsmcp_pipelines.run import Status, StepReport
from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.shell.references import NOT_FIRST, RefusedStep, own_names, unfold

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.render import Script

__all__ = ["EngineSettings", "execute", "go_on", "step_environment"]

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
_LINGERED = "it left processes behind that kept its output open; they were ended"
_ESCAPED = "somebody keeps its output open who could not be found or ended, and may go on"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How steps are run.

    `environ` is what steps see besides their values; `step_seconds` is the deadline of a step that
    sets none; `output_bytes` of each output are kept. `mask` replaces secrets in a text.
    """

    environ: Mapping[str, str] = field(repr=False)
    namespace: str
    step_seconds: float = 600.0
    output_bytes: int = 1024 * 1024
    mask: Callable[[str], str] = str


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
    supervisor: Supervisor,
) -> None:
    """Run a plan to its end, writing what happens into `state`.

    After a task that failed, and was not allowed to, only tasks with `runAlways` run.

    Args:
        plan: What to run.
        state: Where it is told.
        name: The name of the run.
        settings: How steps are run.
        supervisor: What starts the steps.

    Raises:
        SupervisorGone: It was killed.
    """
    state.begin()
    failed = False
    for ref, task in plan.parts:
        if failed and not ref.run_always:
            continue
        runner = _TaskRunner(plan, ref, task, state, name, settings, supervisor)
        good = await runner.run()
        failed = failed or not (good or ref.allow_failure)
        state.changed.set()
    state.end(Status.FAILED if failed else Status.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The script of a step and the place that it was written to, or why it was not."""

    script: "Script"
    place: WorkDirectory | OSError


class _TaskRunner:
    """One task of a run."""

    def __init__(
        self,
        plan: Plan,
        ref: TaskRef,
        task: Task,
        run: RunState,
        name: str,
        settings: EngineSettings,
        supervisor: Supervisor,
    ) -> None:
        resolved = resolve(plan, task, run.results)
        self._plan = plan
        self._task = task
        self._ref = ref
        self._resolved = resolved
        self._printed = {"output", "result"} - resolved.values.keys()
        self._printed |= {f"steps.{step.name}.output" for step in task.steps} | run.results.keys()
        self._values = {
            **_predefined(task, name, settings.namespace, run),
            **{f"steps.{step.name}.output": "" for step in task.steps},
            **resolved.values,
        }
        self._run = run
        self._state = run.begin_task(ref)
        self._settings = settings
        self._supervisor = supervisor

    async def run(self) -> bool:
        """Run its steps; whether it succeeded."""
        if problem := _refuse(self._resolved):
            self._state.fail("variables", problem)
            return False
        for step in self._task.steps:
            if not await self._run_step(step):
                self._state.status = Status.FAILED
                return False
        self._state.skipped = not self._state.steps
        try:
            outputs = {step.name: step.output for step in self._state.steps}
            self._state.results |= read_results(self._plan, self._ref, outputs)
        except WrongResult as wrong:
            self._state.fail("results", str(wrong))
            return False
        self._state.status = Status.SUCCEEDED
        return True

    async def _run_step(self, step: Step) -> bool:
        """Run a step if its condition holds; whether the task goes on."""
        try:
            if step.when and not evaluate(step.when, self._values):
                return True
            prepared = await to_thread.run_sync(self._prepare, step)
        except ConditionError as error:
            self._state.fail(step.name, f"not run: `when`: {error}")
            return False
        except RefusedStep as refused:
            self._state.fail(step.name, f"not run: {refused.reason}")
            return False
        report = await self._execute(step, prepared)
        self._remember(step, report)
        if report.status is Status.FAILED:
            report = self._allow(step, report)
        self._state.running = None
        self._state.steps.append(report)
        self._run.changed.set()
        return report.status is Status.SUCCEEDED or report.allowed

    def _prepare(self, step: Step) -> "_Prepared":
        """What a step is run from: a script, written where it is run. In a thread.

        Raises:
            RefusedStep: See `_render`.
        """
        script = self._render(step)
        try:
            return _Prepared(script, _write_script(script, self._settings.environ.get("TMPDIR")))
        except OSError as error:
            return _Prepared(script, error)

    def _render(self, step: Step) -> "Script":
        """The script of a step, quoted for its values.

        Raises:
            RefusedStep: An output begins like an option, or a value cannot be passed.
        """
        # Imported with the first step: the shell parser behind it would slow down every start.
        from opsmcp_pipelines.shell.check import beginnings
        from opsmcp_pipelines.shell.render import render_step

        resolved = self._resolved
        own = own_names(step.content, resolved.values)
        values = {name: value for name, value in self._values.items() if name not in own}
        content = unfold(step.content, resolved.fixed)
        printed = frozenset(self._printed & values.keys())
        for name in beginnings(content, frozenset(values), printed):
            if values[name].startswith(NOT_FIRST):
                raise RefusedStep(_BEGINS.format(name, values[name][0]))
        return render_step(content, values)

    async def _execute(self, step: Step, prepared: "_Prepared") -> StepReport:
        keeper = BoundedOutput(self._settings.output_bytes, self._settings.mask)
        self._state.running = (step.name, keeper)
        seconds = step.timeout_seconds or self._settings.step_seconds
        try:
            ended = await self._run_script(prepared, seconds, keeper)
        except OSError as error:
            note = f"could not be started: {_why_not(error)}"
            return StepReport(step.name, Status.FAILED, note=note)
        good = ended.code == 0 and not ended.overdue
        status = Status.SUCCEEDED if good else Status.FAILED
        limit = f"{seconds:g} s ({'timeoutSeconds' if step.timeout_seconds else _DEFAULT_LIMIT})"
        note = _note(ended, limit)
        return StepReport(step.name, status, keeper.text(), keeper.total, note=note)

    async def _run_script(
        self, prepared: "_Prepared", seconds: float, keeper: BoundedOutput
    ) -> Ended:
        """Run a script from its private directory, which is removed afterwards."""
        script, place = prepared.script, prepared.place
        if isinstance(place, OSError):
            raise place
        try:
            return await self._supervisor.run(
                _command(script, place.folder / "script"),
                env=script.environ,
                cwd=place.folder / "work",
                seconds=seconds,
                on_output=keeper.add,
            )
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(place.remove)

    def _remember(self, step: Step, report: StepReport) -> None:
        """Make the outcome known to the steps after it; declared names keep their values."""
        output = report.output.rstrip("\r\n")
        latest = {"status": str(report.status), "output": output, "result": output}
        declared = self._resolved.values
        self._values |= {name: text for name, text in latest.items() if name not in declared}
        self._values[f"steps.{step.name}.output"] = output

    def _allow(self, step: Step, report: StepReport) -> StepReport:
        note, allowed = report.note, False
        try:
            allowed = bool(step.allow_failure) and evaluate(step.allow_failure, self._values)
        except ConditionError as error:
            note = f"{note}; `allowfailure`: {error}"
        return StepReport(
            step.name, report.status, report.output, report.output_bytes, allowed, note
        )


def _predefined(task: Task, run_name: str, namespace: str, run: RunState) -> dict[str, str]:
    """The names that are always there, as in Ops."""
    started = run.started_at or datetime.now(UTC)
    return {
        "HOSTNAME": socket.gethostname(),
        "NAMESPACE": task.namespace or namespace,
        "TASK": task.name,
        "TASKRUN": run_name,
        "TIME": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "output": "",
        "result": "",
        "status": "",
    }


def _refuse(resolved: TaskValues) -> str:
    """Why a task cannot start with these values."""
    if resolved.missing:
        names = ", ".join(repr(name) for name in resolved.missing)
        return f"not run: no value for the required {names}"
    host = resolved.values.get("host", "")
    if not runs_here(host):
        return f"not run: the embedded engine has only localhost, and not the host {host[:80]!r}"
    return ""


def _write_script(script: "Script", temporary: str | None) -> WorkDirectory:
    """The directory with the script and an empty folder in it."""
    # Not on standard input: a step that reads its input would eat the rest of its script.
    place = WorkDirectory.make(temporary)
    try:
        (place.folder / "work").mkdir(mode=0o700)
        place.write("script", script.text.encode())
    except OSError:
        place.remove()
        raise
    return place


def _command(script: "Script", path: Path) -> list[str]:
    if script.language == "python":
        runner = [python_runner.__file__] if script.mark else []
        return [sys.executable, "-u", *runner, str(path), *([script.mark] if script.mark else [])]
    return ["bash" if script.language == "bash" else "/bin/sh", str(path)]


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "its interpreter or a temporary directory is missing"
    return (error.strerror or "the system refused it").lower()


def _note(ended: Ended, limit: str) -> str:
    if ended.left:
        return f"not over after {limit}, and not all could be ended: {go_on(ended.left)}"
    if ended.code is None:
        return f"not over after {limit}, and it could not be ended: it may go on"
    if ended.overdue:
        return f"stopped after {limit}"
    if ended.code < 0:
        return f"ended by signal {_signal_name(-ended.code)}"
    note = f"exit status {ended.code}" if ended.code else ""
    if ended.lingering or ended.escaped:
        left = _ESCAPED if ended.escaped else _LINGERED
        note = f"{note}; {left}" if note else left
    return note


def go_on(left: Sequence[str]) -> str:
    """That these processes could not be ended."""
    return f"{', '.join(left)} may go on"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
