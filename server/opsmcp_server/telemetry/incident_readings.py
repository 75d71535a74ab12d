"""What can be looked at of incidents and messages. Reads their file: call it in a thread."""

from collections.abc import Iterator
from math import nan

from opsmcp_server.calls.context import CallContext
from opsmcp_server.telemetry import families
from opsmcp_server.telemetry.metrics import Reading
from opsmcp_tools.incidents.brakes import open_breakers
from opsmcp_tools.incidents.incident import State
from opsmcp_tools.incidents.responder import Bounds
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["read_incidents"]

_OPEN = tuple(state for state in State if state is not State.CLOSED)


def read_incidents(context: CallContext) -> tuple[Reading, ...]:
    """How they stand now; what cannot be read is not a number."""
    try:
        return tuple(_read(context))
    except JournalUnusable:
        single = (families.BREAKERS_OPEN, families.OUTBOX_OLDEST)
        states = (Reading(families.INCIDENTS_OPEN, nan, [state]) for state in _OPEN)
        return (*states, *(Reading(family, nan) for family in single))


def _read(context: CallContext) -> Iterator[Reading]:
    file, now = context.incidents.file(), context.clock.now()
    incidents = SqliteIncidents(file, "")
    counts = incidents.open_by_state()
    for state in _OPEN:
        yield Reading(families.INCIDENTS_OPEN, counts.get(state, 0), [state])
    there = incidents.obstacles(((), Bounds()), now)
    yield Reading(families.BREAKERS_OPEN, open_breakers(context.config.responders, there, now))
    since = SqliteOutbox(file).due_since(now)
    late = (now - since).total_seconds() if since else 0.0
    yield Reading(families.OUTBOX_OLDEST, late)
