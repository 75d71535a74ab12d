"""Lines of the audit trail as OpenTelemetry logs: OTLP over HTTP, in its JSON encoding.

The body of a log record is the line as it is, so that the chain can be checked on the copy. The
SDK of OpenTelemetry is not needed for that. Source of the format:
https://github.com/open-telemetry/opentelemetry-proto (docs/specification.md, logs/v1/logs.proto).
"""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

import httpx2

from opsmcp_server.copies.copier import CopyFailed, CopyRefused

__all__ = ["Otlp", "request_of"]

_SECONDS = 8.0
_RETRYABLE = frozenset({429, 502, 503, 504})
"""As the specification has it; everything else would be refused again."""

_SEVERITIES = {"success": (9, "INFO"), "unknown": (13, "WARN"), "failure": (13, "WARN")}
_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_ATTRIBUTES = ("outcome", "tool", "operation", "run", "rule", "effect", "verdict", "transport")


class Otlp:
    """One receiver, at the address of its logs."""

    def __init__(self, url: str, trusted: ssl.SSLContext, replica: str) -> None:
        """Prepare; nothing is opened."""
        self._url, self._trusted, self._replica = url, trusted, replica
        self._client: httpx2.AsyncClient | None = None

    async def send(self, lines: Sequence[bytes]) -> None:
        """Send these in one request.

        Raises:
            CopyFailed: The receiver did not take them, and may take them later.
            CopyRefused: It never will.
        """
        if self._client is None:
            self._client = httpx2.AsyncClient(verify=self._trusted, timeout=_SECONDS)
        try:
            answer = await self._client.post(self._url, json=request_of(lines, self._replica))
        except httpx2.HTTPError as error:
            raise CopyFailed(type(error).__name__) from error
        if answer.is_success:
            return
        kind = CopyFailed if answer.status_code in _RETRYABLE else CopyRefused
        raise kind(f"it answered {answer.status_code}")

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


def request_of(lines: Sequence[bytes], replica: str) -> dict[str, Any]:
    """The request (`ExportLogsServiceRequest`) with these lines."""
    resource = {
        "service.name": "opsmcp",
        "service.version": version("opsmcp"),
        "service.instance.id": replica,
    }
    logs = {"scope": {"name": "opsmcp.audit"}, "logRecords": [_record(line) for line in lines]}
    return {"resourceLogs": [{"resource": {"attributes": _pairs(resource)}, "scopeLogs": [logs]}]}


def _record(line: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(line)
    at = datetime.fromisoformat(fields["time"])
    number, text = _SEVERITIES.get(str(fields.get("outcome")), (13, "WARN"))
    named = {f"opsmcp.{name}": fields[name] for name in _ATTRIBUTES if name in fields}
    principal: dict[str, Any] = fields.get("principal") or {}
    known = {"opsmcp.seq": fields["seq"], "enduser.id": principal.get("id"), **named}
    record = {
        "timeUnixNano": str(round(at.timestamp() * 1000) * 1_000_000),
        "severityNumber": number,
        "severityText": text,
        "eventName": f"opsmcp.{fields['event']}",
        "body": {"stringValue": line.decode("ascii")},
        "attributes": _pairs(known),
    }
    trace = _TRACE.fullmatch(str(fields.get("trace", "")))
    return record | ({"traceId": trace[1], "spanId": trace[2]} if trace else {})


def _pairs(values: Mapping[str, object]) -> list[dict[str, Any]]:
    return [
        {
            "key": name,
            "value": {"intValue": str(value)}
            if isinstance(value, int)
            else {"stringValue": str(value)},
        }
        for name, value in values.items()
        if value not in (None, "")
    ]
