"""The outbox in the file of signals and incidents: written with transitions, sent one at a time.

Whoever sends for a channel has it leased, in a new epoch each time, so one process at a time sends
to it and one that was stopped for long changes nothing. What was being sent when a process died is
sent again: it may come twice, and is never lost.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opsmcp_tools.incidents.incident_rows import incident_of
from opsmcp_tools.incidents.outbox import (
    Again,
    Batch,
    Delivered,
    Delivery,
    Letter,
    Notice,
    Pending,
    Post,
    PostState,
    Refused,
    Topic,
    choose,
    is_urgent,
)
from opsmcp_tools.incidents.sqlite_file import IncidentFile
from opsmcp_tools.journal.rows import text_of, timestamp_of
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["MESSAGES_A_MINUTE", "SqliteOutbox"]

logger = logging.getLogger(__name__)

MESSAGES_A_MINUTE = 2
"""So many messages a channel gets in any minute, whatever happens; the rest is one summary."""

_MINUTE = timedelta(minutes=1)
_LONGEST_SEND = timedelta(seconds=10)
_LEASE = timedelta(seconds=15)
"""Longer than one message may take."""
_GIVE_UP = timedelta(hours=24)
_KEEP = timedelta(days=90)
_MOST_POSTS = 20_000
_MOST_LETTERS = 8
_DAMAGED = (KeyError, TypeError, ValueError)

_WENT_ON = """
EXISTS (SELECT 1 FROM incident_log l WHERE l.incident = outbox.about
    AND l.number > outbox.number AND l.before != l.after)
"""
_HEARD = """
EXISTS (SELECT 1 FROM outbox o WHERE o.about = outbox.about AND o.number = outbox.number
    AND o.channel != outbox.channel AND o.state = 'sent')
"""
# What depends on nothing is due, whatever the clock said when it was written.
_DUE = """
channel = :channel AND state IN ('waiting', 'sending') AND (only_if = '' OR due_at <= :now)
"""
_DROP = f"""
UPDATE outbox SET state = 'dropped', changed_at = :now WHERE {_DUE}
    AND ((only_if != '' AND {_WENT_ON}) OR (only_if = 'unheard' AND {_HEARD})
        OR (said = '' AND NOT EXISTS (SELECT 1 FROM incidents WHERE id = outbox.about)))
"""  # noqa: S608 - constants of this module
_EXPIRE = f"""
UPDATE outbox SET state = 'dead', changed_at = :now,
    why = 'it could not be delivered within a day: ' || why
WHERE {_DUE} AND due_at < :long_ago
"""  # noqa: S608 - constants of this module
_PENDING = f"""
SELECT sequence, about, number, topic, tries, created_at, said FROM outbox
WHERE {_DUE} ORDER BY sequence LIMIT :most
"""  # noqa: S608 - constants of this module

_TAKE = """
INSERT INTO channels (name, owner, epoch, lease_until, used)
VALUES (:name, :owner, 1, :until, :used)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = epoch + 1,
    lease_until = excluded.lease_until, used = excluded.used
RETURNING *
"""

_TELL = """
INSERT OR IGNORE INTO outbox
    (about, number, channel, topic, only_if, created_at, due_at, changed_at, said)
VALUES (:about, :number, :channel, :topic, '', :at, :at, :at, :said)
"""

_FIND = "SELECT *, 1 AS firing FROM incidents WHERE id = ?"
_LOG = "SELECT * FROM incident_log WHERE incident = ? ORDER BY number"

_LIST = """
SELECT * FROM outbox WHERE (:state = '' OR state = :state)
    AND (:channel = '' OR channel = :channel)
ORDER BY sequence DESC LIMIT :limit
"""


class SqliteOutbox:
    """The outbox of one file. May be used from several threads and processes."""

    def __init__(self, file: IncidentFile, owner: str = "") -> None:
        """Use an open file; `owner` is a name that no other process has, for whoever sends."""
        self._file = file
        self._owner = owner

    # Notices

    def tell(self, notice: Notice, number: int, channels: Iterable[str]) -> None:
        """Tell channels of something that is no incident, once for each `number` of it."""
        at = text_of(notice.at)
        row = {"about": notice.about, "number": number, "topic": notice.topic, "at": at}
        with self._file.writing() as database:
            database.executemany(
                _TELL, [{**row, "said": notice.said, "channel": name} for name in channels]
            )

    def withdraw(self, about: str, now: datetime) -> None:
        """Send nothing more about it: it is not needed any more."""
        query = (
            "UPDATE outbox SET state = 'dropped', changed_at = ?"
            " WHERE about = ? AND state IN ('waiting', 'sending')"
        )
        with self._file.writing() as database:
            database.execute(query, (text_of(now), about))

    # Sending

    def take(self, channel: str, now: datetime) -> Batch | None:
        """What is to be sent to a channel now; None when there is nothing, or not now.

        Whoever takes it says within a few seconds what became of it, with `done`.
        """
        values = {"channel": channel, "now": text_of(now)}
        with self._file.reading() as database:
            query = f"SELECT 1 FROM outbox WHERE {_DUE} LIMIT 1"  # noqa: S608 - constants
            if database.execute(query, values).fetchone() is None:
                return None
            if not self._may_send(_channel(database, channel), now):
                return None
        with self._file.writing() as database:
            return self._take(database, channel, now)

    def _take(self, database: sqlite3.Connection, channel: str, now: datetime) -> Batch | None:
        row = _channel(database, channel)
        if not self._may_send(row, now):
            return None
        used, pending = _used(row, now), _pending(database, channel, now)
        # One message of a minute is for what is urgent alone.
        room = MESSAGES_A_MINUTE - len(used) - (not is_urgent(pending))
        if not pending or room < 1:
            return None
        chosen = choose(pending, room)
        letters, told = _letters(database, chosen, now)
        if not letters:
            return None
        _begin(database, told, now)
        # It arrives at some time until then, and the minute counts from its arrival.
        leased = self._lease(database, channel, [*used, text_of(now + _LONGEST_SEND)], now)
        return Batch(
            channel=channel,
            epoch=leased["epoch"],
            id=_id_of(channel, told),
            posts=tuple(post.id for post in told),
            letters=tuple(letters),
            more=len({post.about for post in told}) - len(letters),
            failures=leased["failures"],
        )

    def _may_send(self, row: Any, now: datetime) -> bool:
        if row is None:
            return True
        free = row["owner"] in ("", self._owner) or not _is_leased(row["lease_until"], now)
        in_time = row["not_before"] <= text_of(now)
        return free and in_time and len(_used(row, now)) < MESSAGES_A_MINUTE

    def _lease(
        self, database: sqlite3.Connection, channel: str, used: Sequence[str], now: datetime
    ) -> Any:
        """The row of the channel, in a new epoch."""
        values = {"name": channel, "owner": self._owner, "used": json.dumps(used)}
        return database.execute(_TAKE, {**values, "until": text_of(now + _LEASE)}).fetchone()

    def done(self, batch: Batch, delivery: Delivery, now: datetime, pause_seconds: float) -> bool:
        """Keep what became of it; False when another process took over, and sends it again.

        Args:
            batch: What was sent.
            delivery: What became of it.
            now: The time.
            pause_seconds: How long the channel is left alone if that was nothing.
        """
        with self._file.writing() as database:
            row = _channel(database, batch.channel)
            if row is None or (row["owner"], row["epoch"]) != (self._owner, batch.epoch):
                return False
            _mark(database, batch.posts, *_state_after(delivery), now)
            again = isinstance(delivery, Again)
            used: list[str] = json.loads(row["used"])[:-1]
            if not again or delivery.lost:
                used.append(text_of(now))  # else it was certainly no message, and counts as none
            database.execute(
                "UPDATE channels SET owner = '', used = ?, failures = ?, not_before = ?"
                " WHERE name = ?",
                (
                    json.dumps(used),
                    row["failures"] + 1 if again else 0,
                    text_of(now + timedelta(seconds=pause_seconds)) if again else "",
                    batch.channel,
                ),
            )
            before = text_of(now - _KEEP)
            database.execute("DELETE FROM outbox WHERE created_at < ?", (before,))
        return True

    def bury(self, channels: Collection[str], now: datetime) -> int:
        """Give up what is for channels that are none of these; how much that was."""
        with self._file.reading() as database:
            query = "SELECT DISTINCT channel FROM outbox WHERE state IN ('waiting', 'sending')"
            gone = [row["channel"] for row in database.execute(query).fetchall()]
            gone = [name for name in gone if name not in channels]
        if not gone:
            return 0
        with self._file.writing() as database:
            marked = database.executemany(
                "UPDATE outbox SET state = 'dead', why = 'the settings have no such channel',"
                " changed_at = ? WHERE channel = ? AND state IN ('waiting', 'sending')",
                [(text_of(now), name) for name in gone],
            )
            return marked.rowcount

    # Looking

    def list(self, *, state: str = "", channel: str = "", limit: int = 50) -> tuple[Post, ...]:
        """The newest posts."""
        values = {"state": state, "channel": channel, "limit": limit}
        with self._file.reading() as database:
            return tuple(map(_post, database.execute(_LIST, values).fetchall()))

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many posts there are, by channel and state."""
        query = "SELECT channel, state, count(*) FROM outbox GROUP BY channel, state"
        with self._file.reading() as database:
            found = database.execute(query).fetchall()
        return {(channel, state): count for channel, state, count in found}

    def due_since(self, now: datetime) -> datetime | None:
        """Since when the oldest post that is due waits; None where none is."""
        query = (
            "SELECT min(due_at) FROM outbox WHERE state IN ('waiting', 'sending') AND due_at <= ?"
        )
        with self._file.reading() as database:
            found = database.execute(query, (text_of(now),)).fetchone()[0]
        return timestamp_of(found) if found else None

    def revive(self, channel: str, now: datetime) -> int:
        """Let what is dead be sent again, of one channel or of all (""); how much that is."""
        query = (
            "UPDATE outbox SET state = 'waiting', due_at = :now, changed_at = :now, why = ''"
            " WHERE state = 'dead' AND (:channel = '' OR channel = :channel)"
        )
        with self._file.writing() as database:
            database.execute(
                "UPDATE channels SET not_before = '' WHERE ? IN ('', name)", (channel,)
            )
            return database.execute(query, {"channel": channel, "now": text_of(now)}).rowcount


def _channel(database: sqlite3.Connection, name: str) -> Any:
    return database.execute("SELECT * FROM channels WHERE name = ?", (name,)).fetchone()


def _is_leased(until: str, now: datetime) -> bool:
    """Whether somebody keeps it. No lease is that long which a clock gave that was not ahead."""
    return text_of(now) <= until <= text_of(now + _LEASE)


def _used(row: Any, now: datetime) -> list[str]:
    """When messages arrived in the last minute. A clock that went back holds nothing up."""
    sent: list[str] = json.loads(row["used"]) if row else []
    return [at for at in sent if text_of(now - _MINUTE) < at <= text_of(now + _LEASE)]


def _pending(database: sqlite3.Connection, channel: str, now: datetime) -> list[Pending]:
    """What is due for a channel, without what is not needed any more or was tried for too long."""
    values = {"channel": channel, "now": text_of(now)}
    database.execute(_EXPIRE, {**values, "long_ago": text_of(now - _GIVE_UP)})
    database.execute(_DROP, values)
    rows = database.execute(_PENDING, {**values, "most": _MOST_POSTS})
    return [Pending(*row) for row in rows]


def _letters(
    database: sqlite3.Connection, chosen: Mapping[str, Sequence[Pending]], now: datetime
) -> tuple[list[Letter | Notice], list[Pending]]:
    """The letters of a message, and the posts that it tells of.

    What is damaged is given up: it must not hold up everything else for its channel.
    """
    letters, told = list[Letter | Notice](), list[Pending]()
    for about, posts in chosen.items():
        if len(letters) < _MOST_LETTERS:
            try:
                letters.append(_letter(database, about, posts))
            except (JournalUnusable, *_DAMAGED):
                logger.exception("incident %s is damaged, and a channel is not told", about)
                ids = (post.id for post in posts)
                _mark(database, ids, PostState.DEAD, "what it tells of is damaged", now)
                continue
        told += posts
    return letters, told


def _letter(database: sqlite3.Connection, about: str, posts: Sequence[Pending]) -> Letter | Notice:
    last = posts[-1]
    if last.said:
        return Notice(about, Topic(last.topic), timestamp_of(last.created_at), last.said)
    log = database.execute(_LOG, (about,)).fetchall()
    found = incident_of(database.execute(_FIND, (about,)).fetchone(), log=log)
    entries = {row["number"]: entry for row, entry in zip(log, found.log, strict=True)}
    return Letter(found, tuple((Topic(post.topic), entries[post.number]) for post in posts))


def _id_of(channel: str, told: Iterable[Pending]) -> str:
    """The same whenever the same is told to a channel."""
    parts = (channel, *(f"{post.about}/{post.number}" for post in told))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _begin(database: sqlite3.Connection, told: Iterable[Pending], now: datetime) -> None:
    database.executemany(
        "UPDATE outbox SET state = 'sending', tries = tries + 1, changed_at = ? WHERE sequence = ?",
        [(text_of(now), post.id) for post in told],
    )


def _state_after(delivery: Delivery) -> tuple[PostState, str]:
    match delivery:
        case Delivered():
            return PostState.SENT, ""
        case Refused():
            return PostState.DEAD, delivery.why
        case Again():
            return PostState.WAITING, delivery.why


def _mark(
    database: sqlite3.Connection, posts: Iterable[int], state: PostState, why: str, now: datetime
) -> None:
    database.executemany(
        "UPDATE outbox SET state = ?, why = ?, changed_at = ? WHERE sequence = ?",
        [(state, why, text_of(now), post) for post in posts],
    )


def _post(row: Any) -> Post:
    try:
        return Post(
            id=row["sequence"],
            about=row["about"],
            number=row["number"],
            channel=row["channel"],
            topic=Topic(row["topic"]),
            state=PostState(row["state"]),
            created_at=timestamp_of(row["created_at"]),
            due_at=timestamp_of(row["due_at"]),
            changed_at=timestamp_of(row["changed_at"]),
            tries=row["tries"],
            why=row["why"],
        )
    except _DAMAGED as error:
        raise JournalUnusable("the outbox holds a damaged row") from error
