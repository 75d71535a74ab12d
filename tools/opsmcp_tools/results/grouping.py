"""Grouping: what happened on many hosts, as the few things that happened. Pure.

Hosts are together when the same step ended in the same way for the same cause; the cause is the
last line of its output that names an error, numbers and the host's own name aside.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_tools.condense.log_kinds import template_of
from opsmcp_tools.condense.trouble import error_lines
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.results.advice import steps_of
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Group", "allowed_failures", "failures", "hosts_of", "successes"]

_CAUSE_CHARACTERS = 64 * 1024
"""How far from its end a cause is looked for in each output."""

_MANY = 8
_COMPARED_CHARACTERS = 4 * 1024
"""How much of what succeeded is compared where much of it is alike."""

_SAYS_NOTHING = re.compile(r"(?i)exit(?:ed)? (?:status|code|with)|non-zero|^make.*error \d+$")
"""An error line that only repeats that there was an error."""

_Key = tuple[str, str, Verdict, bool, str, str]


@dataclass(slots=True)
class Group:
    """One thing that happened; `step` is the first to show it, None if no step ran."""

    task: TaskResult
    step: StepResult | None
    verdict: Verdict
    cause: str
    hosts: list[str] = field(default_factory=list[str])
    alike: bool = False
    """Whether what the hosts said is the same but for numbers only."""
    allowed: bool = False
    """Whether it is a failure that the author foresaw."""


def hosts_of(record: RunRecord) -> list[str]:
    """Every host or node of the run, each once, in the order of the run."""
    return list(dict.fromkeys(node.node for task in record.result.tasks for node in task.nodes))


def failures(record: RunRecord) -> list[Group]:
    """What went wrong or is not over, unforeseen; what befell most hosts first.

    Where nothing ran comes last, the few hosts that were not reached before the many left out.
    """
    return [group for group in _not_good(record) if not group.allowed]


def allowed_failures(record: RunRecord) -> list[Group]:
    """What went wrong as its author allowed; what befell most hosts first."""
    return [group for group in _not_good(record) if group.allowed]


def _not_good(record: RunRecord) -> list[Group]:
    found: dict[_Key, Group] = {}
    for task in record.result.tasks:
        for node in task.nodes:
            _collect(found, task, node)
    ran = [group for group in found.values() if group.verdict is not Verdict.NOTHING_RAN]
    idle = [group for group in found.values() if group.verdict is Verdict.NOTHING_RAN]
    return [*_largest_first(ran), *reversed(_largest_first(idle))]


def _collect(found: dict[_Key, Group], task: TaskResult, node: NodeResult) -> None:
    bad = [step for step in node.steps if step.verdict is not Verdict.SUCCEEDED]
    for step in bad:
        cause = _cause(step.output)
        kind = template_of(_without_name(cause, node.node))
        allowed = step.allowed or task.allowed
        said = template_of(_without_name(step.note, node.node))
        key = (task.name, step.name, step.verdict, allowed, said, kind)
        group = found.setdefault(key, Group(task, step, step.verdict, cause, allowed=allowed))
        group.hosts.append(node.node)
    explained = bool(bad) and (task.allowed or any(not step.allowed for step in bad))
    if not explained and not node.verdict.good and task.verdict is not Verdict.SUCCEEDED:
        key = (task.name, "", node.verdict, task.allowed, "", "")
        group = found.setdefault(key, Group(task, None, node.verdict, "", allowed=task.allowed))
        group.hosts.append(node.node)


def _without_name(cause: str, host: str) -> str:
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "#", cause)


def successes(record: RunRecord) -> list[Group]:
    """Steps that worked and said something, those that said the same together.

    The same is exactly the same; where that leaves many groups, the same but for numbers. Of a
    step what few hosts said comes first, unless that is much.
    """
    exact = _successes(record, lambda _node, output: output)
    groups = exact if len(exact) <= _MANY else _successes(record, _template)
    return _few_first(groups) if len(groups) <= _MANY else _largest_first(groups)


def _few_first(groups: Sequence[Group]) -> list[Group]:
    """Step by step in the order of the run."""
    steps = list(dict.fromkeys(map(_step_of, groups)))
    return sorted(groups, key=lambda group: (steps.index(_step_of(group)), len(group.hosts)))


def _step_of(group: Group) -> tuple[str, str]:
    return group.task.name, group.step.name if group.step else ""


def _successes(record: RunRecord, key_of: Callable[[str, str], str]) -> list[Group]:
    found: dict[tuple[str, str, str], Group] = {}
    for task, node, step in steps_of(record):
        if step.verdict is Verdict.SUCCEEDED and step.output.strip():
            key = (task.name, step.name, key_of(node, step.output))
            group = found.setdefault(key, Group(task, step, step.verdict, ""))
            group.hosts.append(node)
            group.alike |= group.step is not None and step.output != group.step.output
    return list(found.values())


def _template(node: str, output: str) -> str:
    lines = _without_name(output[:_COMPARED_CHARACTERS], node).split("\n")
    return "\n".join(map(template_of, lines))


def _largest_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: -len(group.hosts))


def _cause(output: str) -> str:
    lines = [line for line in clean(output[-_CAUSE_CHARACTERS:]).split("\n") if line.strip()]
    telling = [n for n in error_lines(lines) if not _SAYS_NOTHING.search(lines[n])]
    return lines[telling[-1]] if telling else next(_last(lines), "")


def _last(lines: list[str]) -> Iterator[str]:
    return (line for line in reversed(lines) if not _SAYS_NOTHING.search(line))
