"""The events of the Ops platform over HTTP, by long poll.

How a query behaves is in pkg/event/jetstream.go of Ops: it answers at once with the oldest thousand
events since a whole second, or waits for the first one. Any fault of it looks like an empty answer,
but one that comes too soon.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import cast
from urllib.parse import quote

from opsmcp_pipelines.errors import SourceProtocolError, SourceUnavailable
from opsmcp_pipelines.ops.answer import RequestInfo, read_answer
from opsmcp_pipelines.ops.client import OpsClient
from opsmcp_pipelines.platform_events import EventPage, PlatformEvent, parse_event
from opsmcp_pipelines.untyped import mapping_of

__all__ = ["read_events"]

_MOST_EVENTS = 1_000
"""What one query gives at most, whatever is asked for."""

_MOST_BYTES = 16 * 1024 * 1024
_TOO_SOON_SECONDS = 0.5
"""An empty answer that comes so much before its time is one of a server without its NATS."""

_AHEAD = timedelta(hours=1)
"""A start in the future means: only what comes from now on, also if the clocks disagree."""


async def read_events(
    client: OpsClient, pattern: str, since: datetime | None, wait_seconds: float
) -> EventPage:
    """One query, as `EventSource.read_events` has it.

    Raises:
        SourceError: Nothing can be read now.
    """
    request = RequestInfo(f"read the events on {pattern!r}", client.label)
    wait = max(1, ceil(wait_seconds))
    start = since or datetime.now(UTC) + _AHEAD
    polled = await client.long_poll(
        f"events/{quote(pattern, safe='')}",
        {
            "start_time": str(int(start.timestamp()) * 1000),
            "max_length": str(_MOST_EVENTS),
            "page_size": str(_MOST_EVENTS),
            "timeout": str(wait),
        },
        request,
        wait_seconds=wait,
        most_bytes=_MOST_BYTES,
    )
    entries = _entries(read_answer(polled.answer, request), request)
    if not entries and polled.seconds < wait - _TOO_SOON_SECONDS:
        raise SourceUnavailable(
            request.failed("has no connection to NATS, or NATS has no stream for it")
        )
    events = tuple(_events(entries))
    asked_at = _server_time(polled.answer.date) - timedelta(seconds=polled.seconds)
    return EventPage(events, len(entries) - len(events), len(entries) >= _MOST_EVENTS, asked_at)


def _entries(data: object, request: RequestInfo) -> list[object]:
    """The entries of the answer, the oldest first."""
    entries: object = mapping_of(data).get("list", False)
    if not isinstance(entries, list | None):
        raise SourceProtocolError(request.failed("answered with something else than a list"))
    return cast("list[object]", entries or [])[::-1]


def _events(entries: Iterable[object]) -> Iterable[PlatformEvent]:
    for entry in entries:
        fields = mapping_of(entry)
        event = parse_event(fields.get("subject"), fields.get("event"))
        if event is not None:
            yield event


def _server_time(date: str) -> datetime:
    """What a header `Date` says; the time here where it says nothing."""
    try:
        moment = parsedate_to_datetime(date)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
