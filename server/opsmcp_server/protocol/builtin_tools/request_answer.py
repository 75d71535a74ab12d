"""The answer of a call that needs approval: that it waits, that it was refused, or its run."""

from dataclasses import replace

import mcp_types as types

from opsmcp_server.calls.answer import Detail
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import approval_line, request_data, request_text
from opsmcp_server.protocol.results import answer_run, text_result
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.model.run_record import Repeat
from opsmcp_tools.model.tool import Principal

__all__ = ["answer_request", "answer_withdrawn", "wait_for_request"]


async def answer_request(
    context: CallContext,
    request: Request,
    principal: Principal,
    *,
    seconds: float = 0.0,
    tokens: int | None = None,
    data: Detail | None = None,
) -> types.CallToolResult:
    """The result of a call that became this request.

    Args:
        context: The parts of opsmcp.
        request: The request as it is.
        principal: Who asked.
        seconds: How long the end of its run is waited for, if there is one.
        tokens: As of `answer_run`.
        data: As of `answer_run`.
    """
    if not request.run:
        text = request_text(context, request)
        refused = not request.state.is_open
        return text_result(text, request_data(request, text) if data else None, is_error=refused)
    record = await context.executions.wait(request.run, seconds)
    record = replace(record, repeated=Repeat.NO)
    result = await answer_run(context, record, principal, tokens=tokens, data=data)
    return _with_approval(result, request, approval_line(context, request))


async def wait_for_request(
    context: CallContext,
    request: str,
    principal: Principal,
    *,
    seconds: float,
    tokens: int | None = None,
    data: Detail | None = None,
) -> types.CallToolResult:
    """How a request of this principal stands, waiting for its decision and then for its run.

    Raises:
        UnknownRun: This principal has no such request.
        RunsUnreadable: It cannot be looked up now.
    """
    until = context.clock.monotonic() + seconds
    found = await context.requests.get().wait(request, principal, seconds)
    left = max(0.0, until - context.clock.monotonic())
    return await answer_request(context, found, principal, seconds=left, tokens=tokens, data=data)


def answer_withdrawn(context: CallContext, request: Request, *, data: bool) -> types.CallToolResult:
    """The answer of whoever wanted to stop a request: stopped, unless it is being started."""
    text = request_text(context, request)
    said = {**request_data(request, text), "stopped": not request.state.is_open}
    return text_result(text, said if data else None, is_error=request.state.is_open)


def _with_approval(
    result: types.CallToolResult, request: Request, line: str
) -> types.CallToolResult:
    """The result of the run, which says who approved it."""
    first, *others = result.content
    if isinstance(first, types.TextContent):
        first = types.TextContent(text=f"{first.text}\n{line}")
    data = result.structured_content
    if data is not None:
        summary = f"{data['summary']}\n{line}"
        data = {**data, "summary": summary, "request": request.id}
    return result.model_copy(update={"content": [first, *others], "structured_content": data})
