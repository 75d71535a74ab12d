"""The structured result of a run: typed data for programs, its outputs condensed. Pure.

The names are a contract (design: "Structured result of a run"); `schema.OUTPUT_SCHEMA` describes
the same object.
"""

from collections.abc import Mapping
from itertools import islice

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_tools.condense.carriage_returns import last_states
from opsmcp_tools.condense.choose import LEAST_TOKENS, condense
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.results.advice import FindTool, advise, no_tool, steps_of
from opsmcp_tools.results.next_step_syntax import CALLS, Ways
from opsmcp_tools.safe_text.cleaning import clean, label
from opsmcp_tools.safe_text.prompt_injection import imitates_instructions
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["structured"]

_ALL_OUTPUT = 3_000
_FAILED_OUTPUT = 500
_OTHER_OUTPUT = 250
_LEAST_OUTPUT = LEAST_TOKENS
"""Tokens: of all outputs together, and of one where there are few, or many."""

_MOST_TASKS = 100
_MOST_NODES = 200
_MOST_STEPS = 500
_MOST_RESULTS = 50
_MOST_WARNINGS = 5
_LOOKED_AT = 20_000
_RESULT_LENGTH = 2_000
_ALL_RESULTS = 10_000


def structured(
    record: RunRecord,
    find: FindTool = no_tool,
    language: Language = "en",
    ways: Ways = CALLS,
) -> JsonObject:
    """The run as the contract has it; what does not fit is said in `truncated` and `advice`."""
    builder = _Builder(_outputs(record, language))
    tasks = [builder.task(task) for task in record.result.tasks[:_MOST_TASKS]]
    advice = list(advise(record, find, ways))
    if builder.left_out or len(record.result.tasks) > _MOST_TASKS:
        advice.append(words.NOT_EVERYTHING(ways.output(record.run)))
    return {
        "run": record.run,
        "operation": record.operation.name,
        "verdict": str(record.verdict),
        "started_at": (record.result.started_at or record.created_at).isoformat(),
        "duration_seconds": record.duration_seconds,
        "tasks": tasks,
        "results": _results(record),
        "advice": ". ".join([*_reasons(record), *(said.to(language) for said in advice)]),
        **_warnings(record, language),
    }


def _warnings(record: RunRecord, language: Language) -> JsonObject:
    """Which outputs read like instructions to a model, the first few."""
    found = [
        words.LIKE_INSTRUCTIONS(label(step.name), label(task.name), label(node)).to(language)
        for task, node, step in islice(steps_of(record), _MOST_STEPS)
        if imitates_instructions(clean(step.output[-_LOOKED_AT:]))
    ]
    return {"warnings": found[:_MOST_WARNINGS]} if found else {}


def _reasons(record: RunRecord) -> list[str]:
    return [label(record.result.reason, 400)] if record.result.reason else []


def _results(record: RunRecord) -> dict[str, str]:
    shown: dict[str, str] = {}
    left = _ALL_RESULTS
    for name, value in list(record.result.results.items())[:_MOST_RESULTS]:
        short = clean(value[: min(_RESULT_LENGTH, left)])
        left -= len(short)
        shown[label(name)] = short
    return shown


def _outputs(record: RunRecord, language: Language) -> dict[int, str]:
    """The outputs by the identity of their steps: condensed, those that went wrong first."""
    steps = [step for _, _, step in islice(steps_of(record), _MOST_STEPS) if step.output]
    bad = [step for step in steps if step.verdict is not Verdict.SUCCEEDED]
    good = [step for step in steps if step.verdict is Verdict.SUCCEEDED]
    shown, left = dict[int, str](), _ALL_OUTPUT
    for group, most in ((bad, _FAILED_OUTPUT), (good, _OTHER_OUTPUT)):
        each = max(_LEAST_OUTPUT, min(most, left // max(1, len(group))))
        for step in group:
            if left < _LEAST_OUTPUT:
                break
            output = condense(last_states(step.output, language), each, language)
            shown[id(step)] = output
            left -= estimate_tokens(output)
    return shown


class _Builder:
    """Builds the tasks of one run and counts what they use up."""

    def __init__(self, outputs: Mapping[int, str]) -> None:
        self.left_out = False
        self._outputs = outputs
        self._nodes = _MOST_NODES
        self._steps = _MOST_STEPS

    def task(self, task: TaskResult) -> JsonObject:
        return {
            "name": label(task.name),
            "task": label(task.task),
            "verdict": str(task.verdict),
            "nodes": [self._node(node) for node in self._take_nodes(task)],
        }

    def _take_nodes(self, task: TaskResult) -> tuple[NodeResult, ...]:
        taken = task.nodes[: self._nodes]
        self._nodes -= len(taken)
        self.left_out |= len(taken) < len(task.nodes)
        return taken

    def _node(self, node: NodeResult) -> JsonObject:
        taken = node.steps[: self._steps]
        self._steps -= len(taken)
        self.left_out |= len(taken) < len(node.steps)
        return {
            "node": label(node.node),
            "verdict": str(node.verdict),
            "steps": [self._step(step) for step in taken],
        }

    def _step(self, step: StepResult) -> JsonObject:
        output = self._outputs.get(id(step), "")
        cut = output != clean(step.output)
        self.left_out |= cut
        return {
            "name": label(step.name),
            "verdict": str(step.verdict),
            "output": output,
            "truncated": cut or step.lost_bytes > 0,
        }
