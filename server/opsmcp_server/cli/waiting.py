"""Waiting in a terminal until somebody else has decided on a call."""

import anyio
import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import request_data, request_text
from opsmcp_server.cli.terminal import progress_line, show_json, show_text
from opsmcp_tools.approval_requests.request import START_WITHIN, Request, State
from opsmcp_tools.phrases import request as words
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["show_refusal", "wait_for_decision"]

_LEAVE_SECONDS = 10.0
"""How long the end of the waiting may take."""


async def wait_for_decision(
    context: CallContext, request: Request, wait_seconds: float | None
) -> Request:
    """The request once it is decided and started; as it is after `wait_seconds`.

    None means as long as it may take. One that nobody is left to start is withdrawn, also on
    Ctrl-C.
    """
    if request.state.is_open:
        click.echo(clean(request_text(context, request, in_terminal=True)), err=True)
    now = context.clock.now()
    longest = (request.expires_at - now + START_WITHIN).total_seconds() + 1.0
    seconds = longest if wait_seconds is None else wait_seconds
    try:
        with progress_line(f"{request.tool}: waits for approval (request {request.id})"):
            request = await context.requests.get().wait(
                request.id, context.principal, max(0.0, seconds)
            )
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_SECONDS):
            await _leave(context, request)
        raise
    return await _leave(context, request) if request.state is State.PENDING else request


async def _leave(context: CallContext, request: Request) -> Request:
    """Withdraw what only this process would have started; say so, or that it goes on waiting."""
    requests = context.requests.get()
    if await requests.is_attended_elsewhere(request):
        click.echo(f"opsmcp: request {request.id} goes on waiting", err=True)
        return request
    left = await requests.withdraw(request.id, context.principal, words.LEFT())
    if left.state is State.VOID:
        click.echo(
            f"opsmcp: request {request.id} was withdrawn: nobody else would start it", err=True
        )
    return left


def show_refusal(context: CallContext, request: Request, *, as_json: bool) -> int:
    """Show a request that has no run; the exit status."""
    text = request_text(context, request, in_terminal=True)
    if as_json:
        show_json(request_data(request, text))
    else:
        show_text(clean(text), "bold cyan" if request.state.is_open else "bold red")
    return 1
