"""A request as a row of its table, and back. Pure; what is damaged raises as it may."""

import json
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_tools.approval_requests.request import Entry, Request, State, Vote
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.rules import Approvers

__all__ = ["entry_of", "request_of", "row_of", "vote_of"]


def row_of(request: Request) -> dict[str, Any]:
    """The columns of a request, but its owner."""
    key, approvers = request.operation, request.approvers
    fixed = {
        "operation": [key.kind, key.namespace, key.name],
        "arguments": dict(request.arguments),
        "definition": request.definition,
        "plan": request.plan,
        "question": request.question,
        "rule": request.rule,
        "reason": request.reason,
        "approvers": [list(approvers.groups), approvers.count, approvers.seconds],
        "groups": list(request.requester.groups),
    }
    return {
        "id": request.id,
        "requester": request.requester.name,
        "requester_id": request.requester.id,
        "tool": request.tool,
        "source": request.source,
        "digest": request.digest,
        "key": request.key,
        "plan_hash": request.plan_hash,
        "fixed": json.dumps(fixed),
        "created_at": text_of(request.created_at),
        "expires_at": text_of(request.expires_at),
        "state": request.state,
        "changed_at": text_of(request.changed_at),
        "why": request.why,
        "run": request.run,
    }


def request_of(row: Any, votes: tuple[Vote, ...] = (), log: tuple[Entry, ...] = ()) -> Request:
    """The request of a row, with its votes and its timeline if they were read."""
    fixed = json.loads(row["fixed"])
    kind, namespace, name = fixed["operation"]
    groups, count, seconds = fixed["approvers"]
    return Request(
        id=row["id"],
        requester=Principal(row["requester"], tuple(fixed["groups"]), row["requester_id"]),
        tool=row["tool"],
        operation=OperationKey(OperationKind(kind), namespace, name),
        source=row["source"],
        arguments=dict(fixed["arguments"]),
        definition=fixed["definition"],
        plan_hash=row["plan_hash"],
        plan=fixed["plan"],
        question=fixed["question"],
        rule=fixed["rule"],
        reason=fixed["reason"],
        approvers=Approvers(tuple(groups), count, seconds),
        digest=row["digest"],
        key=row["key"],
        created_at=timestamp_of(row["created_at"]),
        expires_at=timestamp_of(row["expires_at"]),
        changed_at=timestamp_of(row["changed_at"]),
        state=State(row["state"]),
        why=row["why"],
        run=row["run"],
        owner=row["owner"],
        votes=votes,
        log=log,
    )


def vote_of(row: Any) -> Vote:
    """What one person decided."""
    by = Principal(row["by"], tuple(json.loads(row["groups"])), row["by_id"])
    return Vote(by, bool(row["approves"]), row["comment"], timestamp_of(row["at"]))


def entry_of(row: Any) -> Entry:
    """A row of a timeline."""
    before = State(row["before"]) if row["before"] else None
    return Entry(timestamp_of(row["at"]), before, State(row["after"]), row["by"], row["why"])
