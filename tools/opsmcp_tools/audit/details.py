"""What a line of the audit trail says of a call or a run: its arguments are masked and bounded.

Pure. Arguments that were checked are masked as the journal has them. Of those that were not, only
the values of names that the tool takes are written: what else somebody sends may be a secret.
"""

import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.audit.line import Outcome, cut_text, few
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.caller import Grounds
from opsmcp_tools.model.run_record import MASK, RunRecord

__all__ = [
    "arguments_mac",
    "bounded",
    "grounds_details",
    "outcome_of",
    "run_details",
    "shown_arguments",
]

_MOST_ARGUMENT_BYTES = 8 * 1024
_MOST_NAMES = 100


def run_details(record: RunRecord) -> dict[str, Any]:
    """What a line says of a run, but how it went."""
    return {
        "tool": record.tool,
        "operation": f"{record.operation}",
        "definition": record.definition,
        "arguments": bounded(record.arguments),
        "run": record.run,
        "source_run": record.source_run,
    }


def grounds_details(grounds: Grounds) -> dict[str, Any]:
    """Why a run may be started."""
    return {
        "targets": few(grounds.targets),
        "rule": cut_text(grounds.rule),
        "effect": grounds.effect,
        "consent": grounds.consent,
        "request": grounds.request,
        "approvers": few([f"{one.name} ({one.id})" for one in grounds.approvers]),
        "incident": grounds.incident,
    }


def outcome_of(verdict: Verdict) -> Outcome:
    """Whether a run that ended so did its work."""
    if verdict is Verdict.SUCCEEDED:
        return Outcome.SUCCESS
    return Outcome.UNKNOWN if verdict is Verdict.UNKNOWN else Outcome.FAILURE


def shown_arguments(
    arguments: Mapping[str, object], masker: Masker, known: Collection[str]
) -> dict[str, str]:
    """Arguments that were not accepted; `known` are the names that the tool takes."""
    shown: dict[str, str] = {}
    for name, value in list(arguments.items())[:_MOST_NAMES]:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        shown[cut_text(masker.text(name), 100)] = masker.text(text) if name in known else MASK
    return bounded(shown)


def bounded(arguments: Mapping[str, str]) -> dict[str, str]:
    """Arguments in at most 8 KiB of a line; the longest are cut. Their MAC has them whole."""
    shown, most = dict(arguments), _MOST_ARGUMENT_BYTES
    while len(json.dumps(shown)) > _MOST_ARGUMENT_BYTES and most > 1:
        most //= 2
        shown = {name: cut_text(text, most) for name, text in arguments.items()}
    return shown if len(json.dumps(shown)) <= _MOST_ARGUMENT_BYTES else {"...": "too many"}


def arguments_mac(key: bytes, arguments: Mapping[str, str]) -> str:
    """What is equal for equal arguments, and tells nothing of them to who has not the key."""
    text = json.dumps(dict(arguments), sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
