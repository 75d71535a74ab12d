"""Labels that do nothing: what they name is not there, or is decided otherwise. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from opsmcp_pipelines.kinds.declared import KIND_LABEL, BadKind, declared_kind
from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_pipelines.shell.operation import TEXT_LABEL
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.hints import LABELS
from opsmcp_tools.toolbox.lint.finding import Finding, Severity

__all__ = ["lint_labels", "unused_kinds"]

_PREFIX = "opsmcp/"
_KNOWN = (*LABELS, f"{_PREFIX}needs", KIND_LABEL, TEXT_LABEL)


def lint_labels(
    operation: Operation, tasks: Sequence[Task], users: Sequence[Pipeline]
) -> Iterator[Finding]:
    """Each label of the operation that changes nothing.

    Args:
        operation: What carries the labels.
        tasks: Its tasks.
        users: Of a task, the pipelines that run it, whose variables its labels may name.
    """
    every = (operation, *tasks, *users)
    variables = {variable.name: variable for one in every for variable in one.variables}
    results = {n for p in every if isinstance(p, Pipeline) for r in p.tasks for n in r.results}
    names = {*variables, *results}
    for key, text in operation.labels.items():
        if key.startswith(KIND_LABEL):
            name = key.removeprefix(KIND_LABEL)
            why = _nothing_called(name, names)
            variable = variables.get(name)
            if variable and variable.value:
                why = "its value is fixed, so that nobody can give it"
            elif variable and any(variable.enums) and not _declares_list(key, text):
                why = "its enums are what it may be"
            yield from _unused(key, why, name if name in names else "")
            yield from _contradictions(key, text, [t for t in tasks if t is not operation])
        elif key.startswith(TEXT_LABEL):
            yield from _unused(key, _answers_for_nothing(key, text, tasks, names))
        elif key.lower().startswith(_PREFIX) and key not in _KNOWN:
            yield from _unused(key, f"there is no such label{_near(key, _KNOWN)}")


def unused_kinds(kinds: Iterable[str], operations: Iterable[Operation]) -> Iterator[str]:
    """One sentence for each entry of `tools.kinds` that is about no variable."""
    known = {f"{one.name}.{v.name}" for one in operations for v in one.variables}
    names = {*known, *(name.partition(".")[2] for name in known)}
    for key in kinds:
        if key not in names:
            yield f"tools.kinds: there is no variable {quote(key, 80)}{_near(key, sorted(names))}"


def _contradictions(key: str, text: str, tasks: Sequence[Task]) -> Iterator[Finding]:
    """A kind that a task of the pipeline declares otherwise; that of the pipeline holds."""
    other = next((t for t in tasks if t.labels.get(key, text).strip() != text.strip()), None)
    if other is not None:
        message = f"the label {quote(key, 80)} says {quote(text, 60)}, and its task"
        message += (
            f" {quote(other.name, 60)} {quote(other.labels[key], 60)}; what the pipeline says holds"
        )
        yield Finding("bad-label", Severity.WARNING, message, label=key)


def _declares_list(key: str, text: str) -> bool:
    try:
        kind = declared_kind(key, text)
    except BadKind:
        return True  # Said where tools are made.
    return kind is not None and kind.is_list


def _answers_for_nothing(key: str, text: str, tasks: Sequence[Task], names: set[str]) -> str:
    step = key.removeprefix(TEXT_LABEL)
    steps = [one.name for task in tasks for one in task.steps]
    if step not in steps:
        return f"no step is called {quote(step, 60)}{_near(step, steps)}"
    wrong = next((n for n in text.split(".") if n not in names | {"output"}), None)
    return "" if wrong is None else _nothing_called(wrong, names | {"output"})


def _nothing_called(name: str, names: set[str]) -> str:
    if name in names:
        return ""
    return f"no variable or result is called {quote(name, 60)}{_near(name, sorted(names))}"


def _near(name: str, names: Sequence[str]) -> str:
    found = get_close_matches(name.lower()[:60], names, 1)
    return f"; {found[0]!r} is there" if found else ""


def _unused(key: str, why: str, variable: str = "") -> Iterator[Finding]:
    if why:
        message = f"the label {quote(key, 80)} does nothing: {why}"
        yield Finding("unused-label", Severity.WARNING, message, variable, label=key)
