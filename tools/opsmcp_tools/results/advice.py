"""Advice: what to do next with a run, naming the tool and its arguments. Pure.

A tool is named only when it is certain that it exists and which arguments it takes.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from opsmcp_pipelines.run import StepResult, TaskResult, Verdict
from opsmcp_tools.model.run_record import MASK, Repeat, RunRecord
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY
from opsmcp_tools.results.next_step_syntax import CALLS, NextStepSyntax
from opsmcp_tools.safe_text.cleaning import clean, label
from opsmcp_tools.safe_text.prompt_injection import imitates_instructions

__all__ = [
    "FindTool",
    "advise",
    "bad_step",
    "is_known_why_idle",
    "next_steps",
    "no_tool",
    "repetition",
    "shortest_selection",
    "steps_of",
    "warnings",
]

FindTool = Callable[[str], Tool | None]
"""The tool of a name, if whoever reads the advice may call it."""

_INVERSES = (
    ("cordon", "uncordon"),
    ("drain", "uncordon"),
    ("disable", "enable"),
    ("stop", "start"),
    ("pause", "resume"),
    ("suspend", "resume"),
    ("lock", "unlock"),
    ("mount", "unmount"),
    ("attach", "detach"),
)
_CHECKS = ("check-{}", "{}-status", "describe-{}", "get-{}")
_CHECKS_OF_WHAT_MAY_BE_GONE = ("list-{}s", "check-{}", "{}-status")
"""After something was destroyed, a look at the thing itself would find nothing."""

_MOST_WARNINGS = 5
_MOST_LOOKED_AT = 500
_LOOKED_AT_CHARACTERS = 20_000
"""How many steps are looked at for instructions, and how much of the end of each output."""


def no_tool(_name: str) -> Tool | None:
    """A `FindTool` that knows none."""
    return None


def advise(
    record: RunRecord, find: FindTool = no_tool, syntax: NextStepSyntax = CALLS
) -> tuple[Said, ...]:
    """What the reader has to know of a repeated call, and the next steps, each one sentence."""
    return (*repetition(record, syntax), *next_steps(record, find, syntax))


def repetition(record: RunRecord, syntax: NextStepSyntax = CALLS) -> tuple[Said, ...]:
    """What whoever made the same call again has to know before anything else."""
    if record.repeated is Repeat.KEY:
        return (words.REPEATED_KEY(_given(record), syntax.new_run()),)
    if record.repeated is Repeat.CALL:
        later = words.LATER() if record.ended else words.AFTER_ITS_END()
        return (words.REPEATED(later, syntax.new_run()),)
    return ()


def _given(record: RunRecord) -> str | Said:
    arguments = [f"{name}={label(value)}" for name, value in list(record.arguments.items())[:10]]
    return " ".join(arguments) or words.NOTHING_GIVEN()


def next_steps(
    record: RunRecord, find: FindTool = no_tool, syntax: NextStepSyntax = CALLS
) -> tuple[Said, ...]:
    """What to do next, best first."""
    match record.verdict:
        case Verdict.RUNNING:
            return (syntax.wait(record.run),)
        case Verdict.NOTHING_RAN:
            idle = is_known_why_idle(record)
            return () if idle else (words.LOOK_AT_INVENTORY(syntax.call(LIST_INVENTORY)),)
        case Verdict.SUCCEEDED:
            return tuple(_after_success(record, find, syntax))
        case Verdict.CANCELLED:
            return tuple(_checks(record, find, syntax))
        case Verdict.FAILED | Verdict.ABORTED:
            return (*_read_output(record, syntax), *_checks(record, find, syntax))
        case Verdict.INVALID:
            return (words.TELL_MAINTAINER(),)
        case Verdict.STUCK | Verdict.VANISHED | Verdict.UNKNOWN:
            return (*_checks(record, find, syntax), words.DO_NOT_REPEAT())


def is_known_why_idle(record: RunRecord) -> bool:
    """Whether a run in which nothing ran says why."""
    tasks = record.result.tasks
    return bool(tasks) and all(task.skipped or task.explained for task in tasks)


def bad_step(record: RunRecord) -> tuple[TaskResult, str, StepResult] | None:
    """The first step that failed and was not meant to, with its task and node."""
    for task, node, step in steps_of(record):
        if step.verdict is not Verdict.SUCCEEDED and not (step.allowed or task.allowed):
            return task, node, step
    return None


def steps_of(record: RunRecord) -> Iterator[tuple[TaskResult, str, StepResult]]:
    """Every step that ran, with its task and node, in the order of the run."""
    for task in record.result.tasks:
        for node in task.nodes:
            for step in node.steps:
                yield task, node.node, step


def shortest_selection(record: RunRecord, task: str, node: str, step: str) -> dict[str, str]:
    """The arguments of `get_run_output` that select one step, no more of them than it takes."""
    wanted = {"step": step, "task": task, "node": node}
    ran = [{"step": it.name, "task": run.name, "node": at} for run, at, it in steps_of(record)]
    for names in ((), ("step",), ("step", "task")):
        if sum(all(one[name] == wanted[name] for name in names) for one in ran) <= 1:
            return {name: wanted[name] for name in names}
    return wanted


def warnings(record: RunRecord) -> tuple[Said, ...]:
    """Which outputs read like instructions to a model, the first few."""
    found = (
        words.LIKE_INSTRUCTIONS(label(step.name), label(task.name), label(node))
        for task, node, step in islice(steps_of(record), _MOST_LOOKED_AT)
        if imitates_instructions(clean(step.output[-_LOOKED_AT_CHARACTERS:]))
    )
    return tuple(islice(found, _MOST_WARNINGS))


def _read_output(record: RunRecord, syntax: NextStepSyntax) -> Iterator[Said]:
    """Where all output is, if there is any."""
    if not any(step.output.strip() for _, _, step in steps_of(record)):
        return
    found = bad_step(record)
    if found is None or not found[2].output.strip():
        yield words.READ_OUTPUT(syntax.output(record.run))
        return
    task, node, step = found
    phrase = words.READ_KEPT_OUTPUT if step.lost_bytes else words.READ_OUTPUT
    yield phrase(syntax.output(record.run, task=task.name, node=node, step=step.name))


def _after_success(record: RunRecord, find: FindTool, syntax: NextStepSyntax) -> Iterator[Said]:
    yield from _checks(record, find, syntax)
    verb, _, rest = record.tool.partition("-")
    for word, inverse in _INVERSES:
        if verb == word and rest:
            call = _same_arguments(record, find(f"{inverse}-{rest}"), syntax)
            if call:
                yield words.UNDO(call)


def _checks(record: RunRecord, find: FindTool, syntax: NextStepSyntax) -> Iterator[Said]:
    """A tool that only reads what this one changed, the first there is."""
    tool = find(record.tool)
    if tool is None or tool.hints.read_only:
        return
    thing = record.tool.partition("-")[2].removeprefix("restart-")
    gone = tool.hints.destructive and record.verdict is Verdict.SUCCEEDED
    patterns = _CHECKS_OF_WHAT_MAY_BE_GONE if gone else _CHECKS
    candidates = (find(pattern.format(thing)) for pattern in patterns if thing)
    for candidate in candidates:
        if candidate is not None and candidate.hints.read_only:
            call = _same_arguments(record, candidate, syntax)
            if call:
                yield words.LOOK_AT_CHANGE(call)
                return


def _same_arguments(record: RunRecord, tool: Tool | None, syntax: NextStepSyntax) -> str:
    """The call of that tool on the same thing; empty if that is not certain."""
    if tool is None:
        return ""
    arguments = {
        name: record.arguments[name] for name in tool.input_names & record.arguments.keys()
    }
    required = {item.name for item in tool.inputs if item.required}
    if not required <= arguments.keys() or MASK in arguments.values() or not arguments:
        return ""
    shown = [
        f"{item.name}={label(arguments[item.name])}"
        for item in tool.inputs
        if item.name in arguments
    ]
    return syntax.call(tool.name, shown)
