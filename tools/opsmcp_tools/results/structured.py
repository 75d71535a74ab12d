"""The structured result of a run: typed data for programs that ask for it. Pure.

The names are a contract (design: "Result of a run"); `output_schema` describes the same object. It
says no more to a model than the text does, because some clients show their model this in place of
the text: it begins with the text, and what strangers wrote is fenced in it, too.
"""

from collections.abc import Mapping
from itertools import islice

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_tools.condense.carriage_returns import last_states
from opsmcp_tools.condense.choose import LEAST_TOKENS, condense, room_for, share_room
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.results.advice import FindTool, advise, no_tool, steps_of, warnings
from opsmcp_tools.results.next_step_syntax import CALLS, NextStepSyntax
from opsmcp_tools.results.unique_names import with_unique_names
from opsmcp_tools.safe_text.cleaning import clean, fence, label
from opsmcp_tools.safe_text.token_estimate import CHARACTERS_PER_TOKEN, estimate_tokens

__all__ = ["structured"]

_ALL_OUTPUT = 3_000
"""Tokens of all outputs together, which share them by what each needs, failed ones first."""

_MOST_TASKS = 100
_MOST_NODES = 200
_MOST_STEPS = 500
_MOST_RESULTS = 50
_RESULT_LENGTH = 2_000
_ALL_RESULTS = 10_000
_LONGEST_WORD = 80
_LONGEST_REASON = 800


def structured(
    record: RunRecord,
    summary: str,
    *,
    mark: str,
    steps: bool = True,
    find: FindTool = no_tool,
    language: Language = "en",
    syntax: NextStepSyntax = CALLS,
) -> JsonObject:
    """The run as the contract has it; what does not fit is said in `truncated` and `advice`.

    Args:
        record: The run.
        summary: Its text, as `summarise` made it.
        mark: What fences outputs, new for each answer.
        steps: Whether each step is given, with its output condensed.
        find: The tools that advice may name.
        language: In which words of ours.
        syntax: How the reader gets at more.
    """
    record = with_unique_names(record)
    builder = _Builder(_outputs(record, language) if steps else {}, mark, steps=steps)
    tasks = [builder.task(task) for task in record.result.tasks[:_MOST_TASKS]]
    advice = list(advise(record, find, syntax))
    if builder.left_out or len(record.result.tasks) > _MOST_TASKS:
        advice.append(words.NOT_EVERYTHING(syntax.output(record.run)))
    return {
        "summary": summary,
        "run": record.run,
        "operation": record.operation.name,
        "verdict": str(record.verdict),
        "started_at": (record.result.started_at or record.created_at).isoformat(),
        "duration_seconds": record.duration_seconds,
        "results": _results(record, mark),
        "warnings": [said.to(language) for said in warnings(record)],
        "advice": ". ".join([*_reasons(record), *(said.to(language) for said in advice)]),
        "tasks": tasks,
    }


def _reasons(record: RunRecord) -> list[str]:
    return [label(record.result.reason, 400)] if record.result.reason else []


def _results(record: RunRecord, mark: str) -> dict[str, str]:
    shown: dict[str, str] = {}
    left = _ALL_RESULTS
    for name, value in list(record.result.results.items())[:_MOST_RESULTS]:
        short = clean(value[: min(_RESULT_LENGTH, left)])
        left -= len(short)
        shown[label(name)] = short if _is_word(short) else fence(short, mark, "result")
    return shown


def _is_word(value: str) -> bool:
    """Whether a value is so short that it says nothing but itself: a name, a path, a number."""
    return len(value) <= _LONGEST_WORD and len(value.split()) <= 1 and "\n" not in value


def _outputs(record: RunRecord, language: Language) -> dict[int, str]:
    """The outputs by the identity of their steps: condensed, those that went wrong first."""
    steps = [step for _, _, step in islice(steps_of(record), _MOST_STEPS) if step.output]
    bad = [step for step in steps if step.verdict is not Verdict.SUCCEEDED]
    good = [step for step in steps if step.verdict is Verdict.SUCCEEDED]
    shown, left = dict[int, str](), _ALL_OUTPUT
    for group in (bad, good):
        texts = [last_states(step.output, language) for step in group]
        needs = [room_for(clean(text[: CHARACTERS_PER_TOKEN * _ALL_OUTPUT])) for text in texts]
        shares = share_room(needs, left)
        for step, text, need, share in zip(group, texts, needs, shares, strict=True):
            if left >= min(need, LEAST_TOKENS):
                shown[id(step)] = condense(text, max(share, LEAST_TOKENS), language)
                left -= estimate_tokens(shown[id(step)])
    return shown


class _Builder:
    """Builds the tasks of one run and counts what they use up."""

    def __init__(self, outputs: Mapping[int, str], mark: str, *, steps: bool) -> None:
        self.left_out = False
        self._outputs = outputs
        self._mark = mark
        self._with_steps = steps
        self._nodes = _MOST_NODES
        self._steps = _MOST_STEPS

    def task(self, task: TaskResult) -> JsonObject:
        return {
            "name": label(task.name),
            "verdict": str(task.verdict),
            "nodes": [self._node(node) for node in self._take_nodes(task)],
        }

    def _take_nodes(self, task: TaskResult) -> tuple[NodeResult, ...]:
        taken = task.nodes[: self._nodes]
        self._nodes -= len(taken)
        self.left_out |= len(taken) < len(task.nodes)
        return taken

    def _node(self, node: NodeResult) -> JsonObject:
        shown: JsonObject = {"node": label(node.node), "verdict": str(node.verdict)}
        return shown | {"steps": self._steps_of(node)} if self._with_steps else shown

    def _steps_of(self, node: NodeResult) -> list[JsonObject]:
        taken = node.steps[: self._steps]
        self._steps -= len(taken)
        self.left_out |= len(taken) < len(node.steps)
        return [self._step(step) for step in taken]

    def _step(self, step: StepResult) -> JsonObject:
        output = self._outputs.get(id(step), "")
        cut = output != clean(step.output)
        self.left_out |= cut
        return {
            "name": label(step.name),
            "verdict": str(step.verdict),
            "reason": "" if step.note == step.verdict else label(step.note, _LONGEST_REASON),
            "output": fence(output, self._mark) if output else "",
            "truncated": cut or step.lost_bytes > 0,
        }
