"""The results that a pipeline declares: read from outputs, and held against their kinds. Pure.

A result is an `OPS_RESULT:name=value` line of its step, or else that step's whole output. What a
program prints is any text; a result whose kind a label declares is of that kind from here on.
"""

import re
from collections.abc import Mapping

from opsmcp_pipelines.embedded.engine.variables import Plan
from opsmcp_pipelines.kinds.declared import BadKind, labelled_kinds
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.models import TaskRef

__all__ = ["WrongResult", "read_results"]

_LONGEST_SHOWN = 60


class WrongResult(Exception):
    """A result is not of the kind that its author declares; the message is a sentence."""


def read_results(plan: Plan, ref: TaskRef, outputs: Mapping[str, str]) -> dict[str, str]:
    """The results of a task, by name; those of steps that did not run are missing.

    Raises:
        WrongResult: One is not what its author says, or nobody can tell what that is.
    """
    found = {
        name: _result(name, outputs[step]) for name, step in ref.results.items() if step in outputs
    }
    try:
        kinds = labelled_kinds(plan.operation, [task for _, task in plan.parts])
    except BadKind as error:
        raise WrongResult(str(error)) from None
    for name, text in found.items():
        kind = kinds.get(name)
        value = text if kind is None else canonical_value(kind, text)
        if value is None:
            raise WrongResult(
                f"the result {name!r} of task {ref.name!r} is no {kind}: {_cut(text)}"
            )
        found[name] = value
    return found


def _result(name: str, output: str) -> str:
    lines = re.findall(rf"^OPS_RESULT:{re.escape(name)}=(.*?)\r?$", output, re.MULTILINE)
    return lines[-1] if lines else output.strip()


def _cut(text: str) -> str:
    return repr(text[:_LONGEST_SHOWN]) + ("…" if len(text) > _LONGEST_SHOWN else "")
