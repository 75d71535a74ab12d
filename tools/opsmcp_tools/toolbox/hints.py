"""What a client may assume of a tool: read-only, destructive, idempotent.

Clients start what only reads without asking, so it is decided by what is known to read. Labels of
the operation say it, and settings beat them. A label that it only reads is believed unless a step
is seen to delete, stop or restart something: then both are told, and a person is asked. Where
neither says it, every command of every step must be known to read (`reading`), and no word of the
author may order a change. Where a service is asked, or a program that nobody knows, the author's
words must say that it only looks, and no step may be seen to change anything. What changes is told
by the author's verbs. The rest is not known: the worst is assumed of it, and nothing is claimed.
Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.toolbox.read_only.author_words import (
    can_be_repeated,
    destroys,
    says_change,
    says_reading,
)
from opsmcp_tools.toolbox.read_only.evidence import Evidence, Proof
from opsmcp_tools.toolbox.read_only.script import seen_change, weigh_script
from opsmcp_tools.toolbox.read_only.verbs import is_changing

__all__ = ["LABELS", "infer_hints", "label_fault", "weigh_tasks"]

LABELS: Mapping[str, str] = {
    "opsmcp/read-only": "read_only",
    "opsmcp/destructive": "destructive",
    "opsmcp/idempotent": "idempotent",
}

_CODE_SIGNS = re.compile(r"[\n;|&`]|\$\(")
_TRUTH = {"true": True, "false": False}
_UNKNOWN = Hints(read_only=False, destructive=True, idempotent=False, known=False)
_READS = Hints(read_only=True, destructive=False, idempotent=True)


def infer_hints(
    operation: Operation,
    tasks: Sequence[Task],
    settings: Mapping[str, Mapping[str, bool]],
    tool_name: str = "",
    *,
    steered: bool = False,
) -> Hints:
    """The hints of an operation and its tasks; `settings` are by name pattern, a later one winning.

    What is `steered` by its own outputs may do anything, whatever its author says: only the
    settings know better.
    """
    labelled = _labelled(operation.labels)
    hints = _by_words(operation, tasks) or (
        _UNKNOWN if "read_only" in labelled else _by_steps(operation, tasks)
    )
    hints = _override(hints, labelled)
    if contested := _find_contested(operation, tasks):
        hints = Hints(read_only=False, destructive=True, idempotent=False, contested=contested)
    if steered:
        hints = Hints(read_only=False, destructive=True, idempotent=False)
    for pattern, override in settings.items():
        if any(fnmatchcase(name, pattern) for name in (operation.name, tool_name)):
            hints = _override(hints, override)
    return hints


def _find_contested(operation: Operation, tasks: Sequence[Task]) -> str:
    """The first command that plainly changes something of what is labelled read-only, and its step.

    Empty where there is none, and of what is labelled destructive, too.
    """
    whole = _is_vouched_for(operation.labels)
    for task in tasks:
        if (whole or _is_vouched_for(task.labels)) and (found := _seen_change(task)):
            return found
    return ""


def _is_vouched_for(labels: Mapping[str, str]) -> bool:
    said = _labelled(labels)
    return bool(said.get("read_only")) and not said.get("destructive")


def _seen_change(task: Task) -> str:
    found = ((step, seen_change(step.content)) for step in task.steps)
    return next((f"{seen} in step {clean_line(step.name, 60)}" for step, seen in found if seen), "")


def label_fault(labels: Mapping[str, str]) -> str:
    """What is wrong with the labels that hints are read from, in words; empty if nothing is."""
    for label in LABELS:
        value = labels.get(label, "true")
        if value.lower() not in _TRUTH:
            return f'{label} is {quote(value, 40)}; it must be "true" or "false"'
    said = _labelled(labels)
    if said.get("read_only") and said.get("destructive"):
        return "it is labelled read-only and destructive, so it is taken for destructive"
    return ""


def _by_words(operation: Operation, tasks: Sequence[Task]) -> Hints | None:
    """What is changed, where the author's words say so; else None."""
    if not (says_change(operation) or any(map(_said_to_change, tasks))):
        return None
    destructive, idempotent = destroys(operation), can_be_repeated(operation)
    return Hints(read_only=False, destructive=destructive, idempotent=idempotent)


def _by_steps(operation: Operation, tasks: Sequence[Task]) -> Hints:
    """Read-only where every step is known to read, else not known."""
    if any(is_changing(word) for task in _tasks_of(operation) for word in words_of(task)[:1]):
        return _UNKNOWN
    proof = weigh_tasks(tasks).proof
    reads = proof is Proof.READS or (proof is not Proof.NONE and says_reading(operation))
    return _READS if reads else _UNKNOWN


def weigh_tasks(tasks: Sequence[Task]) -> Evidence:
    """What can be seen in all steps together; `unknown` names the first that may do more."""
    proof, unknown = Proof.READS, ""
    if not any(task.steps for task in tasks):
        return Evidence(Proof.NONE, "no steps")
    for task in tasks:
        if _labelled(task.labels).get("read_only") and not _seen_change(task):
            continue
        for step in task.steps:
            found = _weigh_step(step, task)
            if found.unknown and found.proof < proof:
                where = clean_line(f"{task.name}/{step.name}", 80)
                unknown = f"{found.unknown} in step {where}"
            proof = min(proof, found.proof)
    return Evidence(proof, unknown)


def _weigh_step(step: Step, task: Task) -> Evidence:
    if step.transfer:
        return Evidence(Proof.NONE, "a transfer of files")
    if step.reads is not None and not step.content.strip():
        return Evidence(Proof.READS) if step.reads else Evidence(Proof.NONE, "a change")
    if step.more and not step.content.strip():
        return Evidence(Proof.NONE, "something else than a script")
    for variable in task.variables:
        text = f"{variable.default or ''}{variable.value or ''}"
        if f"${{{variable.name}}}" in step.content and _CODE_SIGNS.search(text):
            return Evidence(Proof.NONE, f"the value of {clean_line(variable.name, 60)!r}")
    return weigh_script(step.content)


def _said_to_change(task: Task) -> bool:
    said = _labelled(task.labels)
    return said.get("read_only") is False or bool(said.get("destructive"))


def _tasks_of(operation: Operation) -> Iterable[str]:
    return (ref.task for ref in operation.tasks) if isinstance(operation, Pipeline) else ()


def _labelled(labels: Mapping[str, str]) -> dict[str, bool]:
    return {
        hint: _TRUTH[labels[label].lower()]
        for label, hint in LABELS.items()
        if labels.get(label, "").lower() in _TRUTH
    }


def _override(hints: Hints, override: Mapping[str, bool]) -> Hints:
    """Apply; what is said to be read-only destroys nothing and may be repeated.

    What is said to be read-only and destructive is not read-only.
    """
    changed = {key: value for key, value in override.items() if key in LABELS.values()}
    if changed.get("destructive"):
        changed |= {"read_only": False}
    if changed.get("read_only"):
        changed = {"destructive": False, "idempotent": True} | changed
    known = hints.known or "read_only" in changed
    contested = "" if changed.get("read_only") else hints.contested
    return replace(hints, **changed, known=known, contested=contested)
