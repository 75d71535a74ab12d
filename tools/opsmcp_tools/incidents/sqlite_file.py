"""The SQLite file of signals, incidents and schedules: its tables, its one writer in this process.

A file of its own in the state directory, so that a storm slows neither the journal of runs nor the
requests. Several processes may share it: SQLite lets them write in no fair order, so whoever finds
it taken waits for a moment by chance and tries again.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from opsmcp_tools.journal.sqlite_file import connect, translated

__all__ = ["FILE", "SHORT_PATIENCE_SECONDS", "IncidentFile", "open_incident_file"]

FILE = "incidents.db"

_WHAT = "record of signals and incidents"

_SIGNALS = """
CREATE TABLE signals (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    sender TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL,
    received_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    UNIQUE (sender, delivery_id)
);
CREATE INDEX signals_received ON signals (received_at);
CREATE INDEX signals_seen ON signals (seen_at);
CREATE TABLE signal_bodies (
    sequence INTEGER PRIMARY KEY REFERENCES signals (sequence) ON DELETE CASCADE,
    body TEXT NOT NULL
);
CREATE TABLE refusals (
    sender TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (sender, reason)
);
"""

_INCIDENTS = """
CREATE TABLE incidents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    responder TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    look_at TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    count INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    why TEXT NOT NULL,
    signal TEXT NOT NULL,
    facts TEXT NOT NULL,
    touched INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT 0,
    lease_until TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX incidents_open ON incidents (responder, key) WHERE state != 'closed';
CREATE INDEX incidents_look ON incidents (look_at) WHERE state != 'closed';
CREATE INDEX incidents_key ON incidents (responder, key);
CREATE TABLE incident_signals (
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    sender TEXT NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (incident, sender, key)
);
CREATE INDEX incident_signals_key ON incident_signals (sender, key);
CREATE TABLE incident_log (
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    UNIQUE (incident, number)
);
CREATE TABLE repairs (
    incident TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    responder TEXT NOT NULL,
    key TEXT NOT NULL,
    places TEXT NOT NULL,
    chain TEXT NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    helped INTEGER,
    UNIQUE (incident, attempt)
);
CREATE INDEX repairs_began ON repairs (began_at);
CREATE TABLE pauses (
    responder TEXT NOT NULL PRIMARY KEY,
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    paused INTEGER NOT NULL
);
"""

_SCHEDULES = """
CREATE TABLE schedules (
    name TEXT NOT NULL PRIMARY KEY,
    moments TEXT NOT NULL,
    next_due TEXT NOT NULL
);
CREATE TABLE fires (
    schedule TEXT NOT NULL,
    due_at TEXT NOT NULL,
    state TEXT NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    run TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_until TEXT NOT NULL,
    UNIQUE (schedule, due_at)
);
CREATE INDEX fires_begun ON fires (lease_until) WHERE state = 'begun';
CREATE INDEX fires_due ON fires (due_at);
"""

_OUTBOX = """
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    only_if TEXT NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    tries INTEGER NOT NULL DEFAULT 0,
    why TEXT NOT NULL DEFAULT '',
    UNIQUE (incident, number, channel)
);
CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX outbox_created ON outbox (created_at);
CREATE TABLE channels (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_until TEXT NOT NULL,
    used TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    not_before TEXT NOT NULL DEFAULT ''
);
"""

_FEEDS = """
CREATE TABLE feeds (
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (sender, subject)
);
CREATE INDEX signals_key ON signals (sender, key);
"""

_CONVERSATIONS = """
CREATE TABLE conversations (
    incident TEXT NOT NULL PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
    changed_at TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX conversations_changed ON conversations (changed_at);
"""

_WHOLE_SIGNALS = """
UPDATE incidents SET signal = json_set(json_extract(signal, '$.body'),
    '$.sender', json_extract(signal, '$.sender'),
    '$.delivery_id', json_extract(signal, '$.delivery_id'),
    '$.key', json_extract(signal, '$.key'),
    '$.status', json_extract(signal, '$.status'),
    '$.received_at', json_extract(signal, '$.received_at'));
"""

_ABOUT = """
ALTER TABLE outbox RENAME COLUMN incident TO about;
ALTER TABLE outbox ADD COLUMN said TEXT NOT NULL DEFAULT '';
"""

_VERSIONS = (
    _SIGNALS,
    _INCIDENTS,
    _SCHEDULES,
    _OUTBOX,
    _FEEDS,
    _CONVERSATIONS,
    _WHOLE_SIGNALS,
    _ABOUT,
)
"""What makes each version out of the one before."""

_BUSY_MILLISECONDS = 100
_PAUSE_SECONDS = (0.005, 0.05)
_PATIENCE_SECONDS = 30.0
"""How long to try while other processes write."""

SHORT_PATIENCE_SECONDS = 3.0
"""The same where a sender waits for its answer, some of them 5 seconds: it sends again."""


class IncidentFile:
    """The file while it is open. May be used from several threads; reading waits for no writer."""

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        """Use open connections; `open_incident_file` makes them."""
        self._path = path
        self._writer, self._reader = writer, reader
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        self._joined: int | None = None

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Look things up.

        Raises:
            JournalUnusable: The file cannot be read.
        """
        with self._read_lock, translated(self._path, _WHAT):
            yield self._reader

    @contextmanager
    def writing(
        self, patience_seconds: float = _PATIENCE_SECONDS
    ) -> Generator[sqlite3.Connection, None, None]:
        """One transaction, alone with the file from its beginning on; undone if the block raises.

        Within `together` it is that one.

        Args:
            patience_seconds: How long to try while other processes write.

        Raises:
            JournalBusy: Others wrote all that time.
            JournalUnusable: The file cannot be written.
        """
        if self._joined == threading.get_ident():
            yield self._writer
            return
        with self._write_lock, translated(self._path, _WHAT), self._writer as database:
            _begin(database, time.monotonic() + patience_seconds)
            yield database

    @contextmanager
    def together(self) -> Generator[None, None, None]:
        """One transaction of all that this thread writes in the block, durable at its end.

        Raises:
            JournalBusy: Others wrote for some seconds. Nothing was written.
            JournalUnusable: The file cannot be written.
        """
        with self.writing(SHORT_PATIENCE_SECONDS):
            self._joined = threading.get_ident()
            try:
                yield
            finally:
                self._joined = None


def _begin(database: sqlite3.Connection, until: float) -> None:
    while True:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            taken = error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            if not taken or time.monotonic() > until:
                raise
            time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
        else:
            return


@contextmanager
def open_incident_file(state_dir: Path) -> Generator[IncidentFile, None, None]:
    """The file in `state_dir`, made if needed: the folder for its owner only, the file too.

    Raises:
        JournalUnusable: It cannot be made or opened, or a newer opsmcp wrote it.
    """
    path = state_dir / FILE
    with ExitStack() as stack:
        with translated(path, _WHAT):
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            writer, reader = (stack.enter_context(closing(_connect(path))) for _ in range(2))
        yield IncidentFile(path, writer, reader)


def _connect(path: Path) -> sqlite3.Connection:
    database = connect(path, _VERSIONS, _WHAT)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    return database
