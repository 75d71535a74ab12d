"""JSON objects of the Ops API -> models and run reports.

Pure. Mirrors api/v1/*_types.go of Ops, reduced to what opsmcp uses: a Host's private key and a
Cluster's secrets are never looked at. Definitions are read strictly, one by one, so that a broken
one is named and the others are kept. Runs are read leniently, because half a report is better than
none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Generic, TypeVar, cast

from opsmcp_pipelines.models import (
    Cluster,
    Host,
    OperationKey,
    OperationKind,
    Pipeline,
    Step,
    Task,
    TaskRef,
    Transfer,
    Variable,
)
from opsmcp_pipelines.ops.answer import clean
from opsmcp_pipelines.ops.fields import Fields, Malformed
from opsmcp_pipelines.report import NodeReport, RunReport, Status, StepReport, TaskReport
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from opsmcp_pipelines.untyped import mapping_of

__all__ = [
    "Broken",
    "Objects",
    "is_run_of",
    "parse_cluster",
    "parse_host",
    "parse_objects",
    "parse_pipeline",
    "parse_run",
    "parse_run_name",
    "parse_task",
    "parse_variables",
]

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")

_OF_PIPELINE = frozenset({"desc", "variables", "tasks"})
_OF_TASK = frozenset({"desc", "host", "variables", "steps"})
_OF_TASK_REF = frozenset({"name", "taskRef", "desc", "allowFailure", "runAlways", "results"})
_OF_STEP = frozenset({"name", "content", "when", "allowfailure", "timeoutSeconds"})
"""The fields that have a place of their own in the models."""

_ONE_TICK = timedelta(seconds=3)
"""How often Ops looks. A run begins one after it was made, its first task up to one later."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Broken:
    """An object that cannot be used, as far as it is known which, and why."""

    name: str
    namespace: str
    reason: str


@dataclass(frozen=True, slots=True)
class Objects(Generic[T]):
    """What came out of a list of JSON objects, in its order."""

    good: tuple[T, ...]
    broken: tuple[Broken, ...]


def parse_objects(
    items: Sequence[object], namespace: str, parse: Callable[[Fields, str], T]
) -> Objects[T]:
    """Parse each object of `namespace` on its own; one that is malformed harms no other."""
    good: list[T] = []
    broken: list[Broken] = []
    for item in items:
        try:
            good.append(parse(Fields.of(item), namespace))
        except Malformed as error:
            broken.append(Broken(_name_of(item), namespace, clean(str(error))))
    return Objects(tuple(good), tuple(broken))


def parse_pipeline(item: Fields, namespace: str) -> Pipeline:
    """A Pipeline.

    Raises:
        Malformed: A field is of the wrong type, or the name is missing.
    """
    metadata, spec = item.inner("metadata"), item.inner("spec")
    return Pipeline(
        name=_name(metadata),
        namespace=namespace,
        desc=spec.text("desc"),
        variables=_variables(spec),
        tasks=tuple(_task_ref(ref) for ref in spec.objects("tasks")),
        labels=metadata.mapping("labels"),
        more=spec.beyond(_OF_PIPELINE),
    )


def parse_task(item: Fields, namespace: str) -> Task:
    """A Task.

    Raises:
        Malformed: A field is of the wrong type, or the name is missing.
    """
    metadata, spec = item.inner("metadata"), item.inner("spec")
    return Task(
        name=_name(metadata),
        namespace=namespace,
        desc=spec.text("desc"),
        host=spec.text("host"),
        variables=_variables(spec),
        steps=tuple(_step(step) for step in spec.objects("steps")),
        labels=metadata.mapping("labels"),
        in_pod=spec.has("runtimeImage") or spec.has("mounts"),
        more=spec.beyond(_OF_TASK),
    )


def parse_cluster(item: Fields, _namespace: str) -> Cluster:
    """A Cluster, without its secrets. Its namespace does not matter: runs name it without one.

    Raises:
        Malformed: A field is of the wrong type, or the name is missing.
    """
    spec = item.inner("spec")
    name = _name(item.inner("metadata"))
    return Cluster(name=name, desc=spec.text("desc"), server=spec.text("server"))


def parse_host(item: Fields, namespace: str) -> Host:
    """A Host, without its credentials.

    Raises:
        Malformed: A field is of the wrong type, or the name is missing.
    """
    metadata, spec, status = (item.inner(name) for name in ("metadata", "spec", "status"))
    heart = status.text("heartStatus")
    return Host(
        name=_name(metadata),
        namespace=namespace,
        address=spec.text("address"),
        port=spec.number("port"),
        hostname=status.text("hostname"),
        reachable=heart == Status.SUCCEEDED.value if heart else None,
        labels=metadata.mapping("labels"),
    )


def _name(metadata: Fields) -> str:
    name = metadata.text("name")
    if not _NAME.fullmatch(name):
        raise Malformed("metadata.name is missing or is not a name that Kubernetes allows")
    return name


def _name_of(item: object) -> str:
    name = mapping_of(mapping_of(item).get("metadata")).get("name")
    return clean(name) if isinstance(name, str) and name else "(no name)"


def _variables(spec: Fields) -> tuple[Variable, ...]:
    declared = spec.inner("variables")
    return tuple(_variable(name, declared.inner(name)) for name in declared.values)


def _variable(name: str, declared: Fields) -> Variable:
    return Variable(
        name=name,
        # Empty means not declared: Go leaves empty fields out.
        default=declared.text("default") or None,
        value=declared.text("value") or None,
        display=declared.text("display"),
        desc=declared.text("desc"),
        regex=declared.text("regex"),
        required=declared.flag("required"),
        enums=declared.texts("enums"),
        examples=declared.texts("examples"),
    )


def _task_ref(ref: Fields) -> TaskRef:
    return TaskRef(
        name=ref.text("name"),
        task=ref.text("taskRef"),
        desc=ref.text("desc"),
        allow_failure=ref.flag("allowFailure"),
        run_always=ref.flag("runAlways"),
        results=ref.mapping("results"),
        more=ref.beyond(_OF_TASK_REF),
    )


def _step(step: Fields) -> Step:
    return Step(
        name=step.text("name"),
        content=step.text("content"),
        when=step.text("when"),
        allow_failure=step.text("allowfailure"),
        timeout_seconds=max(0, step.number("timeoutSeconds")),
        transfer=_transfer(step),
        more=step.beyond(_OF_STEP),
    )


def _transfer(step: Fields) -> Transfer | None:
    keys = ("localfile", "remotefile", "direction")
    if not any(step.has(key) for key in keys):
        return None
    return Transfer(*(step.text(key) for key in keys))


def parse_run_name(data: object) -> str:
    """The name of a run; empty when there is none that could be asked for again."""
    name = _text(mapping_of(mapping_of(data).get("metadata")), "name")
    return name if _NAME.fullmatch(name) else ""


def parse_variables(data: object) -> Mapping[str, str]:
    """The variables that a run was started with."""
    return _texts(mapping_of(mapping_of(data).get("spec")), "variables")


def parse_run(data: Mapping[str, object], operation: OperationKey) -> RunReport:
    """A PipelineRun or a TaskRun, as it stands. What cannot be read is left out."""
    status = mapping_of(data.get("status"))
    if operation.kind is OperationKind.TASK:
        tasks = (_task_report(operation.name, operation.name, status, {}),)
    else:
        tasks = tuple(_entry(mapping_of(entry)) for entry in _list(status, "pipelineRunStatus"))
    started_at = _time(status, "startTime")
    return RunReport(
        status=_status(status, "runStatus", "pipelineRunStatus", list),
        tasks=tasks,
        created_at=_time(mapping_of(data.get("metadata")), "creationTimestamp"),
        started_at=started_at,
        began_late=_began_late(started_at, tasks),
        variables=parse_variables(data),
    )


def _began_late(started_at: datetime | None, tasks: Sequence[TaskReport]) -> bool:
    """Whether the first task began well after the run: then it is not the first try any more."""
    first = tasks[0].started_at if tasks else None
    return bool(started_at and first and first - started_at > _ONE_TICK)


def is_run_of(data: object, operation: OperationKey, call_id: str) -> bool:
    """Whether this is a run of that operation, and of that call."""
    spec = mapping_of(mapping_of(data).get("spec"))
    ref = "taskRef" if operation.kind is OperationKind.TASK else "pipelineRef"
    return _text(spec, ref) == operation.name and parse_variables(data).get(CALL_ID_VARIABLE) == (
        call_id
    )


def _entry(entry: Mapping[str, object]) -> TaskReport:
    name, task = _text(entry, "name"), _text(entry, "taskRef")
    return _task_report(
        name, task, mapping_of(entry.get("taskRunStatus")), _texts(entry, "results")
    )


def _task_report(
    name: str, task: str, status: Mapping[str, object], results: Mapping[str, str]
) -> TaskReport:
    nodes = mapping_of(status.get("taskrunNodeStatus"))
    return TaskReport(
        name=name,
        task=task,
        status=_status(status, "runStatus", "taskrunNodeStatus", dict),
        nodes=tuple(_node_report(node, mapping_of(value)) for node, value in nodes.items()),
        results=results,
        started_at=_time(status, "startTime"),
    )


def _node_report(node: str, value: Mapping[str, object]) -> NodeReport:
    steps = tuple(_step_report(mapping_of(step)) for step in _list(value, "taskRunStep"))
    return NodeReport(
        node=node, status=_status(value, "runStatus", "taskRunStep", list), steps=steps
    )


def _step_report(step: Mapping[str, object]) -> StepReport:
    output = _text(step, "stepOutput")
    return StepReport(
        name=_text(step, "stepName"),
        status=_status(step, "stepStatus", "stepOutput", str),
        output=output,
        output_bytes=len(output.encode()),
    )


def _status(values: Mapping[str, object], key: str, part: str, kind: type) -> Status:
    """The status at `key`; that of nothing known where the `part` that it stands for is damaged."""
    value, shown = values.get(key), values.get(part)
    if shown is not None and not isinstance(shown, kind):
        return Status.OTHER
    return Status.parse(value) if isinstance(value, str) else _absent(value)


def _absent(value: object) -> Status:
    return Status.PENDING if value is None else Status.OTHER


def _list(values: Mapping[str, object], key: str) -> list[object]:
    value = values.get(key)
    return cast("list[object]", value) if isinstance(value, list) else []


def _text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _texts(values: Mapping[str, object], key: str) -> Mapping[str, str]:
    inner = mapping_of(values.get(key))
    return MappingProxyType({name: _text(inner, name) for name in inner})


def _time(values: Mapping[str, object], key: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(values, key))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
