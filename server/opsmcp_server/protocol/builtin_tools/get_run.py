"""`get_run`: how a run stands, or a request of one, waiting for its end."""

import mcp_types as types

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import RUN, choice, count
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import answer_run
from opsmcp_tools.approval_requests.handle import is_request
from opsmcp_tools.phrases.tool_names import GET_RUN

__all__ = ["ROW"]

_LONGEST_WAIT_SECONDS = 45
_LEAST_WAIT_SECONDS = 1.0
"""However short a call waits: a model that is answered at once asks again at once."""


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    arguments, principal = request.arguments, request.principal
    patience = max(_LEAST_WAIT_SECONDS, context.config.run.wait_seconds)
    seconds = min(float(arguments["wait_seconds"]), patience)
    tokens = int(arguments["tokens"]) if "tokens" in arguments else None
    detail = "steps" if arguments["detail"] == "steps" else "summary" if request.data else None
    if is_request(arguments["run"]):
        # Imported with the first request: most opsmcps never have one.
        from opsmcp_server.protocol.builtin_tools.request_answer import wait_for_request

        return await wait_for_request(
            context, arguments["run"], principal, seconds=seconds, tokens=tokens, data=detail
        )
    record = await context.executions.history.get(arguments["run"], principal)
    if not record.ended:
        record = await context.executions.wait(record.run, seconds)
    return await answer_run(context, record, principal, tokens=tokens, data=detail)


ROW = BuiltIn(
    name=GET_RUN,
    title="Get run",
    description="How a run stands or ended: verdict, tasks, hosts, steps. Waits for its end.",
    inputs=(
        RUN,
        count(
            "wait_seconds",
            "Longest wait; no longer than calls wait here.",
            30,
            0,
            _LONGEST_WAIT_SECONDS,
        ),
        choice(
            "detail",
            "steps: as JSON, with every step's output.",
            ("summary", "steps"),
            default="summary",
        ),
        count("tokens", "About the longest text.", None, 300, 20_000),
    ),
    respond=_respond,
    answers_run=True,
    is_polled=True,
)
