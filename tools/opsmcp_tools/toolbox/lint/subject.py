"""What is looked at: an operation with all that belongs to it, in the words of the settings."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation, OperationKey, Pipeline, Task, Variable
from opsmcp_tools.toolbox.overrides import Override
from opsmcp_tools.toolbox.tool_settings import ToolSettings

__all__ = ["Subject", "subjects_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """An operation, in the words that settings give it, with what belongs to it."""

    operation: Operation
    said: Override
    tasks: tuple[Task, ...]
    settings: ToolSettings
    users: tuple[Pipeline, ...] = ()
    alike: tuple[str, ...] = ()
    """Other operations with its description."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those of the operation."""
        return self.operation.variables


def subjects_of(catalogue: Catalogue, settings: ToolSettings) -> list[Subject]:
    """Every operation that becomes a tool."""
    users = _users(catalogue.contents.pipelines)
    subjects = [
        _subject(operation, catalogue, settings, users)
        for operation in catalogue.operations.values()
        if settings.exposure.covers(operation)
    ]
    alike = _alike(subject.operation for subject in subjects)
    return [replace(subject, alike=_others(subject.operation, alike)) for subject in subjects]


def _others(operation: Operation, alike: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    same = alike.get(_told(operation), ())
    return tuple(name for name in same if name != operation.name)


def _subject(
    operation: Operation,
    catalogue: Catalogue,
    settings: ToolSettings,
    users: Mapping[OperationKey, Sequence[Pipeline]],
) -> Subject:
    """The operation with the words that settings put in place of its author's."""
    said = settings.override_of(operation)
    variables = tuple(map(said.on, operation.variables))
    told = replace(operation, desc=said.description or operation.desc, variables=variables)
    own = tuple(users.get(operation.key, ()))
    return Subject(told, said, _tasks_of(operation, catalogue), settings, own)


def _users(pipelines: Iterable[Pipeline]) -> Mapping[OperationKey, Sequence[Pipeline]]:
    """The pipelines that run each task."""
    found = defaultdict[OperationKey, list[Pipeline]](list)
    for pipeline in pipelines:
        for key in set(pipeline.task_keys):
            found[key].append(pipeline)
    return found


def _tasks_of(operation: Operation, catalogue: Catalogue) -> tuple[Task, ...]:
    if isinstance(operation, Task):
        return (operation,)
    found = map(catalogue.find_task, operation.task_keys)
    return tuple(task for task in found if task is not None)


def _told(operation: Operation) -> str:
    return " ".join(words_of(operation.desc))


def _alike(operations: Iterable[Operation]) -> Mapping[str, tuple[str, ...]]:
    """Descriptions that several operations share, with those operations' names."""
    same: dict[str, set[str]] = defaultdict(set)
    for operation in operations:
        if operation.desc:
            same[_told(operation)].add(operation.name)
    return {told: tuple(sorted(names)) for told, names in same.items() if len(names) > 1}
