"""Whether all scripts of an operation keep their values data: one answer for tools, lint and plans.

Decides by source: where values travel as variables, whatever may not stand where it stands refuses
the operation. Where they are pasted (Ops), the authors did not write for opsmcp: inert values are
narrowed instead, what would be run makes it a free script, and only text refuses it. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from opsmcp_pipelines.kinds.kind import Kind, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import class_of
from opsmcp_pipelines.kinds.narrow import Need, forced, narrowed
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task, Transfer, result_names
from opsmcp_pipelines.shell.check import check
from opsmcp_pipelines.shell.references import find_references, own_names, unfold
from opsmcp_pipelines.shell.values import OF_AUTHOR, OUTPUT, Finding, Rule, Value, Verdict

__all__ = ["TEXT_LABEL", "OperationVerdict", "Place", "check_operation"]

TEXT_LABEL = "opsmcp/text."
"""The label by which an author answers for text in a step; the step's name follows."""

_OF_STEP: Mapping[str, Value] = {
    "HOSTNAME": Value(VariableKind(Kind.HOST)),
    "NAMESPACE": Value(VariableKind(Kind.KUBERNETES_NAME)),
    "TASK": Value(VariableKind(Kind.KUBERNETES_NAME)),
    "TASKRUN": Value(VariableKind(Kind.KUBERNETES_NAME)),
    "TIME": Value(VariableKind(Kind.TIME)),
    "status": OF_AUTHOR,
    "output": OUTPUT,
    "result": OUTPUT,
}
_NEEDS = {Rule.NUMBER: Need.NUMBER, Rule.OPTION: Need.OPTION}


@dataclass(frozen=True, slots=True)
class Place:
    """A finding, and the step that it is in."""

    task: str
    step: str
    finding: Finding

    def __str__(self) -> str:
        """For people: `task report, step tell, line 4: ...`."""
        said = str(self.finding).replace("opsmcp/text.STEP", f"opsmcp/text.{self.step[:80]}")
        return f"task {self.task[:80]}, step {self.step[:80]}, {said}"


@dataclass(frozen=True, slots=True)
class OperationVerdict:
    """What was found in all steps of an operation.

    Attributes:
        kinds: The kind of each variable, narrowed by where it stands.
        refused: What withholds the operation.
        runs: Where values are run, on a source of which that is not refused.
        narrowed: Where values should stand otherwise, on such a source.
        printed: Where such a source pastes what a step printed.
        beginnings: Variables of text that must not begin like an option.
        vouched: Steps and variables of which an author answers for text.
        needs: Task, step and variable of each place that takes less than some kind holds.
        words: Where what is text by its name may not stand as such, so that it is one word.
    """

    kinds: Mapping[str, VariableKind]
    refused: tuple[Place, ...] = ()
    runs: tuple[Place, ...] = ()
    narrowed: tuple[Place, ...] = ()
    printed: tuple[Place, ...] = ()
    beginnings: frozenset[str] = frozenset()
    vouched: tuple[tuple[str, str], ...] = ()
    needs: tuple[tuple[str, str, str, Need], ...] = ()
    words: tuple[Place, ...] = ()


def check_operation(
    operation: Operation,
    tasks: Sequence[Task],
    kinds: Mapping[str, VariableKind],
    *,
    pasted: bool,
    declared: Mapping[str, VariableKind] | None = None,
    roots: tuple[str, ...] = (),
) -> OperationVerdict:
    """Check every step of an operation.

    Args:
        operation: What a caller runs.
        tasks: Its tasks, in order.
        kinds: The kind of each variable; `BOUND` for what the author or the settings fix.
        pasted: Whether the source pastes values as text.
        declared: The kinds that labels declare, which results are checked by when they are made.
        roots: The folders below which paths must be.
    """
    checked = _Operation(operation, tasks, kinds, declared or {}, roots, pasted=pasted)
    verdict = checked.verdict()
    # What is text only by its name is a word where it stands as no text may.
    held = [
        place
        for place in (*verdict.refused, *verdict.narrowed)
        if (kind := kinds.get(place.finding.name)) and kind.kind is Kind.TEXT and kind.guessed
    ]
    if not held:
        return verdict
    instead = {place.finding.name: VariableKind(Kind.TOKEN, guessed=True) for place in held}
    again = replace(checked, kinds={**kinds, **instead}).verdict()
    return replace(again, words=tuple(held))


@dataclass(frozen=True)
class _Operation:
    operation: Operation
    tasks: Sequence[Task]
    kinds: Mapping[str, VariableKind]
    declared: Mapping[str, VariableKind]
    roots: tuple[str, ...]
    pasted: bool

    def verdict(self) -> OperationVerdict:
        every = [
            (task, step, self._values(task, step)) for task in self.tasks for step in task.steps
        ]
        found = [(*one, self._checked(*one)) for one in every]
        places = [
            Place(task.name, step.name, finding)
            for task, step, values, verdict in found
            for finding in (*verdict.findings, *self._elsewhere(task, step, values))
        ]
        needs = [
            (task.name, step.name, name, need)
            for task, step, _, verdict in found
            for name, taken in verdict.needs.items()
            for need in sorted(taken)
        ]
        kinds, unfit = self._narrowed([(name, need) for *_, name, need in needs], places)
        runs = [place for place in places if self._is_let(place) and place.finding.rule.runs]
        let = [place for place in places if self._is_let(place) and not place.finding.rule.runs]
        printed = [p for p in places if self.pasted and self._is_printed(p.finding.name)]
        rest = [p for p in places if p not in runs and p not in let and p not in printed]
        return OperationVerdict(
            kinds,
            (*rest, *unfit),
            tuple(runs),
            tuple(let),
            tuple(printed),
            frozenset(name for *_, verdict in found for name in verdict.beginnings),
            tuple(dict.fromkeys(v for _, step, values in every for v in _vouched(step, values))),
            tuple(needs),
        )

    def _is_let(self, place: Place) -> bool:
        """Whether the source lets a value stand there, so that it is narrowed at the most."""
        rule, name = place.finding.rule, place.finding.name
        return self.pasted and rule is not Rule.TEXT and not self._is_printed(name)

    def _is_printed(self, name: str) -> bool:
        return (
            name in ("output", "result")
            or name.endswith(".output")
            or (name in self._results and name not in self.declared)
        )

    @cached_property
    def _results(self) -> frozenset[str]:
        return frozenset(result_names(self.operation))

    def _narrowed(
        self, needs: Iterable[tuple[str, Need]], places: Iterable[Place]
    ) -> tuple[Mapping[str, VariableKind], list[Place]]:
        """The kinds with what their places take; and the places that contradict each other."""
        kinds, unfit = dict(self.kinds), list[Place]()
        wanted = [*needs]
        if self.pasted:
            wanted += [need for place in places for need in self._forced(place)]
        for name, need in sorted(set(wanted)):
            if name not in kinds:
                continue
            kind = narrowed(kinds[name], need)
            if kind is None and not self.pasted:
                reason = f'"${{{name}}}" stands where different kinds are needed'
                unfit.append(Place("", "", Finding(Rule.NUMBER, name, 1, reason)))
            kinds[name] = kind or forced(kinds[name], need)
        return kinds, unfit

    def _forced(self, place: Place) -> Iterator[tuple[str, Need]]:
        finding = place.finding
        if self._is_let(place) and not finding.rule.runs:
            names = [finding.name] if finding.name else list(self._used(place))
            yield from ((name, _NEEDS.get(finding.rule, Need.NAME)) for name in names)

    def _used(self, place: Place) -> Iterator[str]:
        """The variables in a step that could not be read."""
        for task in self.tasks:
            for step in task.steps:
                if (task.name, step.name) == (place.task, place.step):
                    yield from (found.name for found in find_references(step.content, self.kinds))

    def _checked(self, task: Task, step: Step, values: Mapping[str, Value]) -> Verdict:
        fixed = {v.name: v.value for v in (*self.operation.variables, *task.variables) if v.value}
        content = unfold(step.content, fixed)
        own = own_names(content, self._declared_in(task))
        return check(content, {n: v for n, v in values.items() if n not in own}, pasted=self.pasted)

    def _declared_in(self, task: Task) -> set[str]:
        return {v.name for v in (*self.operation.variables, *task.variables)} | self._results

    def _values(self, task: Task, step: Step) -> dict[str, Value]:
        values = dict(_OF_STEP)
        values |= dict.fromkeys(self._results, OUTPUT)
        outer = self.operation.variables if isinstance(self.operation, Pipeline) else ()
        for variable in (*outer, *task.variables):
            kind = self.kinds.get(variable.name)
            printed = variable.name in self._results
            bound = kind is not None and kind.kind is Kind.BOUND
            if variable.value or (bound and not printed):  # A result comes before what is filled.
                values[variable.name] = OF_AUTHOR
            elif kind is not None and not printed:
                values[variable.name] = Value(kind, roots=self.roots)
            elif not printed:
                values[variable.name] = OF_AUTHOR  # No caller can give it.
        for name, kind in self.declared.items():
            if name in self._results:
                values[name] = Value(kind)
        # Whatever else is called so: the step's output is what arrives.
        values |= {f"steps.{other.name}.output": OUTPUT for other in task.steps}
        by = (self.operation.labels, task.labels)
        vouched = {name for labels in by for own, name in _answered(labels) if own == step.name}
        return {
            name: replace(value, vouched=True)
            if name in vouched or (value.output and "output" in vouched)
            else value
            for name, value in values.items()
        }

    def _elsewhere(self, task: Task, step: Step, values: Mapping[str, Value]) -> Iterator[Finding]:
        """Values in names of files; and in conditions, which are text to a source that pastes."""
        file = step.transfer or Transfer()
        texts = {"the name of a file": f"{file.local_file} {file.remote_file}"}
        if self.pasted:
            texts = {
                "the name of a file": step.more,
                "a condition": f"{step.when} {step.allow_failure}",
                "how the task is run": task.more,
                "another variable": " ".join(v.default or "" for v in self.operation.variables),
            }
        for where, text in texts.items():
            for found in find_references(text, values):
                value = values[found.name]
                if found.name in _OF_STEP and not value.is_text:
                    continue  # The source fills it itself.
                if value.is_text or not (value.is_author or _is_plain(value.kind)):
                    rule = Rule.TEXT if value.is_text else Rule.SHELL
                    reason = f'"${{{found.name}}}" is part of {where}, where only a name may stand'
                    yield Finding(rule, found.name, 1, reason)


def _vouched(step: Step, values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """The step with each of its texts that a label answers for, of those that there are."""
    for name, value in values.items():
        if value.vouched and value.is_text and not value.is_author:
            yield step.name, "output" if value.output else name


def _answered(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Step and variable of each text that labels answer for."""
    for key, names in labels.items():
        if key.startswith(TEXT_LABEL):
            yield from ((key.removeprefix(TEXT_LABEL), name) for name in names.split("."))


def _is_plain(kind: VariableKind) -> bool:
    """Whether no value holds what a condition of Ops takes for an operator."""
    signs = frozenset({Kind.URL, Kind.SELECTOR, Kind.PATTERN})
    return class_of(kind) in (ValueClass.NAME, ValueClass.ADDRESS) and kind.kind not in signs
