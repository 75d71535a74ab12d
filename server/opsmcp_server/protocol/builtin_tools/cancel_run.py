"""`cancel_run`: a run is stopped where its source can; a request of one is withdrawn."""

import mcp_types as types

from opsmcp_pipelines.source import Cancelled
from opsmcp_server.calls.answer import run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools.inputs import RUN
from opsmcp_server.protocol.builtin_tools.row import BuiltIn, BuiltInRequest
from opsmcp_server.protocol.results import text_result
from opsmcp_tools.approval_requests.handle import is_request
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.phrases.tool_names import CANCEL_RUN, GET_RUN
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["ROW", "why_not_stopped"]


async def _respond(context: CallContext, request: BuiltInRequest) -> types.CallToolResult:
    run = request.arguments["run"]
    if is_request(run):
        asked = await context.requests.get().withdraw(run, request.principal)
        if not asked.run:
            from opsmcp_server.protocol.builtin_tools.request_answer import answer_withdrawn

            return answer_withdrawn(context, asked, data=request.data)
        run = asked.run
    record, done = await context.executions.cancel(run, request.principal)
    stopped = done is Cancelled.STOPPED
    if stopped:
        text = f"The run was stopped.\n{await run_text(context, record, request.principal)}"
    elif done is Cancelled.STARTS_NOTHING_MORE:
        text = f"It starts nothing more; what is at work goes on. {GET_RUN} shows its end."
    elif record.ended:
        reason = f"; {label(record.result.reason, 400)}" if record.result.reason else ""
        text = f"Nothing was stopped. The run's verdict: {record.verdict}{reason}"
    else:
        text = f"{why_not_stopped(context)} It goes on and is followed; {GET_RUN} shows its end."
    verdict = str(record.verdict)
    data = {"summary": text, "run": record.run, "verdict": verdict, "stopped": stopped}
    failed = done is Cancelled.GOES_ON and not record.ended
    return text_result(text, data if request.data else None, is_error=failed)


def why_not_stopped(context: CallContext) -> str:
    """Why a run goes on that somebody wanted to stop, in a sentence."""
    if context.source.traits.cancels:
        return "It was not stopped: another opsmcp runs it, or it has not begun yet."
    return f"{context.source.label} cannot stop a run."


ROW = BuiltIn(
    name=CANCEL_RUN,
    title="Cancel run",
    description="Stop a run if its source can; an Ops server cannot, and the answer says so.",
    inputs=(RUN,),
    respond=_respond,
    hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=False),
)
