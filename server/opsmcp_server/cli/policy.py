"""`opsmcp policy explain`: which rule decides on a call, and why the others did not."""

from datetime import datetime

import click

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.call import parse_arguments
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.terminal import Cell, show_json, show_table, show_text
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.errors import ToolUnavailable, UnknownTool
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.decision import Action, BuiltInTool, Considered, Decision, Effect
from opsmcp_tools.policy.rules import Match
from opsmcp_tools.safe_text.characters import clean_line, quote

__all__ = ["command"]

_FITS = {Match.YES: "yes", Match.PARTLY: "partly", Match.MAYBE: "depends", Match.NO: "no"}


@click.command("policy")
@click.argument("what", metavar="explain")
@click.argument("tool", metavar="TOOL")
@click.argument("arguments", nargs=-1, metavar="[name=value ...]")
@click.option("--as", "who", metavar="PRINCIPAL", help="For this principal, not for you.")
@click.option("--group", "groups", metavar="G", multiple=True, help="A group of that principal.")
@click.option("--at", metavar="TIME", help="At this time, such as 2026-11-24T03:00, not now.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def command(
    shared: Shared,
    what: str,
    tool: str,
    arguments: tuple[str, ...],
    who: str | None,
    groups: tuple[str, ...],
    at: str | None,
    as_json: bool,
) -> int:
    """Show which rule decides on a call, and why. Starts nothing.

    Without arguments, the call is taken as one that gives none.
    """
    if what != "explain":
        raise click.UsageError(f"{what!r} is not explain: opsmcp policy explain TOOL ...")
    if groups and not who:
        raise click.UsageError("--group goes with --as NAME")
    parsed, moment = parse_arguments(arguments), _parse_time(at)

    async def work(context: CallContext) -> int:
        principal = Principal(who, groups) if who else context.principal
        subject = await _find(context, tool)
        checked = {}
        if isinstance(subject, Tool) and parsed:
            checked = dict(check_arguments(subject, parsed, principal).arguments)
        now = moment or context.clock.now()
        policy = context.policy
        decision = policy.decide(principal, Action.RUN, subject, checked, at=now)
        considered = tuple(policy.consider(principal, Action.RUN, subject, checked, at=now))
        (_show_json if as_json else _show)(tool, principal, decision, considered)
        return 0

    return run_with_context(shared, work, follows_runs=False)


def _parse_time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError:
        raise click.UsageError(f"{text!r} is not a time such as 2026-11-24T03:00") from None


async def _find(context: CallContext, name: str) -> Tool | BuiltInTool:
    toolbox = await context.tools.current()
    if own := registry.find(name):
        return own.subject
    found = toolbox.find(name)
    withheld = next((item for item in toolbox.withheld if item.operation == name), None)
    if found is None and withheld is not None:
        raise ToolUnavailable(f"{name} is withheld from everybody: {withheld.reason}.")
    if found is None:
        near = toolbox.nearest(name)
        hint = f" The nearest names are {', '.join(near)}." if near else ""
        raise UnknownTool(f"There is no tool {quote(name)}.{hint}")
    return found


def _show(
    tool: str, principal: Principal, decision: Decision, considered: tuple[Considered, ...]
) -> None:
    show_text(clean_line(f"{tool} for {principal.name}: {decision.effect}", 400), "bold")
    show_text(clean_line(f"decided by {decision.rule}: {decision.reason}", 600))
    if decision.effect is Effect.APPROVE:
        show_text(clean_line(_approvers_in_words(decision), 600))
    if considered:
        rows = [
            (Cell(item.rule.name), Cell(_FITS[item.match]), Cell(item.rule.effect), Cell(item.why))
            for item in considered
        ]
        show_table(("rule", "fits", "effect", "why"), rows)


def _approvers_in_words(decision: Decision) -> str:
    approvers = decision.approvers
    minutes = round(approvers.seconds / 60)
    groups = ", ".join(approvers.groups)
    return f"waits for {approvers.count} of {groups} to approve it, {minutes} minutes at most"


def _show_json(
    tool: str, principal: Principal, decision: Decision, considered: tuple[Considered, ...]
) -> None:
    rules = [
        {
            "rule": item.rule.name,
            "fits": _FITS[item.match],
            "effect": str(item.rule.effect),
            "why": item.why,
        }
        for item in considered
    ]
    show_json(
        {
            "tool": tool,
            "principal": principal.name,
            "effect": str(decision.effect),
            "rule": decision.rule,
            "reason": decision.reason,
            **_approvers_for_programs(decision),
            "rules": rules,
        }
    )


def _approvers_for_programs(decision: Decision) -> dict[str, object]:
    if decision.effect is not Effect.APPROVE:
        return {}
    approvers = decision.approvers
    said = {
        "from": approvers.groups,
        "count": approvers.count,
        "expires_seconds": approvers.seconds,
    }
    return {"approvers": said}
