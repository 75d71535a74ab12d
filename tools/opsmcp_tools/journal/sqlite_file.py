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

__all__ = [
    "FIRST",
    "JOURNAL",
    "VERSIONS",
    "connect",
    "connect_to_read",
    "identity_of",
    "translated",
]

JOURNAL = "journal"

_BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""

# The result stands last: to read what stands behind it, SQLite reads all of it. Each index also
# holds the sequence, so that a page needs no sorting.
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
CREATE INDEX runs_created ON runs (created_at);
CREATE INDEX runs_unfinished ON runs (source) WHERE ended_at IS NULL;
CREATE INDEX runs_digest ON runs (digest) WHERE digest != '';
CREATE INDEX runs_key ON runs (key) WHERE key != '';
CREATE INDEX runs_name ON runs (name);
CREATE INDEX runs_tool ON runs (tool);
CREATE INDEX runs_principal ON runs (principal_id);
CREATE INDEX runs_verdict ON runs (principal_id, verdict);
"""
VERSIONS, FIRST = (_SCHEMA,), 7
"""What makes each version out of the one before, and the version that the first of them makes."""

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
    path: Path, versions: Sequence[str], what: str, *, first: int = 1
) -> sqlite3.Connection:
    """A connection to the file, with the tables of this version.

    Args:
        path: The file.
        versions: What makes each version out of the one before.
        what: What the file is called in errors.
        first: The version that the first of `versions` makes.

    Raises:
        JournalUnusable: A newer opsmcp wrote it, or one that is older than the first version.
        sqlite3.Error: It cannot be opened.
    """
    with _open(str(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(database, path, versions, what, first)
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
        if _done(database, path, len(VERSIONS), JOURNAL, FIRST) < len(VERSIONS):
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
    database: sqlite3.Connection, path: Path, versions: Sequence[str], what: str, first: int
) -> None:
    if _done(database, path, len(versions), what, first) == len(versions):
        return
    with database:
        # Held from here on, so that two processes do not both make the tables.
        database.execute("BEGIN IMMEDIATE")
        for statements in versions[_done(database, path, len(versions), what, first) :]:
            for statement in statements.strip().rstrip(";").split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {first + len(versions) - 1}")


def _done(database: sqlite3.Connection, path: Path, count: int, what: str, first: int) -> int:
    """How many of the `count` versions from `first` on the file went through; none of a new one."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if version >= first + count:
        raise JournalUnusable(f"the {what} in {path} was written by a newer opsmcp")
    if 0 < version < first:
        raise JournalUnusable(
            f"the {what} in {path} was written by an older opsmcp; move it away to begin a new one"
        )
    return version - first + 1 if version else 0
