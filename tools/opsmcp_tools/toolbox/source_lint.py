"""What authors could do better: whatever in a source makes its tools harder or riskier to use.

`lint` asks whether one built tool may be listed; this asks of every operation whether a model will
choose it rightly and fill it safely, and suggests settings where the manifests cannot be changed.
Pure, but for the shell parser, which is imported when the first script is read.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.kinds.go_regex import matches, parse_pattern
from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import is_secret_name, words_of
from opsmcp_pipelines.models import Operation, OperationKey, Pipeline, Task, Variable
from opsmcp_tools.model.tool import Hints, JsonObject
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.toolbox.description import is_thin
from opsmcp_tools.toolbox.finding import Finding, Severity, Spot
from opsmcp_tools.toolbox.hints import LABELS, infer_hints, label_fault, weigh_tasks
from opsmcp_tools.toolbox.kind_lint import lint_kinds
from opsmcp_tools.toolbox.label_lint import lint_labels, unused_kinds
from opsmcp_tools.toolbox.naming import MAX_NAME_LENGTH
from opsmcp_tools.toolbox.overrides import TO_DO, Override, check_overrides
from opsmcp_tools.toolbox.read_only.author_words import CHINESE, names_destruction, says_change
from opsmcp_tools.toolbox.script_lint import lint_scripts
from opsmcp_tools.toolbox.step_conditions import (
    ConditionFault,
    find_faults,
    find_repeated_names,
    find_unset,
    find_unset_results,
    silent_stops,
)
from opsmcp_tools.toolbox.tool_settings import ToolSettings

__all__ = ["Finding", "Report", "Severity", "lint_source", "suggest_settings"]

_FEWEST_WORDS = 3
_NESTED_REPEAT = re.compile(r"\([^()]*[+*][^()]*\)[+*{]")
_SCRIPT_SIGNS = re.compile(r"[\n;|&`]|\$\(")
_TODO = f"{TO_DO}: what it does, on what, and when"
_TODO_VARIABLE = f"{TO_DO}: what it is"


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


@dataclass(frozen=True, slots=True)
class _Subject:
    """An operation, in the words that settings give it, with what belongs to it."""

    operation: Operation
    said: Override
    tasks: tuple[Task, ...]
    settings: ToolSettings
    users: tuple[Pipeline, ...] = ()
    alike: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.operation.variables


def lint_source(
    catalogue: Catalogue, settings: ToolSettings
) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    """A report on each operation that becomes a tool, the worst first; and bad settings."""
    users = _users(catalogue.contents.pipelines)
    subjects = [
        _subject(operation, catalogue, settings, users)
        for operation in catalogue.operations.values()
        if settings.exposure.covers(operation)
    ]
    alike = _alike(subject.operation for subject in subjects)
    reports = [Report(subject.operation, tuple(_inspect(subject, alike))) for subject in subjects]
    reports.sort(key=lambda report: (report.score, str(report.operation.key)))
    operations = tuple(catalogue.operations.values())
    overrides = check_overrides(settings.overrides, operations)
    return tuple(reports), (*overrides, *unused_kinds(settings.kinds, operations))


def _subject(
    operation: Operation,
    catalogue: Catalogue,
    settings: ToolSettings,
    users: Mapping[OperationKey, Sequence[Pipeline]],
) -> _Subject:
    """The operation with the words that settings put in place of its author's."""
    said = settings.override_of(operation)
    variables = tuple(map(said.on, operation.variables))
    told = replace(operation, desc=said.description or operation.desc, variables=variables)
    own = tuple(users.get(operation.key, ()))
    return _Subject(told, said, _tasks_of(operation, catalogue), settings, own)


def _users(pipelines: Iterable[Pipeline]) -> Mapping[OperationKey, Sequence[Pipeline]]:
    """The pipelines that run each task."""
    found = defaultdict[OperationKey, list[Pipeline]](list)
    for pipeline in pipelines:
        for key in set(pipeline.task_keys):
            found[key].append(pipeline)
    return found


def _inspect(subject: _Subject, alike: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    operation = subject.operation
    same = tuple(name for name in alike.get(_told(operation), ()) if name != operation.name)
    for rule in _RULES:
        yield from rule(replace(subject, alike=same))


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


def _description(subject: _Subject) -> Iterator[Finding]:
    operation = subject.operation
    help_: JsonObject = {"description": _TODO}
    if not clean_line(operation.desc, 400):
        yield Finding("missing-description", Severity.ERROR, "it has no desc", override=help_)
    elif is_thin(operation):
        message = f"its desc {clean_line(operation.desc, 60)!r} says no more than its name"
        yield Finding("vague-description", Severity.WARNING, message, override=help_)
    elif _count_words(operation.desc) < _FEWEST_WORDS:
        message = f"its desc {clean_line(operation.desc, 60)!r} is too short to choose by"
        yield Finding("vague-description", Severity.WARNING, message, override=help_)


def _count_words(text: str) -> float:
    """How many words there are; Chinese has no blanks between them, and most are two signs."""
    signs = CHINESE.findall(text)
    return len(CHINESE.sub(" ", text).split()) + len(signs) / 2


def _siblings(subject: _Subject) -> Iterator[Finding]:
    if subject.alike:
        others = ", ".join(subject.alike[:3])
        message = f"its desc is also that of {others}; say when to take which"
        yield Finding(
            "ambiguous-siblings", Severity.WARNING, message, override={"description": _TODO}
        )


def _name(subject: _Subject) -> Iterator[Finding]:
    name = subject.operation.name
    if len(name) > MAX_NAME_LENGTH:
        message = f"its name is longer than {MAX_NAME_LENGTH} characters and is shortened"
        yield Finding("long-name", Severity.NOTE, message)


def _hint(subject: _Subject) -> Iterator[Finding]:
    operation = subject.operation
    fault = label_fault(operation.labels)
    if fault:
        yield Finding("bad-label", Severity.ERROR, fault, label=_first_label(operation))
    by_author = infer_hints(operation, subject.tasks, {})
    said = subject.settings.hints_of(operation.name, subject.said)
    hints = infer_hints(operation, subject.tasks, said)
    if not hints.known:
        if any(task.steps for task in subject.tasks):
            yield _nothing_said(subject)
    elif hints.contested:
        message = (
            f"it is labelled read-only and runs {hints.contested}: a person is asked before it"
            " runs. Correct one of them; tools.hints in the settings can vouch for it"
        )
        yield Finding("bad-label", Severity.WARNING, message, label="opsmcp/read-only")
    elif hints == by_author and not (subject.said.hints or fault):
        yield from _words_and_labels(operation, hints)


def _words_and_labels(operation: Operation, hints: Hints) -> Iterator[Finding]:
    """Where the author's words and labels do not go together, or only words tell of harm."""
    label = _first_label(operation)
    if hints.read_only and says_change(operation):
        message = (
            "its words say that something is changed, and a label that it only reads, which holds:"
            " nobody is asked before it runs. Correct one of them"
        )
        yield Finding("bad-label", Severity.WARNING, message, label=label)
    word = "" if label else names_destruction(operation)
    if word:
        message = f"the word {word!r} sounds destructive; label it opsmcp/destructive or read-only"
        yield Finding("no-hint", Severity.NOTE, message, override={"hints": {"destructive": True}})


def _first_label(operation: Operation) -> str:
    return next((label for label in LABELS if label in operation.labels), "")


def _nothing_said(subject: _Subject) -> Finding:
    """What an operation lacks that is neither known to read nor said to change."""
    unknown = weigh_tasks(subject.tasks).unknown
    why = f"{unknown} is not known to read only" if unknown else "its words do not say it reads"
    message = (
        f"nothing says whether it changes something: {why}. "
        'Label it opsmcp/read-only: "true" if it changes nothing; else "false"'
    )
    if "opsmcp/destructive" not in subject.operation.labels:
        message += ', with opsmcp/destructive: "false" if it can do no harm'
    return Finding(
        "no-hint",
        Severity.WARNING,
        message,
        override={"hints": {"read_only": False}},
        label="opsmcp/read-only",
    )


def _meaning(subject: _Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        untold = not (variable.display or variable.desc or variable.examples)
        if untold and kind_of(variable).kind is Kind.TOKEN:
            yield Finding(
                "no-display",
                Severity.WARNING,
                "nothing says what its value means: give it a display, desc or examples",
                variable.name,
                {"variables": {variable.name: {"description": _TODO_VARIABLE}}},
            )


def _secrets(subject: _Subject) -> Iterator[Finding]:
    bind, own = subject.settings.bind, subject.operation.name
    for variable in subject.variables:
        preset = variable.value or variable.default
        words = subject.said.variables.get(variable.name)
        bound = variable.name in bind or f"{own}.{variable.name}" in bind
        bound |= words is not None and words.bound is not None
        if is_secret_name(variable.name) and variable.required and not (preset or bound):
            message = f"it is a secret without a value: set bind.{variable.name}"
            yield Finding("unbound-secret", Severity.ERROR, message, variable.name)


def _fixed(subject: _Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        if variable.value and _SCRIPT_SIGNS.search(variable.value):
            message = "its fixed value is a script, which no reader of the steps sees"
            yield Finding("hidden-script", Severity.WARNING, message, variable.name)


def _regex(subject: _Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        if not variable.regex:
            continue
        if parse_pattern(variable.regex) is None:
            message = (
                f"its regex {quote(variable.regex)} cannot be used: it is not RE2, as Go has it"
            )
            yield Finding("bad-regex", Severity.ERROR, message, variable.name)
        elif _NESTED_REPEAT.search(variable.regex):
            message = "its regex repeats a repetition: some clients would hang on it"
            yield Finding("hostile-regex", Severity.WARNING, message, variable.name)


def _default(subject: _Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        wrong = _why_not_allowed(variable)
        if wrong:
            yield Finding("bad-default", Severity.WARNING, wrong, variable.name)


def _why_not_allowed(variable: Variable) -> str:
    """What keeps a caller from giving the value that leaving it out means; empty if nothing."""
    default = variable.default
    if not default or is_secret_name(variable.name):
        return ""
    if variable.enums and default not in variable.enums:
        return f"its default {quote(default)} is none of its enums"
    pattern = parse_pattern(variable.regex) if variable.regex else None
    if pattern and not matches(pattern.whole, default):
        return f"its default {quote(default)} does not match its regex"
    return ""


def _kinds(subject: _Subject) -> Iterator[Finding]:
    yield from lint_kinds(subject.operation, subject.tasks, subject.settings)


def _scripts(subject: _Subject) -> Iterator[Finding]:
    yield from lint_scripts(subject.operation, subject.tasks, subject.settings)


def _labels(subject: _Subject) -> Iterator[Finding]:
    yield from lint_labels(subject.operation, subject.tasks, subject.users)


def _conditions(subject: _Subject) -> Iterator[Finding]:
    operation, tasks = subject.operation, subject.tasks
    if subject.settings.values.pasted:
        yield from (_unreadable(fault) for fault in silent_stops(tasks))
        return
    yield from (_unreadable(fault) for fault in find_faults(operation, tasks))
    for fault in find_unset(operation, tasks):
        yield replace(_unreadable(fault), rule="unset-name", severity=Severity.WARNING)


def _results(subject: _Subject) -> Iterator[Finding]:
    # On Ops a run goes on with an empty text; the embedded engine withholds the operation.
    severity = Severity.WARNING if subject.settings.values.pasted else Severity.ERROR
    for message in find_unset_results(subject.operation, subject.tasks):
        yield Finding("unset-result", severity, message)


def _unreadable(fault: ConditionFault) -> Finding:
    spot = Spot(fault.task, fault.step, 0, fault.where)
    return Finding("unreadable-condition", Severity.ERROR, str(fault), spot=spot)


def _repeated_names(subject: _Subject) -> Iterator[Finding]:
    # The embedded engine reports each task.
    pasted = subject.settings.values.pasted
    for message in find_repeated_names(subject.operation) if pasted else ():
        yield Finding("same-task-name", Severity.WARNING, message)


_RULES: tuple[Callable[[_Subject], Iterator[Finding]], ...] = (
    _description,
    _siblings,
    _name,
    _hint,
    _meaning,
    _secrets,
    _fixed,
    _regex,
    _default,
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
