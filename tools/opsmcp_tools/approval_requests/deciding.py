"""Who may decide on a request, and what is different since it was made. Pure.

Asked twice: when somebody decides, and again before the call is started.
"""

from collections.abc import Iterator
from datetime import datetime

from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.model.tool import JsonObject, Principal, Tool
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.policy.decision import Action, Policy

__all__ = ["changes", "is_approver", "why_not"]

_PARTS = {
    "definition": words.ITS_DEFINITION,
    "decision": words.WHAT_POLICY_SAYS,
    "cluster": words.ITS_CLUSTER,
    "variables": words.ITS_VARIABLES,
    "read_only": words.ITS_HINTS,
    "hazards": words.ITS_HAZARDS,
    "source": words.ITS_SOURCE,
}
"""What of a plan is named when it differs; hosts and tasks are looked at one by one."""


def is_approver(request: Request, principal: Principal, policy: Policy) -> bool:
    """Whether it is one of those who may decide, whatever else may be in the way."""
    return bool(policy.groups_of(principal) & set(request.approvers.groups))


def why_not(
    request: Request, principal: Principal, policy: Policy, tool: Tool, at: datetime
) -> Said | None:
    """Why this principal may not decide on the request; None when it may.

    It must be one of its approvers, another one than the requester, and allowed to make the call
    itself: nobody agrees to what they may not do.
    """
    if principal.may_be(request.requester):
        return words.OWN_REQUEST()
    if not is_approver(request, principal, policy):
        return words.NO_APPROVER(", ".join(request.approvers.groups))
    decision = policy.decide(principal, Action.RUN, tool, request.arguments, at=at)
    if decision.denied:
        return words.MAY_NOT_CALL(request.tool, decision.reason)
    return None


def changes(before: JsonObject, now: JsonObject) -> tuple[Said, ...]:
    """What differs between two plans of one call; never empty, as something does.

    Their hash covers more than what is kept of a long plan.
    """
    return tuple(_changes(before, now)) or (words.WHAT_IS_CUT(),)


def _changes(before: JsonObject, now: JsonObject) -> Iterator[Said]:
    if _hosts(before) != _hosts(now):
        yield words.ITS_HOSTS(_in_words(_hosts(before)), _in_words(_hosts(now)))
    for name, words_of in _PARTS.items():
        if before.get(name) != now.get(name):
            yield words_of()
    same_definition = before.get("definition") == now.get("definition")
    if same_definition and _scripts(before) != _scripts(now):
        yield words.ITS_SCRIPTS()


def _hosts(plan: JsonObject) -> list[tuple[str, int | None, tuple[str, ...]]]:
    return [(task["host"], task["hosts"], tuple(task["host_names"])) for task in plan["tasks"]]


def _in_words(hosts: list[tuple[str, int | None, tuple[str, ...]]]) -> str:
    named = dict.fromkeys(name for host, _, names in hosts for name in names or (host,) if name)
    shown = list(named)[:10]
    more = f" +{len(named) - len(shown)}" if len(named) > len(shown) else ""
    return ", ".join(shown) + more or "-"


def _scripts(plan: JsonObject) -> list[object]:
    return [task["steps"] for task in plan["tasks"]]
