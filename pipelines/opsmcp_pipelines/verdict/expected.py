"""What a run must show: its tasks, their steps and hosts, decided when it is started.

A report that lacks one of them is no report of success, because Ops leaves out without a word what
it did not do. Travels with the record of the run, so that another process judges alike. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from opsmcp_pipelines.models import Definition, Host, Step, Task, TaskRef
from opsmcp_pipelines.verdict.ops_conditions import Truth, may_fail, missing_numbers, would_run
from opsmcp_pipelines.verdict.placement import MANY_NODES, Placement, Runner, find_placement

__all__ = [
    "ExpectedHost",
    "ExpectedPlace",
    "ExpectedStep",
    "ExpectedTask",
    "Runner",
    "Truth",
    "expected_on_ops",
    "expected_tasks",
]


_NOTHING: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ExpectedStep:
    """A step, and what becomes of it: `when` says whether it runs, as far as that is known.

    `ends_task` says that nothing is started after it: Ops cannot read its `allowfailure`. `numbers`
    are variables that had none when the run began, without which Ops cannot read its condition.
    """

    name: str
    when: Truth = Truth.TRUE
    may_fail: bool = False
    ends_task: bool = False
    numbers: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it must have a report. A condition that cannot be read excuses nothing."""
        return self.when in (Truth.TRUE, Truth.UNREADABLE)


@dataclass(frozen=True, slots=True)
class ExpectedHost:
    """A host that must report, under its own name or one of `shown_as`."""

    name: str
    shown_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedPlace:
    """Where a task runs.

    `named` is what was asked for, empty when nothing was. Each of `hosts` must report, and no other
    one may when it is `exact`. `known` says that they are Hosts of the inventory, `by_variable`
    that the task itself names no host.
    """

    named: str = ""
    hosts: tuple[ExpectedHost, ...] = ()
    exact: bool = False
    runner: Runner = Runner.HOST
    known: bool = False
    by_variable: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it means several hosts or nodes, and nobody here knows which."""
        several = self.named in MANY_NODES or "=" in self.named
        return several and not self.exact

    @property
    def may_share_a_name(self) -> bool:
        """Whether several of its hosts may be reported under one name."""
        if self.exact:
            return len(self.hosts) > 1 and any(host.shown_as for host in self.hosts)
        return self.runner is not Runner.POD


@dataclass(frozen=True, slots=True)
class ExpectedTask:
    """A task that a run must show an entry for; without `steps`, its definition is not known."""

    name: str
    task: str
    run_always: bool = False
    steps: tuple[ExpectedStep, ...] = ()
    place: ExpectedPlace = ExpectedPlace()

    @property
    def conditional(self) -> bool:
        """Whether each of its steps may be left out."""
        return bool(self.steps) and not any(step.required for step in self.steps)

    @property
    def skipped(self) -> bool:
        """Whether it is known that the condition of each of its steps is false."""
        return bool(self.steps) and all(step.when is Truth.FALSE for step in self.steps)


def expected_tasks(
    definition: Definition, group: str = "", hosts: Sequence[str] = ()
) -> tuple[ExpectedTask, ...]:
    """What a run must show where its source tells of everything that it does and leaves out.

    Args:
        definition: What is run.
        group: The name that stands for several hosts, where its tasks are run on those.
        hosts: The names of those hosts.
    """
    listed = tuple(ExpectedHost(name) for name in hosts)
    place = ExpectedPlace(group, listed, exact=True, known=True) if hosts else ExpectedPlace()
    return tuple(
        ExpectedTask(
            ref.name,
            ref.task,
            ref.run_always,
            _plain_steps(task),
            ExpectedPlace() if task and task.host else place,
        )
        for ref, task in _parts(definition)
    )


def expected_on_ops(
    definition: Definition, hosts: Sequence[Host], variables: Mapping[str, str]
) -> tuple[ExpectedTask, ...]:
    """What a run on Ops must show.

    Args:
        definition: What is run.
        hosts: The inventory.
        variables: What it is started with.
    """
    whole = isinstance(definition.operation, Task)
    return tuple(
        _expected_on_ops(ref, task, hosts, variables, first=not number, whole=whole)
        for number, (ref, task) in enumerate(_parts(definition))
    )


def _parts(definition: Definition) -> Iterator[tuple[TaskRef, Task | None]]:
    """Each reference with its task; None where that is not known."""
    operation = definition.operation
    if isinstance(operation, Task):
        yield TaskRef(operation.name, operation.name), operation
        return
    tasks = {task.name: task for task in definition.tasks}
    for ref in operation.tasks:
        yield ref, tasks.get(ref.task)


def _plain_steps(task: Task | None) -> tuple[ExpectedStep, ...]:
    steps = task.steps if task else ()
    return tuple(ExpectedStep(step.name, Truth.OPEN if step.when else Truth.TRUE) for step in steps)


def _expected_on_ops(
    ref: TaskRef,
    task: Task | None,
    hosts: Sequence[Host],
    variables: Mapping[str, str],
    *,
    first: bool,
    whole: bool,
) -> ExpectedTask:
    if task is None:
        return ExpectedTask(ref.name, ref.task, ref.run_always)
    elsewhere = bool(variables.get("cluster"))
    found = find_placement(task, variables.get("host", ""), hosts, elsewhere=elsewhere)
    # What a task prints can change any variable of those after it.
    begun_with = _values(task, hosts, variables, whole=whole)
    values = begun_with if first else _NOTHING
    complete = first and not elsewhere
    steps = tuple(_step_on_ops(step, values, complete, begun_with) for step in task.steps)
    place = _place(found, by_variable=not task.host)
    return ExpectedTask(ref.name, ref.task, ref.run_always, steps, place)


def _values(
    task: Task, hosts: Sequence[Host], variables: Mapping[str, str], *, whole: bool
) -> Mapping[str, str | None]:
    """What is filled in before the first step; None where nobody here knows.

    Labels of a host change values. Unless the task is run as a `whole`, it gets of what it does not
    declare only what its scripts mention.
    """
    declared = {item.name: item.value or item.default or "" for item in task.variables}
    filled = {name: value for name, value in variables.items() if value.strip()}
    fixed = {item.name: item.value for item in task.variables if item.value}
    scripts = "".join(step.content for step in task.steps)
    open_names = {name for host in hosts for name in host.labels}
    if not whole:
        extra = filled.keys() - declared.keys() - {"host"}
        open_names |= {name for name in extra if f"${{{name}}}" not in scripts}
    return {**declared, **filled, **fixed, **dict.fromkeys(open_names)}


def _step_on_ops(
    step: Step,
    values: Mapping[str, str | None],
    complete: bool,
    begun_with: Mapping[str, str | None],
) -> ExpectedStep:
    allowed = may_fail(step.allow_failure)
    when = would_run(step.when, values, complete=complete)
    return ExpectedStep(
        step.name,
        when,
        may_fail=allowed is Truth.TRUE,
        ends_task=allowed is Truth.UNREADABLE,
        numbers=missing_numbers(step.when, begun_with) if when is Truth.OPEN else (),
    )


def _place(found: Placement, *, by_variable: bool) -> ExpectedPlace:
    hosts = tuple(ExpectedHost(name, found.shown_as.get(name, ())) for name in found.names)
    known = bool(found.hosts)
    return ExpectedPlace(found.named, hosts, found.exact, found.runner, known, by_variable)
