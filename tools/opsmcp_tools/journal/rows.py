"""A run as a row of the journal's table, and back. Pure.

What is kept of its tasks is packed by `stored`.
"""

import json
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.journal.record_codec import pack_expected, unpack_expected, unpack_run
from opsmcp_tools.model.run_record import RunRecord

__all__ = [
    "DAMAGED",
    "full_record",
    "handle_of",
    "timestamp_of",
    "record_of",
    "row_of",
    "text_of",
]


DAMAGED = (KeyError, TypeError, ValueError, zlib.error)
"""What reading raises when a row is not one that was written."""


def row_of(record: RunRecord) -> dict[str, Any]:
    """The columns of a run, but its owner and its end."""
    return {
        "run": record.run,
        "tool": record.tool,
        "kind": record.operation.kind,
        "namespace": record.operation.namespace,
        "name": record.operation.name,
        "principal": record.principal,
        "principal_id": record.principal_id,
        "arguments": json.dumps(dict(record.arguments)),
        "expected": pack_expected(record.expected),
        "source": record.source,
        "source_run": record.source_run,
        "created_at": text_of(record.created_at),
        "verdict": record.verdict,
        "reason": record.result.reason,
        "digest": record.digest,
        "key": record.key,
        "definition": record.definition,
    }


def record_of(row: sqlite3.Row) -> RunRecord:
    """The run without its tasks."""
    return RunRecord(
        run=_text(row, "run"),
        tool=_text(row, "tool"),
        operation=OperationKey(
            OperationKind(row["kind"]), _text(row, "namespace"), _text(row, "name")
        ),
        principal=_text(row, "principal"),
        principal_id=_text(row, "principal_id"),
        arguments=_arguments(row),
        source=_text(row, "source"),
        source_run=_text(row, "source_run"),
        created_at=timestamp_of(row["created_at"]),
        result=Run(Verdict(row["verdict"]), reason=_text(row, "reason")),
        ended_at=timestamp_of(row["ended_at"]) if row["ended_at"] else None,
        expected=unpack_expected(row["expected"]),
        digest=_text(row, "digest"),
        key=_text(row, "key"),
        definition=_text(row, "definition"),
    )


def handle_of(row: sqlite3.Row) -> str:
    """The handle of a run that is damaged, as far as it can be told."""
    return row["run"] if isinstance(row["run"], str) else "one whose handle is damaged, too"


def _text(row: sqlite3.Row, name: str) -> str:
    if not isinstance(row[name], str):
        raise TypeError(name)
    return row[name]


def _arguments(row: sqlite3.Row) -> Mapping[str, str]:
    # What is no object is no mapping, either: a TypeError like ours.
    found: Mapping[str, Any] = MappingProxyType(json.loads(row["arguments"]))
    if not all(isinstance(text, str) for text in found.values()):
        raise TypeError("arguments")
    return found


def full_record(row: sqlite3.Row) -> RunRecord:
    """The run with all that was kept of it."""
    record = record_of(row)
    if not row["result"]:
        return record
    result = unpack_run(row["result"])
    if record.ended:
        return replace(record, result=result)
    return replace(record, result=replace(result, ended_at=None), observed_at=result.ended_at)


def going_on(record: RunRecord) -> Run:
    """What is kept of a run that goes on: in place of its end, when it was last seen."""
    return replace(record.result, ended_at=record.observed_at)


def text_of(moment: datetime) -> str:
    """Of one length and zone, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def timestamp_of(text: str) -> datetime:
    """The time that was written."""
    return datetime.fromisoformat(text)
