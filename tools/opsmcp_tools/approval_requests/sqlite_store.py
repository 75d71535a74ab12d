"""Requests in one SQLite file of the state directory, which several processes may share.

A file of its own, so that what waits for people never slows the journal of runs. The two are never
tied by a transaction: the key of a run is. As in the journal, who starts a request is recorded as
its owner, and an owner is alive as long as it holds the lock on its own file in `owners/`; the
kernel lets go of that when the process ends, however it ends.
"""

import json
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opsmcp_tools.approval_requests.request import REJECTED_FOR, Request, State, Vote
from opsmcp_tools.approval_requests.request_rows import entry_of, request_of, row_of, vote_of
from opsmcp_tools.journal.process_lock import ProcessLock
from opsmcp_tools.journal.retention import shrink
from opsmcp_tools.journal.rows import text_of
from opsmcp_tools.journal.sqlite_file import connect, translated
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["FILE", "Bounds", "SqliteRequests", "TooManyRequests", "Verdict", "open_requests"]

FILE = "requests.db"

_WHAT = "record of requests"

_SCHEMA = """
CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    requester TEXT NOT NULL,
    requester_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    key TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    fixed TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    why TEXT NOT NULL,
    run TEXT NOT NULL
);
CREATE INDEX requests_open ON requests (state) WHERE state IN ('pending', 'approved');
CREATE INDEX requests_digest ON requests (digest);
CREATE INDEX requests_key ON requests (key) WHERE key != '';
CREATE TABLE votes (
    request TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    by_id TEXT NOT NULL,
    by TEXT NOT NULL,
    groups TEXT NOT NULL,
    approves INTEGER NOT NULL,
    comment TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (request, by_id)
);
CREATE TABLE request_log (
    request TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    UNIQUE (request, number)
);
CREATE TABLE starters (
    owner TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL
);
"""
_FIRST = 2
"""The version of the file that this makes."""

_OPEN = "state IN ('pending', 'approved')"

_ADD = """
INSERT INTO requests (id, owner, requester, requester_id, tool, source, digest, key, plan_hash,
    fixed, created_at, expires_at, state, changed_at, why, run)
VALUES (:id, :owner, :requester, :requester_id, :tool, :source, :digest, :key, :plan_hash,
    :fixed, :created_at, :expires_at, :state, :changed_at, :why, :run)
"""

_SAME = f"""
SELECT * FROM requests
WHERE digest = :digest AND source = :source
    AND ({_OPEN} OR (state = 'rejected' AND changed_at > :rejected_since))
ORDER BY sequence DESC LIMIT 1
"""  # noqa: S608 - constants of this module

_SAME_KEY = """
SELECT * FROM requests
WHERE key = :key AND +requester_id = :requester_id AND tool = :tool AND source = :source
ORDER BY sequence DESC LIMIT 1
"""

_LOG = """
INSERT INTO request_log (request, number, at, before, after, by, why)
SELECT :id, 1 + coalesce(max(number), 0), :at, :before, :after, :by, :why
FROM request_log WHERE request = :id
"""

_MOVE = """
UPDATE requests SET state = :after, changed_at = :at, why = :why, run = :run
WHERE id = :id AND state = :before AND owner = :owner
"""

_DROP_OLDEST = f"""
DELETE FROM requests WHERE sequence IN
    (SELECT sequence FROM requests WHERE NOT {_OPEN} ORDER BY sequence LIMIT 20)
"""  # noqa: S608 - constants of this module

_DROP_OUTDATED = f"""
DELETE FROM requests WHERE NOT {_OPEN} AND created_at < :before
    AND sequence <= (SELECT max(sequence) FROM requests) - :newest
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and how much may wait at once."""

    pending_of_one: int = 10
    pending: int = 1_000
    keep: timedelta = timedelta(days=90)
    keep_newest: int = 1_000
    all_bytes: int = 1024 * 1024 * 1024


class TooManyRequests(Exception):
    """There is no room for one more; the message says of whom."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a vote: whether it counted, and the request as it is now."""

    counted: bool
    request: Request


@contextmanager
def open_requests(
    state_dir: Path, bounds: Bounds | None = None
) -> Generator["SqliteRequests", None, None]:
    """The requests in `state_dir`, made if needed: the folder for its owner only, the file too.

    Raises:
        JournalUnusable: It cannot be made or opened, or a newer opsmcp wrote it.
    """
    path = state_dir / FILE
    with translated(path, _WHAT):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        ownership = ProcessLock(state_dir / "owners")
    with ownership:
        with translated(path, _WHAT):
            database = connect(path, (_SCHEMA,), _WHAT, first=_FIRST)
            database.execute("PRAGMA foreign_keys = ON")
        with closing(database):
            yield SqliteRequests(path, database, ownership, bounds or Bounds())


class SqliteRequests:
    """Requests in one SQLite file. May be used from several threads and processes.

    Each method that changes something is one transaction, and writes a row of the timeline with
    it. Every method may raise `JournalUnusable`.
    """

    def __init__(
        self, path: Path, database: sqlite3.Connection, ownership: ProcessLock, bounds: Bounds
    ) -> None:
        """Use an open connection; `open_requests` makes it."""
        self._path = path
        self._database, self._lock = database, threading.Lock()
        self._ownership = ownership
        self._bounds = bounds

    def add(self, request: Request) -> Request:
        """Keep a new request, owned by this process; or give the one of the same call.

        That is one with the same key if there is a key; else one with the same digest that is open,
        or was rejected a moment ago. Drops what is too old.

        Raises:
            TooManyRequests: It was not kept.
        """
        with self._writing() as database:
            same = database.execute(*self._same(request)).fetchone()
            if same is not None:
                return self._whole(database, same)
            self._check_room(database, request)
            owned = {**row_of(request), "owner": self._ownership.name}
            database.execute(_ADD, owned)
            note = {"by": request.requester.name, "why": "", "at": text_of(request.created_at)}
            self._note(database, request.id, None, State.PENDING, **note)
            self._drop(database, request.created_at)
            return self._whole(database, self._find(database, request.id))

    def _same(self, request: Request) -> tuple[str, dict[str, Any]]:
        if request.key:
            return _SAME_KEY, row_of(request)
        since = text_of(request.created_at - REJECTED_FOR)
        return _SAME, {**row_of(request), "rejected_since": since}

    def _check_room(self, database: sqlite3.Connection, request: Request) -> None:
        counted = (
            "SELECT count(*), count(CASE WHEN requester_id = ? THEN 1 END) FROM requests WHERE "
        )
        every, own = database.execute(counted + _OPEN, (request.requester.id,)).fetchone()
        if own >= self._bounds.pending_of_one:
            raise TooManyRequests(f"{own} of your calls wait for approval")
        if every >= self._bounds.pending:
            raise TooManyRequests(f"{every:,} calls wait for approval")

    def _drop(self, database: sqlite3.Connection, now: datetime) -> None:
        bounds = self._bounds
        before = {"before": text_of(now - bounds.keep), "newest": bounds.keep_newest}
        database.execute(_DROP_OUTDATED, before)
        shrink(database, bounds.all_bytes, _DROP_OLDEST)

    def get(self, request: str) -> Request | None:
        """One request with its votes and its timeline, or None."""
        with self._reading() as database:
            row = self._find(database, request)
            return None if row is None else self._whole(database, row)

    def list(self, state: State | None, limit: int) -> tuple[Request, ...]:
        """The newest requests, without votes and timelines."""
        wanted = "SELECT * FROM requests WHERE ? IN ('', state) ORDER BY sequence DESC LIMIT ?"
        with self._reading() as database:
            return tuple(request_of(row) for row in database.execute(wanted, (state or "", limit)))

    def owned(self) -> tuple[Request, ...]:
        """The open requests that this process starts."""
        wanted = f"SELECT * FROM requests WHERE {_OPEN} AND owner = ?"  # noqa: S608 - a constant
        with self._reading() as database:
            rows = database.execute(wanted, (self._ownership.name,)).fetchall()
            return tuple(self._whole(database, row) for row in rows)

    def vote(self, request: str, vote: Vote, plan_hash: str, now: datetime) -> Verdict | None:
        """Count a vote, if the request still waits, is not over, and has this plan; None: no such.

        It is rejected by one who rejects, and approved once as many approved as have to.
        """
        with self._writing() as database:
            row = self._find(database, request)
            if row is None:
                return None
            before = self._whole(database, row)
            waits = before.state is State.PENDING and before.expires_at > now
            again = any(vote.by.may_be(one.by) for one in before.votes)
            if not waits or again or before.plan_hash != plan_hash:
                return Verdict(counted=False, request=before)
            self._count(database, before, vote)
            return Verdict(
                counted=True, request=self._whole(database, self._find(database, request))
            )

    def _count(self, database: sqlite3.Connection, request: Request, vote: Vote) -> None:
        by = vote.by.id, vote.by.name, json.dumps(vote.by.groups)
        values = (request.id, *by, vote.approves, vote.comment, text_of(vote.at))
        database.execute("INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        after = _state_after(request, vote)
        note = {"by": vote.by.name, "why": vote.comment, "at": text_of(vote.at)}
        if after is not State.PENDING:
            ids = {"id": request.id, "before": State.PENDING, "after": after, "run": ""}
            database.execute(_MOVE, {**ids, **note, "why": "", "owner": request.owner})
        self._note(database, request.id, State.PENDING, after, **note)

    def move(
        self, request: Request, after: State, *, by: str, why: str, at: datetime, run: str = ""
    ) -> bool:
        """Give the request another state, if state and owner still are what they are here.

        False when another process was first; then nothing was changed.
        """
        note = {"by": by, "why": why, "at": text_of(at)}
        ids = {"id": request.id, "before": request.state, "after": after, "run": run}
        with self._writing() as database:
            if database.execute(_MOVE, {**ids, **note, "owner": request.owner}).rowcount != 1:
                return False
            self._note(database, request.id, request.state, after, **note)
        return True

    def claim(self, source: str, request: str | None = None) -> int:
        """Take over the open requests (or the one) of this source whose process is gone."""
        with self._reading() as database:
            rows = database.execute(
                f"SELECT id, owner FROM requests WHERE {_OPEN} AND source = :source"  # noqa: S608
                " AND (:id IS NULL OR id = :id) AND owner != :me",
                {"source": source, "id": request, "me": self._ownership.name},
            ).fetchall()
        free = [row for row in rows if not self._is_alive(row["owner"])]
        if not free:
            return 0
        take = f"UPDATE requests SET owner = ? WHERE id = ? AND owner = ? AND {_OPEN}"  # noqa: S608
        with self._writing() as database:
            mine = self._ownership.name
            return sum(
                database.execute(take, (mine, row["id"], row["owner"])).rowcount for row in free
            )

    def stand_by(self, source: str) -> None:
        """Note that this process claims the requests of this source until it ends."""
        with self._writing() as database:
            gone = [
                row["owner"]
                for row in database.execute("SELECT owner FROM starters")
                if not self._is_alive(row["owner"])
            ]
            database.executemany("DELETE FROM starters WHERE owner = ?", [(one,) for one in gone])
            mine = (self._ownership.name, source)
            database.execute("INSERT OR REPLACE INTO starters VALUES (?, ?)", mine)

    def is_attended(self, request: Request, *, elsewhere: bool = False) -> bool:
        """Whether a process is there that would start it; `elsewhere` another one than this."""
        with self._reading() as database:
            found = database.execute(
                "SELECT owner FROM starters WHERE source = ?", (request.source,)
            ).fetchall()
        owners = {request.owner, *(row["owner"] for row in found)}
        owners -= {self._ownership.name} if elsewhere else set()
        return any(map(self._is_alive, owners))

    def _is_alive(self, owner: str) -> bool:
        return owner == self._ownership.name or self._ownership.is_alive(owner)

    def _find(self, database: sqlite3.Connection, request: str) -> Any:
        return database.execute("SELECT * FROM requests WHERE id = ?", (request,)).fetchone()

    def _whole(self, database: sqlite3.Connection, row: Any) -> Request:
        votes = database.execute(
            "SELECT * FROM votes WHERE request = ? ORDER BY rowid", (row["id"],)
        )
        log = database.execute(
            "SELECT * FROM request_log WHERE request = ? ORDER BY number", (row["id"],)
        )
        return request_of(row, tuple(map(vote_of, votes)), tuple(map(entry_of, log)))

    def _note(
        self,
        database: sqlite3.Connection,
        request: str,
        before: State | None,
        after: State,
        *,
        by: str,
        why: str,
        at: str,
    ) -> None:
        ids = {"id": request, "before": before or "", "after": after}
        database.execute(_LOG, {**ids, "by": by, "why": why, "at": at})

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection, None, None]:
        with self._lock, translated(self._path, _WHAT), self._understood():
            yield self._database

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        """One transaction, alone with the file from its beginning on."""
        with self._lock, translated(self._path, _WHAT), self._understood(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database

    @contextmanager
    def _understood(self) -> Generator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise JournalUnusable(f"the {_WHAT} {self._path} holds a damaged request") from error


def _state_after(request: Request, vote: Vote) -> State:
    """What a pending request is once this vote counts, too."""
    if not vote.approves:
        return State.REJECTED
    enough = len(request.approved_by) + 1 >= request.approvers.count
    return State.APPROVED if enough else State.PENDING
