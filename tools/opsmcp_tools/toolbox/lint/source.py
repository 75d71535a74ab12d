"""A report on each operation of a source, the worst first, and the settings that would help.

`tool_lint` asks whether one built tool may be listed; this asks of every operation whether a model
will choose it rightly and fill it safely, and suggests settings where the manifests cannot be
changed. Pure, but for the shell parser, which is imported when the first script is read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.models import Operation
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.toolbox.lint.finding import Finding, Severity, Spot
from opsmcp_tools.toolbox.lint.kinds import lint_kinds
from opsmcp_tools.toolbox.lint.labels import lint_labels, unused_kinds
from opsmcp_tools.toolbox.lint.scripts import lint_scripts
from opsmcp_tools.toolbox.lint.subject import Subject, subjects_of
from opsmcp_tools.toolbox.lint.variables import lint_variables
from opsmcp_tools.toolbox.lint.words import (
    lint_description,
    lint_hint,
    lint_name,
    lint_siblings,
)
from opsmcp_tools.toolbox.overrides import check_overrides
from opsmcp_tools.toolbox.step_conditions import (
    ConditionFault,
    find_faults,
    find_repeated_names,
    find_unset_results,
    silent_stops,
)
from opsmcp_tools.toolbox.tool_settings import ToolSettings

__all__ = ["Report", "lint_source", "suggest_settings"]

_POINTS: Mapping[Severity, int] = MappingProxyType(
    {Severity.ERROR: 30, Severity.WARNING: 10, Severity.NOTE: 3}
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one operation."""

    operation: Operation
    findings: tuple[Finding, ...]

    @property
    def score(self) -> int:
        """From 0 to 100; 100 when nothing was found."""
        return max(0, 100 - sum(_POINTS[finding.severity] for finding in self.findings))


def lint_source(
    catalogue: Catalogue, settings: ToolSettings
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """A report on each operation that becomes a tool, the worst first; and bad settings."""
    reports = [
        Report(subject.operation, tuple(finding for rule in _RULES for finding in rule(subject)))
        for subject in subjects_of(catalogue, settings)
    ]
    reports.sort(key=lambda report: (report.score, str(report.operation.key)))
    operations = tuple(catalogue.operations.values())
    overrides = check_overrides(settings.overrides, operations)
    return tuple(reports), (*overrides, *unused_kinds(settings.kinds, operations))


def _kinds(subject: Subject) -> Iterator[Finding]:
    yield from lint_kinds(subject.operation, subject.tasks, subject.settings)


def _scripts(subject: Subject) -> Iterator[Finding]:
    yield from lint_scripts(subject.operation, subject.tasks, subject.settings)


def _labels(subject: Subject) -> Iterator[Finding]:
    yield from lint_labels(subject.operation, subject.tasks, subject.users)


def _conditions(subject: Subject) -> Iterator[Finding]:
    operation, tasks = subject.operation, subject.tasks
    if subject.settings.values.pasted:
        yield from (_unreadable(fault) for fault in silent_stops(tasks))
        return
    for fault in find_faults(operation, tasks):
        said = _unreadable(fault)
        unset = replace(said, rule="unset-name", severity=Severity.WARNING)
        yield said if fault.is_fatal else unset


def _results(subject: Subject) -> Iterator[Finding]:
    # On Ops a run goes on with an empty text; the embedded engine withholds the operation.
    severity = Severity.WARNING if subject.settings.values.pasted else Severity.ERROR
    for message in find_unset_results(subject.operation, subject.tasks):
        yield Finding("unset-result", severity, message)


def _unreadable(fault: ConditionFault) -> Finding:
    spot = Spot(fault.task, fault.step, 0, fault.where)
    return Finding("unreadable-condition", Severity.ERROR, str(fault), spot=spot)


def _repeated_names(subject: Subject) -> Iterator[Finding]:
    # The embedded engine reports each task.
    pasted = subject.settings.values.pasted
    for message in find_repeated_names(subject.operation) if pasted else ():
        yield Finding("same-task-name", Severity.WARNING, message)


_RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    lint_description,
    lint_siblings,
    lint_name,
    lint_hint,
    lint_variables,
    _kinds,
    _labels,
    _scripts,
    _conditions,
    _results,
    _repeated_names,
)


def suggest_settings(reports: Iterable[Report]) -> JsonObject:
    """A piece of `opsmcp.yaml` to fill in; empty when nothing could be helped by settings."""
    overrides: dict[str, JsonObject] = {}
    bind: dict[str, object] = {}
    for report in reports:
        for finding in report.findings:
            if finding.override:
                _merge(overrides.setdefault(report.operation.name, {}), finding.override)
            if finding.rule == "unbound-secret":
                bind[finding.variable] = {"env": finding.variable.upper().replace("-", "_")}
    patch: JsonObject = {"tools": {"overrides": overrides}} if overrides else {}
    return patch | ({"bind": bind} if bind else {})


def _merge(into: JsonObject, more: JsonObject) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            into[key] = dict(value) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType]
