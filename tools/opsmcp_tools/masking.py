"""Masking: the values of bound secrets do not leave in what a run reports. Pure.

Only the exact values are known here; a secret that a step encodes or cuts is not recognised.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from opsmcp_pipelines.run import NodeReport, RunReport, StepReport, TaskReport
from opsmcp_tools.runs import MASK

__all__ = ["mask_report", "mask_text"]

_SHORTEST = 4
"""Shorter values are left: masking `1` or `no` everywhere would only spoil the output."""


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret value replaced, longer ones first."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASK)
    return text


def mask_report(report: RunReport, secrets: frozenset[str]) -> RunReport:
    """The report with every secret value replaced in outputs and results."""
    if not secrets:
        return report

    def mask(text: str) -> str:
        return mask_text(text, secrets)

    return replace(report, tasks=tuple(_task(task, mask) for task in report.tasks))


def _task(task: TaskReport, mask: Callable[[str], str]) -> TaskReport:
    results = {name: mask(value) for name, value in task.results.items()}
    return replace(task, results=results, nodes=tuple(_node(node, mask) for node in task.nodes))


def _node(node: NodeReport, mask: Callable[[str], str]) -> NodeReport:
    return replace(node, steps=tuple(_step(step, mask) for step in node.steps))


def _step(step: StepReport, mask: Callable[[str], str]) -> StepReport:
    return replace(step, output=mask(step.output), note=mask(step.note))
