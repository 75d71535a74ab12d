"""The JSON Schema of a run's structured result, which is the same for every operation. Pure."""

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.model.tool import JsonObject

__all__ = ["OUTPUT_SCHEMA", "REFUSED", "WAITING"]

WAITING, REFUSED = "waiting", "refused"
"""What stands in place of a verdict where a call needs approval and there is no run."""

_STRING: JsonObject = {"type": "string"}
_VERDICTS = [verdict.value for verdict in Verdict]
_VERDICT: JsonObject = {"type": "string", "enum": _VERDICTS}


def _list_of(**properties: JsonObject) -> JsonObject:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


_STEPS = _list_of(
    name=_STRING,
    verdict=_VERDICT,
    reason=_STRING,
    output=_STRING,
    truncated={"type": "boolean"},
)

OUTPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "summary": _STRING,
        "run": _STRING,
        "operation": _STRING,
        "verdict": {"type": "string", "enum": [*_VERDICTS, WAITING, REFUSED]},
        "request": _STRING,
        "started_at": _STRING,
        "duration_seconds": {"type": ["number", "null"]},
        "results": {"type": "object", "additionalProperties": _STRING},
        "warnings": {"type": "array", "items": _STRING},
        "advice": _STRING,
        "tasks": _list_of(
            name=_STRING,
            verdict=_VERDICT,
            nodes=_list_of(node=_STRING, verdict=_VERDICT, steps=_STEPS),
        ),
    },
    "required": ["summary", "run", "operation", "verdict"],
}
"""What `structured` makes, with and without steps."""
