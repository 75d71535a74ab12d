"""Manifests -> the operations that the embedded engine can run, and why it cannot run others.

Fills the variables of a pipeline from its tasks as the Ops controller does
(controllers/pipeline_controller.go). Which hosts there are is not known here: `host_choice` decides
about those. Pure: `library` reads the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from opsmcp_pipelines.catalogue import Problem
from opsmcp_pipelines.models import (
    Operation,
    OperationKey,
    Pipeline,
    Task,
    Variable,
)
from opsmcp_pipelines.shell.references import find_references, other_interpreter

__all__ = [
    "LOCAL_HOST",
    "NEEDS_LABEL",
    "Loaded",
    "fill_pipeline",
    "fill_task",
    "refuse_task",
    "runs_here",
    "sort_out",
    "withhold",
]

LOCAL_HOST = "localhost"
"""The host that is always there: this machine."""

NEEDS_LABEL = "opsmcp/needs"
"""The label that names what an operation needs: `kubectl`."""

_HERE = frozenset({"", LOCAL_HOST, "127.0.0.1"})
_SELECTORS = frozenset({"all", "allmasters", "allworkers", "anymaster", "anyworker", "anynode"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the manifests hold: the operations that can be run, and the others with the reason.

    `unread` says which files could not be read this time: what is known of them is from before.
    `warnings` say what is probably not meant so: file, line and words.
    """

    pipelines: tuple[Pipeline, ...] = ()
    tasks: tuple[Task, ...] = ()
    problems: tuple[Problem, ...] = ()
    unread: tuple[str, ...] = ()
    files: Mapping[OperationKey, str] = field(default_factory=dict[OperationKey, str])
    warnings: tuple[str, ...] = ()


def runs_here(host: str) -> bool:
    """Whether something meant for `host` may run on this machine.

    A node selector (`anymaster`) asks for any node of the cluster, and this is the only one.
    """
    return host.strip().lower() in _HERE | _SELECTORS


def refuse_task(task: Task) -> str:
    """Why the embedded engine cannot run `task` on any host; empty when it can."""
    if task.in_pod:
        return "it needs a container (runtimeImage or mounts), which only an Ops server provides"
    for step in task.steps:
        if asked := other_interpreter(step.content):
            return (
                f"step {step.name!r} is a script for {asked[:80]!r}; only sh, bash and Python run"
            )
    return ""


def fill_task(task: Task) -> Task:
    """`task` with the variable `host` that every task has."""
    others = [variable for variable in task.variables if variable.name != "host"]
    return replace(task, variables=(*others, _host_variable(task.host)))


def fill_pipeline(pipeline: Pipeline, tasks: Mapping[str, Task]) -> Pipeline:
    """`pipeline` with the variables of its tasks, with `host`, and `cluster` if a step reads it.

    What the pipeline says wins, field by field. Unchanged when one of its tasks is missing. Ops
    always adds `cluster`, because it sends runs away; here it would promise what nothing does.
    """
    parts = [tasks.get(ref.task) for ref in pipeline.tasks]
    known = [task for task in parts if task is not None]
    if len(known) < len(parts):
        return pipeline
    merged = {variable.name: variable for variable in pipeline.variables}
    for variable in (variable for task in known for variable in task.variables):
        own = merged.get(variable.name)
        merged[variable.name] = _merge(own, variable) if own else variable
    if any(_reads_cluster(task) for task in known):
        merged.setdefault("cluster", Variable("cluster", desc="cluster"))
    merged.pop("host", None)
    host = next((task.host for task in known if task.host), "")
    return replace(pipeline, variables=(*merged.values(), _host_variable(host)))


def _reads_cluster(task: Task) -> bool:
    texts = (text for step in task.steps for text in (step.content, step.when))
    return any(True for text in texts for _ in find_references(text, ("cluster",)))


def _host_variable(host: str) -> Variable:
    if host:
        return Variable("host", value=host, desc="host")
    return Variable("host", default=LOCAL_HOST, desc="host")


def _merge(own: Variable, other: Variable) -> Variable:
    return replace(
        own,
        value=own.value or other.value,
        default=own.default or other.default,
        display=own.display or other.display,
        desc=own.desc or other.desc,
        regex=own.regex or other.regex,
        required=own.required or other.required,
        enums=own.enums or other.enums,
        examples=own.examples or other.examples,
    )


def sort_out(operations: Sequence[Operation], problems: list[Problem]) -> Loaded:
    """Fill what can be run, and say of the rest why it cannot."""
    tasks = {op.key: op for op in operations if isinstance(op, Task)}
    refused = {key: reason for key, task in tasks.items() if (reason := refuse_task(task))}
    pipelines = tuple(op for op in operations if isinstance(op, Pipeline))
    kept = withhold(Loaded(pipelines, tuple(tasks.values()), tuple(problems)), refused)
    return replace(
        kept,
        pipelines=tuple(fill_pipeline(one, _tasks_of(one, tasks)) for one in kept.pipelines),
        tasks=tuple(fill_task(task) for task in kept.tasks),
    )


def withhold(loaded: Loaded, refused: Mapping[OperationKey, str]) -> Loaded:
    """The rest, without these tasks and the pipelines that use one, each with the reason."""
    problems = list(loaded.problems)
    pipelines: list[Pipeline] = []
    for pipeline in loaded.pipelines:
        if reason := _refuse_pipeline(pipeline, refused):
            problems.append(Problem(pipeline.name, pipeline.key.kind, reason, pipeline.namespace))
        else:
            pipelines.append(pipeline)
    for key, reason in refused.items():
        problems.append(Problem(key.name, key.kind, reason, key.namespace))
    good = tuple(task for task in loaded.tasks if task.key not in refused)
    return replace(loaded, pipelines=tuple(pipelines), tasks=good, problems=tuple(problems))


def _tasks_of(pipeline: Pipeline, tasks: Mapping[OperationKey, Task]) -> Mapping[str, Task]:
    keys = pipeline.task_keys
    return MappingProxyType({key.name: tasks[key] for key in keys if key in tasks})


def _refuse_pipeline(pipeline: Pipeline, refused: Mapping[OperationKey, str]) -> str:
    for key in pipeline.task_keys:
        if reason := refused.get(key):
            return f"its task {key.name!r} cannot run here: {reason}"
    return ""
