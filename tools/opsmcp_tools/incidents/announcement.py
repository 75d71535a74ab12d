"""Announcement: who is told of a transition, written down in the transaction that makes it."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from opsmcp_tools.incidents.incident import Incident, State
from opsmcp_tools.incidents.outbox import URGENT, Topic, topic_of
from opsmcp_tools.incidents.responder import Responder
from opsmcp_tools.journal.rows import text_of

__all__ = ["announce"]

_UNHEARD = timedelta(minutes=2)
"""How long the channels of a request have, before others are told that it waits."""

_ADD = """
INSERT OR IGNORE INTO outbox
    (about, number, channel, topic, only_if, created_at, due_at, changed_at)
SELECT :incident, max(number), :channel, :topic, :only_if, :at, :due, :at
FROM incident_log WHERE incident = :incident
"""

_HELD_BEFORE = """
SELECT count(*) > 1 FROM incident_log
WHERE incident = ? AND after = 'held' AND before != 'held' AND why = ?
"""

_TOLD = "SELECT DISTINCT channel FROM outbox WHERE about = ? AND state IN ('sending', 'sent')"


def announce(
    database: sqlite3.Connection,
    responder: Responder | None,
    before: State | None,
    after: Incident,
    at: datetime,
    *,
    escalated: bool = False,
) -> None:
    """Write down who is told of the transition that was noted last, within its transaction."""
    topic = topic_of(before, after, escalated=escalated)
    if responder is None or topic is None or _is_told_already(database, topic, after):
        return
    values = {"incident": after.id, "topic": topic, "at": text_of(at)}

    def add(channels: Iterable[str], later: timedelta = timedelta(), only_if: str = "") -> None:
        for channel in channels:
            row = {**values, "channel": channel, "due": text_of(at + later), "only_if": only_if}
            database.execute(_ADD, row)

    add(responder.notify)
    if topic is Topic.CLOSED:
        add(row["channel"] for row in database.execute(_TOLD, (after.id,)).fetchall())
    if topic not in URGENT:
        return
    for step in responder.escalate:
        if step.after_seconds:
            add(step.channels, timedelta(seconds=step.after_seconds), "unchanged")
        elif topic is Topic.ESCALATED or not responder.notify:
            add(step.channels)
        else:
            add(step.channels, _UNHEARD, "unheard")


def _is_told_already(database: sqlite3.Connection, topic: Topic, after: Incident) -> bool:
    """Whether it was held for the same reason before."""
    if topic is not Topic.HELD:
        return False
    return bool(database.execute(_HELD_BEFORE, (after.id, after.why)).fetchone()[0])
