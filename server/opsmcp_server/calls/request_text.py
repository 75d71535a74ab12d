"""A request in words and as data: for MCP, for the command line and for the page alike.

What a model sees of it is opsmcp's words; the comments of those who decide are quoted.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opsmcp_server.calls.context import CallContext
from opsmcp_tools.approval_requests.request import REJECTED_FOR, Request, State
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.consent import ONE_MACHINE
from opsmcp_tools.phrases.phrase import Said, say
from opsmcp_tools.phrases.tool_names import CANCEL_RUN, GET_RUN
from opsmcp_tools.results.output_schema import REFUSED, WAITING
from opsmcp_tools.safe_text.characters import clean_line, quote
from opsmcp_tools.safe_text.cleaning import clean

__all__ = [
    "approval_line",
    "plan_lines",
    "request_data",
    "request_details",
    "request_entry",
    "request_text",
]


@dataclass(frozen=True, slots=True)
class _RequestView:
    """A request, with what stands around it."""

    context: CallContext
    request: Request
    in_terminal: bool


def request_text(context: CallContext, request: Request, *, in_terminal: bool = False) -> str:
    """A request that has no run, for whoever made the call: how it stands, why, what to do.

    `in_terminal` says whether the reader has commands instead of tools.
    """
    view = _RequestView(context, request, in_terminal)
    lines = _waiting(view) if request.state.is_open else _refused(view)
    text = "\n".join(say(said, context.config.tools.language) for said in lines)
    return context.masker.text(text)


def request_data(request: Request, text: str) -> JsonObject:
    """The structured result of a call whose request has no run."""
    verdict = WAITING if request.state.is_open else REFUSED
    return {"summary": text, "run": request.id, "operation": request.tool, "verdict": verdict}


def approval_line(context: CallContext, request: Request) -> str:
    """Who approved the call that became a run, for the end of its text."""
    by = ", ".join(request.approved_by)
    return words.OF_REQUEST(request.id, by).to(context.config.tools.language)


def request_entry(request: Request) -> JsonObject:
    """A request for programs, in a list."""
    return {
        "request": request.id,
        "state": str(request.state),
        "operation": request.tool,
        "requester": request.requester.name,
        "requester_id": request.requester.id,
        "arguments": dict(request.arguments),
        "rule": request.rule,
        "reason": request.reason,
        "approvers": {"from": list(request.approvers.groups), "count": request.approvers.count},
        "created_at": _moment(request.created_at),
        "expires_at": _moment(request.expires_at),
        "changed_at": _moment(request.changed_at),
        "why": request.why,
        "run": request.run,
    }


def request_details(request: Request) -> JsonObject:
    """One request for programs, with its plan, its votes and its timeline."""
    return {
        **request_entry(request),
        "source": request.source,
        "definition": request.definition,
        "plan_hash": request.plan_hash,
        "question": request.question,
        "plan": request.plan,
        "votes": [
            {
                "by": vote.by.name,
                "by_id": vote.by.id,
                "approves": vote.approves,
                "comment": vote.comment,
            }
            | _at(vote.at)
            for vote in request.votes
        ],
        "timeline": [
            {
                "from": str(entry.before or ""),
                "to": str(entry.after),
                "by": entry.by,
                "why": entry.why,
            }
            | _at(entry.at)
            for entry in request.log
        ],
    }


def plan_lines(plan: JsonObject) -> Iterator[str]:
    """What would be run, task by task, with the values in their places."""
    for number, task in enumerate(plan["tasks"], 1):
        names = task["host_names"]
        where = ", ".join(names) or task["host"] or say(ONE_MACHINE(), "en")
        yield f"{number}. {clean_line(task['name'], 100)} on {clean_line(where, 1000)}"
        for step in task["steps"]:
            yield f"   step {clean_line(step['name'], 100)}"
            yield from (f"     | {line}" for line in clean(step["script"]).splitlines())
        if task["steps_left_out"]:
            yield f"   [{task['steps_left_out']} steps more]"


def _waiting(view: _RequestView) -> Iterator[Said]:
    request = view.request
    by = ", ".join(request.approved_by)
    if request.state is State.APPROVED:
        yield words.APPROVED(request.tool, by, request.id)
    else:
        yield words.WAITS(request.tool, request.id)
        yield words.WHY(clean_line(request.reason, 300), clean_line(request.rule, 100))
        yield _who(view)
        if by:
            yield words.SO_FAR(by)
        yield _where(view)
    yield _next(view)


def _who(view: _RequestView) -> Said:
    approvers = view.request.approvers
    groups: Mapping[str, tuple[str, ...]] = view.context.config.policy.groups
    named = [f"{name} ({', '.join(groups.get(name, ()))})" for name in approvers.groups]
    until = view.request.expires_at
    left = max(0, round((until - view.context.clock.now()).total_seconds() / 60))
    return words.WHO(approvers.count, ", ".join(named), f"{until:%H:%M:%S} UTC", f"{left} min")


def _where(view: _RequestView) -> Said:
    config, page = view.context.config, view.context.requests.page(view.request.id)
    command = _command(view, "approve", view.request.id)
    if page:
        terminal = config.requests.terminal
        return words.WHERE_PAGE(page, command) if terminal else words.WHERE_ONLY_PAGE(page)
    return words.WHERE_TERMINAL(command) if config.requests.terminal else words.NOBODY_SAID_WHERE()


def _next(view: _RequestView) -> Said:
    request = view.request.id
    if view.in_terminal:
        look = _command(view, "requests", request)
        return words.WATCH(look, _command(view, "call", CANCEL_RUN, f"run={request}"))
    wait = f"{GET_RUN} run={request} wait_seconds=30"
    return words.TELL_THEM(wait, f"{CANCEL_RUN} run={request}")


def _command(view: _RequestView, *arguments: str) -> str:
    return shlex.join(["opsmcp", *arguments, *view.context.config.options])


def _refused(view: _RequestView) -> Iterator[Said]:
    request = view.request
    yield words.REFUSED(request.tool, _why(request), request.id)
    comments = ((vote.by.name, vote.comment) for vote in request.votes if vote.comment)
    for by, comment in comments:
        yield words.COMMENT(by, quote(comment, 500))
    if request.state is State.REJECTED:
        yield words.DO_NOT_ASK(round(REJECTED_FOR.total_seconds() / 60))
    else:
        yield words.ASK_AGAIN()


def _why(request: Request) -> Said:
    if request.state is State.REJECTED:
        by = next((vote.by.name for vote in request.votes if not vote.approves), "")
        return words.REJECTED(by)
    if request.state is State.EXPIRED:
        return words.EXPIRED()
    return words.VOID(request.why)


def _at(moment: datetime) -> JsonObject:
    return {"at": _moment(moment)}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
