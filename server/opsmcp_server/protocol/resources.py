"""Resources: what exists and what was run, by address.

`ops://clusters`, `ops://hosts`, `ops://operations`, `ops://operations/{name}`, `ops://runs/{run}`,
`ops://runs/{run}/output`. The same policy as for tools; an address that is not there is answered
as the protocol wants it (SEP-2164).
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import mcp_types as types
from anyio import to_thread
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_PARAMS

from opsmcp_server.calls.answer import run_data, run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import find_tool
from opsmcp_server.protocol.builtin_tools import get_run, get_run_output, list_inventory
from opsmcp_server.protocol.inventory import describe_tool, inventory
from opsmcp_server.protocol.run_updates import Wait
from opsmcp_tools.approval_requests.handle import is_request
from opsmcp_tools.model.errors import ToolError, ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.decision import Action, BuiltInTool, Effect
from opsmcp_tools.safe_text.cleaning import fence

__all__ = ["Watched", "listed", "read", "templates", "watchable"]

_JSON = "application/json"
_TEXT = "text/plain"
_LISTED = {
    "clusters": "The clusters that exist now.",
    "hosts": "The hosts that exist now.",
    "operations": "The operations that can be run now.",
}
_ADDRESS = re.compile(r"ops://(operations|runs)/([A-Za-z0-9._-]{1,128})(/output)?")
_MOST_OUTPUT_CHARS = 1_000_000
_MOST_ECHOED = 1_000
"""Characters of an address that an error repeats; nothing of ours is half as long."""


_INVENTORY = list_inventory.ROW.subject
_RUN = get_run.ROW.subject
_OUTPUT = get_run_output.ROW.subject
"""What a resource shows, one of these tools shows as well: policy decides on both at once."""


def _may_read(context: CallContext, principal: Principal, tool: BuiltInTool) -> bool:
    return context.decide(principal, Action.READ, tool).effect is Effect.ALLOW


def listed(context: CallContext, principal: Principal) -> list[types.Resource]:
    """The resources with a fixed address, for a principal that may read them."""
    if not _may_read(context, principal, _INVENTORY):
        return []
    return [
        types.Resource(
            name=name, uri=f"ops://{name}", title=name.title(), description=text, mime_type=_JSON
        )
        for name, text in _LISTED.items()
    ]


def templates(context: CallContext, principal: Principal) -> list[types.ResourceTemplate]:
    """The resources whose address takes a name, so far as this principal may read them."""
    every = (
        ("operation", "ops://operations/{name}", "One operation with its input schema.", _JSON),
        ("run", "ops://runs/{run}", "One run: verdict, tasks, hosts, steps.", _JSON),
        ("run-output", "ops://runs/{run}/output", "The whole output of one run.", _TEXT),
    )
    tools = {"operation": _INVENTORY, "run": _RUN, "run-output": _OUTPUT}
    rows = [row for row in every if _may_read(context, principal, tools[row[0]])]
    return [
        types.ResourceTemplate(name=name, uri_template=uri, description=text, mime_type=mime)
        for name, uri, text, mime in rows
    ]


async def read(context: CallContext, principal: Principal, uri: str) -> types.TextResourceContents:
    """The content at an address.

    Raises:
        MCPError: There is nothing at it for this principal.
        ToolUnavailable: Whether there is cannot be told now.
    """
    try:
        mime, text = await _read(context, principal, uri)
    except ToolUnavailable:
        raise
    except ToolError as error:
        raise _absent(uri, str(error)) from None
    return types.TextResourceContents(uri=uri, mime_type=mime, text=text)


@dataclass(frozen=True, slots=True)
class Watched:
    """A run, or the request of one, that somebody watches.

    `is_over` tells whether it will not change any more, as of when it is asked; `is_told` whether
    events of this process tell of its end, and where they do not, `wait` waits for it.
    """

    handle: str
    is_over: Callable[[], bool]
    is_told: Callable[[], bool]
    wait: Wait


async def watchable(context: CallContext, principal: Principal, uri: str) -> Watched:
    """The run whose resource this is, if this principal may be told when it changes.

    Raises:
        MCPError: It is another kind of resource, or there is nothing at it for this principal.
        ToolUnavailable: Whether there is cannot be told now.
    """
    match = _ADDRESS.fullmatch(uri)
    if match is None or match[1] != "runs":
        raise _absent(
            uri, "Only runs can be subscribed to: ops://runs/{run}, with or without /output."
        )
    try:
        context.require(principal, Action.READ, _OUTPUT if match[3] else _RUN)
        return await _watched(context, principal, match[2])
    except ToolUnavailable:
        raise
    except ToolError as error:
        raise _absent(uri, str(error)) from None


async def _watched(context: CallContext, principal: Principal, handle: str) -> Watched:
    executions = context.executions
    if is_request(handle):
        request = await context.requests.get().get(handle, principal)
        over = not request.run and not request.state.is_open
        wait = partial(_wait_for_request, context, principal)
        return Watched(handle, lambda: over, lambda: False, wait)
    run = await executions.history.head(handle, principal)
    return Watched(
        handle,
        lambda: executions.history.newest(run).ended,
        lambda: executions.follows(handle),
        partial(_wait_for_run, context),
    )


async def _wait_for_run(context: CallContext, run: str, seconds: float) -> bool:
    return (await context.executions.wait(run, seconds)).ended


async def _wait_for_request(
    context: CallContext, principal: Principal, request: str, seconds: float
) -> bool:
    until = context.clock.monotonic() + seconds
    found = await context.requests.get().wait(request, principal, seconds)
    if not found.run:
        return not found.state.is_open
    return await _wait_for_run(context, found.run, max(0.0, until - context.clock.monotonic()))


async def _read(context: CallContext, principal: Principal, uri: str) -> tuple[str, str]:
    kind = uri.removeprefix("ops://")
    if uri.startswith("ops://") and kind in _LISTED:
        context.require(principal, Action.READ, _INVENTORY)
        toolbox = await context.tools.current()
        return _JSON, _dump(inventory(context, toolbox, principal, kind))
    match = _ADDRESS.fullmatch(uri)
    reader = _READERS.get((match[1], bool(match[3]))) if match else None
    if match is None or reader is None:
        raise _absent(uri, "There is no such resource.")
    return await reader(context, principal, match[2])


async def _operation(context: CallContext, principal: Principal, name: str) -> tuple[str, str]:
    context.require(principal, Action.READ, _INVENTORY)
    tool = await find_tool(context, name, principal)
    return _JSON, _dump({**describe_tool(tool), "input_schema": tool.input_schema})


async def _run(context: CallContext, principal: Principal, run: str) -> tuple[str, str]:
    context.require(principal, Action.READ, _RUN)
    if is_request(run):
        from opsmcp_server.protocol.builtin_tools.request_answer import wait_for_request

        answer = await wait_for_request(context, run, principal, seconds=0.0, data="steps")
        return _JSON, _dump(answer.structured_content or {})
    record = await context.executions.history.get(run, principal)
    text = await run_text(context, record, principal)
    return _JSON, _dump(await run_data(context, record, principal, text))


async def _output(context: CallContext, principal: Principal, run: str) -> tuple[str, str]:
    context.require(principal, Action.READ, _OUTPUT)
    run = await context.requests.run_handle(run, principal)
    record = await context.executions.history.get(run, principal)
    context.audit.note_once(run, 60.0, "output.read", principal, run=run, tool=record.tool)
    return _TEXT, await to_thread.run_sync(_output_text, record, context.new_mark())


def _output_text(record: RunRecord, mark: str) -> str:
    # Imported with the first output: what condenses it would slow down every start.
    from opsmcp_tools.results.output_slice import whole_output

    whole = whole_output(record)
    text = fence(whole[:_MOST_OUTPUT_CHARS], mark, f"output of {record.run}")
    if len(whole) > _MOST_OUTPUT_CHARS:
        text += (
            f"\n[{len(whole) - _MOST_OUTPUT_CHARS} characters more; "
            f"{get_run_output.ROW.name} continues at offset {_MOST_OUTPUT_CHARS}]"
        )
    return text


_Reader = Callable[[CallContext, Principal, str], Awaitable[tuple[str, str]]]

_READERS: Mapping[tuple[str, bool], _Reader] = {
    ("operations", False): _operation,
    ("runs", False): _run,
    ("runs", True): _output,
}


def _dump(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def _absent(uri: str, why: str) -> MCPError:
    return MCPError(INVALID_PARAMS, why, data={"uri": uri} if len(uri) <= _MOST_ECHOED else None)
