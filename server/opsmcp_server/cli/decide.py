"""`opsmcp approve` and `opsmcp reject`: show a call that waits, ask, and decide; or wait for that.

Whoever decides is the user of the operating system. A model with that user's shell could do the
same, so `requests.terminal` switches both off.
"""

import shlex
from collections.abc import Callable

import anyio
import click

from opsmcp_server.calls.call_requests import CallRequests
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import request_data, request_text
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.requests import show_request
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import Failed, WrongUse
from opsmcp_server.cli.terminal import (
    progress_line,
    require_agreement,
    show_json,
    show_text,
)
from opsmcp_tools.approval_requests.request import START_WITHIN, Request, State
from opsmcp_tools.model.errors import NotAllowed, UnknownRun
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.phrase import say
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["approve", "reject", "show_refusal", "wait_for_decision"]

_START_SECONDS = 10.0
"""How long to wait for what becomes of an approved call."""

_LOOK_SECONDS = 0.25

_LEAVE_SECONDS = 10.0
"""How long the end of the waiting may take."""


def _options(command: Callable[..., int]) -> Callable[..., int]:
    """What both commands take."""
    yes = click.option("--yes", is_flag=True, help="Decide without asking, after it was shown.")
    says = "What is told to whoever asked."
    comment = click.option("--comment", default="", metavar="TEXT", help=says)
    return click.argument("request", metavar="ID")(comment(yes(shared_options(command))))


@click.command("approve")
@_options
def approve(shared: Shared, request: str, comment: str, yes: bool) -> int:
    """Approve a call that waits for it.

    It is shown first. Whoever made the call cannot approve it, and who approves must be allowed to
    make it. It is started by the opsmcp in which it was made, exactly as it is shown, or not at
    all.

    Exit status 0 means that the approval counts, 1 that it does not, or that nothing was started.
    """
    return _decide_on(shared, request, approves=True, comment=comment, agreed=yes)


@click.command("reject")
@_options
def reject(shared: Shared, request: str, comment: str, yes: bool) -> int:
    """Reject a call that waits for approval.

    It is shown first. One rejection ends it, and the same call is answered with it for 10 minutes.
    """
    return _decide_on(shared, request, approves=False, comment=comment, agreed=yes)


def _decide_on(shared: Shared, request: str, *, approves: bool, comment: str, agreed: bool) -> int:
    """Decide on one request as the local user; the exit status."""

    async def work(context: CallContext) -> int:
        if not context.config.requests.terminal:
            raise WrongUse("requests.terminal is false: requests are decided on their page only")
        requests = context.requests.get()
        found = await requests.find(request)
        if not requests.may_see(found, context.principal):
            raise UnknownRun(request)
        _check_open(found)
        refusal = await requests.may_decide(found, context.principal)
        if refusal is not None:
            raise NotAllowed(f"{found.id} was not decided: {say(refusal, 'en')}.")
        show_request(found)
        attended = await requests.is_attended(found)
        if approves and not attended:
            click.echo(_UNATTENDED, err=True)
        if not agreed:
            _ask(shared, found, approves=approves)
        decision = await requests.decide(
            found, context.principal, approves=approves, comment=comment
        )
        if not decision.counted:
            _check_open(decision.request)
            raise Failed(f"{found.id}: {context.principal.name} has decided on it before")
        return await _tell(context, requests, decision.request, attended=attended)

    return run_with_context(shared, work, follows_runs=False)


def _check_open(request: Request) -> None:
    """Return if it still waits for decisions.

    Raises:
        Failed: It does not; says what became of it, and who decided.
    """
    if request.state is State.PENDING:
        return
    by = ", ".join(dict.fromkeys(vote.by.name for vote in request.votes))
    decided = f" (decided by {by})" if by else ""
    why = f": {request.why}" if request.why else ""
    raise Failed(clean(f"{request.id} is {request.state} already{decided}{why}"))


def _ask(shared: Shared, request: Request, *, approves: bool) -> None:
    verb = "approve" if approves else "reject"
    again = shlex.join(["opsmcp", verb, request.id, *shared.words(), "--yes"])
    require_agreement(f"{verb.title()} it?", f"{request.id} was not decided", again)


async def _tell(
    context: CallContext, requests: CallRequests, request: Request, *, attended: bool
) -> int:
    """Say what came of the decision: of an approved call, whether it was started."""
    if request.state is State.PENDING:
        left = request.approvers.count - len(request.approved_by)
        click.echo(f"{request.id} waits for {left} more to approve it")
        return 0
    until = context.clock.monotonic() + (_START_SECONDS if attended else 0.0)
    while request.state is State.APPROVED and context.clock.monotonic() < until:
        await context.clock.sleep(_LOOK_SECONDS)
        request = await requests.find(request.id)
    if request.state is State.VOID:
        raise Failed(clean(f"{request.id} is void, and nothing was started: {request.why}"))
    started = f", as run {request.run}" if request.run else ""
    click.echo(f"{request.id} is {request.state}{started}")
    return 0


_UNATTENDED = (
    "opsmcp: nobody is there to start it: the opsmcp in which the call was made has ended. An "
    "`opsmcp serve` with the same state.dir and source starts it if it comes within "
    f"{round(START_WITHIN.total_seconds() / 60)} minutes."
)


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
