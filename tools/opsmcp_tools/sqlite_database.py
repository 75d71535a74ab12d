"""The file of the journal: opened, brought up to date, and its errors in words that may be shown.

Knows no runs; `sqlite_journal` reads and writes them.
"""

import errno
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from opsmcp_tools.errors import JournalBusy, JournalUnusable

__all__ = ["VERSIONS", "connect", "identity_of", "translated"]

_BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""

_SCHEMA = """
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    tool TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    arguments TEXT NOT NULL,
    expected TEXT NOT NULL,
    source TEXT NOT NULL,
    source_run TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    result BLOB
);
CREATE INDEX runs_created ON runs (created_at);
CREATE INDEX runs_unfinished ON runs (source) WHERE ended_at IS NULL;
"""

_SAME_CALLS = """
ALTER TABLE runs ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_digest ON runs (digest) WHERE digest != '';
CREATE INDEX runs_key ON runs (key) WHERE key != '';
CREATE INDEX runs_name ON runs (name);
"""

_DEFINITIONS = "ALTER TABLE runs ADD COLUMN definition TEXT NOT NULL DEFAULT ''"

_USES = "CREATE INDEX runs_tool ON runs (tool)"

# Each also holds the sequence, as every index does, so that a page needs no sorting.
_PAGES = """
CREATE INDEX runs_principal ON runs (principal);
CREATE INDEX runs_verdict ON runs (principal, verdict);
"""

VERSIONS = (_SCHEMA, _SAME_CALLS, _DEFINITIONS, _USES, _PAGES)
"""What makes each version out of the one before."""

_LEAST_BYTES = 64 * 1024
"""With less left on its disk, SQLite cannot even begin to write."""

_FULL = "the disk is full: make room, or set state.dir (OPSMCP_STATE_DIR) to another disk"

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")

_MAYBE_FULL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
"""What SQLite may call a full disk: its file in shared memory, say, finds no room."""

_REASONS = (
    (_BUSY, "another process holds it locked; stop that, or try again"),
    (("SQLITE_FULL",), "the disk is full, or the file as large as it may be"),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB"),
        "it is damaged; stop every opsmcp that uses it, then move it away with its -wal and -shm "
        "files to begin a new one",
    ),
    (("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH"), "it may not be written"),
    (("SQLITE_IOERR",), "the disk does not read or write it"),
)
"""What the names of SQLite's errors begin with, and what they mean for whoever runs opsmcp."""


@contextmanager
def translated(path: Path) -> Generator[None, None, None]:
    """Errors of the file as `JournalUnusable`, with what to do about them."""
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
        # The last: SQLite holds no half of a surrogate pair.
        why = _reason(error, path)
        kind = JournalBusy if _name(error).startswith(_BUSY) else JournalUnusable
        raise kind(f"the journal in {path} cannot be used" + (f": {why}" if why else "")) from error


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return _FULL if error.errno == errno.ENOSPC else _lower(error.strerror)
    name = _name(error)
    if name.startswith(_MAYBE_FULL) and _is_full(path):
        return _FULL
    return next((why for starts, why in _REASONS if name.startswith(starts)), "")


def _name(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", "")


def _is_full(path: Path) -> bool:
    try:
        disk = os.statvfs(path if path.is_dir() else path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_BYTES


def _lower(text: str | None) -> str:
    return text[:1].lower() + text[1:] if text else ""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, with the tables of this version.

    Raises:
        JournalUnusable: A newer opsmcp wrote it.
        sqlite3.Error: It cannot be opened.
    """
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    database.row_factory = sqlite3.Row
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(database, path)
    except (sqlite3.Error, JournalUnusable):
        database.close()
        raise
    return database


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from every other, or None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _bring_up_to_date(database: sqlite3.Connection, path: Path) -> None:
    with database:
        # Held from here on, so that two processes do not both make the tables.
        database.execute("BEGIN IMMEDIATE")
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        if version > len(VERSIONS):
            raise JournalUnusable(f"the journal in {path} was written by a newer opsmcp")
        for statements in VERSIONS[version:]:
            for statement in statements.strip().rstrip(";").split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(VERSIONS)}")
