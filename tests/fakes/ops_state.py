"""What a fake Ops server holds: objects as JSON, and runs that go through scripted states.

Behaves like pkg/server/api.go of Ops as far as it was measured; knows nothing of HTTP.
"""

import itertools
import string
import time
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.ops_events import FakeEvents
from tests.recorded_ops import load

Json = dict[str, Any]

RUN_KINDS = {"pipelineruns": "PipelineRun", "taskruns": "TaskRun"}
KINDS = {"pipelines": "Pipeline", "tasks": "Task", "hosts": "Host", "clusters": "Cluster"}
REFS = {"pipelineruns": ("pipelineRef", "pipelines"), "taskruns": ("taskRef", "tasks")}

_RECORDED = (
    ("pipelines", "pipelines-list-page-size-999"),
    ("pipelines", "pipelines-list-namespace-default"),
    ("tasks", "tasks-list-page-size-999"),
    ("hosts", "hosts-list"),
    ("clusters", "clusters-list"),
)

ETCD_LIMIT = 1536 * 1024
REQUEST_LIMIT = 3145728


class Refusal(Exception):
    """Becomes `{"code":-1,"message":...}`."""


def make_pipeline(name: str, *tasks: str, namespace: str = "ops-system", **spec: Any) -> Json:
    """A Pipeline for assistants that refers to `tasks`; `spec` adds to or replaces its fields."""
    refs = [{"name": task, "taskRef": task} for task in tasks]
    variables = {"cluster": {"desc": "cluster"}, "host": {"desc": "host", "required": True}}
    fields = {"desc": f"show {name}", "variables": variables, "tasks": refs, **spec}
    return _make(name, namespace, {"ops/copilot": "enabled"}, fields)


def make_task(name: str, *contents: str, namespace: str = "ops-system", **spec: Any) -> Json:
    """A Task with one step for each of `contents`; `spec` adds to or replaces its fields."""
    steps = [{"name": f"step-{n}", "content": text} for n, text in enumerate(contents, 1)]
    return _make(name, namespace, {}, {"desc": f"show {name}", "steps": steps, **spec})


def make_host(name: str, address: str = "", **labels: str) -> Json:
    """A Host with a good heartbeat; `heart="Failed"` among the labels is its heartbeat instead."""
    heart = labels.pop("heart", "Successed")
    item = _make(name, "ops-system", labels, {"address": address or f"192.0.2.{len(name)}"})
    return {**item, "status": {"hostname": f"{name}-hn", "heartStatus": heart}}


def _make(name: str, namespace: str, labels: Mapping[str, str], spec: Json) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"metadata": metadata, "spec": spec, "status": {}}


Timeline = Sequence[tuple[float, Json | None]]
"""From which age in seconds a run shows which state."""


@dataclass
class FakeRun:
    """A run and the states it goes through. A state of None means that it was cleared away.

    With `ages` it goes on with the time, else with each time that it is read by itself.
    """

    kind: str
    item: Json
    states: list[Json | None]
    by_itself: bool = True
    at: int = 0
    ages: tuple[float, ...] = ()
    clock: Callable[[], float] = time.monotonic
    born: float = 0.0

    def __post_init__(self) -> None:
        self.born = self.clock()

    @property
    def name(self) -> str:
        return self.item["metadata"]["name"]

    @property
    def variables(self) -> dict[str, str]:
        return self.item["spec"].get("variables", {})

    def advance(self) -> None:
        self.at = min(self.at + 1, len(self.states) - 1)

    def shown(self) -> Json | None:
        if self.ages:
            self.at = max(0, bisect(self.ages, self.clock() - self.born) - 1)
        state = self.states[self.at]
        return None if state is None else {**self.item, "status": state}


@dataclass
class OpsState:
    """Everything on one fake server."""

    objects: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    runs: list[FakeRun] = field(default_factory=list[FakeRun])
    scripts: dict[str, tuple[list[Json | None], bool]] = field(
        default_factory=dict[str, tuple[list[Json | None], bool]]
    )
    timelines: dict[str, Callable[[Mapping[str, str]], Timeline]] = field(
        default_factory=dict[str, Callable[[Mapping[str, str]], Timeline]]
    )
    clock: Callable[[], float] = time.monotonic
    events: FakeEvents = field(default_factory=FakeEvents)
    suffixes: Iterator[str] = field(default_factory=lambda: _suffixes())

    @classmethod
    def recorded(cls) -> "OpsState":
        objects: dict[str, list[Json]] = {kind: [] for kind in KINDS}
        for kind, name in _RECORDED:
            objects[kind] += load(name)["body"]["data"]["list"]
        return cls(objects=objects)

    def find(self, kind: str, namespace: str, name: str) -> Json:
        """One object or run. Reading a run takes it one state further."""
        if kind in RUN_KINDS:
            return self._read_run(kind, namespace, name)
        found = next((it for it in self.listed(kind, namespace) if _name(it) == name), None)
        if found is None:
            raise _not_found(kind, name)
        return _without_kind(found)

    def listed(self, kind: str, namespace: str) -> list[Json]:
        if kind in RUN_KINDS:
            shown = [run.shown() for run in reversed(self.runs) if run.kind == kind]
            items = [item for item in shown if item is not None]
        else:
            items = self.objects[kind]
        # Lists say what each object is, a single object does not.
        header = {"kind": (KINDS | RUN_KINDS)[kind], "apiVersion": "crd.chenshaowen.com/v1"}
        here = [item for item in items if item["metadata"]["namespace"] == namespace]
        return [{**header, **item} for item in here]

    def create_run(self, kind: str, namespace: str, body: object, size: int) -> Json:
        """What POST does: nothing is validated but types and that the operation exists."""
        ref_key, definitions = REFS[kind]
        fields = _params(body)
        ref = fields.get(ref_key) or ""
        if not ref:
            raise Refusal(
                "taskRef is required" if kind == "taskruns" else "resource name may not be empty"
            )
        definition = self.find(definitions, namespace, ref)
        variables = _run_variables(kind, definition, _given_variables(fields))
        if size > REQUEST_LIMIT:
            raise Refusal(f"Request entity too large: limit is {REQUEST_LIMIT}")
        if size > ETCD_LIMIT:
            raise Refusal("etcdserver: request is too large")
        run = self._new_run(kind, namespace, ref, variables)
        metadata = {**run.item["metadata"], "creationTimestamp": None}
        for filled_by_kubernetes in ("uid", "resourceVersion", "generation", "ownerReferences"):
            metadata.pop(filled_by_kubernetes)
        return {**run.item, "metadata": metadata, "status": {}}

    def _read_run(self, kind: str, namespace: str, name: str) -> Json:
        for run in self.runs:
            at = run.item["metadata"]["namespace"]
            if run.kind == kind and run.name == name and at == namespace:
                shown = run.shown()
                if shown is None:
                    break
                if run.by_itself:
                    run.advance()
                return shown
        raise _not_found(kind, name)

    def _new_run(self, kind: str, namespace: str, ref: str, variables: Json) -> FakeRun:
        ref_key, definitions = REFS[kind]
        name = f"{ref}-{next(self.suffixes)}"
        metadata = {
            "name": name,
            "generateName": f"{ref}-",
            "namespace": namespace,
            "uid": f"00000000-0000-0000-0000-{len(self.runs):012}",
            "resourceVersion": str(2000 + len(self.runs)),
            "generation": 1,
            "creationTimestamp": now(),
            "labels": {f"ops/{ref_key.lower()}": ref},
            "ownerReferences": [{"kind": KINDS[definitions], "name": ref}],
        }
        spec = ({"variables": variables} if variables else {}) | {ref_key: ref}
        item = {"metadata": metadata, "spec": spec}
        run = self._scripted(kind, item, ref) or FakeRun(
            kind, item, self._good_states(kind, namespace, ref, variables)
        )
        self.runs.append(run)
        if kind == "pipelineruns" and run.ages:
            self.events.tell_at(run.born + run.ages[-1], namespace, name)
        return run

    def _scripted(self, kind: str, item: Json, ref: str) -> FakeRun | None:
        """The run as somebody wrote down how it goes."""
        if ref in self.timelines:
            ages, states = zip(*self.timelines[ref](item["spec"].get("variables", {})), strict=True)
            return FakeRun(kind, item, list(states), False, ages=ages, clock=self.clock)
        if ref in self.scripts:
            states, by_itself = self.scripts[ref]
            return FakeRun(kind, item, states, by_itself)
        return None

    def _good_states(
        self, kind: str, namespace: str, ref: str, variables: Mapping[str, str]
    ) -> list[Json | None]:
        running: Json = {"runStatus": "Running", "startTime": now()}
        if kind == "taskruns":
            return [running, self._good_task(namespace, ref, variables)]
        entries = [
            {
                "name": entry["name"],
                "taskRef": entry["taskRef"],
                "taskRunStatus": self._good_task(namespace, entry["taskRef"], variables),
            }
            for entry in self.find("pipelines", namespace, ref)["spec"].get("tasks", [])
        ]
        final = {"pipelineRunStatus": entries, "runStatus": "Successed", "startTime": now()}
        return [{}, running, final]

    def _good_task(self, namespace: str, ref: str, variables: Mapping[str, str]) -> Json:
        spec = next(
            (it["spec"] for it in self.listed("tasks", namespace) if _name(it) == ref), None
        )
        if spec is None:
            return {"runStatus": "DataInValid"}
        host = spec.get("host") or variables.get("host") or "anyworker"
        steps = [
            good_step(step["name"], f"{step['name']} done on {host}\n") for step in spec["steps"]
        ]
        return task_status({host: steps})


def good_step(name: str, output: str = "") -> Json:
    return step_status(name, "Successed", output)


def step_status(name: str, status: str, output: str = "") -> Json:
    """A step as Ops writes it: empty output is left out."""
    return {"stepName": name} | ({"stepOutput": output} if output else {}) | {"stepStatus": status}


def task_status(nodes: Mapping[str, Sequence[Json]], status: str = "Successed") -> Json:
    """A finished task: each node's status is that of its last step."""
    shown = {
        node: {
            "taskRunStep": list(steps),
            "runStatus": steps[-1]["stepStatus"],
            "startTime": now(),
        }
        for node, steps in nodes.items()
    }
    return {"taskrunNodeStatus": shown, "runStatus": status, "startTime": now()}


def pipeline_status(tasks: Mapping[str, Json], status: str = "Successed") -> Json:
    """A pipeline run with one entry for each task: its status, by the name of the task."""
    entries = [
        {"name": name, "taskRef": name, "taskRunStatus": state} for name, state in tasks.items()
    ]
    return {"pipelineRunStatus": entries, "runStatus": status, "startTime": now()}


def recorded_states(recording: str) -> list[Json | None]:
    """The states that the run of a recording went through."""
    answers = [state["response"] for state in load(recording)["states"]]
    return [answer["data"]["status"] if answer.get("data") else None for answer in answers]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _suffixes() -> Iterator[str]:
    letters = string.ascii_lowercase
    return ("".join(reversed(word)) for word in itertools.product(letters, repeat=5))


def _name(item: Json) -> str:
    return item["metadata"]["name"]


def _without_kind(item: Json) -> Json:
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}


def _not_found(kind: str, name: str) -> Refusal:
    return Refusal(f'{kind}.crd.chenshaowen.com "{name}" not found')


def _params(body: object) -> Json:
    if not isinstance(body, dict):
        raise Refusal(f"json: cannot unmarshal {go_type(body)} into Go value of type server.Params")
    return body  # pyright: ignore[reportUnknownVariableType] - any JSON object


def _given_variables(fields: Json) -> dict[str, str] | None:
    given: Json | None = fields.get("variables")
    if given is None:
        return None
    wrong = next((v for v in given.values() if not isinstance(v, str | None)), None)
    if wrong is not None:
        raise Refusal(
            f"json: cannot unmarshal {go_type(wrong)} into Go struct field Params.variables of "
            "type string"
        )
    return {name: value or "" for name, value in given.items()}


def go_type(value: object) -> str:
    names = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")


def _run_variables(kind: str, definition: Json, given: dict[str, str] | None) -> dict[str, str]:
    declared: Json = definition["spec"].get("variables", {})
    own = {
        name: variable.get("value") or variable.get("default") or ""
        for name, variable in declared.items()
    }
    if given is None:
        return dict(sorted(own.items()))
    # Those of a pipeline are replaced as a whole, those of a task are merged.
    return dict(sorted(given.items() if kind == "pipelineruns" else (own | given).items()))
