"""Conversations in the file of signals and incidents, each written by whoever has its incident."""

from datetime import datetime

from opsmcp_tools.incidents.conversation import Conversation, conversation_of, text_of
from opsmcp_tools.incidents.incident import Incident
from opsmcp_tools.incidents.sqlite_file import IncidentFile
from opsmcp_tools.journal.rows import text_of as moment_text
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["SqliteConversations"]

_MOST_KEPT = 500
"""So many conversations of incidents that are closed, the newest."""

_PUT = """
INSERT INTO conversations (incident, changed_at, body)
SELECT id, :at, :body FROM incidents WHERE id = :id AND owner = :owner AND epoch = :epoch
ON CONFLICT (incident) DO UPDATE SET changed_at = excluded.changed_at, body = excluded.body
"""

_DROP = """
DELETE FROM conversations WHERE incident IN
    (SELECT c.incident FROM conversations c JOIN incidents i ON i.id = c.incident
        WHERE i.state = 'closed' ORDER BY c.changed_at DESC LIMIT -1 OFFSET :most)
"""


class SqliteConversations:
    """The conversations of one file. May be used from several threads and processes."""

    def __init__(self, file: IncidentFile) -> None:
        """Use an open file."""
        self._file = file

    def get(self, incident: str) -> Conversation | None:
        """That about an incident, if there is one."""
        with self._file.reading() as database:
            row = database.execute(
                "SELECT body FROM conversations WHERE incident = ?", (incident,)
            ).fetchone()
        try:
            return conversation_of(row["body"]) if row else None
        except (KeyError, TypeError, ValueError) as error:
            raise JournalUnusable("the record of incidents holds a damaged conversation") from error

    def put(self, incident: Incident, conversation: Conversation, now: datetime) -> bool:
        """Keep it; False when the incident is another process's.

        Raises:
            ValueError: It is too long.
        """
        values = {
            "id": incident.id,
            "owner": incident.owner,
            "epoch": incident.epoch,
            "at": moment_text(now),
            "body": text_of(conversation),
        }
        with self._file.writing() as database:
            kept = database.execute(_PUT, values).rowcount == 1
            if kept and not conversation.turns:  # it is a new one
                database.execute(_DROP, {"most": _MOST_KEPT})
        return kept
