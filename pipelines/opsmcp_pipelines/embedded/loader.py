"""Manifest files -> the operations that the embedded engine can run, and why it cannot run others.

Directories are read in order, the bundled one first: a later operation replaces an earlier one of
the same kind, namespace and name. Files are read again only when one of them changed. Fills the
variables of a pipeline from its tasks as the Ops controller does
(controllers/pipeline_controller.go), with one host in mind: this machine.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from opsmcp_pipelines.catalogue import Problem
from opsmcp_pipelines.errors import ManifestError
from opsmcp_pipelines.manifest import MAX_MANIFEST_BYTES, BadDocument, Manifest, parse_manifest
from opsmcp_pipelines.models import (
    Operation,
    OperationKey,
    OperationKind,
    Pipeline,
    Task,
    Variable,
)
from opsmcp_pipelines.shell.references import find_references

__all__ = [
    "LOCAL_HOST",
    "NEEDS_LABEL",
    "Library",
    "Loaded",
    "fill_pipeline",
    "fill_task",
    "refuse_task",
    "runs_here",
]

LOCAL_HOST = "localhost"
"""The one host of the embedded engine: this machine."""

NEEDS_LABEL = "opsmcp/needs"
"""The label that names what an operation needs: `kubectl`."""

_HERE = frozenset({"", LOCAL_HOST, "127.0.0.1"})
_SELECTORS = frozenset({"all", "allmasters", "allworkers", "anymaster", "anyworker", "anynode"})
_MAX_FILES = 2000
_MAX_OPERATIONS = 20_000
_ENDINGS = frozenset({".yaml", ".yml"})

_log = logging.getLogger(__name__)

_Signature = tuple[tuple[str, int, int], ...]
_NOT_READ: _Signature = (("", 0, 0),)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the manifests hold: the operations that can be run, and the others with the reason."""

    pipelines: tuple[Pipeline, ...] = ()
    tasks: tuple[Task, ...] = ()
    problems: tuple[Problem, ...] = ()


class Library:
    """The manifest directories. `read` blocks: call it from a worker thread."""

    def __init__(self, directories: Sequence[Path], namespace: str) -> None:
        """Read nothing yet.

        Args:
            directories: In order; operations of later ones replace those of earlier ones.
            namespace: That of the operations that name none.
        """
        self._directories = tuple(directories)
        self._namespace = namespace
        self._signature = _NOT_READ
        self._missing: list[Problem] = []
        self._loaded = Loaded()

    def read(self) -> Loaded:
        """What the directories hold: the same object as the last time when no file changed."""
        files, problems = self._find_files()
        signature = _sign(files)
        if (signature, problems) != (self._signature, self._missing):
            self._loaded = self._load(files, list(problems))
            self._signature, self._missing = signature, problems
        return self._loaded

    def _find_files(self) -> tuple[list[Path], list[Problem]]:
        files: list[Path] = []
        problems: list[Problem] = []
        for directory in self._directories:
            found, unread = _manifests_in(directory)
            files += sorted(found)
            problems += (Problem(str(path), OperationKind.PIPELINE, why) for path, why in unread)
        if len(files) > _MAX_FILES:
            reason = f"more than {_MAX_FILES} manifest files; those after it were not read"
            problems.append(Problem(str(files[_MAX_FILES]), OperationKind.PIPELINE, reason))
        return files[:_MAX_FILES], problems

    def _load(self, files: Sequence[Path], problems: list[Problem]) -> Loaded:
        found: dict[OperationKey, Operation] = {}
        for problem in problems:
            _log.warning("manifests %s: %s", problem.operation, problem.reason)
        for path in files:
            manifest = _read_file(path, self._namespace)
            found |= {operation.key: operation for operation in manifest.operations}
            problems += [_as_problem(bad, self._namespace) for bad in manifest.problems]
            for bad in manifest.problems:
                _log.warning("manifest %s", bad.error)
            for note in manifest.notes:
                _log.debug("manifest %s", note)
            for warning in manifest.warnings:
                _log.warning("manifest %s", warning)
        if len(found) > _MAX_OPERATIONS:
            reason = f"more than {_MAX_OPERATIONS} operations; those after it were left out"
            beyond = list(found)[_MAX_OPERATIONS]
            problems.append(Problem(beyond.name, beyond.kind, reason, beyond.namespace))
        return _sort_out(list(found.values())[:_MAX_OPERATIONS], problems)


def runs_here(host: str) -> bool:
    """Whether something meant for `host` may run on this machine.

    A node selector (`anymaster`) asks for any node of the cluster, and this is the only one.
    """
    return host.strip().lower() in _HERE | _SELECTORS


def refuse_task(task: Task) -> str:
    """Why the embedded engine cannot run `task`; empty when it can."""
    if not runs_here(task.host):
        return f"it runs on the host {task.host[:80]!r}, and the embedded engine has only localhost"
    if task.in_pod:
        return "it needs a container (runtimeImage or mounts), which only an Ops server provides"
    if any(step.transfers for step in task.steps):
        return "it transfers files, which only an Ops server does"
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


def _manifests_in(directory: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The manifest files at any depth, without hidden ones; and the directories not read, why."""
    unread: list[tuple[Path, str]] = []

    def leave(error: OSError) -> None:
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        why = "does not exist" if absent else f"cannot be read: {error.strerror}"
        unread.append((Path(error.filename), f"this directory of manifests {why}"))

    files: list[Path] = []
    for folder, inner, names in os.walk(directory, onerror=leave):
        inner[:] = [name for name in inner if not name.startswith(".")]
        paths = [Path(folder, name) for name in names if not name.startswith(".")]
        files += [path for path in paths if path.suffix in _ENDINGS and _is_file(path)]
    return files, unread


def _is_file(path: Path) -> bool:
    """Whether it is one, and no pipe for which a reader would wait."""
    try:
        return path.is_file()
    except OSError:
        return True  # Reading it will say why it cannot be read.


def _sign(files: Sequence[Path]) -> _Signature:
    """What changes when a file appears, vanishes or is written."""
    signature: list[tuple[str, int, int]] = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        signature.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(signature)


def _read_file(path: Path, namespace: str) -> Manifest:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
        return parse_manifest(content.decode(), str(path), namespace)
    except OSError:
        reason = "the file cannot be read"
    except UnicodeDecodeError:
        reason = "the file is not UTF-8 text"
    return Manifest(problems=(BadDocument(ManifestError(str(path), 0, reason)),))


def _as_problem(bad: BadDocument, namespace: str) -> Problem:
    kind = bad.kind or OperationKind.PIPELINE
    return Problem(bad.name or bad.error.path, kind, str(bad.error), namespace)


def _sort_out(operations: Sequence[Operation], problems: list[Problem]) -> Loaded:
    """Fill what can be run, and say of the rest why it cannot."""
    tasks = {op.key: op for op in operations if isinstance(op, Task)}
    refused = {key: reason for key, task in tasks.items() if (reason := refuse_task(task))}
    pipelines: list[Pipeline] = []
    for pipeline in (op for op in operations if isinstance(op, Pipeline)):
        if reason := _refuse_pipeline(pipeline, refused):
            problems.append(Problem(pipeline.name, pipeline.key.kind, reason, pipeline.namespace))
        else:
            pipelines.append(fill_pipeline(pipeline, _tasks_of(pipeline, tasks)))
    for key, reason in refused.items():
        problems.append(Problem(key.name, key.kind, reason, key.namespace))
    good = [fill_task(task) for key, task in tasks.items() if key not in refused]
    return Loaded(tuple(pipelines), tuple(good), tuple(problems))


def _tasks_of(pipeline: Pipeline, tasks: Mapping[OperationKey, Task]) -> Mapping[str, Task]:
    keys = [
        OperationKey(OperationKind.TASK, pipeline.namespace, ref.task) for ref in pipeline.tasks
    ]
    return MappingProxyType({key.name: tasks[key] for key in keys if key in tasks})


def _refuse_pipeline(pipeline: Pipeline, refused: Mapping[OperationKey, str]) -> str:
    for ref in pipeline.tasks:
        key = OperationKey(OperationKind.TASK, pipeline.namespace, ref.task)
        if reason := refused.get(key):
            return f"its task {ref.task!r} cannot run here: {reason}"
    return ""
