"""Intent: a checked call as the run that it is about to become. Pure but for the handle, by chance.

`execution` decides whether it becomes one. Secrets are masked here, before anything is kept.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from opsmcp_pipelines.models import Operation, Pipeline, Task
from opsmcp_pipelines.run import ExpectedTask, Run, Verdict, expected_tasks
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal, Tool

__all__ = ["FindTask", "expected_of", "new_intent", "no_task"]

FindTask = Callable[[str, str], Task | None]
"""The task of a namespace and a name, as the catalogue has it now."""

_HANDLE_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def no_task(_namespace: str, _name: str) -> Task | None:
    """Where no catalogue is."""
    return None


def new_intent(
    tool: Tool,
    call: CheckedCall,
    principal: Principal,
    *,
    source: str,
    expected: tuple[ExpectedTask, ...],
    masker: Masker,
    now: datetime,
) -> RunRecord:
    """The run of that call, with a handle of its own."""
    masker = masker.also(call.secrets)
    arguments = {name: masker.text(value) for name, value in call.arguments.items()}
    return RunRecord(
        run="r-" + "".join(secrets.choice(_HANDLE_LETTERS) for _ in range(10)),
        tool=tool.name,
        operation=tool.operation.key,
        principal=principal.name,
        arguments=MappingProxyType(arguments),
        source=source,
        source_run="",
        created_at=now,
        result=Run(Verdict.RUNNING),
        expected=expected,
        definition=tool.definition,
    )


def expected_of(operation: Operation, find_task: FindTask) -> tuple[ExpectedTask, ...]:
    """What a run of the operation must consist of, by its tasks as they are now."""
    if not isinstance(operation, Pipeline):
        return expected_tasks(operation, {})
    found = {ref.task: find_task(operation.namespace, ref.task) for ref in operation.tasks}
    return expected_tasks(operation, {name: task for name, task in found.items() if task})
