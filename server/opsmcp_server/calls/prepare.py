"""From a name and arguments to a run: the one way, for MCP calls and for the command line.

`prepare` finds the tool, asks policy and checks the arguments; `execute` starts the run and waits.
Between the two, whoever called asks a person where policy wants that.
"""

import secrets
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import ArgumentsRefused, CallDecided
from opsmcp_server.calls.url_resolution import check_resolved
from opsmcp_tools.arguments.check import CheckedCall, check_arguments
from opsmcp_tools.arguments.nearest_names import nearest_names
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.errors import (
    InvalidArguments,
    NotAllowed,
    PlanChanged,
    ToolError,
    ToolGone,
    UnknownTool,
)
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.phrases import consent as words
from opsmcp_tools.phrases.phrase import Said, say
from opsmcp_tools.policy.decision import Action, Decision, Effect
from opsmcp_tools.policy.places import touched_places
from opsmcp_tools.policy.shown_arguments import show_arguments
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.description import without_effect
from opsmcp_tools.toolbox.plan import Plan, build_plan, hazards, places_in_words
from opsmcp_tools.toolbox.toolbox import Toolbox

__all__ = [
    "OnProgress",
    "Prepared",
    "Question",
    "check_again",
    "command_line",
    "execute",
    "find_run",
    "find_tool",
    "note_consent",
    "plan",
    "plan_of",
    "prepare",
    "question",
    "start",
]

_DECIDED_SECONDS = 60.0
"""A call that is asked about comes again with the answer: in that time it is decided on once."""

_LEAST_START_SECONDS = 5.0
"""How long at least to wait for the answer of a start, so that a refusal can be told."""

OnProgress = Callable[[RunRecord], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that may be started, once a person agreed where `needs_consent` says so.

    One that `needs_approval` becomes a request, and is started from that.
    """

    tool: Tool
    call: CheckedCall
    principal: Principal
    decision: Decision
    agreed: Grounds = Grounds()
    """Who agreed to it or approved it, as far as it has come; `grounds` adds the rule and where."""

    @property
    def grounds(self) -> Grounds:
        """Why it may be started, once it may."""
        targets = touched_places(self.tool, self.call.arguments)
        rule, effect = self.decision.rule, str(self.decision.effect)
        return replace(self.agreed, rule=rule, effect=effect, targets=targets)

    def agreed_by(self, consent: str) -> "Prepared":
        """The same, once a person agreed in that way."""
        return replace(self, agreed=replace(self.agreed, consent=consent))

    @property
    def needs_consent(self) -> bool:
        """Whether a person has to agree first."""
        return self.decision.effect is Effect.CONFIRM

    @property
    def needs_approval(self) -> bool:
        """Whether somebody else has to approve first."""
        return self.decision.effect is Effect.APPROVE

    @property
    def needs_people(self) -> bool:
        """Whether anybody has to agree or approve first."""
        return self.decision.effect is not Effect.ALLOW


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked. An answer is good for an equal question only.

    `text` is what is shown; the definition and the decision are what it silently rests on.
    """

    text: str
    definition: str
    decision: Decision


async def find_tool(context: CallContext, name: str, principal: Principal) -> Tool:
    """The tool of that name, if this principal may know of it.

    Raises:
        ToolUnavailable: The catalogue was never read.
        ToolGone: The tool is withheld, or was there before.
        NotAllowed: This principal may not know of it.
        UnknownTool: There is and was no such tool.
    """
    toolbox = await context.tools.current()
    tool = toolbox.find(name)
    if tool is not None and _may_list(context, tool, principal):
        return tool
    raise _missing(context, toolbox, name, principal)


async def find_run(
    context: CallContext, key: str, name: str, principal: Principal
) -> RunRecord | None:
    """The run of a tool that was started with that key, if one was; raises as `find_tool` does.

    Whoever started it may have died before it said so.
    """
    tool = await find_tool(context, name, principal)
    return await context.executions.same.find_key(key, tool.name, tool.operation.key, principal)


def _may_list(context: CallContext, tool: Tool, principal: Principal) -> bool:
    return context.decide(principal, Action.LIST, tool).effect is not Effect.DENY


def _missing(context: CallContext, toolbox: Toolbox, name: str, principal: Principal) -> Exception:
    # A file that cannot be used as a whole is withheld under its own name.
    names = {name, context.tools.listed_from(name)}
    reasons = [item.reason for item in toolbox.withheld if names & item.names]
    if reasons:
        return ToolGone(f"{name} is withheld: {'; '.join(dict.fromkeys(reasons))}.")
    hidden = toolbox.find(name)
    if hidden is not None:
        rule = context.decide(principal, Action.LIST, hidden).rule
        return NotAllowed(f"Policy does not allow {name}.", rule=rule)
    seen = (tool.name for tool in toolbox.tools if _may_list(context, tool, principal))
    near = nearest_names(name, seen)
    hint = f" The nearest names are {', '.join(near)}." if near else ""
    if context.tools.was_listed(name):
        return ToolGone(f"{name} is gone: {context.source.label} has it no more.{hint}")
    # What is there beside the tools is for the person who runs opsmcp, not for whoever calls it.
    unexposed = toolbox.unexposed(name) if principal == context.principal else ""
    reason = f": {unexposed}" if unexposed else ""
    return UnknownTool(f"There is no tool {quote(name)}{reason}.{hint}")


async def prepare(
    context: CallContext,
    name: str,
    arguments: Mapping[str, object],
    principal: Principal,
    plan_hash: str = "",
) -> Prepared:
    """Find, check and decide. Starts nothing.

    Args:
        context: The running opsmcp.
        name: The tool.
        arguments: What the caller gave.
        principal: Who calls.
        plan_hash: The hash of the plan that the caller agreed to, if there is one.

    Raises:
        ToolError: With what to change.
    """
    try:
        prepared = await _prepare(context, name, arguments, principal, plan_hash)
    except ToolError as error:
        if isinstance(error, InvalidArguments):
            reasons = frozenset(problem.reason for problem in error.problems)
            context.observers(ArgumentsRefused(reasons))
        _note_refused(context, name, error, arguments, principal)
        raise
    decision = prepared.decision
    if decision.effect is not Effect.ALLOW:
        context.audit.note_once(
            f"{name} {sorted(prepared.call.arguments.items())}",
            _DECIDED_SECONDS,
            "decide",
            principal,
            tool=name,
            rule=decision.rule,
            effect=str(decision.effect),
            arguments=prepared.call.arguments,
        )
    return prepared


def note_consent(
    context: CallContext, prepared: Prepared, step: Literal["asked", "answered"], refusal: str = ""
) -> None:
    """Note in the audit trail that a person was asked, or how they answered."""
    context.audit.note(
        f"consent.{step}",
        prepared.principal,
        reason=refusal,
        failed=bool(refusal),
        tool=prepared.tool.name,
        rule=prepared.decision.rule,
        arguments=prepared.call.arguments,
    )


def _note_refused(
    context: CallContext,
    name: str,
    error: ToolError,
    arguments: Mapping[str, object],
    principal: Principal,
) -> None:
    tool = context.tools.toolbox.find(name) if context.tools.toolbox else None
    context.audit.refused(principal, name, error, arguments, tool.input_names if tool else ())


async def _prepare(
    context: CallContext,
    name: str,
    arguments: Mapping[str, object],
    principal: Principal,
    plan_hash: str,
) -> Prepared:
    tool = await find_tool(context, name, principal)
    call = check_arguments(tool, arguments, principal)
    decision = context.decide(principal, Action.RUN, tool, call.arguments)
    context.observers(CallDecided(str(decision.effect)))
    prepared = Prepared(tool, call, principal, decision)
    if plan_hash:
        _check_plan(await plan_of(context, prepared), plan_hash)
    if decision.effect is Effect.DENY:
        raise NotAllowed(f"{tool.name} was not started: {decision.reason}", rule=decision.rule)
    await context.nodes.check(tool, call)
    await check_resolved(tool, call)
    return prepared


async def plan(
    context: CallContext, name: str, arguments: Mapping[str, object], principal: Principal
) -> Plan:
    """What a call would do, whether policy allows it or not. Starts nothing.

    Raises:
        ToolError: With what to change.
    """
    tool = await find_tool(context, name, principal)
    context.audit.note("plan", principal, tool=tool.name)
    decision = context.decide(principal, Action.PLAN, tool)
    if decision.denied:
        raise NotAllowed(f"{tool.name} was not planned: {decision.reason}.", rule=decision.rule)
    call = check_arguments(tool, arguments, principal)
    await context.nodes.check(tool, call)
    decision = context.decide(principal, Action.RUN, tool, call.arguments)
    return await plan_of(context, Prepared(tool, call, principal, decision))


async def plan_of(context: CallContext, prepared: Prepared) -> Plan:
    """What a prepared call would do, as things are now."""
    toolbox = await context.tools.current()
    return build_plan(
        prepared.tool,
        prepared.call,
        prepared.decision,
        toolbox.catalogue.contents,
        source=context.source.label,
        who=prepared.principal.name,
        brakes=context.source.traits.brakes,
    )


def _check_plan(now: Plan, agreed: str) -> None:
    if not secrets.compare_digest(now.hash.encode(), agreed.encode(errors="replace")):
        raise PlanChanged(
            f"{now.data['operation']} was not started: it would not do what was planned. The hash "
            f"of the plan is {now.hash} now. Plan again, and look at what changed."
        )


async def check_again(context: CallContext, prepared: Prepared, asked: Question) -> None:
    """Return if a call is still what a person was asked about; answering takes minutes.

    Raises:
        ToolError: The operation, where it would run or the decision on it is another one now.
    """
    tool = await find_tool(context, prepared.tool.name, prepared.principal)
    decision = context.decide(prepared.principal, Action.RUN, tool, prepared.call.arguments)
    if await question(context, replace(prepared, tool=tool, decision=decision)) != asked:
        raise PlanChanged(
            f"{tool.name} was not started: the operation, where it would run, or what policy says "
            "of it, changed while the person was asked. Call again."
        )


async def question(context: CallContext, prepared: Prepared) -> Question:
    """What a person is asked: the operation, what it changes, where, and with which arguments.

    The arguments come last, so that they cannot push the rest out of sight, and behind them the
    defaults of the others. They are whole: who asks must show all of the text, or not ask.
    """
    contents = (await context.tools.current()).catalogue.contents
    brakes = context.source.traits.brakes
    where = places_in_words(prepared.tool, prepared.call, contents, brakes)
    tool, arguments = prepared.tool, prepared.call.arguments
    said = [words.RUN(tool.title, tool.name), _effect(tool)]
    said += [words.CAREFUL(hazard) for hazard in hazards(tool)]
    said += [words.WHERE(where)] if where else []
    said += [without_effect(tool.description, tool.language)]
    lines = [say(one, tool.language) for one in said]
    lines += show_arguments(arguments, tool.language)
    if defaults := _defaults(prepared):
        lines += [say(words.DEFAULTS(), tool.language), *show_arguments(defaults, tool.language)]
    return Question("\n".join(lines), tool.definition, prepared.decision)


def _defaults(prepared: Prepared) -> dict[str, str]:
    """What holds of the arguments that were not given: it runs as well."""
    call = prepared.call
    left_out = (item.name for item in prepared.tool.inputs if item.name not in call.arguments)
    return {name: call.variables[name] for name in left_out if call.variables.get(name)}


def _effect(tool: Tool) -> Said:
    if tool.hints.read_only:
        return words.READS()
    if not tool.hints.known:
        return words.NOT_KNOWN()
    if tool.hints.destructive:
        return words.DESTROYS()
    return words.CHANGES_ONCE() if tool.hints.idempotent else words.CHANGES()


def command_line(prepared: Prepared, options: Sequence[str]) -> str:
    """The command that makes the same call in a terminal, with these options."""
    arguments = [f"{name}={value}" for name, value in prepared.call.arguments.items()]
    return shlex.join(["opsmcp", "call", prepared.tool.name, *arguments, *options])


async def start(
    context: CallContext,
    prepared: Prepared,
    *,
    key: str = "",
    caller: object = None,
    wait_seconds: float = inf,
    on_progress: OnProgress | None = None,
) -> RunRecord:
    """Start the run, once; see `Executions.start`.

    Raises:
        PlanChanged: The source has another definition by now than the one that was decided on.
        ToolGone: The source has it no more.
        ToolUnavailable: Nothing was started.
    """
    try:
        return await context.executions.start(
            prepared.tool,
            prepared.call,
            prepared.principal,
            key=key,
            caller=caller,
            grounds=prepared.grounds,
            wait_seconds=wait_seconds,
            on_progress=on_progress,
        )
    except ToolError as error:
        given = prepared.call.arguments
        _note_refused(context, prepared.tool.name, error, given, prepared.principal)
        if isinstance(error, PlanChanged | ToolGone):
            # So that the next call is decided on what there is now, not on what was listed.
            await context.tools.read_again()
        raise


async def execute(
    context: CallContext,
    prepared: Prepared,
    *,
    wait_seconds: float,
    on_progress: OnProgress | None = None,
    key: str = "",
    caller: object = None,
) -> RunRecord:
    """Start the run, once, and wait for its end for at most `wait_seconds`.

    The same call (or the same `key`) gets the run that there is; see `Executions.start`, also for
    `caller`.

    Raises:
        PlanChanged: The source has another definition by now than the one that was decided on.
        ToolGone: The source has it no more.
        ToolUnavailable: Nothing was started.
    """
    executions, clock = context.executions, context.clock
    until = clock.monotonic() + wait_seconds
    started = await start(
        context,
        prepared,
        key=key,
        caller=caller,
        wait_seconds=max(wait_seconds, _LEAST_START_SECONDS),
        on_progress=on_progress,
    )
    if on_progress is not None and not started.ended:
        await on_progress(started)
    left = max(0.0, until - clock.monotonic())
    record = await executions.wait(started.run, left, on_progress)
    return replace(record, repeated=started.repeated)
