"""What each responder would have done with signals, and why. Starts, asks and records nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.prepare import plan
from opsmcp_tools.incidents.expression import signal_values
from opsmcp_tools.incidents.responder import (
    Mode,
    NoArgument,
    Responder,
    Responders,
    make_arguments,
)
from opsmcp_tools.incidents.signal import Signal, Status
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Replayed", "replayed"]

_MOST_WHY = 400


@dataclass(slots=True)
class Replayed:
    """What would have been done about the signals of one key."""

    responder: str
    key: str
    first: Signal
    count: int = 0
    would: str = ""
    why: str = ""

    def data(self) -> JsonObject:
        """For programs."""
        return {
            "responder": self.responder,
            "key": self.key,
            "sender": self.first.sender,
            "first_at": self.first.received_at.isoformat(timespec="seconds"),
            "signals": self.count,
            "would": self.would,
            "why": self.why,
        }


async def replayed(context: CallContext, signals: Iterable[Signal]) -> Sequence[Replayed]:
    """What would have been done about these signals, by responder and key, in their order."""
    responders = Responders(context.config.responders)
    found: dict[tuple[str, str], Replayed] = {}
    for signal in signals:
        if signal.status is Status.RESOLVED:
            continue
        fit = responders.fit(signal)
        name, key = (fit.responder.name, fit.key) if fit.responder else ("", signal.key)
        one = found.setdefault((name, key), Replayed(name, key, signal))
        one.count += 1
        if one.count == 1 and fit.responder is None:
            one.would = "nothing"
            one.why = "; ".join(f"{by}: {why}" for by, why in fit.refused) or "no responder"
    for one in found.values():
        responder = responders.get(one.responder)
        if responder is not None:
            one.would, one.why = await _would(context, responder, one.first)
    return tuple(found.values())


async def _would(context: CallContext, responder: Responder, signal: Signal) -> tuple[str, str]:
    quiet = (one for one in context.config.events.quiet if one.covers(signal, signal.received_at))
    if (now := next(quiet, None)) is not None:
        return "wait", f"quiet time {now.name}"
    if responder.mode is Mode.NOTIFY:
        return "tell", "mode notify"
    try:
        if responder.mode is Mode.AGENT:
            return "investigate", "a model looks for the cause"
        arguments = make_arguments(responder.arguments, signal_values(signal))
        await plan(context, responder.run, arguments, responder.principal)
    except (ToolError, NoArgument) as error:
        return "hand over", clean_line(str(error), _MOST_WHY)
    return await _decided(context, responder, arguments, signal)


async def _decided(
    context: CallContext, responder: Responder, arguments: Mapping[str, str], signal: Signal
) -> tuple[str, str]:
    tool = (await context.tools.current()).find(responder.run)
    decision = context.policy.decide(
        responder.principal, Action.RUN, tool, arguments, at=signal.received_at
    )
    call = " ".join([responder.run, *(f"{name}={value}" for name, value in arguments.items())])
    why = f"{call}: {decision.reason} (rule {decision.rule})"
    if decision.effect is Effect.DENY:
        return "hand over", why
    if decision.effect is not Effect.ALLOW:
        return "ask", f"{why}; {', '.join(decision.approvers.groups)}"
    if not responder.is_sure_of(signal):
        return "hand over", "nobody vouched for the signal, and nothing looks whether it is so"
    return ("look, then run" if responder.confirm is not None else "run"), why
