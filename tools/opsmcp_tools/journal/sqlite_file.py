"""An SQLite file of the state directory: opened, brought up to date, its errors in words to show.

Knows the tables of the journal, but no runs; `sqlite_write` reads and writes them.
"""

import errno
import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from opsmcp_tools.model.errors import JournalBusy, JournalHindered, JournalUnusable

__all__ = ["JOURNAL", "VERSIONS", "connect", "connect_to_read", "identity_of", "translated"]

JOURNAL = "journal"

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

_STEPS_AND_HOSTS = "UPDATE runs SET expected = '[]'"
"""What was expected of a run before its steps and hosts were."""

# The result stands last: to read what stands behind it, SQLite reads all of it. Before there were
# ids the name was all that was known, and everybody who had the one token shared a name.
_PRINCIPALS = """
ALTER TABLE runs RENAME TO runs_before;
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    tool TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    arguments TEXT NOT NULL,
    expected TEXT NOT NULL,
    source TEXT NOT NULL,
    source_run TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    digest TEXT NOT NULL,
    key TEXT NOT NULL,
    definition TEXT NOT NULL,
    result BLOB
);
INSERT INTO runs SELECT sequence, run, owner, tool, kind, namespace, name, principal,
    CASE principal WHEN 'token' THEN 'token:token' ELSE 'local:' || principal END,
    arguments, expected, source, source_run, created_at, ended_at, verdict, reason, digest, key,
    definition, result FROM runs_before;
DROP TABLE runs_before;
CREATE INDEX runs_created ON runs (created_at);
CREATE INDEX runs_unfinished ON runs (source) WHERE ended_at IS NULL;
CREATE INDEX runs_digest ON runs (digest) WHERE digest != '';
CREATE INDEX runs_key ON runs (key) WHERE key != '';
CREATE INDEX runs_name ON runs (name);
CREATE INDEX runs_tool ON runs (tool);
CREATE INDEX runs_principal ON runs (principal_id);
CREATE INDEX runs_verdict ON runs (principal_id, verdict);
"""

VERSIONS = (_SCHEMA, _SAME_CALLS, _DEFINITIONS, _USES, _PAGES, _STEPS_AND_HOSTS, _PRINCIPALS)
"""What makes each version out of the one before."""

_LEAST_BYTES = 64 * 1024
"""With less left on its disk, SQLite cannot even begin to write."""

_FULL = "the disk is full: make room, or set state.dir (OPSMCP_STATE_DIR) to another disk"

_NO_DIRECTORY = "there is a file where a directory has to be"

_SYSTEM_REASONS = {errno.ENOSPC: _FULL, errno.EEXIST: _NO_DIRECTORY, errno.ENOTDIR: _NO_DIRECTORY}
"""Of errors of the system; those of the others are understood as they are."""

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")

_MAYBE_FULL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
"""What SQLite may call a full disk: its file in shared memory, say, finds no room."""

_PASSING = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_PROTOCOL")
_PASSING_ERRNOS = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ESTALE,
    }
)
"""What can pass while opsmcp runs. Anything else has to be mended by somebody."""

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
def translated(path: Path, what: str = JOURNAL) -> Generator[None, None, None]:
    """Errors of the file as `JournalUnusable`, with what to do about them; `what` it is called."""
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
        # The last: SQLite holds no half of a surrogate pair.
        why = _reason(error, path)
        kind = _kind(error, why)
        raise kind(f"the {what} in {path} cannot be used" + (f": {why}" if why else "")) from error


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return _SYSTEM_REASONS.get(error.errno or 0) or _lower(error.strerror)
    name = _name(error)
    if name.startswith(_MAYBE_FULL) and _is_full(path):
        return _FULL
    return next((why for starts, why in _REASONS if name.startswith(starts)), "")


def _kind(error: Exception, why: str) -> type[JournalUnusable]:
    name = _name(error)
    if name.startswith(_BUSY):
        return JournalBusy
    errno_passes = isinstance(error, OSError) and error.errno in _PASSING_ERRNOS
    passes = errno_passes or why == _FULL or name.startswith(_PASSING)
    return JournalHindered if passes else JournalUnusable


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


def connect(
    path: Path, versions: Sequence[str] = VERSIONS, what: str = JOURNAL
) -> sqlite3.Connection:
    """A connection to the file, with the tables of this version.

    Args:
        path: The file.
        versions: What makes each version out of the one before.
        what: What the file is called in errors.

    Raises:
        JournalUnusable: A newer opsmcp wrote it.
        sqlite3.Error: It cannot be opened.
    """
    with _open(str(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(database, path, versions, what)
        return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there, which writes nothing, not even a file beside it.

    Raises:
        JournalUnusable: It was written by another version.
        sqlite3.Error: There is none, or it cannot be read so.
    """
    log, shared = Path(f"{path}-wal"), Path(f"{path}-shm")
    if log.exists() or shared.exists():
        try:
            return _connect_to_read(path, "mode=ro")
        except sqlite3.Error:
            if log.exists() and log.stat().st_size:
                raise
    # All is in the file itself, and nobody writes it where this process cannot.
    return _connect_to_read(path, "immutable=1")


def _connect_to_read(path: Path, mode: str) -> sqlite3.Connection:
    with _open(f"file:{quote(str(path))}?{mode}", uri=True) as database:
        if _version_of(database, path, VERSIONS, JOURNAL) < len(VERSIONS):
            raise JournalUnusable(f"the journal in {path} was written by an older opsmcp")
        return database


@contextmanager
def _open(name: str, *, uri: bool = False) -> Generator[sqlite3.Connection, None, None]:
    """An open connection; closed again if what is done first with it fails."""
    database = sqlite3.connect(name, timeout=_BUSY_SECONDS, check_same_thread=False, uri=uri)
    database.row_factory = sqlite3.Row
    database.text_factory = _decode
    try:
        yield database
    except (sqlite3.Error, JournalUnusable):
        database.close()
        raise


def _decode(data: bytes) -> str | bytes:
    """A text; one that is damaged as it is, so that it spoils its own row only."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from every other, or None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _bring_up_to_date(
    database: sqlite3.Connection, path: Path, versions: Sequence[str], what: str
) -> None:
    if _version_of(database, path, versions, what) == len(versions):
        return
    with database:
        # Held from here on, so that two processes do not both make the tables.
        database.execute("BEGIN IMMEDIATE")
        for statements in versions[_version_of(database, path, versions, what) :]:
            for statement in statements.strip().rstrip(";").split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(versions)}")


def _version_of(
    database: sqlite3.Connection, path: Path, versions: Sequence[str], what: str
) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if version > len(versions):
        raise JournalUnusable(f"the {what} in {path} was written by a newer opsmcp")
    return version
