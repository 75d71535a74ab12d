"""A line of the audit trail in words that other systems know: OCSF and ECS. Pure.

OCSF 1.6.0, class API Activity (6003): https://schema.ocsf.io/1.6.0/classes/api_activity
ECS: https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html
`docs/audit.md` has the table of names.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

__all__ = ["to_ecs", "to_ocsf"]

_CLASS, _CATEGORY = 6003, 6
_OCSF_VERSION = "1.6.0"
_ACTIVITIES = {
    "run.start": 1,
    "request.opened": 1,
    "token.created": 1,
    "list": 2,
    "plan": 2,
    "output.read": 2,
    "run.end": 3,
    "request.approved": 3,
    "request.rejected": 3,
    "definition.approved": 3,
    "token.rotated": 3,
    "responder.paused": 3,
    "responder.resumed": 3,
    "run.cancel": 4,
    "token.revoked": 4,
}
_OTHER = 99
_ACTIVITY_NAMES = {1: "Create", 2: "Read", 3: "Update", 4: "Delete", _OTHER: "Other"}
_STATUS = {"success": (1, "Success"), "failure": (2, "Failure")}
_MAPPED = frozenset(
    {
        *("time", "seq", "event", "outcome", "reason", "principal", "client", "rpc_id", "tool"),
        *("operation", "targets", "arguments", "duration_seconds", "version", "replica"),
    }
)


def to_ocsf(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line as an event of the class API Activity."""
    activity = _ACTIVITIES.get(str(line.get("event")), _OTHER)
    status, named = _STATUS.get(str(line.get("outcome")), (0, "Unknown"))
    client, principal = _part(line, "client"), _part(line, "principal")
    targets = cast("list[str]", line.get("targets") or [])
    arguments = line.get("arguments")
    return _filled(
        {
            "class_uid": _CLASS,
            "class_name": "API Activity",
            "category_uid": _CATEGORY,
            "category_name": "Application Activity",
            "activity_id": activity,
            "activity_name": _ACTIVITY_NAMES[activity],
            "type_uid": _CLASS * 100 + activity,
            "severity_id": 1 if status == 1 else 3,
            "time": _milliseconds(line),
            "duration": _scaled(line, 1000),
            "status_id": status,
            "status": named,
            "status_detail": line.get("reason"),
            "metadata": {
                "version": _OCSF_VERSION,
                "sequence": line.get("seq"),
                "product": _filled(
                    {
                        "name": "opsmcp",
                        "vendor_name": "opsmcp",
                        "version": line.get("version"),
                        "uid": line.get("replica"),
                    }
                ),
            },
            "actor": _filled(
                {
                    "user": _filled(
                        {
                            "uid": principal.get("id"),
                            "name": principal.get("name"),
                            "groups": [{"name": name} for name in principal.get("groups", ())],
                        }
                    )
                }
            ),
            "api": _filled(
                {
                    "operation": line.get("event"),
                    "service": _filled({"name": line.get("tool")}),
                    "request": _filled(
                        {
                            "uid": line.get("rpc_id"),
                            "data": {"arguments": arguments} if arguments else None,
                        }
                    ),
                }
            ),
            "resources": _resources(line, targets),
            "src_endpoint": {"ip": client["address"]}
            if client.get("address")
            else {"name": "local"},
            "http_request": _filled({"user_agent": _agent(client)}),
            "unmapped": {name: value for name, value in line.items() if name not in _MAPPED},
        }
    )


def _resources(line: Mapping[str, Any], targets: list[str]) -> list[dict[str, Any]]:
    operation = line.get("operation")
    own = [{"name": operation, "type": "operation"}] if operation else []
    places = (target.partition(":") for target in targets)
    return [*own, *({"name": name, "type": kind} for kind, _, name in places)]


def to_ecs(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line in fields of the Elastic Common Schema; what it has none for is a label."""
    client, principal = _part(line, "client"), _part(line, "principal")
    arguments = line.get("arguments")
    labels = {
        name: line.get(name)
        for name in (
            *("tool", "operation", "definition", "arguments_mac", "effect", "consent", "request"),
            *("incident", "source_run", "verdict", "auth", "transport", "prev"),
        )
    }
    labels["targets"] = ",".join(cast("list[str]", line.get("targets") or []))
    labels["approvers"] = ",".join(cast("list[str]", line.get("approvers") or []))
    labels["arguments"] = json.dumps(arguments) if arguments else None
    trace = str(line.get("trace", "")).split("-")
    fields = {
        "@timestamp": line.get("time"),
        "ecs.version": "8.17.0",
        "event.kind": "event",
        "event.module": "opsmcp",
        "event.dataset": "opsmcp.audit",
        "event.sequence": line.get("seq"),
        "event.action": line.get("event"),
        "event.outcome": line.get("outcome"),
        "event.reason": line.get("reason"),
        "event.id": line.get("run"),
        "event.duration": _scaled(line, 1_000_000_000),
        "user.id": principal.get("id"),
        "user.name": principal.get("name"),
        "user.roles": principal.get("groups"),
        "source.ip": client.get("address"),
        "user_agent.name": _agent(client),
        "http.request.id": line.get("rpc_id"),
        "trace.id": trace[1] if len(trace) > 1 else None,
        "rule.name": line.get("rule"),
        "host.name": line.get("replica"),
        "service.name": "opsmcp",
        "service.version": line.get("version"),
        "labels": _filled(labels),
    }
    return _filled(fields)


def _agent(client: Mapping[str, Any]) -> str:
    return "/".join(str(client[name]) for name in ("name", "version") if client.get(name))


def _part(line: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: object = line.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _milliseconds(line: Mapping[str, Any]) -> int | None:
    try:
        return round(datetime.fromisoformat(str(line.get("time"))).timestamp() * 1000)
    except ValueError:
        return None


def _scaled(line: Mapping[str, Any], factor: int) -> int | None:
    seconds: object = line.get("duration_seconds")
    return round(seconds * factor) if isinstance(seconds, int | float) else None


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
