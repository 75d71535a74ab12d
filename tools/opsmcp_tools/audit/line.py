"""A line of the audit trail: its fields, its bytes and its hash. Pure.

A line is one JSON object in ASCII, without blanks, its fields in the order in which they were
written: only these bytes are the line, so that any other spelling of the same data is a change.
`docs/audit.md` says what the fields mean.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from opsmcp_tools.model.caller import Caller
from opsmcp_tools.model.tool import Principal

__all__ = [
    "CHECKPOINT",
    "EVENTS",
    "FIRST",
    "IS_CHECKPOINT",
    "MOST_BYTES",
    "OPEN",
    "TORN",
    "AuditEvent",
    "BadLine",
    "Outcome",
    "cut_text",
    "encode",
    "encode_bounded",
    "few",
    "fields_of",
    "hash_of",
    "is_checkpoint",
    "read_line",
    "time_text",
]

OPEN, CHECKPOINT, TORN = "audit.open", "audit.checkpoint", "audit.torn"
EVENTS = (
    *("run.start", "run.end", "run.cancel", "decide", "call.refused"),
    *("consent.asked", "consent.answered", "plan", "output.read", "list"),
    *("request.opened", "request.approved", "request.rejected", "request.expired", "request.void"),
    *("auth.ok", "auth.refused", "auth.limited", "definition.approved"),
    *("token.created", "token.rotated", "token.revoked", "responder.paused", "responder.resumed"),
    *("server.start", "server.stop"),
    *(OPEN, CHECKPOINT, TORN, "audit.gap"),
)
"""Every event that a line can tell of."""

FIRST = "0" * 64
"""What stands for the hash of the line before the first one."""

MOST_BYTES = 64 * 1024
"""No line is longer. The parts are bounded so that none comes near it."""

_MOST_TEXT = 1_000
_MOST_ITEMS = 50


class Outcome(StrEnum):
    """Whether what a line tells of succeeded."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class BadLine(ValueError):
    """Bytes that no line of a trail has."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What happened. `details` come between who it was and the place in the chain."""

    event: str
    at: datetime
    outcome: Outcome = Outcome.SUCCESS
    reason: str = ""
    principal: Principal | None = None
    caller: Caller = Caller()
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


def fields_of(event: AuditEvent) -> dict[str, Any]:
    """The fields of an event, without those that are empty and without its place in the chain."""
    caller = event.caller
    fields = {
        "time": time_text(event.at),
        "event": event.event,
        "outcome": str(event.outcome),
        "reason": cut_text(event.reason),
        "principal": _principal(event.principal),
        "auth": caller.auth,
        "client": _filled(
            {
                "id": cut_text(caller.client_id),
                "name": cut_text(caller.client_name),
                "version": cut_text(caller.client_version),
                "address": caller.address,
            }
        ),
        "transport": caller.transport,
        "rpc_id": cut_text(caller.rpc_id),
        "trace": cut_text(caller.trace),
        **event.details,
    }
    return _filled(fields)


def _principal(principal: Principal | None) -> dict[str, Any]:
    if principal is None:
        return {}
    more = len(principal.groups) - _MOST_ITEMS
    return _filled(
        {
            "id": cut_text(principal.id),
            "name": cut_text(principal.name),
            "groups": few(principal.groups),
            "more_groups": max(0, more),
        }
    )


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, {}, [], 0)}


def few(texts: Sequence[str]) -> list[str]:
    """The first of them, each bounded."""
    return [cut_text(text, 256) for text in texts[:_MOST_ITEMS]]


def cut_text(text: str, most: int = _MOST_TEXT) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def time_text(at: datetime) -> str:
    """A time in UTC, to the millisecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


IS_CHECKPOINT = b'"event":"audit.checkpoint"'
_LONG = ("settings", "arguments", "targets", "approvers", "reason", "principal")


def encode_bounded(fields: Mapping[str, Any]) -> bytes:
    """The bytes of a line; without what is longest where it would be too long."""
    line = encode(fields)
    for name in _LONG:
        if len(line) <= MOST_BYTES:
            break
        fields = {**fields, name: "(too long)"} if name in fields else fields
        line = encode(fields)
    return line


def encode(fields: Mapping[str, Any]) -> bytes:
    """The bytes of a line, without its end."""
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")


def is_checkpoint(line: bytes) -> bool:
    """Whether a line that was written is one. Within a text its quotes would be escaped."""
    return IS_CHECKPOINT in line


def hash_of(line: bytes) -> str:
    """What the next line names as the one before it."""
    return hashlib.sha256(line).hexdigest()


def read_line(line: bytes) -> dict[str, Any]:
    """The fields of a line, without its end.

    Raises:
        BadLine: These bytes were not written as a line.
    """
    try:
        found: object = json.loads(line)
        if not isinstance(found, dict) or encode(cast("dict[str, Any]", found)) != line:
            raise BadLine("not as a line is written")
    except (ValueError, RecursionError) as error:
        raise BadLine("no line") from error
    return cast("dict[str, Any]", found)
