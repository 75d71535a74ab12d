"""A signal as one text, which is made once and kept wherever the signal is; and back."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from opsmcp_tools.incidents.signal import Severity, Signal, Status
from opsmcp_tools.journal.rows import text_of, timestamp_of

__all__ = ["signal_from", "signal_text"]

# Made once: an encoder takes longer to make than a signal takes to write.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def signal_text(signal: Signal) -> str:
    """All that a signal says, as JSON."""
    return _written(
        {
            "sender": signal.sender,
            "delivery_id": signal.delivery_id,
            "key": signal.key,
            "status": signal.status,
            "received_at": text_of(signal.received_at),
            "severity": signal.severity,
            "kind": signal.kind,
            "at": text_of(signal.at),
            "labels": dict(signal.labels),
            "annotations": dict(signal.annotations),
            "data": dict(signal.data),
            "trusted": signal.trusted,
            "chain": signal.chain,
            "cut": signal.cut,
        }
    )


def signal_from(text: str, known: Mapping[str, str] | None = None) -> Signal:
    """The signal of a text; `known` is what else is known of it, and counts more.

    Raises:
        KeyError, TypeError, ValueError: The text is damaged.
    """
    said: dict[str, Any] = {**json.loads(text), **(known or {})}
    return Signal(
        sender=said["sender"],
        delivery_id=said["delivery_id"],
        key=said["key"],
        status=Status(said["status"]),
        severity=Severity(said["severity"]),
        kind=said["kind"],
        at=timestamp_of(said["at"]),
        received_at=timestamp_of(said["received_at"]),
        labels=MappingProxyType(said["labels"]),
        annotations=MappingProxyType(said["annotations"]),
        data=MappingProxyType(said["data"]),
        trusted=said["trusted"],
        chain=tuple(said["chain"]),
        cut=tuple(said["cut"]),
    )
