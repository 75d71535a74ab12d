"""A checked call as the record of the run that it is about to become. Pure but for the handle.

`executions` decides whether it becomes one. Secrets are masked here, before anything is recorded.
"""

import secrets
from datetime import datetime
from types import MappingProxyType

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedTask
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal, Tool

__all__ = ["new_record"]

_HANDLE_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_record(
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
