"""A checked call as the record of the run that it is about to become, and what two have the same.

Pure but for the handle. `executions` decides whether it becomes one. Secrets are masked
here, before it is recorded.
"""

import hashlib
import json
import secrets
from datetime import datetime
from types import MappingProxyType

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedTask
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal, Tool

__all__ = ["digest_of", "new_record"]

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
        principal_id=principal.id,
        arguments=MappingProxyType(arguments),
        source=source,
        source_run="",
        created_at=now,
        result=Run(Verdict.RUNNING),
        expected=expected,
        definition=tool.definition,
    )


def digest_of(tool: Tool, call: CheckedCall, principal: Principal) -> str:
    """Equal for calls of one principal, one tool as it is defined now and the same arguments.

    Made of the complete variables, so that a default counts as if it had been given; the values
    of secrets are left out, because they could be guessed from a digest.
    """
    secret = {item.name for item in tool.bound if item.secret}
    variables = {name: value for name, value in call.variables.items() if name not in secret}
    key = tool.operation.key
    identity = key.kind, key.namespace, key.name
    whole = [principal.id, tool.name, *identity, tool.definition, variables]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
