"""`opsmcp call`: one tool, called the way an MCP client calls it, with a person to ask."""

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

import anyio
import click
import mcp_types as types

from opsmcp_pipelines.source import Cancelled
from opsmcp_server.calls.answer import run_data, run_text
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import (
    Prepared,
    Question,
    check_again,
    command_line,
    note_consent,
    prepare,
    question,
    start,
)
from opsmcp_server.cli.options import Seconds, Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import Failed, WrongUse
from opsmcp_server.cli.terminal import (
    progress_line,
    require_agreement,
    show_json,
    show_text,
    tell,
    verdict_status,
    verdict_style,
)
from opsmcp_server.protocol.builtin_tools import plan_operation, registry
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_server.protocol.progress import progress_message
from opsmcp_tools.model.errors import NotAllowed
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.results.next_step_syntax import CommandSyntax
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["command", "parse_arguments"]

_CANCEL_SECONDS = 10.0
"""How long a run may take to die after Ctrl-C or the end of --wait."""

_SLACK_SECONDS = 60.0
"""Waited beyond the deadline of runs, so that the verdict `stuck` is seen."""


@dataclass(frozen=True, slots=True)
class _Request:
    tool: str
    arguments: dict[str, str]
    wait_seconds: float | None
    as_json: bool
    agreed: bool
    plan_hash: str
    key: str
    shared: Shared


@click.command("call")
@click.argument("tool")
@click.argument("arguments", nargs=-1, metavar="[name=value ...]")
@click.option("--json", "as_json", is_flag=True, help="Print the structured result.")
@click.option(
    "--wait",
    type=Seconds(),
    metavar="S",
    help="Wait at most S seconds, not to the end. The embedded engine then cancels the run; on an "
    "Ops server it goes on.",
)
@click.option("--new", is_flag=True, help="Start a new run even if the same call just made one.")
@click.option("--yes", is_flag=True, help="Agree to an operation that changes something.")
@click.option("--plan", is_flag=True, help="Show what the call would do. Starts nothing.")
@click.option(
    "--plan-hash", default="", metavar="HASH", help="Start only what the plan with this hash says."
)
@shared_options
def command(
    shared: Shared,
    tool: str,
    arguments: tuple[str, ...],
    as_json: bool,
    wait: float | None,
    new: bool,
    yes: bool,
    plan: bool,
    plan_hash: str,
) -> int:
    """Call one tool and wait for its end.

    What arguments a tool takes is shown by `opsmcp tools TOOL`.

    Exit status 0 means that the run did its work; 1 that it did not, or has not ended yet.
    """
    key = secrets.token_hex(8) if new else ""
    request = _Request(tool, parse_arguments(arguments), wait, as_json, yes, plan_hash, key, shared)

    async def work(context: CallContext) -> int:
        own = registry.find(tool)
        if plan and own is not None:
            raise WrongUse(
                f"{tool} is a tool of opsmcp's own: it starts nothing, so there is no plan"
            )
        if plan:
            named = {"name": tool, "arguments": request.arguments}
            return await _call_own(context, plan_operation.ROW, named, as_json=as_json)
        if own is not None:
            return await _call_own(context, own, request.arguments, as_json=as_json)
        return await _call(context, request)

    return run_with_context(shared, work, starts_runs=not plan)


def parse_arguments(arguments: tuple[str, ...]) -> dict[str, str]:
    """The arguments by name.

    Raises:
        click.UsageError: One is not of the form name=value, or is given twice.
    """
    parsed: dict[str, str] = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or not name:
            raise click.UsageError(f"{argument!r} is not of the form name=value")
        if name in parsed:
            raise click.UsageError(f"{name!r} is given twice")
        parsed[name] = value
    return parsed


async def _call_own(
    context: CallContext, own: BuiltIn, arguments: Mapping[str, object], *, as_json: bool
) -> int:
    """Show what a tool of opsmcp's own answers."""
    if own.respond is None:
        raise WrongUse(f"{own.name} is for models: opsmcp call NAME ... runs any operation")
    asked = own.check(context, context.principal, arguments, data=as_json)
    result = await own.respond(context, asked)
    if as_json:
        show_json(result.structured_content)
    else:
        texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
        show_text(clean("\n".join(texts)))
    return 1 if result.is_error else 0


async def _call(context: CallContext, request: _Request) -> int:
    prepared = await _prepare(context, request)
    if prepared.needs_approval:
        return await _ask_others(context, prepared, request)
    if prepared.needs_consent and not request.agreed:
        asked = await question(context, prepared)
        note_consent(context, prepared, "asked")
        try:
            _ask(prepared, asked, request.shared)
        except Failed as error:
            note_consent(context, prepared, "answered", error.message)
            raise
        note_consent(context, prepared, "answered")
        await check_again(context, prepared, asked)
    if prepared.needs_consent:
        prepared = prepared.agreed_by("option" if request.agreed else "terminal")
    record = await _start(context, prepared, request.key)
    return await _show_end(context, record, request)


async def _show_end(
    context: CallContext, record: RunRecord, request: _Request, waited: float = 0.0
) -> int:
    """Follow a run to its end and show that; the exit status. `waited` is a part of --wait."""
    wait = request.wait_seconds
    record = await _follow(context, record, None if wait is None else max(0.0, wait - waited))
    syntax = CommandSyntax(request.shared.words())
    text = await run_text(context, record, context.principal, syntax=syntax)
    if request.as_json:
        show_json(await run_data(context, record, context.principal, text, syntax=syntax))
    else:
        show_text(text, verdict_style(record.verdict))
    return verdict_status(record.verdict)


async def _ask_others(context: CallContext, prepared: Prepared, request: _Request) -> int:
    """Wait until somebody else has decided on the call, and then for its run; the exit status."""
    from opsmcp_server.cli.decide import show_refusal, wait_for_decision

    began = context.clock.monotonic()
    if not request.key:
        calls = context.executions.same
        same = await calls.find_call(prepared.tool, prepared.call, prepared.principal)
        if same is not None:
            return await _show_end(context, same, request)
    asked = await context.requests.get().ask(prepared, request.key)
    asked = await wait_for_decision(context, asked, request.wait_seconds)
    if not asked.run:
        return show_refusal(context, asked, as_json=request.as_json)
    record = await context.requests.get().run_of(asked)
    return await _show_end(context, record, request, context.clock.monotonic() - began)


async def _prepare(context: CallContext, request: _Request) -> Prepared:
    try:
        return await prepare(
            context, request.tool, request.arguments, context.principal, request.plan_hash
        )
    except NotAllowed as error:
        again = shlex.join(["opsmcp", "policy", "explain", request.tool, *request.shared.words()])
        raise NotAllowed(f"{error} Which rule, and why: {again}") from error


def _ask(prepared: Prepared, asked: Question, shared: Shared) -> None:
    """Show what is `asked`; return when the person agrees to it.

    Raises:
        Failed: Nobody can be asked, or the answer is no.
    """
    tell(clean(asked.text))
    again = command_line(prepared, [*shared.words(), "--yes"])
    refusal = f"{prepared.tool.name} was not started"
    require_agreement("Start it?", refusal, again, why=prepared.decision.reason)


async def _follow(context: CallContext, record: RunRecord, wait_seconds: float | None) -> RunRecord:
    """Wait for the run; on Ctrl-C, say what becomes of it."""
    executions = context.executions
    repeated = record.repeated
    if wait_seconds is None:
        seconds = executions.deadline_of(record.tool) + _SLACK_SECONDS
    else:
        seconds = wait_seconds
    try:
        with progress_line(f"{record.tool}: started (run {record.run})") as change:

            async def on_progress(now: RunRecord) -> None:
                change(progress_message(now, context.clock.now()))

            record = await executions.wait(record.run, seconds, on_progress)
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await _leave(context, record, "Interrupted")
        raise
    if not record.ended:
        record = await _leave(context, record, f"Not ended after {seconds:g} seconds")
    return replace(record, repeated=repeated)


async def _start(context: CallContext, prepared: Prepared, key: str) -> RunRecord:
    """Start the run; on Ctrl-C before there is an answer, say where the run can be looked for."""
    try:
        return await start(context, prepared, key=key)
    except anyio.get_cancelled_exc_class():
        tell(
            "opsmcp: Interrupted while the run was being started. "
            "What became of it is shown by: opsmcp runs"
        )
        raise


async def _leave(context: CallContext, record: RunRecord, why: str) -> RunRecord:
    """Stop a run that lives in this process, and say what becomes of it."""
    now, done = record, Cancelled.GOES_ON
    with anyio.move_on_after(_CANCEL_SECONDS):
        now, done = await context.executions.cancel(record.run, context.principal)
    if done is Cancelled.STOPPED:
        then = "was cancelled, because it lived in this process"
    else:
        then = "has ended" if now.ended else "goes on"
    look = shlex.join(["opsmcp", "runs", record.run, *context.config.options])
    tell(f"opsmcp: {why}. The run {then}; look at it with: {look}")
    return now
