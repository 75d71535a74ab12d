"""What authors could do better in scripts: where a value may not stand, and what it lacks there.

Each finding names its line, and what its author can write to answer it. Pure, but for the shell
parser, which is imported when the first script is read.
"""

from collections.abc import Iterator, Mapping, Sequence

from opsmcp_pipelines.kinds.declared import KIND_LABEL, BadKind
from opsmcp_pipelines.kinds.guess import is_reserved
from opsmcp_pipelines.kinds.kind import Separator, VariableKind
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task, TaskRef
from opsmcp_pipelines.shell.operation import TEXT_LABEL, OperationVerdict, Place
from opsmcp_pipelines.shell.references import find_references, language_of
from opsmcp_pipelines.shell.values import Rule
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.lint.finding import Finding, Severity, Spot
from opsmcp_tools.toolbox.lint.kinds import declare
from opsmcp_tools.toolbox.overrides import TO_DO
from opsmcp_tools.toolbox.script_check import check_scripts
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from opsmcp_tools.toolbox.variable_kinds import variable_kinds

__all__ = ["lint_scripts"]


def lint_scripts(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings
) -> Iterator[Finding]:
    """What no value may stand in, what its use makes of a guess, and what lacks quotes."""
    try:
        kinds = variable_kinds(operation, tasks, settings)
        verdict = check_scripts(operation, tasks, kinds, settings.values)
    except (UnusableOperation, BadKind):
        return  # Why there is no tool is said where tools are made.
    pasted = {
        "free-script": verdict.runs,
        "narrowed-value": verdict.narrowed,
        "output-in-script": verdict.printed,
    }
    results = {n for r in _refs(operation) for n in r.results}
    for rule, places in {"refused-value": verdict.refused, **pasted}.items():
        for place in dict.fromkeys(places):
            yield Finding(
                rule,
                Severity.ERROR,
                f"in {place}",
                place.finding.name,
                spot=_spot(place),
                answer=_answer(place, results, declarable=place.finding.name in kinds),
            )
    for name, guessed in kinds.items():
        kind = verdict.kinds[name]
        if guessed.guessed and str(kind) != str(guessed) and not is_reserved(name):
            labels = declare(operation, tasks, settings, {name: kind})
            yield _given_way(name, guessed, kind, verdict, tasks, labels)
    yield from _loops_and_quotes(operation, tasks, settings, verdict)


def _refs(operation: Operation) -> Sequence[TaskRef]:
    return operation.tasks if isinstance(operation, Pipeline) else ()


def _spot(place: Place) -> Spot | None:
    return Spot(place.task, place.step, place.finding.line) if place.task else None


def _answer(place: Place, results: set[str], *, declarable: bool) -> str:
    """The line of YAML that only the author can vouch for; empty where there is none."""
    name, rule = place.finding.name, place.finding.rule
    printed = not declarable and name not in results
    if name in results:
        return f"{KIND_LABEL}{name}: {TO_DO}"
    if rule is Rule.TEXT and name:
        return f"{TEXT_LABEL}{place.step}: {'output' if printed else name}"
    if rule is Rule.NUMBER and declarable and not is_reserved(name):
        return f"{KIND_LABEL}{name}: count"
    return f"enums: [{TO_DO}]" if rule.runs and declarable else ""


def _given_way(
    name: str,
    guessed: VariableKind,
    kind: VariableKind,
    verdict: OperationVerdict,
    tasks: Sequence[Task],
    labels: Mapping[str, str],
) -> Finding:
    """A kind that nobody declared, and that its use makes another one."""
    label = f"{KIND_LABEL}{name}: {kind}"
    place = next((one for one in verdict.words if one.finding.name == name), None)
    if place is not None:
        message = f"by its name it would be {guessed}, which may not stand there: {place}"
        return Finding(
            "narrowed-guess",
            Severity.NOTE,
            f"{message}. So it is taken for {_article(kind)}. If that is right, say so: {label}",
            name,
            spot=_spot(place),
            answer=label,
        )
    used = {(task, step) for task, step, one, _ in verdict.needs if one == name}
    places = [_first(t, s, name) for t in tasks for s in t.steps if (t.name, s.name) in used]
    where = ", ".join(dict.fromkeys(clean_line(place.step, 80) for place in places[:3]))
    message = f"by its name it would be {_article(guessed)}, and step {where} takes it for"
    return Finding(
        "narrowed-guess",
        Severity.NOTE,
        f"{message} {_article(kind)}, which is what callers can give. If that is right, say so:"
        f" {label}",
        name,
        {"variables": {name: {"kind": str(kind)}}},
        spot=next(iter(places), None),
        labels=labels,
    )


def _article(kind: VariableKind) -> str:
    what = f"list ({kind})" if kind.is_list else str(kind)
    return f"{'an' if what[0] in 'aeio' else 'a'} {what}"


def _first(task: Task, step: Step, name: str) -> Spot:
    """Where the step names a variable first."""
    found = next(find_references(step.content, (name,)), None)
    before = step.content[: found.start] if found else ""
    return Spot(task.name, step.name, before.count("\n") + 1)


def _loops_and_quotes(
    operation: Operation, tasks: Sequence[Task], settings: ToolSettings, verdict: OperationVerdict
) -> Iterator[Finding]:
    # The parser is native code that most commands never need.
    from opsmcp_pipelines.shell.quoting import find_loops, find_unquoted

    lists = {name: kind for name, kind in verdict.kinds.items() if kind.is_list}
    for task in tasks:
        names = {variable.name for variable in (*task.variables, *operation.variables)}
        for step in task.steps:
            if not names or "${" not in step.content or language_of(step.content) == "python":
                continue
            for name in find_unquoted(step.content, names):
                yield _unquoted(name, _first(task, step, name), is_list=name in lists)
            for name in find_loops(step.content, lists):
                if lists[name].separator is Separator.COMMA:
                    blank = VariableKind(lists[name].kind, Separator.BLANK)
                    labels = declare(operation, tasks, settings, {name: blank})
                    yield _one_word(name, _first(task, step, name), blank, labels)


def _unquoted(name: str, spot: Spot, *, is_list: bool) -> Finding:
    where = clean_line(f"{spot.task}/{spot.step}", 80)
    message = f'it is unquoted in step {where}: write "${{{name}}}"'
    if is_list:
        message += ", where the list is one word, or loop over it (docs/tools.md, Lists)"
    return Finding(
        "unquoted-variable", Severity.WARNING, message, name, spot=spot, quotes=not is_list
    )


def _one_word(name: str, spot: Spot, blank: VariableKind, labels: Mapping[str, str]) -> Finding:
    message = f"it is a list with commas, and one word for the loop in step {spot.step}. Say that"
    message += f" blanks join it: {KIND_LABEL}{name}: {blank}"
    return Finding("list-separator", Severity.WARNING, message, name, spot=spot, labels=labels)
